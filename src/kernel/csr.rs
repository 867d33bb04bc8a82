//! Compressed sparse rows: a worker's users × all items.

use std::ops::Range;

/// A sparse matrix `(n_rows, n_cols)`. Row `r` has the column indices `indices[indptr[r]..indptr[r + 1]]`, strictly
/// rising, and as many values; no stored value is 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Csr {
    pub n_cols: usize,
    pub indptr: Vec<usize>,
    pub indices: Vec<u32>,
    pub values: Vec<f64>,
}

/// One row: its column indices and values.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    pub indices: &'a [u32],
    pub values: &'a [f64],
}

impl Csr {
    /// A matrix of `n_cols` columns and no rows yet.
    pub fn empty(n_cols: usize) -> Csr {
        Csr { n_cols, indptr: vec![0], indices: Vec::new(), values: Vec::new() }
    }

    pub fn n_rows(&self) -> usize {
        self.indptr.len() - 1
    }

    /// Number of stored values.
    pub fn nnz(&self) -> usize {
        self.values.len()
    }

    #[inline]
    pub fn row(&self, r: usize) -> Row<'_> {
        let range: Range<usize> = self.indptr[r]..self.indptr[r + 1];
        Row { indices: &self.indices[range.clone()], values: &self.values[range] }
    }

    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        (0..self.n_rows()).map(|r| self.row(r))
    }

    /// Appends a row; zeros are left out. `entries` must be sorted by column.
    pub fn push_row(&mut self, entries: impl IntoIterator<Item = (u32, f64)>) {
        for (column, value) in entries {
            debug_assert!((column as usize) < self.n_cols);
            if value != 0.0 {
                self.indices.push(column);
                self.values.push(value);
            }
        }
        self.indptr.push(self.values.len());
    }
}

impl<'a> Row<'a> {
    pub fn iter(&self) -> impl Iterator<Item = (usize, f64)> + 'a {
        self.indices.iter().zip(self.values).map(|(&i, &v)| (i as usize, v))
    }

    /// Sum of squares, in column order.
    pub fn norm_squared(&self) -> f64 {
        self.values.iter().map(|v| v * v).sum()
    }
}
