//! The error of a file that the `parquet` crate cannot read.

use std::io;
use std::path::Path;

use parquet::errors::ParquetError;

use crate::error::Error;
use crate::ingest::source::failed;

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
