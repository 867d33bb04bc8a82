//! Columnar tables, and the three forms each can take: a digest, a CSV file, a Parquet file.
//!
//! A [`Table`] borrows its columns where the results already lie in columns, so that a table of a million users costs
//! no second copy of them. Two tables with the same name, columns and values have the same digest, whatever machine,
//! file format or library version they come from: the digest is BLAKE3 over this canonical form, all integers and
//! lengths as 8 little-endian bytes:
//!
//! ```text
//! "segmill table 1\n"
//! length and bytes of the table's name; number of columns; number of rows
//! for each column: length and bytes of its name; one byte for its type: i (whole), f (real), t (text), o (nullable text)
//!                  whole: each value      real: the IEEE 754 bits of each value
//!                  text: length and UTF-8 bytes of each value; a missing text has the length 2⁶⁴ − 1 and no bytes
//! ```

use std::borrow::Cow;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::{WriterProperties, WriterPropertiesPtr};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type, TypePtr};

use crate::error::{Error, Result};
use crate::ingest::ids::Id;

/// Rows in a Parquet row group, at most: bounds the memory of writers and readers.
const ROW_GROUP: usize = 128 << 10;

/// The length that stands for a missing text in the canonical form.
const MISSING: u64 = u64::MAX;

/// What to do when a file of the output cannot be written.
pub(crate) const DISK_REMEDY: &str = "check the permissions and free space there, or choose another output with -o";

/// Named columns of one length.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    name: &'static str,
    columns: Vec<Column<'a>>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column<'a> {
    pub name: &'static str,
    pub values: Values<'a>,
}

/// Values of one type, one per row. `U32` and `U64` differ in memory only: both are whole numbers.
#[derive(Debug, Clone)]
pub enum Values<'a> {
    U32(Cow<'a, [u32]>),
    U64(Cow<'a, [u64]>),
    F64(Cow<'a, [f64]>),
    Text(Vec<Cow<'a, str>>),
    Nullable(Vec<Option<&'a str>>),
}

impl<'a> Values<'a> {
    /// Ids as whole numbers if `numeric`, otherwise as text. Columns that are to be joined must agree in `numeric`:
    /// decide it with [`all_numbers`] over the whole dictionary.
    pub fn ids(ids: impl IntoIterator<Item = &'a Id>, numeric: bool) -> Values<'a> {
        if numeric {
            Values::U64(ids.into_iter().map(number_of).collect())
        } else {
            Values::Text(ids.into_iter().map(text_of).collect())
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Values::U32(v) => v.len(),
            Values::U64(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::Text(v) => v.len(),
            Values::Nullable(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The value in `row` as CSV writes it: reals in the shortest form that reads back to the same bits.
    fn write_cell(&self, row: usize, cell: &mut String) {
        use std::fmt::Write;
        let written = match self {
            Values::U32(v) => write!(cell, "{}", v[row]),
            Values::U64(v) => write!(cell, "{}", v[row]),
            Values::F64(v) => write!(cell, "{:?}", v[row]),
            Values::Text(v) => write!(cell, "{}", v[row]),
            Values::Nullable(v) => write!(cell, "{}", v[row].unwrap_or_default()),
        };
        written.expect("writing to a string does not fail");
    }
}

/// Whether every id is a number, so that a column of them can be one of integers.
pub fn all_numbers<'a>(ids: impl IntoIterator<Item = &'a Id>) -> bool {
    ids.into_iter().all(|id| matches!(id, Id::Number(_)))
}

fn number_of(id: &Id) -> u64 {
    match id {
        Id::Number(value) => *value,
        Id::Text(text) => unreachable!("a numeric id column holds the text {text:?}"),
    }
}

fn text_of(id: &Id) -> Cow<'_, str> {
    match id {
        Id::Number(value) => Cow::Owned(value.to_string()),
        Id::Text(text) => Cow::Borrowed(text),
    }
}

impl<'a> Table<'a> {
    /// A table of `columns` in order, all of one length.
    pub fn new(name: &'static str, columns: Vec<(&'static str, Values<'a>)>) -> Table<'a> {
        let columns: Vec<Column> = columns.into_iter().map(|(name, values)| Column { name, values }).collect();
        let rows = columns.first().map_or(0, |c| c.values.len());
        for column in &columns {
            assert_eq!(column.values.len(), rows, "column {} of table {name} has another length", column.name);
        }
        Table { name, columns }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn columns(&self) -> &[Column<'a>] {
        &self.columns
    }

    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.values.len())
    }

    /// BLAKE3 of the canonical form, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut digest = Digest::new("segmill table 1\n");
        digest.text(self.name);
        digest.whole(self.columns.len() as u64);
        digest.whole(self.n_rows() as u64);
        for column in &self.columns {
            digest.text(column.name);
            digest.values(&column.values);
        }
        digest.finish()
    }

    /// Writes the table as CSV with a header: comma, LF, quotes where needed.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let written = File::create(path).and_then(|file| self.encode_csv(file));
        written.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
    }

    /// The same into `sink`, which need not be buffered.
    pub fn encode_csv(&self, sink: impl std::io::Write) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(sink);
        writer.write_record(self.columns.iter().map(|c| c.name))?;
        let mut cell = String::new();
        for row in 0..self.n_rows() {
            for column in &self.columns {
                cell.clear();
                column.values.write_cell(row, &mut cell);
                writer.write_field(&cell)?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
    }

    /// Writes the table as Parquet: whole numbers as INT64, reals as DOUBLE, text as UTF-8 strings, Snappy, row groups
    /// of at most 131,072 rows.
    pub fn write_parquet(&self, path: &Path) -> Result<()> {
        let file = File::create(path).map_err(|e| Error::file(path, "cannot create", &e, DISK_REMEDY))?;
        self.encode_parquet(BufWriter::new(file))
            .map_err(|e| Error::file(path, "cannot write", &std::io::Error::other(e), DISK_REMEDY))
    }

    fn encode_parquet(&self, sink: impl std::io::Write + Send) -> std::result::Result<(), ParquetError> {
        let mut writer = SerializedFileWriter::new(sink, self.schema()?, self.properties())?;
        for start in (0..self.n_rows()).step_by(ROW_GROUP) {
            let end = (start + ROW_GROUP).min(self.n_rows());
            let mut group = writer.next_row_group()?;
            for column in &self.columns {
                write_chunk(&mut group, &column.values, start, end)?;
            }
            group.close()?;
        }
        writer.close().map(drop)
    }

    fn schema(&self) -> std::result::Result<TypePtr, ParquetError> {
        let fields = self.columns.iter().map(field).collect::<std::result::Result<Vec<_>, _>>()?;
        Ok(Arc::new(Type::group_type_builder(self.name).with_fields(fields).build()?))
    }

    /// Snappy everywhere. Reals hardly ever repeat, so a dictionary of them would only cost time.
    fn properties(&self) -> WriterPropertiesPtr {
        let snappy = WriterProperties::builder().set_compression(Compression::SNAPPY);
        let reals = self.columns.iter().filter(|c| matches!(c.values, Values::F64(_)));
        Arc::new(reals.fold(snappy, |p, c| p.set_column_dictionary_enabled(ColumnPath::from(c.name), false)).build())
    }
}

fn field(column: &Column) -> std::result::Result<TypePtr, ParquetError> {
    let (physical, logical, repetition) = match column.values {
        Values::U32(_) | Values::U64(_) => (Physical::INT64, None, Repetition::REQUIRED),
        Values::F64(_) => (Physical::DOUBLE, None, Repetition::REQUIRED),
        Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::REQUIRED),
        Values::Nullable(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String), Repetition::OPTIONAL),
    };
    let builder = Type::primitive_type_builder(column.name, physical);
    Ok(Arc::new(builder.with_logical_type(logical).with_repetition(repetition).build()?))
}

/// Writes the rows `start..end` of one column.
fn write_chunk<W: std::io::Write + Send>(
    group: &mut SerializedRowGroupWriter<'_, W>,
    values: &Values,
    start: usize,
    end: usize,
) -> std::result::Result<(), ParquetError> {
    let Some(mut column) = group.next_column()? else {
        return Err(ParquetError::General("the schema has fewer columns than the table".into()));
    };
    match (column.untyped(), values) {
        (ColumnWriter::Int64ColumnWriter(w), Values::U32(v)) => {
            w.write_batch(&v[start..end].iter().map(|&x| x as i64).collect::<Vec<_>>(), None, None)
        }
        (ColumnWriter::Int64ColumnWriter(w), Values::U64(v)) => w.write_batch(&signed(&v[start..end])?, None, None),
        (ColumnWriter::DoubleColumnWriter(w), Values::F64(v)) => w.write_batch(&v[start..end], None, None),
        (ColumnWriter::ByteArrayColumnWriter(w), Values::Text(v)) => {
            w.write_batch(&v[start..end].iter().map(|t| ByteArray::from(t.as_ref())).collect::<Vec<_>>(), None, None)
        }
        (ColumnWriter::ByteArrayColumnWriter(w), Values::Nullable(v)) => {
            let present: Vec<_> = v[start..end].iter().flatten().map(|t| ByteArray::from(*t)).collect();
            let levels: Vec<i16> = v[start..end].iter().map(|t| t.is_some() as i16).collect();
            w.write_batch(&present, Some(&levels), None)
        }
        _ => Err(ParquetError::General("a column's type is not that of the schema".into())),
    }?;
    column.close()
}

/// Whole numbers as Parquet's INT64, which every reader knows. Ids and counts stay below 2⁶³.
fn signed(values: &[u64]) -> std::result::Result<Vec<i64>, ParquetError> {
    let fits = |&value: &u64| i64::try_from(value).map_err(|_| ParquetError::General(format!("{value} is past 2⁶³")));
    values.iter().map(fits).collect()
}

/// A hash over a self-delimiting form: lengths before contents, so no two inputs share a form.
pub(crate) struct Digest(blake3::Hasher);

impl Digest {
    pub(crate) fn new(domain: &str) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(domain.as_bytes());
        Digest(hasher)
    }

    pub(crate) fn whole(&mut self, value: u64) {
        self.0.update(&value.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.whole(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// All of a file, which may be larger than memory.
    pub(crate) fn file(&mut self, path: &Path) -> std::io::Result<()> {
        let file = File::open(path)?;
        self.whole(file.metadata()?.len());
        self.0.update_reader(file).map(drop)
    }

    pub(crate) fn reals(&mut self, values: &[f64]) {
        self.words(values, |v| v.to_bits());
    }

    pub(crate) fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }

    /// Hashes 8-byte words through a buffer: the hasher is fast on long inputs only.
    fn words<T: Copy>(&mut self, values: &[T], word: impl Fn(T) -> u64) {
        let mut buffer = [0u8; 16 << 10];
        for chunk in values.chunks(buffer.len() / 8) {
            for (bytes, &value) in buffer.chunks_exact_mut(8).zip(chunk) {
                bytes.copy_from_slice(&word(value).to_le_bytes());
            }
            self.0.update(&buffer[..chunk.len() * 8]);
        }
    }

    fn values(&mut self, values: &Values) {
        self.0.update(match values {
            Values::U32(_) | Values::U64(_) => b"i",
            Values::F64(_) => b"f",
            Values::Text(_) => b"t",
            Values::Nullable(_) => b"o",
        });
        match values {
            Values::U32(v) => self.words(v, u64::from),
            Values::U64(v) => self.words(v, |x| x),
            Values::F64(v) => self.reals(v),
            Values::Text(v) => v.iter().for_each(|text| self.text(text)),
            Values::Nullable(v) => v.iter().for_each(|text| match text {
                Some(text) => self.text(text),
                None => self.whole(MISSING),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use parquet::file::reader::{FileReader, SerializedFileReader};
    use parquet::record::RowAccessor;

    use super::*;

    fn table<'a>(ids: &'a [Id], reals: &'a [f64], titles: Vec<Option<&'a str>>) -> Table<'a> {
        Table::new(
            "sample",
            vec![
                ("id", Values::ids(ids, all_numbers(ids))),
                ("real", Values::F64(reals.into())),
                ("title", Values::Nullable(titles)),
            ],
        )
    }

    fn numbers() -> Vec<Id> {
        [1, 2, 9].map(Id::Number).to_vec()
    }

    const REALS: [f64; 3] = [0.1, -0.0, 1e-300];
    const TITLES: [Option<&str>; 3] = [Some("a, \"b\"\nc"), None, Some("")];

    /// The form is a promise to whoever keeps digests: this value was computed from the module's description alone.
    #[test]
    fn the_digest_is_blake3_of_the_documented_form() {
        let mut form = b"segmill table 1\n".to_vec();
        let whole = |form: &mut Vec<u8>, value: u64| form.extend(value.to_le_bytes());
        let text = |form: &mut Vec<u8>, text: &str| {
            form.extend((text.len() as u64).to_le_bytes());
            form.extend(text.as_bytes());
        };
        text(&mut form, "sample");
        whole(&mut form, 3);
        whole(&mut form, 3);
        text(&mut form, "id");
        form.push(b'i');
        [1, 2, 9].iter().for_each(|&id| whole(&mut form, id));
        text(&mut form, "real");
        form.push(b'f');
        REALS.iter().for_each(|real| whole(&mut form, real.to_bits()));
        text(&mut form, "title");
        form.push(b'o');
        text(&mut form, TITLES[0].unwrap());
        whole(&mut form, u64::MAX);
        text(&mut form, "");
        assert_eq!(table(&numbers(), &REALS, TITLES.to_vec()).digest(), blake3::hash(&form).to_hex().to_string());
    }

    #[test]
    fn the_digest_sees_every_change_and_no_width() {
        let ids = numbers();
        let digest = table(&ids, &REALS, TITLES.to_vec()).digest();
        let text_ids = ["1", "2", "x"].map(Id::parse);
        let others = [
            table(&text_ids, &REALS, TITLES.to_vec()).digest(),
            table(&ids, &[0.1, 0.0, 1e-300], TITLES.to_vec()).digest(),
            table(&ids, &REALS, vec![TITLES[0], Some(""), Some("")]).digest(),
            table(&ids, &REALS, vec![TITLES[2], None, TITLES[0]]).digest(),
        ];
        for (i, other) in others.iter().enumerate() {
            assert!(*other != digest && !others[..i].contains(other), "change {i} is not seen");
        }
        let narrow = Table::new("t", vec![("n", Values::U32(vec![1, 2].into()))]);
        let wide = Table::new("t", vec![("n", Values::U64(vec![1, 2].into()))]);
        assert_eq!(narrow.digest(), wide.digest());
        assert_ne!(
            narrow.digest(),
            Table::new("u", narrow.columns.iter().map(|c| (c.name, c.values.clone())).collect()).digest()
        );
    }

    #[test]
    fn csv_reads_back_bit_for_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.csv");
        let reals = [0.1 + 0.2, f64::MIN_POSITIVE, 123456789.12345679];
        table(&numbers(), &reals, TITLES.to_vec()).write_csv(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("id,real,title\n1,0.30000000000000004,\"a, \"\"b\"\"\nc\"\n2,"), "{text}");
        assert!(!text.contains('\r'));
        let mut reader = csv::Reader::from_path(&path).unwrap();
        let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.unwrap()).collect();
        for (row, real) in rows.iter().zip(reals) {
            assert_eq!(row[1].parse::<f64>().unwrap().to_bits(), real.to_bits());
        }
        assert_eq!(&rows[0][2], TITLES[0].unwrap());
    }

    #[test]
    fn parquet_reads_back_in_row_groups_of_bounded_size() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("t.parquet");
        let n = ROW_GROUP + 5;
        let reals: Vec<f64> = (0..n).map(|i| i as f64 / 3.0).collect();
        let titles = (0..n).map(|i| (i % 3 > 0).then_some("Söner")).collect();
        let ids: Vec<Id> = (0..n as u64).map(Id::Number).collect();
        table(&ids, &reals, titles).write_parquet(&path).unwrap();
        let reader = SerializedFileReader::new(File::open(&path).unwrap()).unwrap();
        let groups: Vec<i64> = reader.metadata().row_groups().iter().map(|group| group.num_rows()).collect();
        assert_eq!(groups, [ROW_GROUP as i64, 5]);
        let mut rows = 0;
        for (i, row) in reader.get_row_iter(None).unwrap().map(|row| row.unwrap()).enumerate() {
            assert_eq!(row.get_long(0).unwrap(), i as i64);
            assert_eq!(row.get_double(1).unwrap().to_bits(), reals[i].to_bits());
            match i % 3 {
                0 => assert!(row.get_string(2).is_err(), "row {i} should have no title"),
                _ => assert_eq!(row.get_string(2).unwrap(), "Söner"),
            }
            rows += 1;
        }
        assert_eq!(rows, n);
    }

    #[test]
    fn parquet_refuses_a_number_it_cannot_hold() {
        let folder = tempfile::tempdir().unwrap();
        let table = Table::new("t", vec![("n", Values::U64(vec![1 << 63].into()))]);
        assert_eq!(table.write_parquet(&folder.path().join("t.parquet")).unwrap_err().exit_code(), 4);
    }
}
