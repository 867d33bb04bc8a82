//! The scanner: bytes of a text file to rows, in ranges that workers read side by side.
//!
//! A file is cut at any bytes; a range owns the lines that *start* in it, and reads the last of them to its end in the
//! next range. So every line belongs to exactly one range, and the rows are the same for any cut.
//!
//! Most lines take the plain path: no quote in the line, nothing allocated. A line with a `"` takes the quoted path
//! ([`super::fields`]); both give the same row for the same fields. Rules of both:
//!
//! - Spaces and tabs around an id or a rating are no part of it.
//! - A rating is whatever Rust's `f64` parses to something finite and not negative, correctly rounded; −0 is 0.
//! - Digits with at most one point, worth less than 2⁵³ without it and with at most 22 digits after it, are parsed by
//!   hand: mantissa and power of ten are then exact, so one division rounds correctly (Clinger 1990).
//! - A row may have fewer columns than its file as long as user, item and rating are there, but not more.
//! - Lines that are empty, or only spaces, are counted but are no rows.

use serde::{Deserialize, Serialize};

use super::dialect::{Dialect, shorten};
use super::fields::{QuotedLine, is_blank, trim, without_cr};
use super::files::InputFile;
use super::ids::{self, Id, MAX_ID_BYTES};

const SMALLEST_RANGE: u64 = 64 << 10;
const LARGEST_RANGE: u64 = 16 << 20;

/// So many that the slowest worker ends soon after the others.
const RANGES_PER_PEER: u64 = 8;

/// The largest rating. Ratings are squared and summed over all users; far larger ones would overflow, or leave nothing of
/// the others.
pub const MAX_RATING: f64 = 1e15;

/// A piece of a file: the lines that start at `start <= byte < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// Index of the file.
    pub file: u32,
    pub start: u64,
    pub end: u64,
}

/// Cuts all files into ranges for `peers` workers, in the order of the files.
pub fn cut(files: &[InputFile], peers: usize) -> Vec<Range> {
    let total: u64 = files.iter().map(|f| f.bytes).sum();
    let size = total.div_ceil(RANGES_PER_PEER * peers.max(1) as u64).clamp(SMALLEST_RANGE, LARGEST_RANGE);
    let ranges = |(file, f): (usize, &InputFile)| {
        let bytes = f.bytes;
        (0..bytes.div_ceil(size)).map(move |i| Range {
            file: file as u32,
            start: i * size,
            end: bytes.min((i + 1) * size),
        })
    };
    files.iter().enumerate().flat_map(ranges).collect()
}

/// Where rows go.
pub trait RowSink {
    fn row(&mut self, row: RawRow<'_>);
    fn bad(&mut self, bad: BadRow<'_>);
}

/// An id as it stands in the file: [`Id`] without a copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RawId<'a> {
    Number(u64),
    Text(&'a str),
}

impl From<RawId<'_>> for Id {
    fn from(raw: RawId<'_>) -> Id {
        match raw {
            RawId::Number(value) => Id::Number(value),
            RawId::Text(text) => Id::Text(text.into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawRow<'a> {
    pub user: RawId<'a>,
    pub item: RawId<'a>,
    /// Finite, not negative; 1 where the file has no ratings.
    pub rating: f64,
    /// Where the line starts in the file.
    pub byte: u64,
    /// Which line of the range it is, from 0, header not counted.
    pub line: u64,
}

/// Why a row is bad. The names are those of `rejects.tsv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BadCode {
    BadRating,
    NotFinite,
    Negative,
    TooLarge,
    EmptyId,
    LongId,
    BadUtf8,
    ShortRow,
    LongRow,
    BadQuote,
}

impl BadCode {
    pub fn name(self) -> &'static str {
        match self {
            BadCode::BadRating => "BAD_RATING",
            BadCode::NotFinite => "NOT_FINITE",
            BadCode::Negative => "NEGATIVE",
            BadCode::TooLarge => "TOO_LARGE",
            BadCode::EmptyId => "EMPTY_ID",
            BadCode::LongId => "LONG_ID",
            BadCode::BadUtf8 => "BAD_UTF8",
            BadCode::ShortRow => "SHORT_ROW",
            BadCode::LongRow => "LONG_ROW",
            BadCode::BadQuote => "BAD_QUOTE",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct BadRow<'a> {
    pub code: BadCode,
    /// `user`, `item`, `rating` or `row`.
    pub field: &'static str,
    /// What is wrong, as in `rating "abc" is not a number (column 3)`.
    pub problem: String,
    /// The line without its line end.
    pub raw: &'a [u8],
    pub byte: u64,
    pub line: u64,
}

/// Hands every row of a range to `sink`, in order. `bytes` is the whole file. Returns the number of lines that start in
/// the range, blank ones included.
pub fn scan(bytes: &[u8], range: &Range, dialect: &Dialect, sink: &mut impl RowSink) -> u64 {
    let end = bytes.len().min(range.end as usize);
    let mut at = first_line(bytes, range.start.max(dialect.data_start) as usize, dialect.data_start as usize);
    let mut scanner = Scanner { dialect, quoted: None };
    let mut line = 0;
    while at < end {
        at += match dialect.delimiter[..] {
            [delimiter] => scanner.line(bytes, at, line, delimiter, sink),
            _ => scanner.line_of_long_delimiter(bytes, at, line, sink),
        };
        line += 1;
    }
    line
}

/// The first line start at or after `from`.
fn first_line(bytes: &[u8], from: usize, data_start: usize) -> usize {
    if from == data_start || from >= bytes.len() || bytes[from - 1] == b'\n' {
        return from;
    }
    memchr::memchr(b'\n', &bytes[from..]).map_or(bytes.len(), |length| from + length + 1)
}

struct Scanner<'d> {
    dialect: &'d Dialect,
    /// Made when the first quote is met.
    quoted: Option<QuotedLine>,
}

impl Scanner<'_> {
    /// Reads the line at `at`; returns its length with the line end.
    #[inline]
    fn line(&mut self, bytes: &[u8], at: usize, line: u64, delimiter: u8, sink: &mut impl RowSink) -> usize {
        let rest = &bytes[at..];
        let stop = memchr::memchr2(b'\n', b'"', rest).unwrap_or(rest.len());
        if stop < rest.len() && rest[stop] == b'"' {
            return self.quoted_line(rest, stop, at, line, delimiter, sink);
        }
        let raw = without_cr(&rest[..stop]);
        if !is_blank(raw) {
            emit(plain_fields(raw, delimiter, self.dialect), self.dialect, raw, at, line, sink);
        }
        stop + 1
    }

    #[cold]
    fn quoted_line(
        &mut self,
        rest: &[u8],
        quote: usize,
        at: usize,
        line: u64,
        delimiter: u8,
        sink: &mut impl RowSink,
    ) -> usize {
        let stop = memchr::memchr(b'\n', &rest[quote..]).map_or(rest.len(), |n| quote + n);
        let raw = without_cr(&rest[..stop]);
        let quoted = self.quoted.get_or_insert_with(|| QuotedLine::new(delimiter));
        let fields = if quoted.read(raw) { quoted_fields(quoted, self.dialect) } else { Err(Flaw::open_quote()) };
        emit(fields, self.dialect, raw, at, line, sink);
        stop + 1
    }

    fn line_of_long_delimiter(&mut self, bytes: &[u8], at: usize, line: u64, sink: &mut impl RowSink) -> usize {
        let rest = &bytes[at..];
        let stop = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let raw = without_cr(&rest[..stop]);
        if !is_blank(raw) {
            emit(long_delimiter_fields(raw, self.dialect), self.dialect, raw, at, line, sink);
        }
        stop + 1
    }
}

/// The fields of a row that count, with the spaces around them.
struct Fields<'a> {
    user: &'a [u8],
    item: &'a [u8],
    rating: &'a [u8],
}

/// What is wrong with a row. Boxed: bad rows are rare, and a good row should not carry their weight.
struct Flaw {
    code: BadCode,
    field: &'static str,
    problem: String,
}

type Checked<T> = Result<T, Box<Flaw>>;

impl Flaw {
    #[cold]
    fn new(code: BadCode, field: &'static str, problem: String) -> Box<Flaw> {
        Box::new(Flaw { code, field, problem })
    }

    #[cold]
    fn open_quote() -> Box<Flaw> {
        Flaw::new(BadCode::BadQuote, "row", "a quote stays open".into())
    }

    #[cold]
    fn short(columns: usize, dialect: &Dialect) -> Box<Flaw> {
        let needed = 1 + dialect.last_column();
        let problem = format!("the row has {columns} of the {needed} columns that are needed");
        Flaw::new(BadCode::ShortRow, "row", problem)
    }

    #[cold]
    fn long(columns: usize, dialect: &Dialect) -> Box<Flaw> {
        let problem = format!("the row has {columns} columns, the file {}", dialect.columns);
        Flaw::new(BadCode::LongRow, "row", problem)
    }
}

impl Dialect {
    fn last_column(&self) -> usize {
        self.user.max(self.item).max(self.rating.unwrap_or(0))
    }
}

impl<'a> Fields<'a> {
    const EMPTY: Fields<'static> = Fields { user: b"", item: b"", rating: b"" };

    #[inline(always)]
    fn set(&mut self, column: usize, field: &'a [u8], dialect: &Dialect) {
        if column == dialect.user {
            self.user = field;
        } else if column == dialect.item {
            self.item = field;
        } else if Some(column) == dialect.rating {
            self.rating = field;
        }
    }
}

/// The plain path.
#[inline]
fn plain_fields<'a>(line: &'a [u8], delimiter: u8, dialect: &Dialect) -> Checked<Fields<'a>> {
    let last = dialect.last_column();
    let mut fields = Fields::EMPTY;
    let mut rest = line;
    let mut column = 0;
    loop {
        let Some(length) = find(delimiter, rest) else {
            fields.set(column, rest, dialect);
            return if column < last { Err(Flaw::short(column + 1, dialect)) } else { Ok(fields) };
        };
        fields.set(column, &rest[..length], dialect);
        rest = &rest[length + 1..];
        column += 1;
        if column > last {
            break;
        }
    }
    let columns = column + 1 + memchr::memchr_iter(delimiter, rest).count();
    if columns > dialect.columns { Err(Flaw::long(columns, dialect)) } else { Ok(fields) }
}

/// `memchr` for the short fields of a row: most end within eight bytes, where a loop wins.
#[inline(always)]
fn find(delimiter: u8, bytes: &[u8]) -> Option<usize> {
    for (i, &b) in bytes.iter().take(8).enumerate() {
        if b == delimiter {
            return Some(i);
        }
    }
    if bytes.len() <= 8 { None } else { memchr::memchr(delimiter, &bytes[8..]).map(|n| n + 8) }
}

fn quoted_fields<'a>(line: &'a QuotedLine, dialect: &Dialect) -> Checked<Fields<'a>> {
    if line.len() <= dialect.last_column() {
        return Err(Flaw::short(line.len(), dialect));
    }
    if line.len() > dialect.columns {
        return Err(Flaw::long(line.len(), dialect));
    }
    let rating = dialect.rating.map_or(&b""[..], |column| line.field(column));
    Ok(Fields { user: line.field(dialect.user), item: line.field(dialect.item), rating })
}

fn long_delimiter_fields<'a>(line: &'a [u8], dialect: &Dialect) -> Checked<Fields<'a>> {
    let mut fields = Fields::EMPTY;
    let mut columns = 0;
    let mut rest = Some(line);
    while let Some(bytes) = rest {
        let found = find_long(&dialect.delimiter, bytes);
        fields.set(columns, &bytes[..found.unwrap_or(bytes.len())], dialect);
        rest = found.map(|at| &bytes[at + dialect.delimiter.len()..]);
        columns += 1;
    }
    if columns <= dialect.last_column() {
        return Err(Flaw::short(columns, dialect));
    }
    if columns > dialect.columns { Err(Flaw::long(columns, dialect)) } else { Ok(fields) }
}

fn find_long(delimiter: &[u8], bytes: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(length) = find(delimiter[0], &bytes[from..]) {
        if bytes[from + length..].starts_with(delimiter) {
            return Some(from + length);
        }
        from += length + 1;
    }
    None
}

/// From fields to a row, the same for all paths.
#[inline(always)]
fn emit(fields: Checked<Fields<'_>>, dialect: &Dialect, raw: &[u8], at: usize, line: u64, sink: &mut impl RowSink) {
    let byte = at as u64;
    match fields.and_then(|fields| values(&fields, dialect)) {
        Ok((user, item, rating)) => sink.row(RawRow { user, item, rating, byte, line }),
        Err(flaw) => sink.bad(BadRow { code: flaw.code, field: flaw.field, problem: flaw.problem, raw, byte, line }),
    }
}

#[inline(always)]
fn values<'a>(fields: &Fields<'a>, dialect: &Dialect) -> Checked<(RawId<'a>, RawId<'a>, f64)> {
    let user = id(fields.user, "user", dialect.user)?;
    let item = id(fields.item, "item", dialect.item)?;
    let rating = match dialect.rating {
        Some(column) => rating(fields.rating, column)?,
        None => 1.0,
    };
    Ok((user, item, rating))
}

#[inline(always)]
fn id<'a>(field: &'a [u8], name: &'static str, column: usize) -> Checked<RawId<'a>> {
    match ids::number(field) {
        Some(value) => Ok(RawId::Number(value)),
        None => other_id(trim(field), name, column),
    }
}

fn other_id<'a>(field: &'a [u8], name: &'static str, column: usize) -> Checked<RawId<'a>> {
    let refuse = |code, what: &str| Err(Flaw::new(code, name, format!("{name} {what} (column {})", column + 1)));
    if field.is_empty() {
        return refuse(BadCode::EmptyId, "is empty");
    }
    if field.len() > MAX_ID_BYTES {
        return refuse(BadCode::LongId, &format!("has {} bytes, more than {MAX_ID_BYTES}", field.len()));
    }
    match (ids::number(field), std::str::from_utf8(field)) {
        (Some(value), _) => Ok(RawId::Number(value)),
        (None, Ok(text)) => Ok(RawId::Text(text)),
        (None, Err(_)) => refuse(BadCode::BadUtf8, &format!("{:?} is not valid UTF-8", shorten(field))),
    }
}

#[inline(always)]
fn rating(field: &[u8], column: usize) -> Checked<f64> {
    match decimal(field) {
        Some(value) if value <= MAX_RATING => Ok(value),
        _ => other_rating(trim(field), column),
    }
}

fn other_rating(field: &[u8], column: usize) -> Checked<f64> {
    let refuse = |code, what: &str| {
        let value = if field.is_empty() { String::new() } else { format!("{:?} ", shorten(field)) };
        Err(Flaw::new(code, "rating", format!("rating {value}{what} (column {})", column + 1)))
    };
    if field.is_empty() {
        return refuse(BadCode::BadRating, "is empty");
    }
    match std::str::from_utf8(field).ok().and_then(|text| text.parse::<f64>().ok()) {
        None => refuse(BadCode::BadRating, "is not a number"),
        Some(value) if !value.is_finite() => refuse(BadCode::NotFinite, "is not finite"),
        Some(value) if value < 0.0 => refuse(BadCode::Negative, "is negative"),
        Some(value) if value > MAX_RATING => refuse(BadCode::TooLarge, "is larger than 1e15"),
        // Adding 0 turns −0 into 0.
        Some(value) => Ok(value + 0.0),
    }
}

/// Powers of ten that are exact in an `f64`.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A short plain decimal (`4`, `3.5`, `.5`, `5.`), correctly rounded; `None` for anything else, number or not.
#[inline(always)]
pub fn decimal(field: &[u8]) -> Option<f64> {
    // 18 digits fit in a u64.
    if field.is_empty() || field.len() > 19 {
        return None;
    }
    let mut mantissa = 0u64;
    let mut point = None;
    for (i, &b) in field.iter().enumerate() {
        let digit = b.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(digit as u64);
        } else if b == b'.' && point.is_none() && field.len() > 1 {
            point = Some(i);
        } else {
            return None;
        }
    }
    if mantissa >= 1 << 53 || (point.is_none() && field.len() > 18) {
        return None;
    }
    let places = point.map_or(0, |i| field.len() - 1 - i);
    Some(if places == 0 { mantissa as f64 } else { mantissa as f64 / POWERS[places] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Default, PartialEq)]
    struct Collected {
        /// User, item, bits of the rating, byte.
        rows: Vec<(Id, Id, u64, u64)>,
        bad: Vec<(BadCode, &'static str, String, u64)>,
        /// Line numbers of rows and bad rows, as counted in their range.
        lines: Vec<u64>,
    }

    impl RowSink for Collected {
        fn row(&mut self, row: RawRow<'_>) {
            self.rows.push((row.user.into(), row.item.into(), row.rating.to_bits(), row.byte));
            self.lines.push(row.line);
        }

        fn bad(&mut self, bad: BadRow<'_>) {
            self.bad.push((bad.code, bad.field, bad.problem, bad.byte));
            self.lines.push(bad.line);
        }
    }

    fn dialect(delimiter: &str, columns: usize) -> Dialect {
        let delimiter = delimiter.as_bytes().to_vec();
        Dialect { delimiter, data_start: 0, columns, user: 0, item: 1, rating: Some(2) }
    }

    fn read(text: &[u8], dialect: &Dialect) -> Collected {
        let mut sink = Collected::default();
        scan(text, &Range { file: 0, start: 0, end: text.len() as u64 }, dialect, &mut sink);
        sink
    }

    fn codes(text: &[u8]) -> Vec<(BadCode, String)> {
        read(text, &dialect(",", 3)).bad.into_iter().map(|b| (b.0, b.2)).collect()
    }

    #[test]
    fn rows_of_all_kinds() {
        let text = "1,2,3\r\n\r\n  \n 07 ,\"a,b\", 4.5 \n9223372036854775807,x y,1e2\n3,4,5";
        let read = read(text.as_bytes(), &dialect(",", 3));
        let rows: Vec<_> = read.rows.iter().map(|r| (r.0.to_string(), r.1.to_string(), f64::from_bits(r.2))).collect();
        let expected = [("1", "2", 3.0), ("07", "a,b", 4.5), ("9223372036854775807", "x y", 100.0), ("3", "4", 5.0)];
        assert_eq!(rows, expected.map(|(u, i, r)| (u.to_string(), i.to_string(), r)));
        assert_eq!(read.lines, [0, 3, 4, 5]);
        assert!(read.bad.is_empty());
        assert_eq!(read.rows[0].0, Id::Number(1));
        assert_eq!(read.rows[1].0, Id::Text("07".into()));
    }

    #[test]
    fn what_is_bad_is_said() {
        let long = "x".repeat(257);
        let text = format!(
            "1,2,abc\n1,2\n1,2,3,4\n ,2,3\n1,,3\n1,2,\n1,2,inf\n1,2,NaN\n1,2,1e999\n1,2,-0.5\n{long},2,3\n1,\"2,3\n"
        );
        use BadCode::*;
        let expected = [
            (BadRating, "rating \"abc\" is not a number (column 3)".to_string()),
            (ShortRow, "the row has 2 of the 3 columns that are needed".into()),
            (LongRow, "the row has 4 columns, the file 3".into()),
            (EmptyId, "user is empty (column 1)".into()),
            (EmptyId, "item is empty (column 2)".into()),
            (BadRating, "rating is empty (column 3)".into()),
            (NotFinite, "rating \"inf\" is not finite (column 3)".into()),
            (NotFinite, "rating \"NaN\" is not finite (column 3)".into()),
            (NotFinite, "rating \"1e999\" is not finite (column 3)".into()),
            (Negative, "rating \"-0.5\" is negative (column 3)".into()),
            (LongId, "user has 257 bytes, more than 256".to_string() + " (column 1)"),
            (BadQuote, "a quote stays open".into()),
        ];
        assert_eq!(codes(text.as_bytes()), expected);
        assert_eq!(codes(b"1,\xff\xfe,3\n")[0].0, BadUtf8);
        assert_eq!(read(b"1,2,-0\n", &dialect(",", 3)).rows[0].2, 0);
    }

    #[test]
    fn columns_may_stand_anywhere() {
        let text = b"x,7,y,4.5,u1,z\n";
        let dialect = Dialect { user: 4, item: 1, rating: Some(3), ..dialect(",", 6) };
        let expected = (Id::Text("u1".into()), Id::Number(7), 4.5f64.to_bits(), 0);
        assert_eq!(read(text, &dialect).rows, [expected]);
        let counted = Dialect { rating: None, ..dialect };
        assert_eq!(read(text, &counted).rows[0].2, 1f64.to_bits());
    }

    #[test]
    fn long_delimiters() {
        let read = read(b"1::2:::3::4\n5::6::1\n", &dialect("::", 4));
        assert_eq!(read.rows.len(), 1);
        assert_eq!(read.bad[0].2, "rating \":3\" is not a number (column 3)");
    }

    #[test]
    fn movielens_100k_as_it_is() {
        let Some(path) = crate::ingest::movielens_100k("u.data") else { return };
        let bytes = std::fs::read(&path).unwrap();
        let spec = crate::job::FilesSpec {
            ratings: vec![path.clone()],
            delimiter: None,
            header: None,
            user: crate::job::Column::Index(0),
            item: crate::job::Column::Index(1),
            rating: crate::job::RatingColumn::Default,
        };
        let found = crate::ingest::dialect::detect(&spec, &path, &bytes).unwrap();
        assert_eq!(found, dialect("\t", 4));
        let mut sink = Collected::default();
        for range in cut(&[InputFile { path, bytes: bytes.len() as u64 }], 3) {
            scan(&bytes, &range, &found, &mut sink);
        }
        assert_eq!(sink.rows.len(), 100_000);
        assert_eq!(sink.rows.iter().map(|r| f64::from_bits(r.2)).sum::<f64>(), 352_986.0);
        assert!(sink.bad.is_empty());
    }

    #[test]
    fn the_ranges_cover_every_byte_once() {
        for (sizes, peers) in [(vec![0, 5], 3), (vec![10 << 20, 1, 0, 700 << 20], 4), (vec![1 << 30], 1)] {
            let files: Vec<_> = sizes.iter().map(|&bytes| InputFile { path: "f".into(), bytes }).collect();
            let ranges = cut(&files, peers);
            for (file, &bytes) in sizes.iter().enumerate() {
                let of_file: Vec<_> = ranges.iter().filter(|r| r.file == file as u32).collect();
                assert_eq!(of_file.iter().map(|r| r.end - r.start).sum::<u64>(), bytes);
                assert!(of_file.windows(2).all(|w| w[0].end == w[1].start));
                assert!(of_file.iter().all(|r| r.start < r.end && r.end - r.start <= LARGEST_RANGE));
            }
            let total: u64 = sizes.iter().sum();
            assert!(ranges.len() as u64 >= (RANGES_PER_PEER * peers as u64).min(total / SMALLEST_RANGE));
        }
    }

    /// What the `csv` crate and the standard library make of a text, row by row.
    fn reference(text: &[u8], dialect: &Dialect) -> (Vec<(Id, Id, u64)>, usize) {
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(dialect.delimiter[0])
            .terminator(csv::Terminator::Any(b'\n'))
            .from_reader(text);
        let (mut rows, mut bad) = (Vec::new(), 0);
        for record in reader.byte_records() {
            match reference_row(&record.unwrap(), dialect) {
                Some(row) => rows.push(row),
                None => bad += 1,
            }
        }
        (rows, bad)
    }

    fn reference_row(record: &csv::ByteRecord, dialect: &Dialect) -> Option<(Id, Id, u64)> {
        if record.len() > dialect.columns {
            return None;
        }
        let field = |i: usize| Some(std::str::from_utf8(record.get(i)?).ok()?.trim_matches([' ', '\t']));
        let id = |i: usize| field(i).filter(|t| !t.is_empty() && t.len() <= MAX_ID_BYTES).map(Id::parse);
        let rating = field(dialect.rating?)?.parse::<f64>().ok().filter(|r| (0.0..=MAX_RATING).contains(r))?;
        Some((id(dialect.user)?, id(dialect.item)?, (rating + 0.0).to_bits()))
    }

    fn cell() -> impl Strategy<Value = String> {
        prop_oneof![
            3 => "[0-9]{1,20}",
            3 => "[0-9]{0,8}\\.?[0-9]{0,8}",
            1 => "-?[0-9]{1,3}(e-?[0-9]{1,3})?",
            1 => "[ a-zé,\t.;|\"-]{0,12}",
            1 => " ?(inf|nan|1e400|0|-0) ?",
        ]
    }

    fn table() -> impl Strategy<Value = Vec<Vec<String>>> {
        prop::collection::vec(prop::collection::vec(cell(), 2..6), 1..20)
    }

    fn write(table: &[Vec<String>], delimiter: u8, style: csv::QuoteStyle) -> Vec<u8> {
        let mut writer =
            csv::WriterBuilder::new().flexible(true).delimiter(delimiter).quote_style(style).from_writer(Vec::new());
        for row in table {
            writer.write_record(row).unwrap();
        }
        writer.into_inner().unwrap()
    }

    proptest! {
        #[test]
        fn the_scanner_reads_what_the_csv_crate_reads(
            table in table(), columns in 3usize..6, order in 0usize..6, delimiter in prop::sample::select(b",;|".to_vec()),
        ) {
            let (user, item, rating) = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)][order];
            let dialect = Dialect { delimiter: vec![delimiter], data_start: 0, columns, user, item, rating: Some(rating) };
            let written = [csv::QuoteStyle::Necessary, csv::QuoteStyle::Always].map(|s| write(&table, delimiter, s));
            let (plain, quoted) = (read(&written[0], &dialect), read(&written[1], &dialect));
            let rows = |c: &Collected| c.rows.iter().map(|r| (r.0.clone(), r.1.clone(), r.2)).collect::<Vec<_>>();
            let bad = |c: &Collected| c.bad.iter().map(|b| (b.0, b.1, b.2.clone())).collect::<Vec<_>>();
            prop_assert_eq!(rows(&plain), rows(&quoted));
            prop_assert_eq!(bad(&plain), bad(&quoted));
            prop_assert_eq!((rows(&plain), plain.bad.len()), reference(&written[0], &dialect));
        }

        #[test]
        fn any_text_gives_the_same_rows_for_any_cut(
            text in "([0-9]{1,3},[0-9]{1,3},[1-5](\r?\n)|[0-9,\"\n\r a]{0,6}){0,12}",
            header in 0usize..8,
            cuts in prop::collection::vec(0usize..60, 0..6),
            long in any::<bool>(),
        ) {
            let text = if long { text.replace(',', "::") } else { text };
            let data_start = text.as_bytes().iter().take(header).rposition(|&b| b == b'\n').map_or(0, |i| i as u64 + 1);
            let dialect = Dialect { data_start, ..dialect(if long { "::" } else { "," }, 3) };
            let whole = read(text.as_bytes(), &dialect);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|c| c.min(text.len())).chain([0, text.len()]).collect();
            cuts.sort();
            let (mut pieces, mut lines) = (Collected::default(), 0);
            for pair in cuts.windows(2) {
                let range = Range { file: 0, start: pair[0] as u64, end: pair[1] as u64 };
                let before = pieces.lines.len();
                let seen = scan(text.as_bytes(), &range, &dialect, &mut pieces);
                pieces.lines[before..].iter_mut().for_each(|line| *line += lines);
                lines += seen;
            }
            prop_assert_eq!(&pieces, &whole);
            prop_assert_eq!(lines as usize, text[data_start as usize..].lines().count());
        }

        #[test]
        fn numbers_parsed_by_hand_are_correctly_rounded(text in "[0-9]{0,20}(\\.[0-9]{0,20})?|\\PC{0,5}") {
            if let Some(value) = decimal(text.as_bytes()) {
                prop_assert_eq!(text.parse::<f64>().map(f64::to_bits), Ok(value.to_bits()));
            }
        }

        #[test]
        fn short_ratings_are_parsed_by_hand(whole in 0u32..1_000_000, places in "[0-9]{0,6}") {
            let text = format!("{whole}.{places}");
            prop_assert!(decimal(text.as_bytes()).is_some());
            prop_assert!(decimal(whole.to_string().as_bytes()).is_some());
        }
    }
}
