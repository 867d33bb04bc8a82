//! The bytes of a Parquet file, as the `parquet` crate asks for them.

use std::io::{self, Read};
use std::sync::Arc;

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

use crate::ingest::source::{Bytes, InputFile, Opened};

/// Bytes read at a time where the header of a page is looked for.
const WINDOW: u64 = 16 << 10;

/// A file, and the pieces of it that are in memory already.
#[derive(Clone)]
pub struct Chunks {
    opened: Arc<Opened>,
    bytes: u64,
    fetched: Vec<(u64, Bytes)>,
}

impl Chunks {
    pub fn new(opened: Arc<Opened>, file: &InputFile) -> Chunks {
        Chunks { opened, bytes: file.bytes, fetched: Vec::new() }
    }

    /// Fetches whole pieces, start and length, where each page would take a separate request.
    pub fn fetch(&mut self, pieces: &[(u64, u64)]) -> io::Result<()> {
        if matches!(*self.opened, Opened::Disk(_)) {
            return Ok(());
        }
        pieces.iter().for_each(|&(start, length)| self.opened.prefetch(start, length));
        self.fetched = pieces
            .iter()
            .map(|&(start, length)| Ok((start, self.opened.read_at(start, length)?)))
            .collect::<io::Result<_>>()?;
        Ok(())
    }

    fn at(&self, start: u64, length: u64) -> io::Result<Bytes> {
        let holds = |(at, bytes): &&(u64, Bytes)| *at <= start && start + length <= at + bytes.len() as u64;
        match self.fetched.iter().find(holds) {
            Some((at, bytes)) => Ok(bytes.slice((start - at) as usize..(start - at + length) as usize)),
            None => self.opened.read_at(start, length),
        }
    }
}

fn external(error: io::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}

impl Length for Chunks {
    fn len(&self) -> u64 {
        self.bytes
    }
}

impl ChunkReader for Chunks {
    type T = Window;

    fn get_read(&self, start: u64) -> Result<Window> {
        Ok(Window { chunks: self.clone(), next: start, current: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        // The length may come from a damaged file: no memory is allocated for it unchecked.
        if start.checked_add(length as u64).is_none_or(|end| end > self.bytes) {
            return Err(ParquetError::EOF(format!("{length} bytes from byte {start} on are not in the file")));
        }
        self.at(start, length as u64).map_err(external)
    }
}

/// Reads on from a byte.
pub struct Window {
    chunks: Chunks,
    next: u64,
    current: Bytes,
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.current.is_empty() {
            let length = WINDOW.min(self.chunks.bytes.saturating_sub(self.next));
            self.current = self.chunks.at(self.next, length)?;
            self.next += self.current.len() as u64;
        }
        let length = buffer.len().min(self.current.len());
        buffer[..length].copy_from_slice(&self.current.split_to(length));
        Ok(length)
    }
}
