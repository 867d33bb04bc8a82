//! The values of one role in a row group, a batch at a time: a column of the file, or one value that the name of a
//! folder gives.

use parquet::data_type::ByteArray;
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;

use super::chunks::Chunks;
use super::column::{Column, Raw};
use super::failure::guarded;
use super::model::{Kind, Place};
use super::value::show;

/// Rows read at a time: their values stay in the cache.
pub const BATCH: usize = 4096;

fn too_few() -> ParquetError {
    ParquetError::EOF("a column has fewer rows than its row group".into())
}

/// Where the values of one role come from.
pub enum Values {
    Column(Box<Column>),
    Same(ByteArray),
}

impl Values {
    pub fn open(chunks: &Chunks, group: &RowGroupMetaData, place: &Place) -> Result<Values> {
        Ok(match place {
            Place::Leaf { leaf, kind, .. } => {
                let column = guarded(|| Column::open(chunks, group, *leaf, *kind))?;
                Values::Column(Box::new(column))
            }
            Place::Folder { value, .. } => Values::Same(ByteArray::from(value.as_str())),
        })
    }

    /// Reads a batch. Fewer rows than the footer says mean a damaged file.
    pub fn fill(&mut self, rows: usize) -> Result<()> {
        let Values::Column(column) = self else { return Ok(()) };
        if guarded(|| column.read(rows))? < rows { Err(too_few()) } else { Ok(()) }
    }

    /// Passes over rows.
    pub fn skip(&mut self, rows: usize) -> Result<()> {
        let Values::Column(column) = self else { return Ok(()) };
        if guarded(|| column.skip(rows))? < rows { Err(too_few()) } else { Ok(()) }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Values::Column(column) => column.kind,
            Values::Same(_) => Kind::Text,
        }
    }

    /// The value of a row of the batch.
    #[inline(always)]
    pub fn value(&self, row: usize) -> Raw<'_> {
        match self {
            Values::Column(column) => column.value(row),
            Values::Same(bytes) => Raw::Bytes(bytes),
        }
    }

    /// The same as text; empty where it is missing.
    pub fn text(&self, row: usize) -> String {
        let mut text = String::new();
        show(self.value(row), self.kind(), &mut text);
        text
    }
}
