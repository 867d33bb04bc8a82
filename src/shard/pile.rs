//! Records of one kind on a pile: the last ones as they are, the others packed, in memory and in a scratch file.

use super::chunk::{pack, unpack};
use super::scratch::{Scratch, Section};
use crate::error::{Error, Result};
use crate::ingest::rows::Record;

/// Records of a chunk.
const CHUNK: usize = 2048;
/// And of the first one, so that small data stay small.
const FIRST_CHUNK: usize = 64;

/// Records in chunks.
#[derive(Debug)]
pub struct Pile<R> {
    open: Vec<R>,
    packed: Vec<Box<[u8]>>,
    /// Chunks in the file, a section for each time that memory was full.
    spilled: Vec<Section>,
}

impl<R> Default for Pile<R> {
    fn default() -> Self {
        Pile { open: Vec::new(), packed: Vec::new(), spilled: Vec::new() }
    }
}

impl<R: Record> Pile<R> {
    /// Adds a record, and to `bytes` what has been packed.
    #[inline(always)]
    pub fn push(&mut self, record: R, bytes: &mut u64) {
        if self.open.len() == self.open.capacity() {
            self.turn(bytes);
        }
        self.open.push(record);
    }

    /// Packs the open chunk and begins a new one.
    #[cold]
    #[inline(never)]
    fn turn(&mut self, bytes: &mut u64) {
        let next = (2 * self.open.len()).clamp(FIRST_CHUNK, CHUNK);
        self.close(bytes);
        self.open.reserve_exact(next);
    }

    fn close(&mut self, bytes: &mut u64) {
        if !self.open.is_empty() {
            let mut packed = Vec::with_capacity(8 * self.open.len());
            pack(&self.open, &mut packed);
            *bytes += packed.len() as u64;
            self.packed.push(packed.into());
            self.open.clear();
        }
    }

    /// Moves all records to the file.
    pub fn spill(&mut self, scratch: &mut Scratch) -> Result<()> {
        self.close(&mut 0);
        self.open = Vec::new();
        let chunks = std::mem::take(&mut self.packed).concat();
        if !chunks.is_empty() {
            self.spilled.push(scratch.append(&chunks)?);
        }
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.packed.is_empty() && self.spilled.is_empty()
    }

    /// All records, in chunks.
    pub fn read(self) -> Result<Vec<Vec<R>>> {
        let mut chunks = vec![self.open];
        for packed in self.packed {
            unpack_all(&packed, &mut chunks)?;
        }
        for section in self.spilled {
            let mut packed = vec![0; section.length()];
            section.read(&mut packed)?;
            unpack_all(&packed, &mut chunks)?;
        }
        Ok(chunks)
    }
}

fn unpack_all<R: Record>(packed: &[u8], chunks: &mut Vec<Vec<R>>) -> Result<()> {
    let mut rest = packed;
    while !rest.is_empty() {
        let damaged =
            || Error::Bug { place: "pile".into(), problem: "packed rows are not those that were packed".into() };
        chunks.push(unpack(&mut rest).ok_or_else(damaged)?);
    }
    Ok(())
}
