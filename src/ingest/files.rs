//! Which files a job reads: `input.ratings` names files, folders and globs; here they become one list of files.
//!
//! The list is sorted by path and has no repeats, so that it does not depend on how a file system orders a folder. Each
//! name is first taken literally, so that a file called `ratings[1].csv` can be read by its own name.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// A file to read and its size when the list was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    pub path: PathBuf,
    pub bytes: u64,
}

/// The files that `paths` name, sorted, without repeats (two names of one file count as one).
///
/// A folder stands for all files in it and its subfolders; hidden ones are left out, and links to folders are not
/// followed. A glob stands for what it matches; hidden files only match a pattern that begins with a dot.
///
/// Errors: [`Error::File`] for a name that matches nothing, [`Error::Job`] for a kind of file that cannot be read,
/// [`Error::Data`] where there is not one byte to read.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<InputFile>> {
    let mut found = Vec::new();
    for path in paths {
        expand_one(path, &mut found)?;
    }
    found.sort();
    let mut seen = HashSet::new();
    found.retain(|path| seen.insert(fs::canonicalize(path).unwrap_or_else(|_| path.clone())));
    let files = found.into_iter().map(input_file).collect::<Result<Vec<_>>>()?;
    if files.iter().all(|f| f.bytes == 0) {
        return Err(nothing_to_read(paths, files.len()));
    }
    Ok(files)
}

fn nothing_to_read(paths: &[PathBuf], files: usize) -> Error {
    let place = paths.first().map_or("input.ratings".into(), |p| p.display().to_string());
    let problem = match files {
        0 => "no files there".to_string(),
        1 => "the file is empty".to_string(),
        n => format!("all {n} files are empty"),
    };
    Error::data(place, problem, "name files with ratings in input.ratings")
}

fn expand_one(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk(path, found),
        Ok(metadata) if metadata.is_file() => {
            found.push(path.to_path_buf());
            Ok(())
        }
        Ok(_) => Err(Error::File {
            path: path.to_path_buf(),
            problem: "neither a file nor a folder".into(),
            remedy: "name a regular file in input.ratings: pipes and devices cannot be read in parallel".into(),
        }),
        Err(error) => missing(path, &error, found),
    }
}

/// A name that is no file: a glob, a store, or a mistake.
fn missing(path: &Path, error: &std::io::Error, found: &mut Vec<PathBuf>) -> Result<()> {
    let text = path.to_string_lossy();
    if text.contains(":/") {
        return Err(Error::job(
            "input.ratings",
            format!("{text} is an address, and object stores are not supported yet"),
            "copy the files to a disk and name them there",
        ));
    }
    if error.kind() != std::io::ErrorKind::NotFound || !text.contains(['*', '?', '[']) {
        return Err(Error::file(path, "cannot open", error, "check input.ratings"));
    }
    expand_glob(path, found)
}

fn expand_glob(path: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let pattern = glob_pattern(path);
    let options = glob::MatchOptions { require_literal_leading_dot: true, ..glob::MatchOptions::new() };
    let matches = glob::glob_with(&pattern, options).map_err(|e| {
        Error::job("input.ratings", format!("{} is not a pattern: {e}", path.display()), "correct the pattern")
    })?;
    let before = found.len();
    for entry in matches {
        let entry =
            entry.map_err(|e| Error::file(e.path(), "cannot read", e.error(), "check the folder's permissions"))?;
        expand_one(&entry, found)?;
    }
    if found.len() == before {
        return Err(Error::File {
            path: path.to_path_buf(),
            problem: "no file matches this pattern".into(),
            remedy: "check input.ratings".into(),
        });
    }
    Ok(())
}

/// The path as a pattern in which the folders that exist literally are escaped, so that a bracket in the name of the
/// job's folder is not taken for a pattern.
fn glob_pattern(path: &Path) -> String {
    let base = path.ancestors().skip(1).find(|a| !a.as_os_str().is_empty() && a.exists());
    let Some(base) = base else { return path.to_string_lossy().into_owned() };
    let rest = path.strip_prefix(base).unwrap_or(path);
    let mut pattern = glob::Pattern::escape(&base.to_string_lossy());
    if !pattern.ends_with('/') {
        pattern.push('/');
    }
    pattern + &rest.to_string_lossy()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let unreadable = |e: std::io::Error| Error::file(folder, "cannot read the folder", &e, "check its permissions");
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&path, found)?;
        } else if path.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn input_file(path: PathBuf) -> Result<InputFile> {
    let extension = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let remedy = match extension.as_str() {
        "gz" => "unpack it with `gunzip -k`",
        "zst" => "unpack it with `zstd -d`",
        "parquet" => "export it as CSV",
        _ => {
            let metadata = fs::metadata(&path).map_err(|e| Error::file(&path, "cannot open", &e, "check it"))?;
            return Ok(InputFile { bytes: metadata.len(), path });
        }
    };
    let problem = format!("{}: .{extension} files are not supported yet", path.display());
    Err(Error::job("input.ratings", problem, format!("{remedy} and name the result")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(names: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "1,2,3\n").unwrap();
        }
        folder
    }

    fn names(folder: &Path, paths: &[&str]) -> Vec<String> {
        let paths: Vec<PathBuf> = paths.iter().map(|p| folder.join(p)).collect();
        let files = expand(&paths).unwrap();
        files.iter().map(|f| f.path.strip_prefix(folder).unwrap().display().to_string()).collect()
    }

    #[test]
    fn folders_and_globs_are_sorted_without_hidden_files_or_repeats() {
        let dir = folder(&["b.csv", "a.csv", "sub/c.csv", ".hidden", "sub/.h", ".git/d.csv"]);
        assert_eq!(names(dir.path(), &["."]), ["a.csv", "b.csv", "sub/c.csv"]);
        assert_eq!(names(dir.path(), &["*.csv", "b.csv", "sub/../a.csv"]), ["a.csv", "b.csv"]);
        assert_eq!(names(dir.path(), &["**/c.*"]), ["sub/c.csv"]);
    }

    #[test]
    fn brackets_in_real_names_are_no_pattern() {
        let dir = folder(&["odd[1]/r[2].csv", "odd[1]/r2.csv"]);
        assert_eq!(names(dir.path(), &["odd[1]/r[2].csv"]), ["odd[1]/r[2].csv"]);
        assert_eq!(names(dir.path(), &["odd[1]/*2.csv"]), ["odd[1]/r2.csv"]);
    }

    #[test]
    fn a_name_that_matches_nothing_is_named() {
        let dir = folder(&["a.csv"]);
        for name in ["b.csv", "*.tsv", "none/*.csv"] {
            let error = expand(&[dir.path().join("a.csv"), dir.path().join(name)]).unwrap_err();
            assert_eq!(error.exit_code(), 4, "{error}");
            assert!(error.to_string().contains(name), "{error}");
        }
    }

    #[test]
    fn what_cannot_be_read_yet_is_said() {
        let dir = folder(&["a.csv.gz", "b.parquet"]);
        for name in ["a.csv.gz", "b.parquet", "s3://bucket/x.csv"] {
            let error = expand(&[dir.path().join(name)]).unwrap_err();
            assert!(error.to_string().contains("not supported yet"), "{error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn nothing_to_read_is_bad_data() {
        let dir = folder(&[]);
        fs::write(dir.path().join("empty.csv"), "").unwrap();
        fs::create_dir(dir.path().join("bare")).unwrap();
        for name in ["empty.csv", "bare", "."] {
            assert_eq!(expand(&[dir.path().join(name)]).unwrap_err().exit_code(), 3);
        }
        assert_eq!(expand(&[]).unwrap_err().exit_code(), 3);
    }
}
