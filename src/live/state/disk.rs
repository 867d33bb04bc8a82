//! What all files of a state have in common: how they get to the disk, and the errors where that fails.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use crate::error::{Error, Result};

pub const STATE_REMEDY: &str = "check the permissions and free space there, or choose another folder with --state";
const DAMAGED_REMEDY: &str = "put back a copy of the folder, or begin anew with another --state";

/// The error of a file that is not as it was written.
pub fn damaged(path: &Path, how: &str) -> Error {
    unusable(path, format!("the state is damaged: {how}"))
}

/// The error of a file from which no session can go on.
pub fn unusable(path: &Path, problem: String) -> Error {
    Error::File { path: path.into(), problem, remedy: DAMAGED_REMEDY.into() }
}

/// Keeps other processes out as long as the file is open.
pub fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(|e| Error::file(&path, "cannot create", &e, STATE_REMEDY))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let problem = format!("{}: another process follows with this state", folder.display());
            Err(Error::job("--state", problem, "stop it, or choose another folder with --state"))
        }
        // Some file systems have no locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

/// Makes what was renamed in a folder last through a power cut.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
