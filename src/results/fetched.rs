//! The output of a finished run as a folder on this machine, wherever it is.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::{Error, Result};
use crate::results::files::{self, DISK_REMEDY};
use crate::results::remote::Remote;
use crate::store::is_address;

/// The folder of an output; what came from a store is removed when dropped.
#[derive(Debug)]
pub struct Here {
    path: PathBuf,
    fetched: Option<TempDir>,
}

impl Here {
    /// A folder on this machine.
    pub fn at(folder: &Path) -> Here {
        Here { path: folder.into(), fetched: None }
    }

    /// All of `output`.
    pub fn whole(output: &Path) -> Result<Here> {
        Here::of(output, |_| true)
    }

    /// All but the tables of users, and the page.
    pub fn without_users(output: &Path) -> Result<Here> {
        let left = [files::SEGMENTS, files::MOVES, files::PAGE];
        Here::of(output, |name| !left.contains(&name.split('/').next().unwrap_or(name)))
    }

    /// A folder stays where it is, and is not looked at. Of an output in a store, what is `wanted` is copied to the system's folder for
    /// temporary files.
    fn of(output: &Path, wanted: impl Fn(&str) -> bool) -> Result<Here> {
        if !is_address(output) {
            return Ok(Here::at(output));
        }
        let failed = |e| Error::file(&std::env::temp_dir(), "cannot create a folder in", &e, DISK_REMEDY);
        let folder = tempfile::Builder::new().prefix(".segmill-fetched-").tempdir().map_err(failed)?;
        let names = Remote::at(output)?.fetch(folder.path(), wanted)?;
        if !names.iter().any(|name| name == files::RUN) {
            return Err(Error::File {
                path: output.into(),
                problem: "there is no finished run".into(),
                remedy: "name the output of a finished run".into(),
            });
        }
        Ok(Here { path: folder.path().into(), fetched: Some(folder) })
    }

    pub fn is_fetched(&self) -> bool {
        self.fetched.is_some()
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
