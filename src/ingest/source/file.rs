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
    /// A path, an address such as `s3://bucket/ratings.csv` or that of a table or query, or [`STDIN`].
    pub path: PathBuf,
    /// Its size as it is stored: packed bytes of a packed file. 0 for standard input until it has been read, and for a database.
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
    /// A database, with the name of the state that is read, once that is chosen.
    Database {
        snapshot: Option<String>,
    },
}

impl InputFile {
    /// A file on a disk.
    pub fn on_disk(path: PathBuf) -> Result<InputFile> {
        let metadata = fs::metadata(&path).map_err(|e| Error::file(&path, "cannot open", &e, "check input.ratings"))?;
        Ok(InputFile { path, bytes: metadata.len(), place: Place::Disk })
    }

    /// What an address of a database names. How much it is, the server says later.
    pub fn in_database(path: PathBuf) -> InputFile {
        InputFile { path, bytes: 0, place: Place::Database { snapshot: None } }
    }

    /// Whether how much there is to read is found out only when the reading begins.
    pub fn is_open_ended(&self) -> bool {
        matches!(self.place, Place::Stdin | Place::Database { .. })
    }

    pub fn stdin() -> InputFile {
        InputFile { path: STDIN.into(), bytes: 0, place: Place::Stdin }
    }
}
