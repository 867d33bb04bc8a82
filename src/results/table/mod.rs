//! Columnar tables, and the three forms each can take: a digest, a CSV file, a Parquet file.
//!
//! Two tables with the same name, columns and values have the same digest, whatever machine, file format or library
//! version they come from.

mod columns;
mod digest;
mod pieces;
#[cfg(test)]
mod tests;
mod to_csv;
mod to_parquet;

pub use columns::{Column, Table, Values, all_numbers};
pub(crate) use digest::Digest;
pub use pieces::{Parts, Pieces, digest_of};
pub use to_csv::CsvFile;
pub use to_parquet::{ParquetFile, ROW_GROUP};
