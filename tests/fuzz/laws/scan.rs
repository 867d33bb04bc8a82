//! Any bytes as a file of ratings.

use std::path::Path;

use super::{Taken, assert_says_what_to_do};
use crate::ingest::dialect::{self, Dialect, TimeColumn};
use crate::ingest::ids::{Id, MAX_ID_BYTES};
use crate::ingest::numbers::Reading;
use crate::ingest::scan::{self, BadCode, BadRow, MAX_RATING, Range, RawRow, RowSink};
use crate::job::{Column, FileFormat, FilesSpec, Find, ItemColumns, Numbers, RatingColumn, Time, TimeUnit};

const DELIMITERS: [&str; 12] = [",", "\t", "::", "|", ";", " ", "5", ".", "a", "é", "ab", ":::"];
const HEAD_BYTES: usize = 10;

/// Ten bytes say how the rest is to be read: delimiter, columns, where the data start, and where the text is cut. The rows are
/// then the same for any cut and with or without the plain path; and however the layout is found, it can be read by.
pub fn scan(data: &[u8]) {
    let (head, text) = data.split_at(data.len().min(HEAD_BYTES));
    let mut head = Taken(head);
    let dialect = dialect_of(&mut head, text);
    let whole = read(text, &dialect, scan::scan);
    assert_eq!(whole, read(text, &dialect, scan::scan_generally), "the plain path and the general one");
    let cuts = [head.byte(), head.byte(), head.byte()].map(|cut| text.len() * usize::from(cut) / 255);
    assert_eq!(whole, read_cut(text, &dialect, cuts), "cut at {cuts:?}");
    find_layout(&mut head, text);
}

fn dialect_of(head: &mut Taken<'_>, text: &[u8]) -> Dialect {
    let delimiter = DELIMITERS[usize::from(head.byte()) % DELIMITERS.len()];
    let user = usize::from(head.byte()) % 5;
    let item = (user + 1 + usize::from(head.byte()) % 4) % 5;
    let rating = usize::from(head.byte()) % 7;
    let rating = (rating < 5 && rating != user && rating != item).then_some(rating);
    let columns = head.byte();
    let time = (columns >= 128).then(|| {
        let unit = [TimeUnit::S, TimeUnit::Ms, TimeUnit::Us, TimeUnit::Ns][usize::from(columns >> 3 & 3)];
        TimeColumn {
            column: (0..).find(|&column| column != user && column != item && Some(column) != rating).unwrap_or(0),
            unit,
        }
    });
    let columns = usize::from(columns) % 8;
    let header = usize::from(head.byte()) % (text.len() + 1);
    let data_start = memchr::memrchr(b'\n', &text[..header]).map_or(0, |at| at as u64 + 1);
    Dialect {
        delimiter: delimiter.as_bytes().to_vec(),
        data_start,
        columns,
        user,
        item,
        rating,
        reading: Reading::default(),
        time,
        texts: Vec::new(),
        partitions: Vec::new(),
    }
}

/// Code, field, problem, text, byte and line.
type Bad = (BadCode, &'static str, String, Vec<u8>, u64, u64);

#[derive(Debug, Default, PartialEq)]
struct Collected {
    /// User, item, bits of the rating, time, byte and line.
    rows: Vec<(Id, Id, u64, i64, u64, u64)>,
    bad: Vec<Bad>,
    lines: u64,
    /// Lines before the range.
    before: u64,
}

impl RowSink for Collected {
    fn row(&mut self, row: RawRow<'_>) {
        assert!((0.0..=MAX_RATING).contains(&row.rating) && row.rating.is_sign_positive(), "{row:?}");
        let (user, item) = (Id::from(row.user), Id::from(row.item));
        for id in [&user, &item] {
            let text = id.to_string();
            assert!((1..=MAX_ID_BYTES).contains(&text.len()) && Id::parse(&text) == *id, "{id:?}");
        }
        self.rows.push((user, item, row.rating.to_bits(), row.time, row.byte, self.before + row.line));
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        assert!(!bad.problem.contains(['\n', '\r']) && bad.problem.len() < 1000, "{:?}", bad.problem);
        assert!(!bad.raw.contains(&b'\n'), "{:?}", bad.raw);
        self.bad.push((bad.code, bad.field, bad.problem, bad.raw.to_vec(), bad.byte, self.before + bad.line));
    }
}

type Scan = fn(&[u8], &Range, &Dialect, &mut Collected) -> u64;

fn read(text: &[u8], dialect: &Dialect, scan: Scan) -> Collected {
    let mut found = Collected::default();
    let lines = scan(text, &Range { start: 0, end: text.len() as u64 }, dialect, &mut found);
    Collected { lines, ..found }
}

fn read_cut(text: &[u8], dialect: &Dialect, mut cuts: [usize; 3]) -> Collected {
    cuts.sort_unstable();
    let mut found = Collected::default();
    let ends = cuts.into_iter().chain([text.len()]);
    let mut start = 0;
    for end in ends {
        let range = Range { start, end: end as u64 };
        found.before = found.lines;
        found.lines += scan::scan(text, &range, dialect, &mut found);
        start = end as u64;
    }
    Collected { before: 0, ..found }
}

/// Lets the layout be found as far as the head leaves it open.
fn find_layout(head: &mut Taken<'_>, text: &[u8]) {
    let choice = head.byte();
    let column = |by_name: bool, index: usize, name: &str| {
        if by_name { Column::Name(name.into()) } else { Column::Index(index) }
    };
    let spec = FilesSpec {
        ratings: Vec::new(),
        format: FileFormat::Auto,
        delimiter: (choice & 1 == 1).then(|| DELIMITERS[usize::from(choice >> 4) % DELIMITERS.len()].into()),
        header: [None, Some(true), Some(false), None][usize::from(choice >> 1 & 3)],
        user: column(choice & 8 > 0, usize::from(choice >> 6), "user"),
        item: column(choice & 16 > 0, 1, "item"),
        rating: match choice >> 4 & 3 {
            0 => RatingColumn::None,
            1 => RatingColumn::Given(column(choice & 128 > 0, 2, "rating")),
            _ => RatingColumn::Default,
        },
        time: (choice & 36 == 36).then(|| Time {
            column: column(choice & 8 > 0, 3, "time"),
            unit: TimeUnit::Ms,
            asked: choice & 64 > 0,
        }),
        numbers: Numbers::default(),
        items: ItemColumns::default(),
        find: Find::default(),
    };
    match dialect::detect(&spec, Path::new("ratings.csv"), text) {
        Err(error) => assert_says_what_to_do(&error),
        Ok(dialect) => {
            let columns = [dialect.user, dialect.item, dialect.rating.unwrap_or(0)];
            assert!(dialect.columns == 0 || columns.iter().all(|&column| column < dialect.columns), "{dialect:?}");
            assert!(dialect.data_start as usize <= text.len(), "{dialect:?}");
            let whole = read(text, &dialect, scan::scan);
            assert_eq!(whole, read(text, &dialect, scan::scan_generally), "{dialect:?}");
        }
    }
}
