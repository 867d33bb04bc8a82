//! The scanner: bytes of a text file to rows, in ranges that workers read side by side.
//!
//! A file is cut at any bytes; a range owns the lines that *start* in it, and reads the last of them to its end in the
//! next range. So every line belongs to exactly one range, and the rows are the same for any cut.
//!
//! Lines of plain numbers take a path of their own ([`plain`]), all others the general one ([`line`]), which gives the same
//! row for a plain line. Nothing is allocated for a good row without quotes. Rules of both:
//!
//! - Spaces and tabs around an id or a rating are no part of it.
//! - A rating is whatever Rust's `f64` parses to something finite and not negative, correctly rounded; −0 is 0.
//! - Digits with at most one point, worth less than 2⁵³ without it and with at most 22 digits after it, are parsed by
//!   hand: mantissa and power of ten are then exact, so one division rounds correctly (Clinger 1990).
//! - A row may have fewer columns than its file as long as user, item and rating are there, but not more.
//! - Lines that are empty, or only spaces, are counted but are no rows.

mod bad;
mod block;
mod line;
mod number;
mod plain;
mod values;

use std::cell::Cell;

use serde::{Deserialize, Serialize};

use super::dialect::Dialect;
use super::ids::Id;
pub use bad::{BadCode, BadRow, Checked, Flaw};
use line::Lines;
pub use number::MAX_RATING;
use plain::{Columns, Plain, UserItemRating};
pub use values::{bad_time, id, rating, time};

/// A piece of a file: the lines that start at `start <= byte < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub start: u64,
    pub end: u64,
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
    /// A text that may come again and again, as those of a dictionary do. What one sink calls it can be kept beside it;
    /// 0 until then.
    Again {
        text: &'a str,
        key: &'a Cell<u64>,
    },
}

impl From<RawId<'_>> for Id {
    fn from(raw: RawId<'_>) -> Id {
        match raw {
            RawId::Number(value) => Id::Number(value),
            RawId::Text(text) | RawId::Again { text, .. } => Id::Text(text.into()),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawRow<'a> {
    pub user: RawId<'a>,
    pub item: RawId<'a>,
    /// Finite, not negative; 1 where the file has no ratings.
    pub rating: f64,
    /// Microseconds since 1970; 0 where nobody asks for it.
    pub time: i64,
    /// Where the line starts in the file.
    pub byte: u64,
    /// Which line of the range it is, from 0, header not counted.
    pub line: u64,
}

/// Passes rows on with other places: `bytes` is what lies before the text they were read in.
pub struct Shifted<'s, S> {
    pub sink: &'s mut S,
    pub bytes: u64,
}

impl<S: RowSink> RowSink for Shifted<'_, S> {
    #[inline(always)]
    fn row(&mut self, row: RawRow<'_>) {
        self.sink.row(RawRow { byte: row.byte + self.bytes, ..row });
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        self.sink.bad(BadRow { byte: bad.byte + self.bytes, ..bad });
    }
}

/// Hands every row of a range to `sink`, in order. `bytes` is the whole file. Returns the number of lines that start in
/// the range, blank ones included.
pub fn scan(bytes: &[u8], range: &Range, dialect: &Dialect, sink: &mut impl RowSink) -> u64 {
    match (dialect.user, dialect.item, dialect.rating, dialect.time) {
        (0, 1, Some(2), None) => scan_with(Plain::new(UserItemRating, dialect), bytes, range, dialect, sink),
        _ => scan_with(Plain::new(dialect, dialect), bytes, range, dialect, sink),
    }
}

/// [`scan`] without the plain path, which must not make a difference.
#[cfg(any(test, fuzzing))]
pub(crate) fn scan_generally(bytes: &[u8], range: &Range, dialect: &Dialect, sink: &mut impl RowSink) -> u64 {
    scan_with(None::<Plain<UserItemRating>>, bytes, range, dialect, sink)
}

fn scan_with<C: Columns>(
    plain: Option<Plain<C>>,
    bytes: &[u8],
    range: &Range,
    dialect: &Dialect,
    sink: &mut impl RowSink,
) -> u64 {
    let mut lines = Lines::new(dialect);
    let end = bytes.len().min(range.end as usize);
    let mut at = first_line(bytes, range.start.max(dialect.data_start) as usize, dialect.data_start as usize);
    let mut line = 0;
    while at < end {
        at += match plain.and_then(|plain| plain.read(bytes, at)) {
            Some(row) => {
                let (user, item) = (RawId::Number(row.user), RawId::Number(row.item));
                sink.row(RawRow { user, item, rating: row.rating, time: row.time, byte: at as u64, line });
                row.length
            }
            None => lines.read(bytes, at, line, sink),
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

#[cfg(test)]
mod tests;
