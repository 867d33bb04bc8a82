//! What is said where a folder cannot be published in.

use std::io;
use std::path::Path;

use crate::error::Error;

const REMEDY: &str = "check the permissions and free space there, or name another folder";

/// `what` was tried, as in "write".
pub fn cannot(what: &str, path: &Path, error: &io::Error) -> Error {
    Error::file(path, &format!("cannot {what}"), error, REMEDY)
}
