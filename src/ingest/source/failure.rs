//! What goes wrong while a file is read: with its bytes, or with the disk or store that holds them.

use std::fmt;
use std::io;
use std::path::Path;

use crate::error::Error;

/// What is wrong with the bytes of a packed file.
#[derive(Debug)]
pub enum Damage {
    CutOff { kind: &'static str },
    Broken { kind: &'static str, problem: String },
}

/// The message of a store that failed.
#[derive(Debug)]
pub struct StoreFailed(pub String);

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::CutOff { kind } => write!(f, "the file is cut off: its {kind} data end in the middle"),
            Damage::Broken { kind, problem } => write!(f, "its {kind} data are damaged: {problem}"),
        }
    }
}

impl fmt::Display for StoreFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Damage {}
impl std::error::Error for StoreFailed {}

pub fn damaged(damage: Damage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, damage)
}

/// True for an error made in this room, as opposed to one from a decoder.
pub fn is_ours(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<Damage>() || inner.is::<StoreFailed>())
}

/// The error of a run that could not read `path`: [`Error::Data`] if the bytes in the file are wrong, else
/// [`Error::File`].
pub fn failed(path: &Path, error: &io::Error) -> Error {
    let damage = error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>());
    match damage {
        Some(damage) => Error::data(path.display().to_string(), damage.to_string(), "fetch or pack the file again"),
        None if error.get_ref().is_some_and(|inner| inner.is::<StoreFailed>()) => Error::File {
            path: path.to_path_buf(),
            problem: error.to_string(),
            remedy: "check the address, the credentials in the environment, and that the store can be reached".into(),
        },
        None => Error::file(path, "cannot read", error, "check input.ratings and the file's rights"),
    }
}
