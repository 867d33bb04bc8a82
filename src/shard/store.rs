//! The place of the blocks of a worker's matrices: in memory while there is room, then in a scratch file.

use std::path::Path;

use super::scratch::Scratch;
use super::spill::spill;
use crate::error::Result;
use crate::kernel::csr::{Csr, Rows, Values};

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

    /// Appends a block to `matrix`.
    pub fn keep(&mut self, matrix: &mut Csr, rows: Rows) -> Result<()> {
        let bytes = bytes_of(&rows);
        if self.used + bytes <= self.limit {
            self.used += bytes;
            matrix.push_block(rows);
        } else {
            matrix.push_source(spill(&rows, &mut self.scratch)?);
        }
        Ok(())
    }

    /// Bytes in the scratch file.
    pub fn spilled(&self) -> u64 {
        self.scratch.length()
    }
}

fn bytes_of(rows: &Rows) -> u64 {
    let values = match &rows.values {
        Values::Plain(values) => 8 * values.len(),
        Values::Coded { codes, .. } => codes.len() + 2048,
    };
    (4 * rows.indptr.len() + 4 * rows.indices.len() + values) as u64
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
                store.keep(&mut matrix, block(first)).unwrap();
            }
            (matrix, store.spilled())
        };
        let (here, nothing) = matrix(u64::MAX);
        let (partly, some) = matrix(400);
        let (elsewhere, all) = matrix(0);
        assert!(nothing == 0 && 0 < some && some < all);
        assert!(here == partly && here == elsewhere);
        assert_eq!((elsewhere.n_rows(), elsewhere.nnz(), elsewhere.value_range()), (15, 30, Some((0.5, 5.0))));
        assert!((0..15).all(|row| elsewhere.row(row).iter().eq(here.row(row).iter())));
    }
}
