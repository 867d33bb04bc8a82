//! What a store says when it fails.

use std::fmt;
use std::io;
use std::path::Path;

use crate::error::Error;

const REMEDY: &str = "check the address, the credentials in the environment, and that the store can be reached";

/// The message of a store that failed.
#[derive(Debug)]
pub struct StoreFailed(pub String);

impl fmt::Display for StoreFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for StoreFailed {}

/// True for the failure of a store.
pub fn is_of_store(error: &io::Error) -> bool {
    error.get_ref().is_some_and(|inner| inner.is::<StoreFailed>())
}

/// The error of a run that could not use what is at `address`; `what` was tried, as in `cannot write: `.
pub fn failed(address: &Path, what: &str, error: &io::Error) -> Error {
    Error::File { path: address.to_path_buf(), problem: format!("{what}{error}"), remedy: REMEDY.into() }
}
