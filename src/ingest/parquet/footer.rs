//! The footer of a Parquet file.

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::failure::{guarded, unreadable};
use crate::error::Result;
use crate::ingest::source::{InputFile, Opened, failed};

/// Bytes read from the end of a file at first: more than most footers have.
const TAIL: u64 = 64 << 10;

/// The footer of a file.
pub fn metadata(opened: &Opened, file: &InputFile) -> Result<ParquetMetaData> {
    let mut tail = TAIL.min(file.bytes);
    loop {
        let start = file.bytes - tail;
        let bytes = opened.read_at(start, tail).map_err(|e| failed(&file.path, &e))?;
        let mut reader = ParquetMetaDataReader::new();
        match guarded(|| reader.try_parse_sized(&bytes, file.bytes)) {
            Ok(()) => return reader.finish().map_err(|e| unreadable(&file.path, &e)),
            Err(ParquetError::NeedMoreData(needed)) if needed as u64 > tail && needed as u64 <= file.bytes => {
                tail = needed as u64;
            }
            Err(error) => return Err(unreadable(&file.path, &error)),
        }
    }
}
