//! Any line to a row, a bad row, or nothing.
//!
//! Most lines hold no quote: their fields are pieces of the line. A line with a `"` goes through the state machine of
//! [`crate::ingest::fields`]; both give the same row for the same fields.

use super::bad::{BadRow, Checked, Flaw};
use super::row::{RawId, RawRow, Rest, RowSink};
use super::values::{id, rating, time};
use crate::ingest::dialect::{Dialect, TimeColumn};
use crate::ingest::fields::{QuotedLine, is_blank, without_cr};

/// Reads any line.
pub struct Lines<'d> {
    dialect: &'d Dialect,
    /// Made at the first quote.
    quoted: Option<QuotedLine>,
}

impl<'d> Lines<'d> {
    pub fn new(dialect: &'d Dialect) -> Lines<'d> {
        Lines { dialect, quoted: None }
    }

    /// Reads the line at `at`; returns its length with the line end.
    pub fn read(&mut self, bytes: &[u8], at: usize, line: u64, sink: &mut impl RowSink) -> usize {
        match self.dialect.delimiter[..] {
            [delimiter] => self.line(bytes, at, line, delimiter, sink),
            _ => self.line_of_long_delimiter(bytes, at, line, sink),
        }
    }

    fn line(&mut self, bytes: &[u8], at: usize, line: u64, delimiter: u8, sink: &mut impl RowSink) -> usize {
        let rest = &bytes[at..];
        let stop = memchr::memchr2(b'\n', b'"', rest).unwrap_or(rest.len());
        if stop < rest.len() && rest[stop] == b'"' {
            return self.quoted_line(rest, stop, at, line, delimiter, sink);
        }
        let raw = without_cr(&rest[..stop]);
        if !is_blank(raw) {
            emit(unquoted_fields(raw, delimiter, self.dialect), self.dialect, raw, at, line, sink);
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
    time: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields that the names of folders give.
    #[inline(always)]
    fn of_partitions(dialect: &'a Dialect) -> Fields<'a> {
        if dialect.partitions.is_empty() {
            return Fields { user: b"", item: b"", rating: b"", time: b"" };
        }
        let value = |column| dialect.partition(column).unwrap_or_default().as_bytes();
        Fields {
            user: value(dialect.user),
            item: value(dialect.item),
            rating: dialect.rating.map_or(b"", value),
            time: dialect.time.map_or(b"", |time| value(time.column)),
        }
    }

    #[inline(always)]
    fn set(&mut self, column: usize, field: &'a [u8], dialect: &Dialect) {
        if column == dialect.user {
            self.user = field;
        } else if column == dialect.item {
            self.item = field;
        } else if Some(column) == dialect.rating {
            self.rating = field;
        } else if dialect.time.is_some_and(|time| time.column == column) {
            self.time = field;
        }
    }
}

/// The fields of a line without quotes.
#[inline]
fn unquoted_fields<'a>(line: &'a [u8], delimiter: u8, dialect: &'a Dialect) -> Checked<Fields<'a>> {
    let last = dialect.last_column();
    let mut fields = Fields::of_partitions(dialect);
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

fn quoted_fields<'a>(line: &'a QuotedLine, dialect: &'a Dialect) -> Checked<Fields<'a>> {
    if line.len() <= dialect.last_column() {
        return Err(Flaw::short(line.len(), dialect));
    }
    if line.len() > dialect.columns {
        return Err(Flaw::long(line.len(), dialect));
    }
    let mut fields = Fields::of_partitions(dialect);
    let time = dialect.time.map(|time| time.column);
    for column in [Some(dialect.user), Some(dialect.item), dialect.rating, time].into_iter().flatten() {
        if column < line.len() && dialect.partition(column).is_none() {
            fields.set(column, line.field(column), dialect);
        }
    }
    Ok(fields)
}

fn long_delimiter_fields<'a>(line: &'a [u8], dialect: &'a Dialect) -> Checked<Fields<'a>> {
    let mut fields = Fields::of_partitions(dialect);
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
        Ok((user, item, rating, time)) => {
            let rest = Rest::Line { text: raw, at: 0 };
            sink.row(RawRow { user, item, rating, time, byte, line, rest });
        }
        Err(flaw) => sink.bad(BadRow { code: flaw.code, field: flaw.field, problem: flaw.problem, raw, byte, line }),
    }
}

#[inline(always)]
fn values<'a>(fields: &Fields<'a>, dialect: &Dialect) -> Checked<(RawId<'a>, RawId<'a>, f64, i64)> {
    let user = id(fields.user, "user", dialect.user)?;
    let item = id(fields.item, "item", dialect.item)?;
    let rating = match dialect.rating {
        Some(column) => rating(fields.rating, column, &dialect.reading)?,
        None => 1.0,
    };
    let time = match dialect.time {
        Some(TimeColumn { column, unit }) => time(fields.time, column, unit)?,
        None => 0,
    };
    Ok((user, item, rating, time))
}
