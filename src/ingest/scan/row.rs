//! A row as it is read, and where rows go.

use std::cell::Cell;
use std::fmt;

use super::bad::BadRow;
use crate::ingest::ids::{self, Id};

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
    /// A text that may occur many times, as those of a dictionary do. One sink can keep its key for the text here; 0
    /// until then.
    Again {
        text: &'a str,
        key: &'a Cell<u64>,
    },
}

impl RawId<'_> {
    /// [`Id::key`].
    pub fn key(self, hash_seed: u64) -> u64 {
        match self {
            RawId::Number(value) => value,
            RawId::Text(text) | RawId::Again { text, .. } => ids::text_key(text.as_bytes(), hash_seed),
        }
    }
}

impl From<RawId<'_>> for Id {
    fn from(raw: RawId<'_>) -> Id {
        match raw {
            RawId::Number(value) => Id::Number(value),
            RawId::Text(text) | RawId::Again { text, .. } => Id::Text(text.into()),
        }
    }
}

/// The columns of a row that are no ids, numbers or times, for a sink that wants to read them.
#[derive(Clone, Copy)]
pub enum Rest<'a> {
    /// The row is the line of a text that starts at `at`.
    Line { text: &'a [u8], at: usize },
    /// The row has a number among others, in columns.
    Row { of: &'a dyn Cells, row: usize },
}

/// Columns of rows.
pub trait Cells {
    /// What a row has in the `at`-th column of those that the layout lists; empty where it has nothing.
    fn text(&self, at: usize, row: usize) -> String;
}

impl fmt::Debug for Rest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Rest::Line { at, .. } => write!(f, "the line at {at}"),
            Rest::Row { row, .. } => write!(f, "row {row}"),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub struct RawRow<'a> {
    pub user: RawId<'a>,
    pub item: RawId<'a>,
    /// Finite; not negative, unless it is a return; 1 where the file has no ratings.
    pub rating: f64,
    /// Microseconds since 1970; 0 where the job uses no times.
    pub time: i64,
    /// Where the line starts in the file.
    pub byte: u64,
    /// Which line of the range it is, from 0, header not counted.
    pub line: u64,
    pub rest: Rest<'a>,
}

/// Passes rows on with places in the whole file: `bytes` bytes come before the text that they were read in.
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
