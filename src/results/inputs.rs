//! The files that a run has read, as it records them.

use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};

use crate::ingest::source::{InputFile, Place};

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRecord {
    /// Or an address, never with a password; `-` is standard input.
    pub path: PathBuf,
    pub bytes: u64,
    /// When it was last written, in seconds since 1970; absent where that is not known.
    pub modified: Option<u64>,
    /// What an object store calls this version of it.
    #[serde(default)]
    pub version: Option<String>,
}

impl InputRecord {
    pub fn of(file: &InputFile) -> InputRecord {
        let (path, bytes) = (file.path.clone(), file.bytes);
        match &file.place {
            Place::Disk => {
                let modified = InputRecord::on_disk(&path).and_then(|now| now.modified);
                InputRecord { path, bytes, modified, version: None }
            }
            Place::Store { version } => InputRecord { path, bytes, modified: None, version: version.clone() },
            Place::Stdin | Place::Spooled(_) | Place::Database { .. } => {
                InputRecord { path, bytes, modified: None, version: None }
            }
        }
    }

    /// A file on a disk as it is now; nothing where there is none.
    pub fn on_disk(path: &Path) -> Option<InputRecord> {
        let metadata = std::fs::metadata(path).ok().filter(|metadata| metadata.is_file())?;
        let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = since.map(|since| since.as_secs());
        Some(InputRecord { path: path.to_path_buf(), bytes: metadata.len(), modified, version: None })
    }
}
