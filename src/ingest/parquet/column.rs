//! The values of one column of a row group, a batch at a time.

use std::sync::Arc;

use parquet::basic::{Encoding, Type as Physical};
use parquet::column::reader::{ColumnReaderImpl, get_column_reader, get_typed_column_reader};
use parquet::data_type::{
    BoolType, ByteArrayType, DataType, DoubleType, FixedLenByteArrayType, FloatType, Int32Type, Int64Type,
};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::RowGroupMetaData;
use parquet::file::serialized_reader::SerializedPageReader;

use super::chunks::Chunks;
use super::failure::guarded;
use super::pages::Pages;
use crate::ingest::typed::{Column, Kind, Raw};

/// One column, read in batches.
pub struct Leaf {
    kind: Kind,
    has_dictionary: bool,
    values: Values,
}

enum Values {
    Boolean(Batch<BoolType>),
    Int32(Batch<Int32Type>),
    Int64(Batch<Int64Type>),
    Float(Batch<FloatType>),
    Double(Batch<DoubleType>),
    Bytes(Batch<ByteArrayType>),
    Fixed(Batch<FixedLenByteArrayType>),
}

/// A batch of values of one type.
struct Batch<T: DataType> {
    reader: ColumnReaderImpl<T>,
    values: Vec<T::T>,
    /// The definition level of each row: the highest where there is a value. Empty in a column whose values are
    /// required.
    levels: Vec<i16>,
    highest: i16,
    /// The index of the value of each row; `u32::MAX` where it is missing. Empty where no value is missing.
    at: Vec<u32>,
}

impl<T: DataType> Batch<T> {
    fn read(&mut self, rows: usize) -> Result<usize> {
        self.values.clear();
        self.levels.clear();
        self.at.clear();
        let levels = (self.highest > 0).then_some(&mut self.levels);
        let (read, n_values, _) = self.reader.read_records(rows, levels, None, &mut self.values)?;
        if n_values < read {
            let mut next = 0;
            self.at.extend(self.levels.iter().map(|&level| {
                let there = level == self.highest;
                next += u32::from(there);
                if there { next - 1 } else { u32::MAX }
            }));
        }
        Ok(read)
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Option<&T::T> {
        if self.at.is_empty() { Some(&self.values[row]) } else { self.values.get(self.at[row] as usize) }
    }
}

impl Leaf {
    /// A leaf column of a row group.
    pub fn open(chunks: &Chunks, group: &RowGroupMetaData, leaf: usize, kind: Kind) -> Result<Leaf> {
        let values = match group.column(leaf).column_type() {
            Physical::BOOLEAN => Values::Boolean(batch(chunks, group, leaf)?),
            Physical::INT32 => Values::Int32(batch(chunks, group, leaf)?),
            Physical::INT64 => Values::Int64(batch(chunks, group, leaf)?),
            Physical::FLOAT => Values::Float(batch(chunks, group, leaf)?),
            Physical::DOUBLE => Values::Double(batch(chunks, group, leaf)?),
            Physical::BYTE_ARRAY => Values::Bytes(batch(chunks, group, leaf)?),
            Physical::FIXED_LEN_BYTE_ARRAY => Values::Fixed(batch(chunks, group, leaf)?),
            Physical::INT96 => unreachable!("the layout refuses columns of this type"),
        };
        Ok(Leaf { kind, has_dictionary: has_dictionary(group, leaf), values })
    }

    fn read_batch(&mut self, rows: usize) -> Result<usize> {
        match &mut self.values {
            Values::Boolean(batch) => batch.read(rows),
            Values::Int32(batch) => batch.read(rows),
            Values::Int64(batch) => batch.read(rows),
            Values::Float(batch) => batch.read(rows),
            Values::Double(batch) => batch.read(rows),
            Values::Bytes(batch) => batch.read(rows),
            Values::Fixed(batch) => batch.read(rows),
        }
    }

    fn skip_rows(&mut self, rows: usize) -> Result<usize> {
        match &mut self.values {
            Values::Boolean(batch) => batch.reader.skip_records(rows),
            Values::Int32(batch) => batch.reader.skip_records(rows),
            Values::Int64(batch) => batch.reader.skip_records(rows),
            Values::Float(batch) => batch.reader.skip_records(rows),
            Values::Double(batch) => batch.reader.skip_records(rows),
            Values::Bytes(batch) => batch.reader.skip_records(rows),
            Values::Fixed(batch) => batch.reader.skip_records(rows),
        }
    }
}

impl Column for Leaf {
    type Failure = ParquetError;

    fn kind(&self) -> Kind {
        self.kind
    }

    fn repeats(&self) -> bool {
        self.has_dictionary
    }

    fn read(&mut self, rows: usize) -> Result<usize> {
        guarded(|| self.read_batch(rows))
    }

    fn skip(&mut self, rows: usize) -> Result<usize> {
        if rows == 0 { Ok(0) } else { guarded(|| self.skip_rows(rows)) }
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Raw<'_> {
        let value = match &self.values {
            Values::Boolean(batch) => batch.value(row).map(|&b| Raw::Integer(i64::from(b))),
            Values::Int32(batch) if self.kind == Kind::Unsigned => {
                batch.value(row).map(|&i| Raw::Integer(i64::from(i as u32)))
            }
            Values::Int32(batch) => batch.value(row).map(|&i| Raw::Integer(i64::from(i))),
            Values::Int64(batch) => batch.value(row).map(|&i| Raw::Integer(i)),
            Values::Float(batch) => batch.value(row).map(|&x| Raw::Float(f64::from(x))),
            Values::Double(batch) => batch.value(row).map(|&x| Raw::Float(x)),
            Values::Bytes(batch) => batch.value(row).map(Raw::Shared),
            Values::Fixed(batch) => batch.value(row).map(|bytes| Raw::Shared(bytes)),
        };
        value.unwrap_or(Raw::Missing)
    }

    fn too_few() -> ParquetError {
        ParquetError::EOF("a column has fewer rows than its row group".into())
    }
}

fn has_dictionary(group: &RowGroupMetaData, leaf: usize) -> bool {
    let dictionaries = [Encoding::PLAIN_DICTIONARY, Encoding::RLE_DICTIONARY];
    group.column(leaf).encodings().any(|encoding| dictionaries.contains(&encoding))
}

fn batch<T: DataType>(chunks: &Chunks, group: &RowGroupMetaData, leaf: usize) -> Result<Batch<T>> {
    let column = group.column(leaf);
    let descriptor = column.column_descr_ptr();
    let highest = descriptor.max_def_level();
    let pages = SerializedPageReader::new(Arc::new(chunks.clone()), column, group.num_rows() as usize, None)?;
    let reader = get_typed_column_reader(get_column_reader(descriptor, Box::new(Pages::new(pages, highest > 0))));
    Ok(Batch { reader, values: Vec::new(), levels: Vec::new(), highest, at: Vec::new() })
}
