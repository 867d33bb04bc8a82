//! Bytes as they come to lines.
//!
//! A piece of a line waits for its end, so no line is ever taken by halves. Of a line longer than [`MOST_LINE`] only the
//! beginning is kept.

use super::feed::{Chunk, Line, Place};
use super::parser::Parser;
use crate::ingest::rejects::RAW_BYTES;

/// The longest line that is read, in bytes without its line feed.
pub const MOST_LINE: usize = 1 << 20;

/// Cuts a stream into lines and parses them.
pub struct Lines {
    parser: Parser,
    /// Of the line whose end has not come, as much as is kept.
    piece: Vec<u8>,
    /// Bytes of that line so far.
    length: u64,
    /// Where it begins.
    begin: u64,
    /// Lines before it.
    number: u64,
}

impl Lines {
    /// From `begin` on, where the next line begins; `number` lines are before it.
    pub fn new(parser: Parser, begin: u64, number: u64) -> Lines {
        Lines { parser, piece: Vec::new(), length: 0, begin, number }
    }

    /// Where the bytes taken so far end.
    pub fn end(&self) -> u64 {
        self.begin + self.length
    }

    /// Lines so far, but for the piece.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The lines that end in `bytes`, which follow those before.
    pub fn take(&mut self, bytes: &[u8], place: Place) -> Chunk {
        let mut chunk = Chunk { place, first: self.number, lines: Vec::new() };
        let mut rest = bytes;
        while let Some(at) = memchr::memchr(b'\n', rest) {
            let (end, after) = rest.split_at(at);
            self.line(end, &mut chunk.lines);
            rest = &after[1..];
        }
        self.keep(rest);
        chunk
    }

    /// The stream is at its end: what has no line feed is a line all the same.
    pub fn finish(&mut self, place: Place) -> Chunk {
        let mut chunk = Chunk { place, first: self.number, lines: Vec::new() };
        if self.length > 0 {
            self.line(b"", &mut chunk.lines);
            // There was no line feed.
            self.begin -= 1;
            chunk.lines.iter_mut().for_each(|line| line.after -= 1);
        }
        chunk
    }

    /// The stream has broken off: what has no line feed is rejected.
    pub fn break_off(&mut self, place: Place) -> Chunk {
        let mut chunk = Chunk { place, first: self.number, lines: Vec::new() };
        if self.length > 0 {
            let parsed = self.parser.cut_off(&self.piece);
            chunk.lines.push(Line { parsed, begin: self.begin, after: self.end() });
            self.piece.clear();
            self.begin += std::mem::take(&mut self.length);
            self.number += 1;
        }
        chunk
    }

    fn keep(&mut self, bytes: &[u8]) {
        self.length += bytes.len() as u64;
        let most = if self.is_long() { RAW_BYTES } else { MOST_LINE };
        let room = most.saturating_sub(self.piece.len());
        self.piece.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.piece.truncate(most);
    }

    fn is_long(&self) -> bool {
        self.length > MOST_LINE as u64
    }

    /// The line that ends with `end`.
    fn line(&mut self, end: &[u8], lines: &mut Vec<Line>) {
        let parsed = if self.length == 0 && end.len() <= MOST_LINE {
            self.length = end.len() as u64;
            self.parser.line(end)
        } else {
            self.keep(end);
            if self.is_long() { self.parser.too_long(&self.piece) } else { self.parser.line(&self.piece) }
        };
        self.piece.clear();
        let after = self.begin + std::mem::take(&mut self.length) + 1;
        lines.push(Line { parsed, begin: self.begin, after });
        self.begin = after;
        self.number += 1;
    }
}
