//! Which files a job reads. `input.ratings` names files, folders, globs, addresses and standard input; here these
//! become one list of files.
//!
//! The list is sorted by path and has no repeats, so it does not depend on how a file system orders a folder
//! (arrival-blind). Each name is first taken literally, so that a file called `ratings[1].csv` can be read by its own
//! name.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::database;
use super::source::hidden::is_hidden;
use super::source::list_store;
use super::source::uri::{self, Named};
pub use super::source::{InputFile, Place};
use crate::error::{Error, Result};
use crate::job::STDIN;

/// The most files of one run: a file's number is part of every row's place in the input ([`super::rows::place`]).
const MOST_FILES: usize = 1 << 20;

/// The files that `paths` name, sorted, without repeats (two names of one file count as one).
///
/// A folder stands for all files in it and its subfolders, an address that ends in a folder for all objects below it;
/// hidden ones are left out ([`is_hidden`]), and links to folders are not followed. A glob stands for what it matches;
/// files with a dot before their name only match a pattern that begins with one. Standard input is not read here.
///
/// Errors: [`Error::File`] for a name that matches nothing, [`Error::Job`] for an address that cannot be read,
/// [`Error::Data`] where there is not one byte to read.
pub fn expand(paths: &[PathBuf]) -> Result<Vec<InputFile>> {
    let mut found = Vec::new();
    for path in paths {
        expand_name(path, &mut found)?;
    }
    found.sort();
    let mut seen = HashSet::new();
    found.retain(|file| seen.insert(fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone())));
    if found.iter().all(|file| file.bytes == 0 && !file.is_open_ended()) {
        return Err(nothing_to_read(paths, found.len()));
    }
    if found.len() > MOST_FILES {
        let problem = format!("{} files are more than the {MOST_FILES} that one run can read", found.len());
        return Err(Error::job("input.ratings", problem, "join small files"));
    }
    Ok(found)
}

fn expand_name(path: &Path, found: &mut Vec<InputFile>) -> Result<()> {
    if path == Path::new(STDIN) {
        found.push(InputFile::stdin());
        return Ok(());
    }
    match uri::named(path)? {
        Named::Path(path) => expand_one(&path, found),
        Named::Database(address) => {
            database::check("input.ratings", &address)?;
            found.push(InputFile::in_database(address));
            Ok(())
        }
        Named::Store(address) => {
            found.extend(list_store(&address)?);
            Ok(())
        }
    }
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

fn expand_one(path: &Path, found: &mut Vec<InputFile>) -> Result<()> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => walk(path, found),
        Ok(metadata) if metadata.is_file() => {
            found.push(InputFile::on_disk(path.to_path_buf())?);
            Ok(())
        }
        Ok(_) => Err(Error::File {
            path: path.to_path_buf(),
            problem: "neither a file nor a folder".into(),
            remedy: "name a regular file in input.ratings; a pipe is read with input.ratings = \"-\" (standard input)"
                .into(),
        }),
        Err(error) => missing(path, &error, found),
    }
}

/// A name that is not a file: a glob, or a mistake.
fn missing(path: &Path, error: &std::io::Error, found: &mut Vec<InputFile>) -> Result<()> {
    let text = path.to_string_lossy();
    if error.kind() != std::io::ErrorKind::NotFound || !text.contains(['*', '?', '[']) {
        return Err(Error::file(path, "cannot open", error, "check input.ratings"));
    }
    expand_glob(path, found)
}

fn expand_glob(path: &Path, found: &mut Vec<InputFile>) -> Result<()> {
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

fn walk(folder: &Path, found: &mut Vec<InputFile>) -> Result<()> {
    let unreadable = |e: std::io::Error| Error::file(folder, "cannot read the folder", &e, "check its permissions");
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        if is_hidden(&entry.file_name().to_string_lossy()) {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            walk(&path, found)?;
        } else if path.is_file() {
            found.push(InputFile::on_disk(path)?);
        }
    }
    Ok(())
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

    // arrival-blind: the order of a folder does not matter.
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
    fn files_that_writers_of_tables_leave_are_no_data() {
        let dir = folder(&["t/_SUCCESS", "t/_delta_log/0.json", "t/year=1/a.csv", "t/_day=2/a.csv", "t/.a.crc"]);
        assert_eq!(names(dir.path(), &["t"]), ["t/_day=2/a.csv", "t/year=1/a.csv"]);
        assert_eq!(names(dir.path(), &["t/_SUCCESS"]), ["t/_SUCCESS"]);
    }

    #[test]
    fn addresses_and_standard_input() {
        let dir = folder(&["a.csv"]);
        let address = format!("file://{}", dir.path().join("a.csv").display());
        let files = expand(&[address.into(), dir.path().join("a.csv"), STDIN.into()]).unwrap();
        assert_eq!(files.iter().map(|file| &file.place).collect::<Vec<_>>(), [&Place::Disk, &Place::Stdin]);
        assert_eq!(expand(&["https://example.org/x.csv".into()]).unwrap_err().exit_code(), 2);
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
