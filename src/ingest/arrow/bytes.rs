//! The bytes of a file: mapped where it is on a disk, fetched where it is in a store.

use std::sync::Arc;

use arrow_buffer::Buffer;
use memmap2::Mmap;

use super::failure::{Result, damaged, external};
use super::index::Block;
use crate::error;
use crate::ingest::source::{Bytes, InputFile, Opened, give_back};

pub enum FileBytes {
    /// All of them, and the map that they are in.
    Mapped(Buffer, Arc<Mmap>),
    Fetched(Opened),
}

struct Shared(Arc<Mmap>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl FileBytes {
    pub fn open(file: &InputFile) -> error::Result<FileBytes> {
        let opened = file.open()?;
        Ok(match opened.map(file)? {
            Some(mapped) => {
                let mapped = Arc::new(mapped);
                FileBytes::Mapped(Buffer::from(Bytes::from_owner(Shared(Arc::clone(&mapped)))), mapped)
            }
            None => FileBytes::Fetched(opened),
        })
    }

    /// Bytes that lie in the file.
    pub fn at(&self, start: u64, length: u64) -> Result<Buffer> {
        let buffer = match self {
            FileBytes::Mapped(all, _) if start.checked_add(length).is_some_and(|end| end <= all.len() as u64) => {
                all.slice_with_length(start as usize, length as usize)
            }
            FileBytes::Mapped(..) => return Err(damaged("it ends too early")),
            FileBytes::Fetched(opened) => opened.read_at(start, length).map_err(external)?.into(),
        };
        if buffer.len() as u64 == length { Ok(buffer) } else { Err(damaged("it ends too early")) }
    }

    pub fn block(&self, block: &Block) -> Result<Buffer> {
        self.at(block.start, block.length())
    }

    /// Announces that these bytes will be asked for soon.
    pub fn prefetch(&self, start: u64, length: u64) {
        if let FileBytes::Fetched(opened) = self {
            opened.prefetch(start, length);
        }
    }

    /// Lets go of the pages of a block.
    pub fn give_back(&self, block: &Block) {
        if let FileBytes::Mapped(_, mapped) = self {
            give_back(mapped, block.start, block.start + block.length());
        }
    }
}
