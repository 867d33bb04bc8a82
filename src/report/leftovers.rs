//! What runs that were killed left beside an output.
//!
//! A folder in the making is locked by the process that makes it; the lock goes with the process. A folder in the making
//! that nobody holds is removed by the next run with that output. An earlier output that was moved aside by somebody who
//! was killed before the new one was in its place is moved back.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

/// Locks a folder for this process; nothing where the file system has no locks.
pub fn claim(folder: &Path) -> Option<File> {
    let file = File::open(folder).ok()?;
    file.try_lock().ok()?;
    Some(file)
}

/// Clears up beside `output`. What cannot be moved or removed is left.
pub fn clear(output: &Path) {
    let output = fs::canonicalize(output).unwrap_or_else(|_| output.to_path_buf());
    let Some(name) = output.file_name().map(|name| name.to_string_lossy().into_owned()) else { return };
    let parent = output.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    for folder in siblings(parent, &format!(".{name}.old-")) {
        // Whoever moved it aside is about to publish, or was killed.
        if !output.exists() && siblings(parent, &format!(".{name}.new-")).iter().all(|new| is_free(new)) {
            let _ = fs::rename(&folder, &output);
        }
    }
    for folder in siblings(parent, &format!(".{name}.new-")) {
        if is_free(&folder) {
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

fn siblings(parent: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let mut folders: Vec<PathBuf> = ours.map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn is_free(folder: &Path) -> bool {
    File::open(folder).is_ok_and(|file| file.try_lock().is_ok())
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
