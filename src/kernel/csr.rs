//! Compressed sparse rows: a worker's users × all items.
//!
//! A matrix is a stack of blocks, so that it may be larger than memory: a block lies in memory, or in a file that is
//! read in place ([`Source`]). Where a block has at most 256 different values, which is what ratings are like, a value is
//! one byte that names an entry of a table. No kernel depends on where a block lies or how its values are stored, nor
//! on how the rows were cut into blocks.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A sparse matrix `(n_rows, n_cols)`. The columns of a row are strictly rising; no stored value is 0.
#[derive(Debug, Clone)]
pub struct Csr {
    pub n_cols: usize,
    blocks: Vec<Stored>,
    /// The first row of each block, and the number of all rows.
    starts: Vec<usize>,
    nnz: usize,
    /// The least and the largest stored value.
    range: Option<(f64, f64)>,
    /// The block that the last row asked for by number lies in.
    last: Arc<AtomicUsize>,
}

/// Rows of a block in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Rows {
    /// Row `r` has the entries `indptr[r]..indptr[r + 1]`.
    pub indptr: Vec<u32>,
    pub indices: Vec<u32>,
    pub values: Values,
}

/// The values of a block.
#[derive(Debug, Clone, PartialEq)]
pub enum Values {
    Plain(Vec<f64>),
    /// Value `i` is `table[codes[i]]`.
    Coded {
        codes: Vec<u8>,
        table: Box<[f64; 256]>,
    },
}

/// [`Rows`] wherever they lie.
#[derive(Debug, Clone, Copy)]
pub struct RowsRef<'a> {
    pub indptr: &'a [u32],
    pub indices: &'a [u32],
    pub values: ValuesRef<'a>,
}

/// [`Values`] wherever they lie.
#[derive(Debug, Clone, Copy)]
pub enum ValuesRef<'a> {
    Plain(&'a [f64]),
    Coded { codes: &'a [u8], table: &'a [f64; 256] },
}

/// Rows that are not held in memory, for example in a mapped file.
pub trait Source: fmt::Debug + Send + Sync {
    fn rows(&self) -> RowsRef<'_>;

    /// The rows have been read and will not be needed soon, so they need not stay in memory.
    fn release(&self);
}

#[derive(Debug, Clone)]
enum Stored {
    Here(Rows),
    Elsewhere(Arc<dyn Source>),
}

/// One row: its column indices and values.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub indices: &'a [u32],
    pub values: ValuesRef<'a>,
}

impl Rows {
    pub fn empty() -> Rows {
        Rows { indptr: vec![0], indices: Vec::new(), values: Values::Plain(Vec::new()) }
    }

    pub fn view(&self) -> RowsRef<'_> {
        let values = match &self.values {
            Values::Plain(values) => ValuesRef::Plain(values),
            Values::Coded { codes, table } => ValuesRef::Coded { codes, table },
        };
        RowsRef { indptr: &self.indptr, indices: &self.indices, values }
    }

    /// The values as plain numbers, however they were stored, to be changed.
    pub fn plain_values(&mut self) -> &mut Vec<f64> {
        if let Values::Coded { .. } = &self.values {
            let mut plain = Vec::with_capacity(self.indices.len());
            self.view().values.for_each(|value| plain.push(value));
            self.values = Values::Plain(plain);
        }
        match &mut self.values {
            Values::Plain(values) => values,
            Values::Coded { .. } => unreachable!("coded values have just been replaced"),
        }
    }
}

impl<'a> RowsRef<'a> {
    pub fn n_rows(&self) -> usize {
        self.indptr.len() - 1
    }

    #[inline(always)]
    pub fn row(&self, r: usize) -> Row<'a> {
        let range = self.indptr[r] as usize..self.indptr[r + 1] as usize;
        Row { indices: &self.indices[range.clone()], values: self.values.slice(range) }
    }

    pub fn rows(self) -> impl Iterator<Item = Row<'a>> {
        (0..self.n_rows()).map(move |r| self.row(r))
    }

    pub fn to_owned(&self) -> Rows {
        let values = match self.values {
            ValuesRef::Plain(values) => Values::Plain(values.to_vec()),
            ValuesRef::Coded { codes, table } => Values::Coded { codes: codes.to_vec(), table: Box::new(*table) },
        };
        Rows { indptr: self.indptr.to_vec(), indices: self.indices.to_vec(), values }
    }
}

impl<'a> ValuesRef<'a> {
    pub fn len(&self) -> usize {
        match self {
            ValuesRef::Plain(values) => values.len(),
            ValuesRef::Coded { codes, .. } => codes.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    #[inline(always)]
    pub fn get(&self, at: usize) -> f64 {
        match self {
            ValuesRef::Plain(values) => values[at],
            ValuesRef::Coded { codes, table } => table[codes[at] as usize],
        }
    }

    #[inline(always)]
    fn slice(self, range: Range<usize>) -> ValuesRef<'a> {
        match self {
            ValuesRef::Plain(values) => ValuesRef::Plain(&values[range]),
            ValuesRef::Coded { codes, table } => ValuesRef::Coded { codes: &codes[range], table },
        }
    }

    #[inline(always)]
    pub fn for_each(self, mut f: impl FnMut(f64)) {
        match self {
            ValuesRef::Plain(values) => values.iter().for_each(|&x| f(x)),
            ValuesRef::Coded { codes, table } => codes.iter().for_each(|&code| f(table[code as usize])),
        }
    }
}

impl<'a> Row<'a> {
    /// Number of entries.
    pub fn len(&self) -> usize {
        self.indices.len()
    }

    pub fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }

    /// The entries of `range` alone.
    #[inline(always)]
    pub fn part(self, range: Range<usize>) -> Row<'a> {
        Row { indices: &self.indices[range.clone()], values: self.values.slice(range) }
    }

    /// The entries from the one at `at` on.
    #[inline(always)]
    pub fn tail(self, at: usize) -> Row<'a> {
        Row { indices: &self.indices[at..], values: self.values.slice(at..self.len()) }
    }

    /// Calls `f(column, value)` for each entry, in column order. The fastest way through a row.
    #[inline(always)]
    pub fn for_each(self, mut f: impl FnMut(usize, f64)) {
        match self.values {
            ValuesRef::Plain(values) => {
                for (&i, &x) in self.indices.iter().zip(values) {
                    f(i as usize, x);
                }
            }
            ValuesRef::Coded { codes, table } => {
                for (&i, &code) in self.indices.iter().zip(codes) {
                    f(i as usize, table[code as usize]);
                }
            }
        }
    }

    pub fn iter(self) -> impl Iterator<Item = (usize, f64)> + 'a {
        self.indices.iter().enumerate().map(move |(at, &i)| (i as usize, self.values.get(at)))
    }

    /// Sum of squares, in column order.
    pub fn norm_squared(self) -> f64 {
        let mut sum = 0.0;
        self.values.for_each(|x| sum += x * x);
        sum
    }
}

impl Stored {
    #[inline]
    fn view(&self) -> RowsRef<'_> {
        match self {
            Stored::Here(rows) => rows.view(),
            Stored::Elsewhere(source) => source.rows(),
        }
    }

    fn release(&self) {
        if let Stored::Elsewhere(source) = self {
            source.release();
        }
    }
}

/// A block of a matrix during a pass; released when dropped.
#[derive(Debug)]
pub struct Block<'a> {
    /// Row of the matrix that is row 0 here.
    pub first_row: usize,
    pub rows: RowsRef<'a>,
    stored: &'a Stored,
}

/// A block out of a matrix that was taken apart.
#[derive(Debug)]
pub struct OwnBlock {
    /// Row of the matrix that is row 0 here.
    pub first_row: usize,
    stored: Stored,
}

impl OwnBlock {
    pub fn rows(&self) -> RowsRef<'_> {
        self.stored.view()
    }
}

impl Drop for Block<'_> {
    fn drop(&mut self) {
        self.stored.release();
    }
}

impl Csr {
    /// A matrix of `n_cols` columns and no rows yet.
    pub fn empty(n_cols: usize) -> Csr {
        Csr { n_cols, blocks: Vec::new(), starts: vec![0], nnz: 0, range: None, last: Arc::default() }
    }

    pub fn n_rows(&self) -> usize {
        self.starts[self.starts.len() - 1]
    }

    /// Number of stored values.
    pub fn nnz(&self) -> usize {
        self.nnz
    }

    /// Appends a block in memory.
    pub fn push_block(&mut self, rows: Rows) {
        self.note(rows.view());
        self.blocks.push(Stored::Here(rows));
    }

    /// Appends a block that lies elsewhere.
    pub fn push_source(&mut self, source: Arc<dyn Source>) {
        self.note(source.rows());
        source.release();
        self.blocks.push(Stored::Elsewhere(source));
    }

    fn note(&mut self, rows: RowsRef<'_>) {
        self.starts.push(self.n_rows() + rows.n_rows());
        self.nnz += rows.indices.len();
        let mut range = self.range;
        rows.values.for_each(|x| range = Some(widened(range, x)));
        self.range = range;
    }

    /// Appends a row in memory; zeros are left out. `entries` must be sorted by column.
    pub fn push_row(&mut self, entries: impl IntoIterator<Item = (u32, f64)>) {
        if !matches!(self.blocks.last(), Some(Stored::Here(Rows { values: Values::Plain(_), .. }))) {
            self.push_block(Rows::empty());
        }
        let Some(Stored::Here(rows)) = self.blocks.last_mut() else { unreachable!("there is a block in memory") };
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

    /// True unless some block lies elsewhere.
    pub fn is_in_memory(&self) -> bool {
        self.blocks.iter().all(|block| matches!(block, Stored::Here(_)))
    }

    /// The blocks in order.
    pub fn blocks(&self) -> impl Iterator<Item = Block<'_>> {
        let of = |(stored, &first_row)| Block { first_row, rows: Stored::view(stored), stored };
        self.blocks.iter().zip(&self.starts).map(of)
    }

    /// The blocks in order; the memory of a block is freed when it is dropped.
    pub fn into_blocks(self) -> impl Iterator<Item = OwnBlock> {
        self.blocks.into_iter().zip(self.starts).map(|(stored, first_row)| OwnBlock { first_row, stored })
    }

    /// A row by its number. For passes over all rows [`Csr::rows`] and [`Csr::blocks`] are quicker. A block that lies
    /// elsewhere is released when a row of another one is asked for, so rows are best asked for in order.
    #[inline]
    pub fn row(&self, r: usize) -> Row<'_> {
        let block = if self.blocks.len() == 1 { 0 } else { self.starts.partition_point(|&start| start <= r) - 1 };
        if let Stored::Elsewhere(_) = self.blocks[block] {
            let last = self.last.swap(block, Ordering::Relaxed);
            if last != block {
                self.blocks[last].release();
            }
        }
        self.blocks[block].view().row(r - self.starts[block])
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.blocks().flat_map(|block| {
            let rows = block.rows;
            // The block goes along and is released after its last row.
            (0..rows.n_rows()).map(move |r| {
                let _passing = &block;
                rows.row(r)
            })
        })
    }

    /// The least and the largest stored value; `None` where no value is stored.
    pub fn value_range(&self) -> Option<(f64, f64)> {
        self.range
    }

    /// Calls `f(row, label, entries)` for every row, within a block in the order of their labels, so that what a caller keeps
    /// for a label stays in the cache.
    pub fn each_by_label(&self, labels: &[u32], mut f: impl FnMut(usize, usize, Row<'_>)) {
        let mut order = Vec::new();
        for block in self.blocks() {
            let first = block.first_row;
            order.clear();
            order.extend(
                (0..).zip(&labels[first..first + block.rows.n_rows()]).map(|(row, &label): (u32, _)| (label, row)),
            );
            order.sort_unstable();
            order
                .iter()
                .for_each(|&(label, row)| f(first + row as usize, label as usize, block.rows.row(row as usize)));
        }
    }

    /// Largest magnitude of a value; 0 where there is none.
    pub fn max_abs(&self) -> f64 {
        self.range.map_or(0.0, |(least, most)| most.abs().max(least.abs()))
    }

    /// Number of rows with a stored value in each column, `(n_cols)`.
    pub fn column_counts(&self) -> Vec<i64> {
        let mut counts = vec![0; self.n_cols];
        for block in self.blocks() {
            block.rows.indices.iter().for_each(|&column| counts[column as usize] += 1);
        }
        counts
    }
}

/// Scales a row, or its stored values, to length 1. A row of length 0 stays as it is.
pub fn scale_to_unit_length(values: &mut [f64]) {
    let length = values.iter().map(|x| x * x).sum::<f64>().sqrt();
    if length > 0.0 {
        values.iter_mut().for_each(|x| *x /= length);
    }
}

fn widened(range: Option<(f64, f64)>, x: f64) -> (f64, f64) {
    range.map_or((x, x), |(least, most)| (if x < least { x } else { least }, if x > most { x } else { most }))
}

/// Equal rows, however they are cut into blocks and stored.
impl PartialEq for Csr {
    fn eq(&self, other: &Csr) -> bool {
        let same = |(a, b): (Row, Row)| a.len() == b.len() && a.iter().eq(b.iter());
        self.n_cols == other.n_cols && self.n_rows() == other.n_rows() && self.rows().zip(other.rows()).all(same)
    }
}
