//! The place of the blocks of a worker's matrices: in memory while there is room, then in a scratch file.

use std::path::Path;
use std::sync::Arc;

use super::scratch::Scratch;
use super::spill::spill;
use crate::error::Result;
use crate::kernel::csr::{Csr, Packed, Place, Rows};

/// Room for the matrices of one worker.
#[derive(Debug)]
pub struct Store {
    /// Bytes of blocks that may be in memory, and that are.
    limit: u64,
    used: u64,
    scratch: Scratch,
}

impl Store {
    /// `limit` bytes of memory; the rest goes into a nameless file in `folder`.
    pub fn new(limit: u64, folder: &Path) -> Store {
        Store { limit, used: 0, scratch: Scratch::new(folder) }
    }

    /// Packs rows and appends them to `matrix`.
    pub fn keep(&mut self, matrix: &mut Csr, rows: &Rows) -> Result<()> {
        for mut packed in Packed::blocks(rows.view()) {
            let words = std::mem::take(&mut packed.words);
            let bytes = 8 * words.len() as u64;
            let place = if self.used + bytes <= self.limit {
                self.used += bytes;
                Place::Here(words.into())
            } else {
                Place::Elsewhere(Arc::new(spill(words, &mut self.scratch)?))
            };
            matrix.push_packed(&packed, place);
        }
        Ok(())
    }

    /// From now on `limit` bytes may be in memory: what is too much of `matrix`, whose blocks are all here, goes to the file.
    pub fn keep_within(&mut self, limit: u64, matrix: &mut Csr) -> Result<()> {
        self.limit = limit;
        matrix.move_blocks(|words| {
            if self.used <= self.limit {
                return Ok(None);
            }
            self.used -= 8 * words.len() as u64;
            Ok(Some(Place::Elsewhere(Arc::new(spill(words.to_vec(), &mut self.scratch)?))))
        })
    }

    /// Bytes of packed rows, in memory and in the scratch file.
    pub fn bytes(&self) -> u64 {
        self.used + self.spilled()
    }

    /// Bytes in the scratch file.
    pub fn spilled(&self) -> u64 {
        self.scratch.length()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_in_the_file_is_the_same_matrix() {
        let folder = tempfile::tempdir().unwrap();
        let block = |first: u32| {
            let mut rows = Rows::empty();
            for row in 0..5 {
                rows.indices.extend([first, first + 1 + row]);
                rows.plain_values().extend([f64::from(row) + 1.0, 0.5]);
                rows.indptr.push(rows.indices.len() as u32);
            }
            rows
        };
        let matrix = |limit: u64| {
            let (mut store, mut matrix) = (Store::new(limit, folder.path()), Csr::empty(40));
            for first in [0, 7, 20] {
                store.keep(&mut matrix, &block(first)).unwrap();
            }
            (matrix, store.spilled())
        };
        let (here, nothing) = matrix(u64::MAX);
        let (elsewhere, all) = matrix(0);
        let (partly, some) = matrix(all / 2);
        assert!(nothing == 0 && 0 < some && some < all);
        assert!(here == partly && here == elsewhere);
        assert_eq!((elsewhere.n_rows(), elsewhere.nnz(), elsewhere.value_range()), (15, 30, Some((0.5, 5.0))));
        let mut moved = Csr::empty(40);
        let mut store = Store::new(u64::MAX, folder.path());
        [0, 7, 20].into_iter().for_each(|first| store.keep(&mut moved, &block(first)).unwrap());
        store.keep_within(all / 2, &mut moved).unwrap();
        assert!(0 < store.spilled() && store.spilled() < all && moved == here);
        assert!((0..15).all(|row| elsewhere.row(row).iter().eq(here.row(row).iter())));
    }
}
