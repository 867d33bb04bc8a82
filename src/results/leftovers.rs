//! What killed runs left beside an output, and how it is cleared up.
//!
//! The process that makes a folder or file holds a lock on it, which ends with the process. The next run with that output
//! removes what is not locked. If a run was killed after it moved the earlier output aside and before the new one was in
//! place, the earlier one is moved back.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::results::files::DISK_REMEDY;

/// Locks a folder or file for this process; nothing where the file system has no locks.
pub fn claim(path: &Path) -> Option<File> {
    let file = File::open(path).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// Clears up beside `output`. What cannot be moved or removed is left.
pub fn clear(output: &Path) {
    let output = fs::canonicalize(output).unwrap_or_else(|_| output.to_path_buf());
    let Some(name) = output.file_name().map(|name| name.to_string_lossy().into_owned()) else { return };
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for folder in siblings(parent, &format!(".{name}.old-")) {
        // The process that moved it aside is about to publish, or was killed.
        if !output.exists() && siblings(parent, &format!(".{name}.new-")).iter().all(|new| is_free(new)) {
            let _ = fs::rename(&folder, &output);
        }
    }
    for role in ["new", "verify"] {
        for path in siblings(parent, &format!(".{name}.{role}-")).iter().filter(|path| is_free(path)) {
            remove(path);
        }
    }
}

/// Removes a file or a folder; what cannot be removed is left.
pub fn remove(path: &Path) {
    let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
}

/// A temporary folder beside an output, removed when dropped.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    _lock: Option<File>,
}

impl Workspace {
    /// Beside the folder `output`, to verify it in.
    pub fn create(output: &Path) -> Result<Workspace> {
        clear(output);
        let failed = |e: std::io::Error| Error::file(output, "cannot create a folder beside it", &e, DISK_REMEDY);
        let path = fs::canonicalize(output).map_err(failed)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let folder = path.with_file_name(format!(".{name}.verify-{}", std::process::id()));
        fs::create_dir(&folder).map_err(failed)?;
        Ok(Workspace { _lock: claim(&folder), folder })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Parents that were created for something below them. Dropping removes those that are still empty.
#[derive(Debug)]
pub struct Parents(Vec<PathBuf>);

impl Parents {
    /// Creates `folder` and what is missing above it.
    pub fn create(folder: &Path) -> std::io::Result<Parents> {
        let missing = folder.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
        let made = Parents(missing.map(Path::to_path_buf).collect());
        fs::create_dir_all(folder)?;
        Ok(made)
    }
}

impl Drop for Parents {
    fn drop(&mut self) {
        // The deepest first; a folder that holds something stays.
        self.0.iter().for_each(|folder| drop(fs::remove_dir(folder)));
    }
}

fn siblings(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let mut paths: Vec<PathBuf> = ours.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

fn is_free(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| file.try_lock().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_of_the_dead_go_and_those_of_the_living_stay() {
        let parent = tempfile::tempdir().unwrap();
        let path = |name: &str| parent.path().join(name);
        for name in [".out.new-1-0", ".out.new-2-0", ".other.new-1-0", ".out.old-1-1"] {
            fs::create_dir(path(name)).unwrap();
            fs::write(path(name).join("file"), name).unwrap();
        }
        let held = claim(&path(".out.new-2-0"));
        assert!(held.is_some());
        clear(&path("out"));
        assert!(!path(".out.new-1-0").exists() && path(".out.new-2-0").exists() && path(".other.new-1-0").exists());
        assert!(!path("out").exists(), "whoever holds a folder may be about to publish it");
        drop(held);
        clear(&path("out"));
        assert!(!path(".out.new-2-0").exists() && !path(".out.old-1-1").exists());
        assert_eq!(fs::read_to_string(path("out/file")).unwrap(), ".out.old-1-1");
    }
}
