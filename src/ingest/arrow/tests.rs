use std::collections::HashMap;
use std::io::Write as _;
use std::sync::Arc;

use arrow_array::types::{Int8Type, Int32Type, UInt16Type};
use arrow_array::*;
use arrow_buffer::i256;
use arrow_ipc::CompressionType;
use arrow_ipc::writer::{DictionaryHandling, FileWriter, IpcWriteOptions, StreamWriter};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::*;
use tempfile::NamedTempFile;

use crate::error::{Error, Result};
use crate::ingest::ids::Id;
use crate::ingest::plan::{self, PlannedFile};
use crate::ingest::scan::{BadRow, RawRow, RowSink};
use crate::ingest::source::InputFile;
use crate::ingest::tables;
use crate::ingest::units::{Unit, cut, scan_units};
use crate::job::{Column, FileFormat, FilesSpec, RatingColumn, Time, TimeUnit};

#[derive(Debug, Clone, Copy)]
enum Way {
    File,
    Stream,
}

const WAYS: [Way; 2] = [Way::File, Way::Stream];

fn written(batches: &[RecordBatch], way: Way, packed: Option<CompressionType>) -> Vec<u8> {
    let options = IpcWriteOptions::default().try_with_compression(packed).unwrap();
    let options = options.with_dictionary_handling(DictionaryHandling::Resend);
    let mut bytes = Vec::new();
    match way {
        Way::File => {
            let mut writer = FileWriter::try_new_with_options(&mut bytes, &batches[0].schema(), options).unwrap();
            batches.iter().for_each(|batch| writer.write(batch).unwrap());
            writer.finish().unwrap();
        }
        Way::Stream => {
            let mut writer = StreamWriter::try_new_with_options(&mut bytes, &batches[0].schema(), options).unwrap();
            batches.iter().for_each(|batch| writer.write(batch).unwrap());
            writer.finish().unwrap();
        }
    }
    bytes
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

/// What is read of a row: its number, and its values or why it is bad.
#[derive(Debug, Default, PartialEq, Clone)]
struct Rows(Vec<(u64, String)>);

impl RowSink for Rows {
    fn row(&mut self, row: RawRow<'_>) {
        let ids = [row.user, row.item].map(|id| format!("{:?}", Id::from(id)));
        self.0.push((row.line, format!("{} {} {:?} {}", ids[0], ids[1], row.rating, row.time)));
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        self.0.push((bad.line, format!("{:?} {} {}", bad.code, bad.field, String::from_utf8_lossy(bad.raw))));
    }
}

fn spec() -> FilesSpec {
    FilesSpec { rating: RatingColumn::Given(Column::Index(2)), ..FilesSpec::by_position(Vec::new()) }
}

fn timed() -> FilesSpec {
    FilesSpec { time: Some(Time { column: Column::Index(3), unit: TimeUnit::S, asked: true }), ..spec() }
}

fn planned(bytes: &[u8], spec: &FilesSpec) -> Result<(NamedTempFile, PlannedFile)> {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    let on_disk = InputFile::on_disk(file.path().into()).unwrap();
    let format = plan::format(spec, &on_disk)?;
    Ok((file, PlannedFile { file: on_disk, format }))
}

fn read_units(units: &[Unit], files: &[PlannedFile]) -> Result<Rows> {
    let mut rows = Rows::default();
    scan_units(units, files, &mut rows, |_, _| true).map(|()| rows)
}

fn read(bytes: &[u8], spec: &FilesSpec) -> Result<Rows> {
    let (_file, planned) = planned(bytes, spec)?;
    let files = [planned];
    read_units(&cut(&files, 3), &files)
}

fn problem(bytes: &[u8], spec: &FilesSpec) -> String {
    let error = read(bytes, spec).unwrap_err().to_string();
    assert!(!error.contains('\n'), "{error}");
    error
}

fn rows(lines: &[&str]) -> Rows {
    Rows(lines.iter().enumerate().map(|(at, line)| (at as u64, line.to_string())).collect())
}

#[test]
fn ids_ratings_and_times_of_every_type() {
    let columns: Vec<(ArrayRef, &str)> = vec![
        (Arc::new(Int8Array::from(vec![7])), "7"),
        (Arc::new(Int16Array::from(vec![7])), "7"),
        (Arc::new(Int32Array::from(vec![-7])), "\"-7\""),
        (Arc::new(Int64Array::from(vec![7])), "7"),
        (Arc::new(UInt8Array::from(vec![200])), "200"),
        (Arc::new(UInt16Array::from(vec![7])), "7"),
        (Arc::new(UInt32Array::from(vec![u32::MAX])), "4294967295"),
        (Arc::new(UInt64Array::from(vec![u64::MAX])), "\"18446744073709551615\""),
        (Arc::new(Float32Array::from(vec![7.0])), "7"),
        (Arc::new(Float64Array::from(vec![7.5])), "\"7.5\""),
        (Arc::new(BooleanArray::from(vec![true])), "\"true\""),
        (Arc::new(StringArray::from(vec!["Zoë "])), "\"Zoë\""),
        (Arc::new(LargeStringArray::from(vec!["17"])), "17"),
        (Arc::new(StringViewArray::from(vec!["short"])), "\"short\""),
        (Arc::new(StringViewArray::from(vec!["longer than twelve bytes"])), "\"longer than twelve bytes\""),
        (Arc::new(BinaryArray::from(vec![&b"abc"[..]])), "\"abc\""),
        (Arc::new(FixedSizeBinaryArray::try_from_iter(std::iter::once(b"abcd")).unwrap()), "\"abcd\""),
        (Arc::new(Decimal32Array::from(vec![1234]).with_precision_and_scale(9, 2).unwrap()), "\"12.34\""),
        (Arc::new(Decimal64Array::from(vec![-5]).with_precision_and_scale(18, 1).unwrap()), "\"-0.5\""),
        (Arc::new(Decimal128Array::from(vec![-1234]).with_precision_and_scale(30, 2).unwrap()), "\"-12.34\""),
        (Arc::new(DictionaryArray::<Int8Type>::from_iter(["x"])), "\"x\""),
        (Arc::new(DictionaryArray::<UInt16Type>::from_iter(["17"])), "17"),
        (Arc::new(DictionaryArray::new(Int32Array::from(vec![1]), Arc::new(Int64Array::from(vec![8, 9])))), "9"),
        (Arc::new(Date32Array::from(vec![7])), "7"),
    ];
    for way in WAYS {
        for packed in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
            for (array, id) in &columns {
                let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
                let of = batch(vec![("u", Arc::clone(array)), ("i", Arc::clone(&one)), ("r", one)]);
                let id = match id.strip_prefix('"') {
                    None => format!("Number({id})"),
                    Some(_) => format!("Text({id})"),
                };
                let want = rows(&[&format!("{id} Number(1) 1.0 0")]);
                assert_eq!(
                    read(&written(&[of], way, packed), &spec()).unwrap(),
                    want,
                    "{way:?} {:?}",
                    array.data_type()
                );
            }
        }
    }
}

#[test]
fn ratings_and_times_count_in_their_units() {
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let rated = |rating: ArrayRef, time: ArrayRef| {
        let of = batch(vec![("u", Arc::clone(&ids)), ("i", Arc::clone(&ids)), ("r", rating), ("t", time)]);
        read(&written(&[of], Way::Stream, None), &timed()).unwrap()
    };
    let seconds: ArrayRef = Arc::new(Int64Array::from(vec![3]));
    for (rating, value) in [
        (Arc::new(UInt8Array::from(vec![5])) as ArrayRef, "5.0"),
        (Arc::new(Float32Array::from(vec![0.1])), "0.10000000149011612"),
        (Arc::new(BooleanArray::from(vec![true])), "1.0"),
        (Arc::new(StringViewArray::from(vec!["4.5"])), "4.5"),
        (Arc::new(Decimal128Array::from(vec![450]).with_precision_and_scale(10, 2).unwrap()), "4.5"),
        (Arc::new(Int64Array::from(vec![-1])), "Negative"),
        (Arc::new(Float64Array::from(vec![f64::NAN])), "NotFinite"),
    ] {
        let row = rated(Arc::clone(&rating), Arc::clone(&seconds)).0.remove(0).1;
        assert!(row.contains(value), "{:?}: {row}", rating.data_type());
    }
    let rating: ArrayRef = Arc::new(Float64Array::from(vec![1.0]));
    for (time, microseconds) in [
        (seconds, "3000000"),
        (Arc::new(TimestampSecondArray::from(vec![3])) as ArrayRef, "3000000"),
        (Arc::new(TimestampMillisecondArray::from(vec![3]).with_timezone("+02:00")), "3000"),
        (Arc::new(TimestampMicrosecondArray::from(vec![3])), "3"),
        (Arc::new(TimestampNanosecondArray::from(vec![3999])), "3"),
        (Arc::new(Date32Array::from(vec![1])), "86400000000"),
        (Arc::new(Date64Array::from(vec![86_400_000])), "86400000000"),
        (Arc::new(StringArray::from(vec!["1970-01-02"])), "86400000000"),
    ] {
        let row = rated(Arc::clone(&rating), Arc::clone(&time)).0.remove(0).1;
        assert_eq!(row, format!("Number(1) Number(1) 1.0 {microseconds}"), "{:?}", time.data_type());
    }
}

#[test]
fn columns_that_hold_no_ids_or_numbers_are_refused_by_name() {
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let list = ListArray::from_iter_primitive::<Int32Type, _, _>(vec![Some(vec![Some(1)])]);
    for (array, says) in [
        (Arc::new(list) as ArrayRef, "column \"u\" holds lists or groups"),
        (Arc::new(NullArray::new(1)), "column \"u\" holds neither ids nor numbers (Null)"),
        (Arc::new(Decimal256Array::from(vec![i256::ONE])), "column \"u\" holds neither ids nor numbers (Decimal256"),
    ] {
        let of = batch(vec![("u", array), ("i", Arc::clone(&one)), ("r", Arc::clone(&one))]);
        let error = problem(&written(&[of], Way::File, None), &spec());
        assert!(error.starts_with("input.user: ") && error.contains(says), "{error}");
    }
    let of = batch(vec![
        ("u", Arc::clone(&one)),
        ("i", Arc::clone(&one)),
        ("r", Arc::new(Time32SecondArray::from(vec![1]))),
    ]);
    let time = Time { column: Column::Index(2), unit: TimeUnit::S, asked: true };
    let error = problem(&written(&[of], Way::File, None), &FilesSpec { time: Some(time), ..spec() });
    assert!(error.contains("times of the day"), "{error}");
}

#[test]
fn a_uuid_is_one_where_the_field_says_so() {
    let uuid: ArrayRef = Arc::new(FixedSizeBinaryArray::try_from_iter(std::iter::once([0x11; 16])).unwrap());
    let one: ArrayRef = Arc::new(Int64Array::from(vec![1]));
    let says = [("ARROW:extension:name".to_string(), "arrow.uuid".to_string())];
    let user = Field::new("u", DataType::FixedSizeBinary(16), false).with_metadata(HashMap::from(says));
    let [item, rating] = ["i", "r"].map(|name| Field::new(name, DataType::Int64, false));
    let schema = Arc::new(Schema::new(vec![user, item, rating]));
    let of = RecordBatch::try_new(schema, vec![uuid, Arc::clone(&one), one]).unwrap();
    let want = rows(&["Text(\"11111111-1111-1111-1111-111111111111\") Number(1) 1.0 0"]);
    assert_eq!(read(&written(&[of], Way::File, None), &spec()).unwrap(), want);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    // arrival-blind: the rows are those of the same values as text, with the same numbers, however they are cut, packed and read.
    #[test]
    fn rows_read_as_the_same_rows_of_text(
        values in prop::collection::vec((prop::option::weighted(0.9, -3i32..60), prop::option::weighted(0.9, "[a-z0-9]{0,14}"), prop::option::weighted(0.9, -1i8..11)), 1..300),
        size in 1usize..120,
        kind in 0usize..4,
        packed in 0usize..3,
    ) {
        let line = |(user, item, rating): &(Option<i32>, Option<String>, Option<i8>)| {
            let rating = rating.map(|rating| (f64::from(rating) / 2.0).to_string());
            let user = user.map(|user| user.to_string());
            [user, item.clone(), rating].map(Option::unwrap_or_default).join(",")
        };
        let text: String = values.iter().map(|row| line(row) + "\n").collect();
        let want = read(format!("user,item,rating\n{text}").as_bytes(), &spec()).unwrap();
        let batches: Vec<RecordBatch> = values.chunks(size).map(|rows| {
            let items = rows.iter().map(|row| row.1.as_deref());
            let items: ArrayRef = match kind {
                0 => Arc::new(items.collect::<StringArray>()),
                1 => Arc::new(items.collect::<LargeStringArray>()),
                2 => Arc::new(items.collect::<StringViewArray>()),
                // Each batch has another dictionary.
                _ => Arc::new(items.collect::<DictionaryArray<Int32Type>>()),
            };
            batch(vec![
                ("user", Arc::new(rows.iter().map(|row| row.0).collect::<Int32Array>())),
                ("item", items),
                ("rating", Arc::new(rows.iter().map(|row| row.2.map(|rating| f32::from(rating) / 2.0)).collect::<Float32Array>())),
            ])
        }).collect();
        let packed = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)][packed];
        for way in WAYS {
            // The dictionaries of a file count for all of it.
            if matches!(way, Way::File) && kind == 3 && batches.len() > 1 {
                continue;
            }
            let (_file, planned) = planned(&written(&batches, way, packed), &spec()).unwrap();
            prop_assert_eq!(planned.known_rows(), Some(values.len() as u64));
            let files = [planned];
            let units = cut(&files, 3);
            prop_assert_eq!(&read_units(&units, &files).unwrap(), &want);
            // Backwards, and each from a file opened anew.
            let backwards: Vec<Unit> = units.iter().rev().copied().collect();
            let mut rows = read_units(&backwards, &files).unwrap();
            rows.0.sort_by_key(|(number, _)| *number);
            prop_assert_eq!(&rows, &want);
            let alone = units.iter().flat_map(|unit| read_units(&[*unit], &files).unwrap().0).collect();
            prop_assert_eq!(&Rows(alone), &want);
        }
    }
}

fn sample() -> Vec<RecordBatch> {
    let part = |n: i32| {
        batch(vec![
            ("user", Arc::new((0..n).collect::<Int32Array>())),
            (
                "item",
                Arc::new((0..n).map(|i| Some(["a", "b", "c"][i as usize % 3])).collect::<DictionaryArray<Int8Type>>()),
            ),
            ("rating", Arc::new((0..n).map(|i| (i % 5) as f64).collect::<Float64Array>())),
        ])
    };
    vec![part(40), part(25)]
}

#[test]
fn a_cut_stream_or_file_is_never_whole() {
    for (way, batches) in [(Way::File, &sample()[..1]), (Way::Stream, &sample()[..])] {
        let whole = written(batches, way, None);
        assert_eq!(read(&whole, &spec()).unwrap().0.len(), batches.iter().map(RecordBatch::num_rows).sum::<usize>());
        for length in (6..whole.len()).step_by(7).chain([whole.len() - 1, whole.len() - 8]) {
            let error = read(&whole[..length], &spec()).unwrap_err();
            assert!(matches!(error, Error::Data { .. }), "{way:?} {length}: {error}");
        }
    }
    let stream = written(&sample(), Way::Stream, None);
    let error = problem(&stream[..stream.len() - 8], &spec());
    assert!(error.contains("the stream is cut off: it has no end"), "{error}");
    let error = problem(&[&stream[..], &stream[..]].concat(), &spec());
    assert!(error.contains("there is more behind the end"), "{error}");
}

#[test]
fn damage_is_an_error_or_other_values_and_never_a_panic() {
    for packed in [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)] {
        for (way, batches) in [(Way::File, &sample()[..1]), (Way::Stream, &sample()[..])] {
            let whole = written(batches, way, packed);
            for at in 6..whole.len() {
                let mut damaged = whole.clone();
                damaged[at] ^= [0x01, 0x80, 0xff][at % 3];
                if let Err(error) = read(&damaged, &spec()) {
                    assert!(!error.to_string().contains('\n') && error.exit_code() < 5, "{error}");
                }
            }
        }
    }
}

#[test]
fn a_buffer_that_claims_more_than_it_can_hold_is_refused() {
    let many = batch(vec![
        ("user", Arc::new((0..5000).collect::<Int32Array>())),
        ("item", Arc::new((0..5000).collect::<Int32Array>())),
        ("rating", Arc::new((0..5000).map(|i| i % 5).collect::<Int32Array>())),
    ]);
    let mut bytes = written(&[many], Way::Stream, Some(CompressionType::ZSTD));
    let length = 20_000i64.to_le_bytes();
    let at = bytes.windows(8).position(|bytes| bytes == length).expect("the length of a column");
    bytes[at..at + 8].copy_from_slice(&(1i64 << 50).to_le_bytes());
    let error = problem(&bytes, &spec());
    assert!(error.contains("claims 1125899906842624 bytes"), "{error}");
}

#[test]
fn formats_are_told_apart_and_asked_for() {
    let file = written(&sample()[..1], Way::File, None);
    let with = |format| FilesSpec { format, ..spec() };
    assert!(read(&file, &with(FileFormat::Arrow)).is_ok());
    let error = problem(&file, &with(FileFormat::Parquet));
    assert!(error.contains("this is an Arrow file; write \"arrow\" or \"auto\""), "{error}");
    let error = problem(b"1,2,3\n", &with(FileFormat::Arrow));
    assert!(error.contains("this is no Arrow file; write \"delimited\" or \"auto\""), "{error}");
    let error = problem(&zstd::encode_all(&file[..], 1).unwrap(), &spec());
    assert!(error.contains("this is a packed file of Arrow; unpack it"), "{error}");
    let error = problem(b"FEA1 and what follows", &spec());
    assert!(error.contains("this is a Feather file of version 1; write it again in version 2"), "{error}");
}

#[test]
fn first_rows_go_beyond_a_small_batch() {
    let one = |user: i32| {
        let column: ArrayRef = Arc::new(Int32Array::from(vec![user]));
        batch(vec![("user", Arc::clone(&column)), ("item", column)])
    };
    let batches: Vec<RecordBatch> = (0..20).map(one).collect();
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(&written(&batches, Way::Stream, None)).unwrap();
    let on_disk = InputFile::on_disk(file.path().into()).unwrap();
    let (names, rows) = tables::first_rows(tables::Kind::Arrow, &on_disk, 12).unwrap();
    assert_eq!(names, ["user", "item"]);
    assert_eq!(rows, (0..12).map(|user| vec![user.to_string(); 2]).collect::<Vec<_>>());
}
