//! What happens to a file that the `arrow` crates cannot read.

use std::io;
use std::path::Path;

use arrow_schema::ArrowError;

use crate::error::{Error, caught};
use crate::ingest::source::failed;

pub type Result<T> = std::result::Result<T, ArrowError>;

/// What `read` returns; the crates panic on some damaged files, which is an error here.
pub fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(read).unwrap_or_else(|panic| Err(damaged(format!("it is damaged ({panic})"))))
}

pub fn damaged(problem: impl Into<String>) -> ArrowError {
    ArrowError::IpcError(problem.into())
}

/// A failure of a disk or a store.
pub fn external(error: io::Error) -> ArrowError {
    ArrowError::ExternalError(Box::new(error))
}

/// [`Error::Data`] where the bytes in the file are wrong; the error of the source where a disk or a store failed.
pub fn unreadable(path: &Path, error: &ArrowError) -> Error {
    if let ArrowError::ExternalError(inner) = error
        && let Some(error) = inner.downcast_ref::<io::Error>()
    {
        return failed(path, error);
    }
    let said = match error {
        ArrowError::IpcError(problem) | ArrowError::ParseError(problem) => problem.clone(),
        other => other.to_string(),
    };
    let problem = said.split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = format!("these Arrow data cannot be read: {problem}");
    let remedy = "write them again, with LZ4, Zstandard or no compression, and close the writer";
    Error::data(path.display().to_string(), problem, remedy)
}
