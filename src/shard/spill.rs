//! Packed blocks in a scratch file.
//!
//! The words of a block are written as abomonation encodes a `Vec` of them, and are read into memory that the next block writes
//! over. abomonation trusts the bytes that it decodes. So it only decodes bytes with the checksum of those that this process
//! has written.

use std::cell::RefCell;

use xxhash_rust::xxh3::xxh3_64;

use super::scratch::{Scratch, Section};
use crate::error::Result;
use crate::kernel::csr::Source;

/// A block in a scratch file.
#[derive(Debug)]
pub struct Spilled {
    section: Section,
    checksum: u64,
}

/// Writes the words of a block to `scratch`.
pub fn spill(words: Vec<u64>, scratch: &mut Scratch) -> Result<Spilled> {
    let mut bytes = Vec::with_capacity(size_of::<Vec<u64>>() + 8 * words.len());
    // SAFETY: a `Vec` of numbers has no padding to read. The three words of the `Vec` itself are meaningless in the file.
    unsafe { abomonation::encode(&words, &mut bytes) }.expect("memory takes what is written");
    Ok(Spilled { section: scratch.append(&bytes)?, checksum: xxh3_64(&bytes) })
}

thread_local! {
    /// What was read last; in words, so that the numbers are aligned.
    static BUFFER: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
}

impl Source for Spilled {
    /// # Panics
    /// If the file cannot be read back, or not as it was written: no result can be had without it.
    fn with(&self, read: &mut dyn FnMut(&[u64])) {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(self.section.length().div_ceil(8), 0);
            let bytes = &mut bytemuck::cast_slice_mut(buffer)[..self.section.length()];
            self.section.read(bytes).unwrap_or_else(|error| panic!("{error}"));
            assert!(xxh3_64(bytes) == self.checksum, "a scratch file has other bytes than were written to it");
            // SAFETY: these are the bytes that `encode` wrote, as their checksum shows, at an address for words.
            let (words, _) = unsafe { abomonation::decode::<Vec<u64>>(bytes) }.expect("what was encoded is decoded");
            read(words);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn spilled_words_are_the_words(blocks in prop::collection::vec(prop::collection::vec(any::<u64>(), 0..5000), 1..4)) {
            let folder = tempfile::tempdir().unwrap();
            let mut scratch = Scratch::new(folder.path());
            let spilled: Vec<_> = blocks.iter().map(|words| spill(words.clone(), &mut scratch).unwrap()).collect();
            for _ in 0..2 {
                for (spilled, words) in spilled.iter().zip(&blocks) {
                    let mut n_read = 0;
                    spilled.with(&mut |read| {
                        assert_eq!(read, words);
                        n_read += 1;
                    });
                    prop_assert_eq!(n_read, 1);
                }
            }
        }
    }
}
