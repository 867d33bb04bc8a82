//! The number and the text of a line, counted only for the few lines that are shown or written.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::fields::without_cr;
use super::plan::{Format, PlannedFile};
use super::source::failed;
use crate::error::Result;

/// The longest piece of a bad line that is kept, in bytes.
pub const RAW_BYTES: usize = 1000;

/// Number of the line, from 1, that the byte at offset `byte` is in.
pub fn line_of(planned: &PlannedFile, byte: u64) -> Result<u64> {
    LineCounter::open(planned)?.line_of(byte)
}

/// Counts the lines of a file up to rising offsets.
pub struct LineCounter<'p> {
    path: &'p Path,
    /// `None` where rows are no lines, and numbered anyway.
    text: Option<BufReader<Box<dyn Read + Send>>>,
    at: u64,
    newlines: u64,
    /// The beginning of the line last read.
    line: Vec<u8>,
}

impl<'p> LineCounter<'p> {
    pub fn open(planned: &'p PlannedFile) -> Result<Self> {
        let text = match &planned.format {
            Format::Text { codec, .. } => Some(BufReader::with_capacity(1 << 20, planned.file.unpacked(*codec)?)),
            Format::Table { .. } => None,
        };
        Ok(LineCounter { path: &planned.file.path, text, at: 0, newlines: 0, line: Vec::new() })
    }

    /// Number of the line, from 1, that the byte at offset `byte` is in. Offsets never fall from call to call.
    pub fn line_of(&mut self, byte: u64) -> Result<u64> {
        let Some(text) = &mut self.text else { return Ok(byte + 1) };
        while self.at < byte {
            let buffer = text.fill_buf().map_err(|e| failed(self.path, &e))?;
            if buffer.is_empty() {
                break;
            }
            let length = buffer.len().min((byte - self.at) as usize);
            self.newlines += memchr::memchr_iter(b'\n', &buffer[..length]).count() as u64;
            text.consume(length);
            self.at += length as u64;
        }
        Ok(self.newlines + 1)
    }

    /// The rest of the line, cut to [`RAW_BYTES`]; empty where rows are no lines.
    pub fn text(&mut self) -> Result<String> {
        self.line.clear();
        let Some(text) = &mut self.text else { return Ok(String::new()) };
        let kept = text.take(RAW_BYTES as u64).read_until(b'\n', &mut self.line);
        self.at += kept.map_err(|e| failed(self.path, &e))? as u64;
        let line = match self.line.strip_suffix(b"\n") {
            Some(line) => {
                self.newlines += 1;
                without_cr(line)
            }
            None => &self.line,
        };
        Ok(String::from_utf8_lossy(line).into_owned())
    }
}
