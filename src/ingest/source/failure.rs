//! What goes wrong while a file is read: with its bytes, or with the disk or store that holds them.

use std::fmt;
use std::io;
use std::path::Path;

use crate::error::Error;
use crate::store::failure as store;

/// What is wrong with the bytes of a packed file.
#[derive(Debug)]
pub enum Damage {
    CutOff { kind: &'static str },
    Broken { kind: &'static str, problem: String },
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Damage::CutOff { kind } => write!(f, "the file is cut off: its {kind} data end in the middle"),
            Damage::Broken { kind, problem } => write!(f, "its {kind} data are damaged: {problem}"),
        }
    }
}

impl std::error::Error for Damage {}

pub fn damaged(damage: Damage) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, damage)
}

/// True for an error that says all there is to say, as opposed to one from a decoder.
pub fn is_ours(error: &io::Error) -> bool {
    store::is_of_store(error) || error.get_ref().is_some_and(|inner| inner.is::<Damage>())
}

/// The error of a run that could not read `path`: [`Error::Data`] if the bytes in the file are wrong, else
/// [`Error::File`].
pub fn failed(path: &Path, error: &io::Error) -> Error {
    let damage = error.get_ref().and_then(|inner| inner.downcast_ref::<Damage>());
    match damage {
        Some(damage) => Error::data(path.display().to_string(), damage.to_string(), "fetch or pack the file again"),
        None if store::is_of_store(error) => store::failed(path, "", error),
        None => Error::file(path, "cannot read", error, "check input.ratings and the file's rights"),
    }
}
