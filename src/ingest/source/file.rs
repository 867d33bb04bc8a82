//! A file to read, and where it is.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::stdin::Spool;
use crate::error::{Error, Result};
use crate::job::STDIN;

/// A file to read, and its size when the list was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InputFile {
    /// A path, an address such as `s3://bucket/ratings.csv`, or [`STDIN`].
    pub path: PathBuf,
    /// Its size as it is stored: packed bytes of a packed file. 0 for standard input until it has been read.
    pub bytes: u64,
    pub place: Place,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    Disk,
    /// Standard input of the coordinator's process. It can be read once.
    Stdin,
    /// What came from standard input, in an unnamed file.
    Spooled(Spool),
    /// An object store, with the store's name for this version of the object.
    Store {
        version: Option<String>,
    },
}

impl InputFile {
    /// A file on a disk.
    pub fn on_disk(path: PathBuf) -> Result<InputFile> {
        let metadata = fs::metadata(&path).map_err(|e| Error::file(&path, "cannot open", &e, "check input.ratings"))?;
        Ok(InputFile { path, bytes: metadata.len(), place: Place::Disk })
    }

    pub fn stdin() -> InputFile {
        InputFile { path: STDIN.into(), bytes: 0, place: Place::Stdin }
    }
}
