//! What happens to a file that the `parquet` crate cannot read.

use std::io;
use std::path::Path;

use parquet::errors::{ParquetError, Result};

use crate::error::{Error, caught};
use crate::ingest::source::failed;

/// What `read` returns; the crate panics on some damaged files, which is an error here.
pub fn guarded<T>(read: impl FnOnce() -> Result<T>) -> Result<T> {
    caught(read).unwrap_or_else(|panic| Err(ParquetError::General(format!("it is damaged ({panic})"))))
}

/// [`Error::Data`] where the bytes in the file are wrong; the error of the source where a disk or a store failed.
pub fn unreadable(path: &Path, error: &ParquetError) -> Error {
    if let ParquetError::External(inner) = error
        && let Some(error) = inner.downcast_ref::<io::Error>()
    {
        return failed(path, error);
    }
    let problem = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = format!("this Parquet file cannot be read: {problem}");
    let remedy = "write the file again, with Snappy, gzip, Zstandard, LZ4 or no compression";
    Error::data(path.display().to_string(), problem, remedy)
}
