//! A row as it is read, and where rows go.

use std::cell::Cell;

use super::bad::BadRow;
use crate::ingest::ids::Id;

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
    /// Microseconds since 1970; 0 where the job uses no times.
    pub time: i64,
    /// Where the line starts in the file.
    pub byte: u64,
    /// Which line of the range it is, from 0, header not counted.
    pub line: u64,
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
