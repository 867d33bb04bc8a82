//! A file that is written beside its place and renamed: readers see the old one or the new one, never a part.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::results::files::DISK_REMEDY;
use crate::results::leftovers::{self, Parents};
use crate::store::is_address;

/// A hidden file beside its place. It is removed if dropped before it is published.
#[derive(Debug)]
pub struct Staged {
    path: PathBuf,
    target: PathBuf,
    published: bool,
    _lock: Option<File>,
    _parents: Parents,
}

impl Staged {
    /// To become `target`. `remedy` is for the case that something other than a file is there.
    ///
    /// # Errors
    /// Where nothing can be created there.
    pub fn create(target: &Path, remedy: &str) -> Result<Staged> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let failed = |e: io::Error| Error::file(target, "cannot create", &e, DISK_REMEDY);
        if is_address(target) {
            let problem = "this is in an object store, where only the output of a run can go";
            return Err(Error::File { path: target.into(), problem: problem.into(), remedy: remedy.into() });
        }
        // A link stays a link, and what it leads to is replaced.
        let target = fs::canonicalize(target).unwrap_or_else(|_| target.to_path_buf());
        if fs::symlink_metadata(&target).is_ok_and(|metadata| !metadata.is_file()) {
            return Err(Error::File {
                path: target,
                problem: "it is not a regular file".into(),
                remedy: remedy.into(),
            });
        }
        leftovers::clear(&target);
        let name = target.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = target.with_file_name(format!(".{name}.new-{}-{number}", std::process::id()));
        let parents = Parents::create(target.parent().unwrap_or(Path::new(""))).map_err(failed)?;
        File::create(&path).map_err(failed)?;
        Ok(Staged { _lock: leftovers::claim(&path), path, target, published: false, _parents: parents })
    }

    /// Where to write to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the file into place.
    pub fn publish(mut self) -> Result<()> {
        let failed = |e| Error::file(&self.target, "cannot move the file into place", &e, DISK_REMEDY);
        fs::rename(&self.path, &self.target).map_err(failed)?;
        self.published = true;
        Ok(())
    }
}

/// `path` with links resolved as far as it exists. Equal results are the same place.
pub fn resolved(path: &Path) -> PathBuf {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    let from_there = |there: &Path| Some(fs::canonicalize(there).ok()?.join(path.strip_prefix(there).ok()?));
    path.ancestors().find_map(from_there).unwrap_or_else(|| path.clone())
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.published {
            leftovers::remove(&self.path);
        }
    }
}
