//! Any bytes as an input file of any kind: plain text, packed text, Parquet, Arrow.

use std::cell::RefCell;
use std::fs;

use tempfile::NamedTempFile;

use super::assert_says_what_to_do;
use crate::error::Result;
use crate::ingest::columns;
use crate::ingest::plan::{self, Format, PlannedFile};
use crate::ingest::scan::{BadRow, MAX_RATING, RawRow, RowSink};
use crate::ingest::source::{Codec, InputFile, cuts_apart};
use crate::ingest::units::{cut, scan_units};
use crate::job::{
    Column, Duplicates, FileFormat, FilesSpec, Find, Input, ItemColumns, Numbers, OnBad, RatingColumn, Source, Time,
    TimeUnit,
};

/// A file may say that it has more rows than anybody waits for, in a few bytes.
const MOST_ROWS: u64 = 1 << 20;

/// The first byte says what the job asks for, the rest is the file. What can be planned is read or refused, and the rows of
/// all pieces are as many however many workers there are.
pub fn files(data: &[u8]) {
    let Some((&choice, bytes)) = data.split_first() else { return };
    thread_local!(static FILE: RefCell<NamedTempFile> = RefCell::new(NamedTempFile::new().expect("a temporary file")));
    FILE.with_borrow(|file| {
        fs::write(file.path(), bytes).expect("the temporary file is written");
        if bytes.is_empty() {
            return;
        }
        let input = InputFile::on_disk(file.path().to_path_buf()).expect("the temporary file is there");
        let spec = match found(spec(choice), &input, choice & 32 > 0) {
            Err(error) => return assert_says_what_to_do(&error),
            Ok(spec) => spec,
        };
        match plan::format(&spec, &input) {
            Err(error) => assert_says_what_to_do(&error),
            Ok(format) => {
                let in_pieces = in_pieces(&input, &format);
                let planned = [PlannedFile { file: input.clone(), format }];
                let whole = read(&planned, 1);
                assert_eq!(whole, read(&planned, 3));
                if let Some(format) = in_pieces {
                    assert_eq!(whole, read(&[PlannedFile { file: input, format }], 3));
                }
            }
        }
    });
}

/// The same file cut into the smallest pieces that have its header in the first one, if it is a packed text that can be. A gzip file
/// may lie about that, and is told where it is unpacked.
fn in_pieces(file: &InputFile, format: &Format) -> Option<Format> {
    let Format::Text { codec, dialect, .. } = format else { return None };
    let cuts = cuts_apart(file, *codec, dialect.data_start + 1).expect("the file is there");
    (*codec == Codec::Zstd).then(|| Format::Text { codec: *codec, cuts, dialect: dialect.clone() })
}

/// The columns that a file seems to have, or those of the spec.
fn found(spec: FilesSpec, file: &InputFile, is_open: bool) -> Result<FilesSpec> {
    let find =
        Find { user: is_open, item: is_open, rating: is_open, time: is_open, duplicates: is_open, ..Find::default() };
    let find = Find { numbers: is_open, title: is_open, categories: is_open, ..find };
    let time = spec.time.filter(|_| !is_open);
    let source = Source::Files(FilesSpec { find, time, ..spec });
    let input = Input { source, duplicates: Duplicates::Error, on_bad: OnBad::Reject, max_bad: 1.0, items: None };
    let Source::Files(spec) = columns::settle(&input, std::slice::from_ref(file))?.input.source else { unreachable!() };
    Ok(spec)
}

fn spec(choice: u8) -> FilesSpec {
    let column = |index: usize, name: &str| {
        if choice & 1 == 1 { Column::Name(name.into()) } else { Column::Index(index) }
    };
    FilesSpec {
        ratings: Vec::new(),
        format: [FileFormat::Auto, FileFormat::Delimited, FileFormat::Parquet, FileFormat::Arrow]
            [usize::from(choice >> 1 & 3)],
        delimiter: None,
        header: None,
        user: column(0, "user"),
        item: column(1, "item"),
        rating: [RatingColumn::Default, RatingColumn::None][usize::from(choice >> 3 & 1)].clone(),
        time: (choice & 16 > 0).then(|| Time { column: column(3, "time"), unit: TimeUnit::Ms, asked: true }),
        numbers: Numbers::default(),
        items: ItemColumns::default(),
        find: Find::default(),
    }
}

#[derive(Debug, Default, PartialEq)]
struct Counted {
    rows: u64,
    bad: u64,
    /// The reading ended early.
    failed: bool,
}

impl RowSink for Counted {
    fn row(&mut self, row: RawRow<'_>) {
        assert!((0.0..=MAX_RATING).contains(&row.rating), "{row:?}");
        self.rows += 1;
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        assert!(!bad.problem.contains(['\n', '\r']) && bad.problem.len() < 4000, "{:?}", bad.problem);
        self.bad += 1;
    }
}

/// The rows of a file, read in the pieces of so many workers; nothing but the failure where one fails.
fn read(files: &[PlannedFile], peers: usize) -> Counted {
    let mut counted = Counted::default();
    if let Format::Table { layout, .. } = &files[0].format
        && layout.n_rows() > MOST_ROWS
    {
        return counted;
    }
    match scan_units(&cut(files, peers), files, &mut counted, |_, _| true) {
        Ok(()) => counted,
        Err(error) => {
            assert_says_what_to_do(&error);
            Counted { failed: true, ..Counted::default() }
        }
    }
}
