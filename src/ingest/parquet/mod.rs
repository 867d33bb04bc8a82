//! Parquet files to rows.
//!
//! | module | what it does |
//! |---|---|
//! | [`layout`] | which columns hold user, item and rating, and how many rows each row group has |
//! | [`column`] | the values of one column, batch by batch |
//! | [`pages`] | its pages, checked |
//! | [`value`] | a value to an id or a rating, by the rules that text follows |
//! | [`rows`] | a row group to rows |
//! | [`chunks`] | how the `parquet` crate gets at the bytes |
//!
//! Row groups are read side by side, each by one worker, and only the columns that count. A file is no place for lines,
//! so a row is called by its number in the file.

mod chunks;
mod column;
mod layout;
mod pages;
mod rows;
mod value;

use std::path::Path;

pub use layout::{Kind, Layout, Place, TimePlace, layout};
pub use rows::{RowGroups, n_rows, read_texts};

use crate::error::Error;

/// Tells a Parquet file by its first bytes.
pub fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

/// The error of a file that the `parquet` crate cannot read.
fn unreadable(path: &Path, error: &parquet::errors::ParquetError) -> Error {
    // A disk or a store that failed, as opposed to what is in the file.
    if let parquet::errors::ParquetError::External(inner) = error
        && let Some(error) = inner.downcast_ref::<std::io::Error>()
    {
        return super::source::failed(path, error);
    }
    let problem = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let problem = format!("this Parquet file cannot be read: {problem}");
    Error::data(
        path.display().to_string(),
        problem,
        "write the file again, with Snappy, gzip, Zstandard, LZ4 or no compression",
    )
}
