//! A piece of a text that is not mapped.

use crate::error::Result;
use crate::ingest::dialect::Dialect;
use crate::ingest::plan::PlannedFile;
use crate::ingest::scan::{self, Range, RowSink, Shifted};
use crate::ingest::source::{Bytes, Opened, failed};

/// More than almost every line has.
const LINE: u64 = 4 << 10;

/// A piece of a file that is not mapped.
pub struct Piece {
    /// Where in the file it begins.
    start: u64,
    bytes: Bytes,
}

impl Piece {
    /// Fetches a range with the whole of its last line.
    pub fn fetch(opened: &Opened, range: &Range, planned: &PlannedFile) -> Result<Piece> {
        let (start, mut length) = fetched_range(range, planned);
        let get = |length| opened.read_at(start, length).map_err(|e| failed(&planned.file.path, &e));
        let mut bytes = get(length)?;
        let last = (range.end - 1 - start) as usize;
        let is_whole = |bytes: &Bytes| memchr::memchr(b'\n', bytes.get(last..).unwrap_or_default()).is_some();
        while start + length < planned.file.bytes && !is_whole(&bytes) {
            length = (length + length).min(planned.file.bytes - start);
            bytes = get(length)?;
        }
        Ok(Piece { start, bytes })
    }

    /// Hands the rows of `range`, for which the piece was fetched, to `sink`.
    pub fn scan(&self, range: &Range, dialect: &Dialect, sink: &mut impl RowSink) {
        let dialect = Dialect { data_start: dialect.data_start.saturating_sub(self.start), ..dialect.clone() };
        let inner = Range { start: range.start - self.start, end: range.end - self.start };
        scan::scan(&self.bytes, &inner, &dialect, &mut Shifted { sink, bytes: self.start });
    }
}

/// Announces that a range will be fetched soon.
pub fn prefetch(opened: &Opened, range: &Range, planned: &PlannedFile) {
    let (start, length) = fetched_range(range, planned);
    opened.prefetch(start, length);
}

/// What is fetched for a range: a byte before it, which tells whether a line starts there, and room for its last line.
fn fetched_range(range: &Range, planned: &PlannedFile) -> (u64, u64) {
    let start = range.start.saturating_sub(1);
    (start, (range.end + LINE).min(planned.file.bytes) - start)
}
