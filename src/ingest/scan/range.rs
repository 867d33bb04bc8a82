//! A range of a text to its rows: the plain path for the lines that it can read, the general one for the others.

use serde::{Deserialize, Serialize};

use super::line::Lines;
use super::plain::{Columns, Plain, UserItemRating};
use super::row::{RawId, RawRow, Rest, RowSink};
use crate::ingest::dialect::Dialect;

/// A piece of a file: the lines that start at `start <= byte < end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    pub start: u64,
    pub end: u64,
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
                let rest = Rest::Line { text: bytes, at };
                sink.row(RawRow { user, item, rating: row.rating, time: row.time, byte: at as u64, line, rest });
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
