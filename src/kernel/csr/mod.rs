//! Compressed sparse rows: a worker's users × all items.
//!
//! A matrix is a stack of blocks, so that it may be larger than memory: a block lies packed in memory or in a file
//! ([`Place`]), and is unpacked when it is read, into memory that the next one writes over. Where a block has at most 256
//! different values, which is what ratings are like, a value is one byte that names an entry of a table. A matrix may also
//! show other values than those that are stored ([`Lens`]). No kernel depends on where a block lies or how it is stored,
//! nor on how the rows were cut into blocks.
//!
//! | file | what it is |
//! |---|---|
//! | [`rows`] | rows in memory, and one of them |
//! | [`packed`] | rows packed into few bytes |
//! | [`block`] | a block of a matrix while it is read |

mod block;
pub(crate) mod packed;
mod rows;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use block::Stored;
pub use block::{Block, HeldRow, Lens, Place, Source};
pub use packed::Packed;
pub use rows::{Row, Rows, RowsRef, Values, ValuesRef, scale_to_unit_length, without_zeros};
use rows::{widened, widened_by};

/// A sparse matrix `(n_rows, n_cols)`. The columns of a row are strictly rising; no value is 0.
#[derive(Debug)]
pub struct Csr {
    pub n_cols: usize,
    blocks: Vec<Arc<Stored>>,
    /// The first row of each block, and the number of all rows.
    starts: Vec<usize>,
    nnz: usize,
    /// The least and the largest value.
    range: Option<(f64, f64)>,
    lens: Option<Arc<dyn Lens>>,
    /// The block that the last row asked for by number lies in.
    last: Mutex<Option<Arc<Block>>>,
}

impl Csr {
    /// A matrix of `n_cols` columns and no rows yet.
    pub fn empty(n_cols: usize) -> Csr {
        Csr { n_cols, blocks: Vec::new(), starts: vec![0], nnz: 0, range: None, lens: None, last: Mutex::default() }
    }

    pub fn n_rows(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// Number of values.
    pub fn nnz(&self) -> usize {
        self.nnz
    }

    /// Appends a block in memory, as it is.
    pub fn push_block(&mut self, rows: Rows) {
        self.starts.push(self.n_rows() + rows.view().n_rows());
        self.nnz += rows.indices.len();
        self.range = widened_by(self.range, rows.view().values);
        self.blocks.push(Arc::new(Stored::Plain(rows)));
    }

    /// Appends a packed block, which lies at `place`.
    pub fn push_packed(&mut self, packed: &Packed, place: Place) {
        self.starts.push(self.n_rows() + packed.n_rows);
        self.nnz += packed.nnz;
        if let Some((least, most)) = packed.range {
            self.range = Some(widened(Some(widened(self.range, least)), most));
        }
        self.blocks.push(Arc::new(Stored::Packed(place)));
    }

    /// Appends a row in memory; zeros are left out. `entries` must be sorted by column.
    pub fn push_row(&mut self, entries: impl IntoIterator<Item = (u32, f64)>) {
        if !matches!(self.blocks.last().map(|last| &**last), Some(Stored::Plain(Rows { values: Values::Plain(_), .. })))
        {
            self.push_block(Rows::empty());
        }
        *self.last_block() = None;
        let Some(Stored::Plain(rows)) = self.blocks.last_mut().map(Arc::make_mut) else {
            unreachable!("there is a block in memory")
        };
        for (column, value) in entries {
            debug_assert!((column as usize) < self.n_cols);
            if value != 0.0 {
                rows.indices.push(column);
                rows.plain_values().push(value);
                self.nnz += 1;
                self.range = Some(widened(self.range, value));
            }
        }
        rows.indptr.push(u32::try_from(rows.indices.len()).expect("a block has fewer than 2^32 entries"));
        *self.starts.last_mut().expect("there is a count of rows") += 1;
    }

    /// Offers the packed blocks that lie in memory to `find`, from the last to the first, for another place.
    ///
    /// # Errors
    /// The first of `find`.
    pub fn move_blocks<E>(&mut self, mut find: impl FnMut(&[u64]) -> Result<Option<Place>, E>) -> Result<(), E> {
        *self.last_block() = None;
        for block in self.blocks.iter_mut().rev() {
            if let Stored::Packed(Place::Here(words)) = &**block
                && let Some(place) = find(words)?
            {
                *block = Arc::new(Stored::Packed(place));
            }
        }
        Ok(())
    }

    /// The same rows seen through `lens`.
    pub fn through(&self, lens: Arc<dyn Lens>) -> Csr {
        let mut seen = Csr { lens: Some(lens), nnz: 0, range: None, last: Mutex::default(), ..self.clone() };
        let (mut nnz, mut range) = (0, None);
        for block in seen.blocks() {
            nnz += block.rows().indices.len();
            range = widened_by(range, block.rows().values);
        }
        (seen.nnz, seen.range) = (nnz, range);
        seen
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block> {
        self.blocks.iter().zip(&self.starts).map(|(stored, &first_row)| self.read(stored, first_row))
    }

    fn read(&self, stored: &Arc<Stored>, first_row: usize) -> Block {
        Block::read(stored.clone(), first_row, self.lens.as_deref())
    }

    /// The blocks in order; the memory of a block is freed when it is dropped.
    pub fn into_blocks(self) -> impl Iterator<Item = Block> {
        let (blocks, lens) = (self.blocks.into_iter().zip(self.starts), self.lens);
        blocks.map(move |(stored, first_row)| Block::read(stored, first_row, lens.as_deref()))
    }

    /// A row by its number. For passes over all rows [`Csr::rows`] and [`Csr::blocks`] are quicker. The block of the row stays
    /// unpacked until a row of another one is asked for, so rows are best asked for in order.
    pub fn row(&self, r: usize) -> HeldRow {
        let block = if self.blocks.len() == 1 { 0 } else { self.starts.partition_point(|&start| start <= r) - 1 };
        let first_row = self.starts[block];
        let mut last = self.last_block();
        let held = match &*last {
            Some(held) if held.first_row == first_row => held.clone(),
            _ => last.insert(Arc::new(self.read(&self.blocks[block], first_row))).clone(),
        };
        HeldRow::new(held, r - first_row)
    }

    fn last_block(&self) -> MutexGuard<'_, Option<Arc<Block>>> {
        // What is in it is whole, even if another thread panicked.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn rows(&self) -> impl Iterator<Item = HeldRow> {
        self.blocks().flat_map(|block| {
            let block = Arc::new(block);
            (0..block.rows().n_rows()).map(move |r| HeldRow::new(block.clone(), r))
        })
    }

    /// Calls `f(row, entries)` for every row in order. The fastest way through all rows.
    pub fn each_row(&self, mut f: impl FnMut(usize, Row<'_>)) {
        for block in self.blocks() {
            (block.first_row..).zip(block.rows().rows()).for_each(|(r, row)| f(r, row));
        }
    }

    /// The number of entries of each row, in order. Much faster than reading the entries, unless a lens leaves some out.
    pub fn lengths(&self) -> Vec<u32> {
        let mut lengths = Vec::with_capacity(self.n_rows());
        if self.lens.as_ref().is_some_and(|lens| lens.may_show_zeros()) {
            self.each_row(|_, row| lengths.push(row.len() as u32));
        } else {
            self.blocks.iter().for_each(|block| block.append_lengths(&mut lengths));
        }
        lengths
    }

    /// The least and the largest value; `None` where there is none.
    pub fn value_range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// Calls `f(row, label, entries)` for every row, within a block in the order of their labels, so that what a caller keeps
    /// for a label stays in the cache.
    pub fn each_by_label(&self, labels: &[u32], mut f: impl FnMut(usize, usize, Row<'_>)) {
        let mut order = Vec::new();
        for block in self.blocks() {
            let (first, rows) = (block.first_row, block.rows());
            order.clear();
            order.extend((0..).zip(&labels[first..first + rows.n_rows()]).map(|(row, &label): (u32, _)| (label, row)));
            order.sort_unstable();
            order.iter().for_each(|&(label, row)| f(first + row as usize, label as usize, rows.row(row as usize)));
        }
    }

    /// Largest magnitude of a value; 0 where there is none.
    pub fn max_abs(&self) -> f64 {
        self.range.map_or(0.0, |(least, most)| most.abs().max(least.abs()))
    }

    /// Number of rows with a value in each column, `(n_cols)`.
    pub fn column_counts(&self) -> Vec<i64> {
        let mut counts = vec![0; self.n_cols];
        for block in self.blocks() {
            block.rows().indices.iter().for_each(|&column| counts[column as usize] += 1);
        }
        counts
    }
}

impl Clone for Csr {
    /// Both have the same blocks: nothing is copied.
    fn clone(&self) -> Csr {
        let Csr { n_cols, ref blocks, ref starts, nnz, range, ref lens, last: _ } = *self;
        let (blocks, starts, lens) = (blocks.clone(), starts.clone(), lens.clone());
        Csr { n_cols, blocks, starts, nnz, range, lens, last: Mutex::default() }
    }
}

/// Equal rows, however they are cut into blocks and stored.
impl PartialEq for Csr {
    fn eq(&self, other: &Csr) -> bool {
        let same = |(a, b): (HeldRow, HeldRow)| a.len() == b.len() && a.iter().eq(b.iter());
        self.n_cols == other.n_cols && self.n_rows() == other.n_rows() && self.rows().zip(other.rows()).all(same)
    }
}
