//! The lines of a piece of a packed text.

use std::io::{self, BufRead, BufReader, Read};

use crate::error::Result;
use crate::ingest::dialect::Dialect;
use crate::ingest::plan::PlannedFile;
use crate::ingest::scan::{RowSink, Shifted};
use crate::ingest::source::{Codec, Cut, failed};
use crate::ingest::stream;

/// Between two places at which a file can be cut. It has the lines that start after the first one, up to and with one that starts
/// at the second: whether a line starts at the first is told by the piece before it alone. The first piece of a file has the
/// line at its start too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frames {
    pub start: Cut,
    pub end: Cut,
}

impl Frames {
    /// Bytes of the file.
    pub fn bytes(&self) -> u64 {
        self.end.packed - self.start.packed
    }

    /// Hands the rows of the piece to `sink`.
    pub fn scan(&self, planned: &PlannedFile, codec: Codec, dialect: &Dialect, sink: &mut impl RowSink) -> Result<()> {
        let unreadable = |e: io::Error| failed(&planned.file.path, &e);
        let raw = planned.file.open()?.stream_from(self.start.packed);
        let mut lines = Lines::of(codec.unpack(raw).map_err(unreadable)?, self);
        if self.start.text == 0 {
            return stream::scan(Box::new(lines), dialect, sink).map_err(unreadable);
        }
        lines.pass_over_line().map_err(unreadable)?;
        let dialect = Dialect { data_start: 0, ..dialect.clone() };
        let bytes = lines.at;
        stream::scan(Box::new(lines), &dialect, &mut Shifted { sink, bytes }).map_err(unreadable)
    }
}

/// The text from a line's start to the end of the last line of a piece.
struct Lines<R> {
    text: BufReader<R>,
    /// The next byte, in the text of the whole file.
    at: u64,
    /// A line that starts here is the last.
    last: u64,
    is_done: bool,
}

impl<R: Read> Lines<R> {
    fn of(text: R, piece: &Frames) -> Lines<R> {
        Lines { text: BufReader::new(text), at: piece.start.text, last: piece.end.text, is_done: false }
    }

    /// Passes over a line that began before the piece.
    fn pass_over_line(&mut self) -> io::Result<()> {
        self.at += self.text.skip_until(b'\n')? as u64;
        self.is_done = self.at > self.last;
        Ok(())
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_done {
            return Ok(0);
        }
        let mut read = self.text.read(buffer)?;
        // The first end of a line at or after the last start.
        let from = self.last.saturating_sub(self.at).min(read as u64) as usize;
        if let Some(end) = memchr::memchr(b'\n', &buffer[from..read]) {
            (read, self.is_done) = (from + end + 1, true);
        }
        self.at += read as u64;
        Ok(read)
    }
}
