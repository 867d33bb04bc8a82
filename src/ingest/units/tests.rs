use std::io::Write as _;
use std::sync::Arc;

use ::parquet::data_type::{ByteArray, ByteArrayType, DoubleType, Int64Type};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::parser::parse_message_type;
use proptest::prelude::*;

use super::cut::{LARGEST_RANGE, RANGES_PER_PEER, SMALLEST_RANGE};
use super::*;
use crate::ingest::dialect::Dialect;
use crate::ingest::ids::Id;
use crate::ingest::plan::{Format, PlannedFile};
use crate::ingest::scan::{BadRow, Range, RawRow, RowSink};
use crate::ingest::source::{Codec, Cut, InputFile, Place};
use crate::ingest::tables::{self, Kind};
use crate::ingest::typed::GroupRows;
use crate::job::FilesSpec;

fn planned(bytes: u64, codec: Codec) -> PlannedFile {
    let dialect = Dialect::example(",", 3);
    let file = InputFile { path: "f".into(), bytes, place: Place::Disk };
    PlannedFile { file, format: Format::Text { codec, cuts: Vec::new(), dialect } }
}

// arrival-blind: every row is read, and read once.
#[test]
fn ranges_cover_every_byte_once() {
    for (sizes, peers) in [(vec![0, 5], 3), (vec![10 << 20, 1, 0, 700 << 20], 4), (vec![1 << 30], 1)] {
        let files: Vec<_> = sizes.iter().map(|&bytes| planned(bytes, Codec::None)).collect();
        let units = cut(&files, peers);
        for (file, &bytes) in sizes.iter().enumerate() {
            let of_file = units.iter().filter(|unit| unit.file == file as u32);
            let ranges: Vec<Range> = of_file
                .map(|unit| match unit.part {
                    Part::Range(range) => range,
                    other => panic!("{other:?} of a plain text"),
                })
                .collect();
            assert_eq!(ranges.iter().map(|r| r.end - r.start).sum::<u64>(), bytes);
            assert!(ranges.windows(2).all(|w| w[0].end == w[1].start));
            assert!(ranges.iter().all(|r| r.start < r.end && r.end - r.start <= LARGEST_RANGE));
        }
        let total: u64 = sizes.iter().sum();
        assert!(units.len() as u64 >= (RANGES_PER_PEER * peers as u64).min(total / SMALLEST_RANGE));
    }
}

proptest! {
    // arrival-blind: every piece is read by one worker, in the order of the input.
    #[test]
    fn every_piece_has_one_reader_and_none_has_much_more_than_another(
        sizes in prop::collection::vec((0u64..50_000_000, any::<bool>()), 1..20),
        readers in 1usize..9,
    ) {
        let codec = |packed| if packed { Codec::Gzip } else { Codec::None };
        let files: Vec<_> = sizes.iter().map(|&(bytes, packed)| planned(bytes, codec(packed))).collect();
        let units = cut(&files, readers);
        let shares: Vec<Vec<Unit>> = (0..readers).map(|reader| share(&units, reader, readers)).collect();
        let mut dealt = 0;
        for unit in &units {
            dealt += shares.iter().filter(|share| share.contains(unit)).count();
        }
        prop_assert_eq!(dealt, units.len());
        let place = |unit: &Unit| units.iter().position(|other| other == unit);
        prop_assert!(shares.iter().all(|share| share.is_sorted_by_key(place)));
        let load = |share: &Vec<Unit>| share.iter().map(|unit| unit.weight.max(1)).sum::<u64>();
        let heaviest = units.iter().map(|unit| unit.weight.max(1)).max().unwrap_or(0);
        let loads: Vec<u64> = shares.iter().map(load).collect();
        prop_assert!(loads.iter().max() <= loads.iter().min().map(|least| least + heaviest).as_ref());
    }
}

/// The largest `RssFile` seen, in KiB: pages of mapped files in this process's memory.
#[derive(Default)]
struct Resident {
    rows: u64,
    highest: u64,
}

impl RowSink for Resident {
    fn row(&mut self, _row: RawRow<'_>) {
        self.rows += 1;
        if self.rows.is_multiple_of(10_000) {
            self.highest = self.highest.max(rss_file());
        }
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        panic!("{}", bad.problem);
    }
}

fn rss_file() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has it");
    let line = status.lines().find(|line| line.starts_with("RssFile:")).expect("a line for it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
}

#[test]
#[cfg(target_os = "linux")]
fn a_scanned_file_does_not_stay_in_memory() {
    const LINES: u64 = 4_000_000;
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text: String = (0..LINES / 1000).map(|i| format!("{},7,3.5,1147880044\n", 100_000 + i)).collect();
    (0..1000).for_each(|_| file.write_all(text.as_bytes()).unwrap());
    let bytes = text.len() as u64 * 1000;
    let dialect = Dialect::example(",", 4);
    let file = InputFile::on_disk(file.path().into()).unwrap();
    let files = [PlannedFile { file, format: Format::Text { codec: Codec::None, cuts: Vec::new(), dialect } }];
    let units = cut(&files, 1);
    let (before, mut sink) = (rss_file(), Resident::default());
    scan_units(&units, &files, &mut sink, |_, _| true).unwrap();
    assert_eq!(sink.rows, LINES);
    let grown = sink.highest.saturating_sub(before) << 10;
    assert!(bytes > 90 << 20 && grown < 32 << 20, "{grown} of {bytes} bytes were in memory at once");
}

/// Rows as they come.
#[derive(Debug, Default, PartialEq)]
struct Listed(Vec<(u64, String)>);

impl RowSink for Listed {
    fn row(&mut self, row: RawRow<'_>) {
        let ids = [row.user, row.item].map(|id| Id::from(id).to_string());
        self.0.push((row.byte, format!("{ids:?} {}", row.rating)));
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        self.0.push((bad.byte, format!("{:?} {}", bad.code, bad.problem)));
    }
}

/// Two row groups in small pages: numbers, texts of a dictionary and not, ratings of which some are missing.
fn parquet_file(rows: [usize; 2]) -> tempfile::NamedTempFile {
    let schema = "message rows { required int64 user; required binary item (UTF8); optional double rating; }";
    let schema = Arc::new(parse_message_type(schema).unwrap());
    let properties = WriterProperties::builder().set_data_page_row_count_limit(1000).set_write_batch_size(500);
    let properties = Arc::new(properties.set_dictionary_page_size_limit(4000).build());
    let file = tempfile::Builder::new().suffix(".parquet").tempfile().unwrap();
    let mut writer = SerializedFileWriter::new(file.reopen().unwrap(), schema, properties).unwrap();
    for (group, n) in rows.into_iter().enumerate() {
        let mut columns = writer.next_row_group().unwrap();
        let users: Vec<i64> = (0..n as i64).map(|row| row / 7).collect();
        let items: Vec<ByteArray> =
            (0..n).map(|row| ByteArray::from(format!("{group}-{}", row * row % 977).into_bytes())).collect();
        let levels: Vec<i16> = (0..n).map(|row| i16::from(row % 11 > 0)).collect();
        let ratings: Vec<f64> = (0..n).filter(|row| row % 11 > 0).map(|row| (row % 10) as f64 / 2.0).collect();
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<Int64Type>().write_batch(&users, None, None).unwrap();
        column.close().unwrap();
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<ByteArrayType>().write_batch(&items, None, None).unwrap();
        column.close().unwrap();
        let mut column = columns.next_column().unwrap().unwrap();
        column.typed::<DoubleType>().write_batch(&ratings, Some(&levels), None).unwrap();
        column.close().unwrap();
        columns.close().unwrap();
    }
    writer.close().unwrap();
    file
}

// arrival-blind: every row is read once, with its number, however many workers there are.
#[test]
fn a_large_row_group_is_read_by_several() {
    let rows = [300_000, 1000];
    let file = parquet_file(rows);
    let path = file.path().to_path_buf();
    let on_disk = InputFile::on_disk(path.clone()).unwrap();
    let (layout, stored) = tables::layout(Kind::Parquet, &FilesSpec::by_position(vec![path]), &on_disk).unwrap();
    let files = &[PlannedFile { file: on_disk, format: Format::Table { stored, layout } }];
    assert_eq!(files[0].readers(), Some(5));
    let read = |units: &[Unit]| {
        let mut rows = Listed::default();
        scan_units(units, files, &mut rows, |_, _| true).unwrap();
        rows
    };
    let of_group = |group: usize| Unit {
        file: 0,
        part: Part::Rows(GroupRows { group, start: 0, end: rows[group] as u64 }),
        weight: 0,
    };
    let whole = read(&[of_group(0), of_group(1)]);
    assert!(whole.0.iter().enumerate().all(|(at, (number, _))| at as u64 == *number) && whole.0.len() == 301_000);
    for peers in [1, 2, 3, 16] {
        let units = cut(files, peers);
        assert!(units.len() >= 4, "{units:?}");
        assert!(read(&units) == whole, "{peers}");
        // One by one, each from a file opened anew.
        let one_by_one = units.iter().flat_map(|unit| read(&[*unit]).0).collect();
        assert!(Listed(one_by_one) == whole, "{peers}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // arrival-blind: a packed text is read alike whole and in pieces, wherever its frames end.
    #[test]
    fn pieces_of_a_packed_text_have_the_rows_of_the_whole(
        lines in prop::collection::vec(0u32..5000, 1..120),
        frames in prop::collection::vec(1usize..300, 1..40),
        peers in 1usize..6,
        has_header in any::<bool>(),
        has_end in any::<bool>(),
    ) {
        let line = |n: &u32| match n % 6 {
            0 => format!("user {n},{n},{}\r\n", n % 5),
            1 => format!("{n},{n},x\n"),
            2 => "\n".to_string(),
            3 => format!("{},1,2\n", "long".repeat(*n as usize % 60)),
            _ => format!("{n},{},{}.5\n", n % 90, n % 5),
        };
        let header = if has_header { "user,item,rating\n" } else { "" };
        let body: String = lines.iter().map(line).collect();
        let text = format!("{header}{body}{}", if has_end { "" } else { "1,2,3" });
        let (mut packed, mut cuts, mut at) = (Vec::new(), vec![Cut { packed: 0, text: 0 }], 0);
        // The header is in the first piece.
        for length in std::iter::once(20).chain(frames).chain([usize::MAX]) {
            let end = at + length.min(text.len() - at);
            packed.extend(zstd::encode_all(&text.as_bytes()[at..end], 1).unwrap());
            at = end;
            cuts.push(Cut { packed: packed.len() as u64, text: at as u64 });
        }
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&packed).unwrap();
        let dialect = Dialect { data_start: header.len() as u64, ..Dialect::example(",", 3) };
        let with = |cuts| PlannedFile {
            file: InputFile::on_disk(file.path().into()).unwrap(),
            format: Format::Text { codec: Codec::Zstd, cuts, dialect: dialect.clone() },
        };
        let read = |planned: PlannedFile| {
            let (files, mut rows) = ([planned], Listed::default());
            let units = cut(&files, peers);
            scan_units(&units, &files, &mut rows, |_, _| true).unwrap();
            (units.len(), rows)
        };
        let (whole, pieces) = (read(with(Vec::new())), read(with(cuts.clone())));
        prop_assert!(whole.0 == 1 && pieces.0 < cuts.len());
        // There are several where a place to cut lies far enough from the start, and only there.
        let even = (packed.len() as u64).div_ceil(RANGES_PER_PEER * peers as u64);
        prop_assert_eq!(pieces.0 > 1, cuts[..cuts.len() - 1].iter().any(|cut| cut.packed >= even));
        prop_assert!(whole.1 == pieces.1);
    }
}
