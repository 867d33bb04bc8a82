//! The lines of a piece of a packed text.

use std::io::{self, Read};

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

/// Bytes passed over at a time.
const BUFFER: usize = 16 << 10;

impl Frames {
    /// Hands the rows of the piece to `sink`.
    pub fn scan(
        &self,
        planned: &PlannedFile,
        codec: Codec,
        dialect: &Dialect,
        sink: &mut impl RowSink,
    ) -> crate::error::Result<()> {
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
    text: R,
    /// What was read of the text already.
    ahead: Vec<u8>,
    /// The next byte, in the text of the whole file.
    at: u64,
    /// A line that starts here is the last.
    last: u64,
    is_done: bool,
}

impl<R: Read> Lines<R> {
    fn of(text: R, piece: &Frames) -> Lines<R> {
        Lines { text, ahead: Vec::new(), at: piece.start.text, last: piece.end.text, is_done: false }
    }

    /// Passes over a line that began before the piece.
    fn pass_over_line(&mut self) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            let read = read_some(&mut self.text, &mut buffer)?;
            if read == 0 {
                self.is_done = true;
                return Ok(());
            }
            let end = memchr::memchr(b'\n', &buffer[..read]).map(|end| end + 1);
            self.at += end.unwrap_or(read) as u64;
            if let Some(end) = end {
                self.ahead = buffer[end..read].to_vec();
                self.is_done = self.at > self.last;
                return Ok(());
            }
        }
    }
}

fn read_some(text: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match text.read(buffer) {
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

impl<R: Read> Read for Lines<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.is_done {
            return Ok(0);
        }
        let mut read = if self.ahead.is_empty() {
            self.text.read(buffer)?
        } else {
            let given = self.ahead.len().min(buffer.len());
            buffer[..given].copy_from_slice(&self.ahead[..given]);
            self.ahead.drain(..given);
            given
        };
        // The first end of a line at or after the last start.
        let from = self.last.saturating_sub(self.at).min(read as u64) as usize;
        if let Some(end) = memchr::memchr(b'\n', &buffer[from..read]) {
            (read, self.is_done) = (from + end + 1, true);
        }
        self.at += read as u64;
        Ok(read)
    }
}
