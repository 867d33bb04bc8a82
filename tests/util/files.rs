//! Writers of the kinds of files that ratings come in.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, Float32Array, Int32Array, Int64Array, RecordBatch};
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{FileWriter, IpcWriteOptions, StreamWriter};
use parquet::basic::Compression;
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int32Type, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;

use super::data::Row;

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes it");
    encoder.finish().expect("memory takes it")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    zstd::encode_all(bytes, 1).expect("memory takes it")
}

/// One column of a Parquet file that a test writes; `None` is null.
pub enum Values {
    Int32(Vec<Option<i32>>),
    Int64(Vec<Option<i64>>),
    Float(Vec<Option<f32>>),
    Double(Vec<Option<f64>>),
    Text(Vec<Option<String>>),
}

impl Values {
    fn len(&self) -> usize {
        match self {
            Values::Int32(values) => values.len(),
            Values::Int64(values) => values.len(),
            Values::Float(values) => values.len(),
            Values::Double(values) => values.len(),
            Values::Text(values) => values.len(),
        }
    }
}

fn dense<T: Clone>(values: &[Option<T>]) -> (Vec<T>, Vec<i16>) {
    (values.iter().flatten().cloned().collect(), values.iter().map(|value| i16::from(value.is_some())).collect())
}

/// Writes columns, all optional, in row groups of `group` rows.
pub fn write_parquet(path: &Path, schema: &str, columns: &[Values], group: usize, properties: WriterProperties) {
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let file = File::create(path).expect("a file");
    let mut writer = SerializedFileWriter::new(file, schema, Arc::new(properties)).expect("a writer");
    let rows = columns[0].len();
    for start in (0..rows).step_by(group) {
        let end = rows.min(start + group);
        let mut of_group = writer.next_row_group().expect("a row group");
        for column in columns {
            let mut target = of_group.next_column().expect("a column").expect("as many as the schema has");
            match column {
                Values::Int32(values) => {
                    let (values, levels) = dense(&values[start..end]);
                    target.typed::<Int32Type>().write_batch(&values, Some(&levels), None).expect("values");
                }
                Values::Int64(values) => {
                    let (values, levels) = dense(&values[start..end]);
                    target.typed::<Int64Type>().write_batch(&values, Some(&levels), None).expect("values");
                }
                Values::Float(values) => {
                    let (values, levels) = dense(&values[start..end]);
                    target.typed::<FloatType>().write_batch(&values, Some(&levels), None).expect("values");
                }
                Values::Double(values) => {
                    let (values, levels) = dense(&values[start..end]);
                    target.typed::<DoubleType>().write_batch(&values, Some(&levels), None).expect("values");
                }
                Values::Text(values) => {
                    let (values, levels) = dense(&values[start..end]);
                    let values: Vec<ByteArray> = values.iter().map(|text| ByteArray::from(text.as_str())).collect();
                    target.typed::<ByteArrayType>().write_batch(&values, Some(&levels), None).expect("values");
                }
            }
            target.close().expect("a column");
        }
        of_group.close().expect("a row group");
    }
    writer.close().expect("a file");
}

pub fn properties(compression: Compression) -> WriterProperties {
    WriterProperties::builder().set_compression(compression).set_data_page_row_count_limit(700).build()
}

/// User, item and rating in Snappy, `group` rows a row group.
pub fn parquet_of(rows: &[Row], path: &Path, group: usize) {
    let columns = [
        Values::Int64(rows.iter().map(|row| Some(i64::from(row.0))).collect()),
        Values::Int32(rows.iter().map(|row| Some(row.1 as i32)).collect()),
        Values::Float(rows.iter().map(|row| Some(row.2 as f32)).collect()),
    ];
    let schema = "message m { optional int64 user; optional int32 item; optional float rating; }";
    write_parquet(path, schema, &columns, group, properties(Compression::SNAPPY));
}

/// User, item and rating in record batches of so many rows.
fn batches_of(rows: &[Row], size: usize) -> Vec<RecordBatch> {
    let batch = |rows: &[Row]| {
        let columns: [(&str, ArrayRef); 3] = [
            ("user", Arc::new(rows.iter().map(|row| i64::from(row.0)).collect::<Int64Array>())),
            ("item", Arc::new(rows.iter().map(|row| row.1 as i32).collect::<Int32Array>())),
            ("rating", Arc::new(rows.iter().map(|row| row.2 as f32).collect::<Float32Array>())),
        ];
        RecordBatch::try_from_iter(columns).expect("columns of one length")
    };
    rows.chunks(size).map(batch).collect()
}

fn ipc(packed: Option<CompressionType>) -> IpcWriteOptions {
    IpcWriteOptions::default().try_with_compression(packed).expect("a compression that is built in")
}

/// A stream of Arrow IPC.
pub fn arrow_stream(rows: &[Row], size: usize, packed: Option<CompressionType>) -> Vec<u8> {
    let batches = batches_of(rows, size);
    let mut writer =
        StreamWriter::try_new_with_options(Vec::new(), &batches[0].schema(), ipc(packed)).expect("memory takes it");
    batches.iter().for_each(|batch| writer.write(batch).expect("memory takes it"));
    writer.into_inner().expect("memory takes it")
}

/// A file of Arrow IPC.
pub fn arrow_file(rows: &[Row], size: usize, packed: Option<CompressionType>) -> Vec<u8> {
    let batches = batches_of(rows, size);
    let mut writer =
        FileWriter::try_new_with_options(Vec::new(), &batches[0].schema(), ipc(packed)).expect("memory takes it");
    batches.iter().for_each(|batch| writer.write(batch).expect("memory takes it"));
    writer.into_inner().expect("memory takes it")
}
