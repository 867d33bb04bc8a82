//! A table as Parquet: whole numbers as INT64, reals as DOUBLE, text as UTF-8 strings.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use super::columns::{Column, Table, Values};
use crate::error::{Error, Result};
use crate::results::files::DISK_REMEDY;

type Encoded<T> = std::result::Result<T, ParquetError>;

/// Rows in a Parquet row group, at most: bounds the memory of writers and readers.
pub const ROW_GROUP: usize = 128 << 10;

/// A Parquet file that a table is written to part by part. A part ends its last row group.
pub struct ParquetFile<W: Write + Send = File> {
    path: PathBuf,
    writer: SerializedFileWriter<BufWriter<W>>,
}

impl ParquetFile {
    /// For rows with the columns of `like`.
    pub fn create(path: &Path, like: &Table) -> Result<ParquetFile> {
        let file = File::create(path).map_err(|e| Error::file(path, "cannot create", &e, DISK_REMEDY))?;
        ParquetFile::over(file, path, like)
    }
}

impl<W: Write + Send> ParquetFile<W> {
    /// The same into `sink`, which is called `path`.
    pub fn over(sink: W, path: &Path, like: &Table) -> Result<ParquetFile<W>> {
        let writer = like
            .schema()
            .and_then(|schema| SerializedFileWriter::new(BufWriter::new(sink), schema, like.properties()))
            .map_err(|e| cannot_write(path, e))?;
        Ok(ParquetFile { path: path.into(), writer })
    }

    pub fn append(&mut self, rows: &Table) -> Result<()> {
        let mut starts = (0..rows.n_rows()).step_by(ROW_GROUP);
        starts
            .try_for_each(|start| self.append_group(rows, start..(start + ROW_GROUP).min(rows.n_rows())))
            .map_err(|e| cannot_write(&self.path, e))
    }

    fn append_group(&mut self, table: &Table, rows: Range<usize>) -> Encoded<()> {
        let mut group = self.writer.next_row_group()?;
        table.columns.iter().try_for_each(|column| write_chunk(&mut group, &column.values, rows.clone()))?;
        group.close().map(drop)
    }

    /// Ends the file, and returns what it was written to.
    pub fn finish(self) -> Result<W> {
        let ParquetFile { path, writer } = self;
        let written = writer.into_inner().and_then(|buffer| Ok(buffer.into_inner().map_err(|e| e.into_error())?));
        written.map_err(|e| cannot_write(&path, e))
    }
}

fn cannot_write(path: &Path, error: ParquetError) -> Error {
    Error::file(path, "cannot write", &io::Error::other(error), DISK_REMEDY)
}

impl Table<'_> {
    /// Writes the table as Parquet: whole numbers as INT64, reals as DOUBLE, text as UTF-8 strings, Snappy, row groups
    /// of at most 131,072 rows.
    pub fn write_parquet(&self, path: &Path) -> Result<()> {
        let mut file = ParquetFile::create(path, self)?;
        file.append(self)?;
        file.finish().map(drop)
    }

    fn schema(&self) -> Encoded<TypePtr> {
        let fields = self.columns.iter().map(field).collect::<Encoded<Vec<_>>>()?;
        Ok(Arc::new(Type::group_type_builder(self.name).with_fields(fields).build()?))
    }

    /// Snappy everywhere. Reals hardly ever repeat, so a dictionary of them would only cost time.
    fn properties(&self) -> WriterPropertiesPtr {
        let snappy = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let reals = self.columns.iter().filter(|c| matches!(c.values, Values::F64(_)));
        Arc::new(reals.fold(snappy, |p, c| p.set_column_dictionary_enabled(ColumnPath::from(c.name), false)).build())
    }
}

fn field(column: &Column) -> Encoded<TypePtr> {
    let (physical, logical, repetition) = match column.values {
        Values::U32(_) | Values::U64(_) => (Physical::INT64, None, Repetition::REQUIRED),
        Values::F64(_) => (Physical::DOUBLE, None, Repetition::REQUIRED),
        Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
        Values::Nullable(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::OPTIONAL),
    };
    let builder = Type::primitive_type_builder(column.name, physical);
    Ok(Arc::new(builder.with_logical_type(logical).with_repetition(repetition).build()?))
}

/// Writes these rows of one column.
fn write_chunk<W: Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &Values,
    rows: Range<usize>,
) -> Encoded<()> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than the table".into()));
    };
    write_values(column.untyped(), values, rows)?;
    column.close()
}

fn write_values(column: &mut ColumnWriter<'_>, values: &Values, rows: Range<usize>) -> Encoded<usize> {
    match (column, values) {
        (ColumnWriter::Int64ColumnWriter(w), Values::U32(v)) => {
            w.write_batch(&v[rows].iter().map(|&x| x as i64).collect::<Vec<_>>(), None, None)
        }
        (ColumnWriter::Int64ColumnWriter(w), Values::U64(v)) => w.write_batch(&signed(&v[rows])?, None, None),
        (ColumnWriter::DoubleColumnWriter(w), Values::F64(v)) => w.write_batch(&v[rows], None, None),
        (ColumnWriter::ByteArrayColumnWriter(w), Values::Text(v)) => {
            w.write_batch(&v[rows].iter().map(|t| ByteArray::from(t.as_ref())).collect::<Vec<_>>(), None, None)
        }
        (ColumnWriter::ByteArrayColumnWriter(w), Values::Nullable(v)) => {
            let present: Vec<_> = v[rows.clone()].iter().flatten().map(|t| ByteArray::from(*t)).collect();
            let levels: Vec<i16> = v[rows].iter().map(|t| t.is_some() as i16).collect();
            w.write_batch(&present, Some(&levels), None)
        }
        _ => Err(ParquetError::General("a column's type is not that of the schema".into())),
    }
}

/// Whole numbers as Parquet's INT64, which every reader knows. Ids and counts stay below 2⁶³.
fn signed(values: &[u64]) -> Encoded<Vec<i64>> {
    let fits = |&value: &u64| i64::try_from(value).map_err(|_| ParquetError::General(format!("{value} is past 2⁶³")));
    values.iter().map(fits).collect()
}
