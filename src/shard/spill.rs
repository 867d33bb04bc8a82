//! Blocks in a scratch file, read in place.
//!
//! A block is written as plain arrays, each as abomonation encodes a `Vec` of numbers, at a multiple of 8 bytes. Then it is
//! mapped: its rows are slices of the map, and the system keeps the pages in memory that are being read. abomonation trusts
//! the bytes that it decodes. So it only decodes bytes that this process has just written to a nameless file, and compares
//! their checksum before.

use std::io::Write;
use std::sync::Arc;

use abomonation::Abomonation;
use memmap2::{MmapMut, MmapOptions, UncheckedAdvice};
use xxhash_rust::xxh3::xxh3_64;

use super::scratch::Scratch;
use crate::error::{Error, Result};
use crate::kernel::csr::{Rows, RowsRef, Source, Values, ValuesRef};

/// A map begins at a page.
const PAGE: u64 = 4096;

/// Arrays are aligned for the widest of their numbers.
const ALIGNMENT: usize = 8;

/// Writes a block to `scratch` and returns the mapped block.
pub fn spill(rows: &Rows, scratch: &mut Scratch) -> Result<Arc<dyn Source>> {
    let bytes = encode(rows);
    let at = scratch.append(&bytes, PAGE)?;
    // SAFETY: nobody else knows the nameless file, and this worker only appends to it.
    let map = unsafe { MmapOptions::new().offset(at).len(bytes.len()).map_copy(scratch.file()) };
    let map = map.map_err(|e| scratch.failed("cannot map", &e))?;
    if xxh3_64(&map) != xxh3_64(&bytes) {
        let damaged = std::io::Error::new(std::io::ErrorKind::InvalidData, "the bytes are not those written");
        return Err(scratch.failed("cannot read back", &damaged));
    }
    let spilled = Spilled::decode(map, matches!(rows.values, Values::Coded { .. }));
    let undecoded = || Error::Bug { place: "spill".into(), problem: "a spilled block does not decode".into() };
    Ok(Arc::new(spilled.ok_or_else(undecoded)?))
}

fn encode(rows: &Rows) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_array(&rows.indptr, &mut bytes);
    encode_array(&rows.indices, &mut bytes);
    match &rows.values {
        Values::Plain(values) => encode_array(values, &mut bytes),
        Values::Coded { codes, table } => {
            encode_array(&table.to_vec(), &mut bytes);
            encode_array(codes, &mut bytes);
        }
    }
    bytes
}

fn encode_array<T: Abomonation>(array: &Vec<T>, bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(ALIGNMENT), 0);
    // SAFETY: a `Vec` of plain numbers has no padding to read. The three words of the `Vec` itself are meaningless in the file.
    unsafe { abomonation::encode(array, bytes) }.expect("memory takes what is written");
    bytes.flush().expect("memory takes what is written");
}

/// A block in a mapped file.
#[derive(Debug)]
struct Spilled {
    /// Slices of `map`. They never leave without the lifetime of `self`.
    rows: RowsRef<'static>,
    map: MmapMut,
}

impl Spilled {
    /// `map` holds what [`encode`] made.
    fn decode(mut map: MmapMut, coded: bool) -> Option<Spilled> {
        let mut rest = Bytes { bytes: &mut map[..] };
        let indptr = rest.array::<u32>()?;
        let indices = rest.array::<u32>()?;
        let values = if coded {
            let table = rest.array::<f64>()?.try_into().ok()?;
            ValuesRef::Coded { codes: rest.array::<u8>()?, table }
        } else {
            ValuesRef::Plain(rest.array::<f64>()?)
        };
        // SAFETY: the slices are in the mapped memory, which does not move when `map` does and stays mapped as long as
        // `map` lives; nothing writes to it any more.
        let rows = unsafe { std::mem::transmute::<RowsRef<'_>, RowsRef<'static>>(RowsRef { indptr, indices, values }) };
        Some(Spilled { rows, map })
    }
}

/// The part of a map that is not decoded yet.
struct Bytes<'a> {
    bytes: &'a mut [u8],
}

impl<'a> Bytes<'a> {
    /// The next array, in place. The slice has only the numbers: the words of the `Vec` before them, which abomonation
    /// overwrites with an address, are not used again and may revert to the bytes in the file.
    fn array<T: Abomonation + 'a>(&mut self) -> Option<&'a [T]> {
        let bytes = std::mem::take(&mut self.bytes);
        let padding = bytes.as_ptr().align_offset(ALIGNMENT);
        let bytes = bytes.get_mut(padding..)?;
        // SAFETY: these are the bytes that `encode_array` wrote for this type, as their checksum showed, at its alignment.
        let (array, rest) = unsafe { abomonation::decode::<Vec<T>>(bytes) }?;
        self.bytes = rest;
        Some(array.as_slice())
    }
}

impl Source for Spilled {
    fn rows(&self) -> RowsRef<'_> {
        self.rows
    }

    fn release(&self) {
        // SAFETY: the numbers are as they are in the file, so that dropping a page changes none of them.
        let dropped = unsafe { self.map.unchecked_advise_range(UncheckedAdvice::DontNeed, 0, self.map.len()) };
        dropped.expect("the pages of a map can be given back");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(40))]

        #[test]
        fn a_spilled_block_is_the_block(
            lengths in prop::collection::vec(0u32..300, 0..40),
            coded in any::<bool>(),
        ) {
            let mut rows = Rows::empty();
            for length in lengths {
                rows.indices.extend(0..length);
                rows.indptr.push(rows.indices.len() as u32);
            }
            let n = rows.indices.len();
            rows.values = if coded {
                let table = Box::new(std::array::from_fn(|i| i as f64 / 3.0));
                Values::Coded { codes: (0..n).map(|i| (i * 7) as u8).collect(), table }
            } else {
                Values::Plain((0..n).map(|i| i as f64 / 7.0).collect())
            };
            let folder = tempfile::tempdir().unwrap();
            let mut scratch = Scratch::new(folder.path());
            let blocks: Vec<_> = (0..3).map(|_| spill(&rows, &mut scratch).unwrap()).collect();
            for block in &blocks {
                prop_assert_eq!(&block.rows().to_owned(), &rows);
                block.release();
                prop_assert_eq!(&block.rows().to_owned(), &rows);
            }
        }
    }
}
