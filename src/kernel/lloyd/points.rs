//! Users as points, dense or sparse, one per row.

use crate::kernel::csr::Csr;

/// Dense rows that go together, one to a lane.
pub(super) const LANES: usize = 16;

/// Users as points, one per row.
#[derive(Debug, Clone, Copy)]
pub enum Points<'a> {
    /// `(n_rows, n_dims)`, row after row.
    Dense { values: &'a [f64], n_rows: usize, n_dims: usize },
    /// `(n_rows, n_cols)`.
    Sparse(&'a Csr),
}

/// One row, out of its matrix: rising columns and their values.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Point {
    pub indices: Vec<u32>,
    pub values: Vec<f64>,
}

impl<'a> Points<'a> {
    pub fn n_rows(&self) -> usize {
        match self {
            Points::Dense { n_rows, .. } => *n_rows,
            Points::Sparse(matrix) => matrix.n_rows(),
        }
    }

    pub fn n_dims(&self) -> usize {
        match self {
            Points::Dense { n_dims, .. } => *n_dims,
            Points::Sparse(matrix) => matrix.n_cols,
        }
    }

    /// Stored values over all rows.
    pub fn n_values(&self) -> usize {
        match *self {
            Points::Dense { values, .. } => values.len(),
            Points::Sparse(matrix) => matrix.nnz(),
        }
    }

    /// Largest magnitude of a stored value.
    pub fn max_abs(&self) -> f64 {
        match *self {
            Points::Dense { values, .. } => values.iter().fold(0.0, |most, v| v.abs().max(most)),
            Points::Sparse(matrix) => matrix.max_abs(),
        }
    }

    /// Calls `f(column, value)` for each stored value of a row, in column order.
    #[inline(always)]
    pub fn for_each(&self, row: usize, mut f: impl FnMut(usize, f64)) {
        match *self {
            Points::Dense { values, n_dims, .. } => {
                values[row * n_dims..][..n_dims].iter().enumerate().for_each(|(column, &v)| f(column, v));
            }
            Points::Sparse(matrix) => matrix.row(row).for_each(f),
        }
    }

    /// Squared length of a row, summed in column order.
    pub fn norm_squared(&self, row: usize) -> f64 {
        let mut sum = 0.0;
        self.for_each(row, |_, v| sum += v * v);
        sum
    }

    pub fn point(&self, row: usize) -> Point {
        let mut point = Point::default();
        self.for_each(row, |column, value| {
            point.indices.push(column as u32);
            point.values.push(value);
        });
        point
    }

    pub(super) fn is_dense(&self) -> bool {
        matches!(self, Points::Dense { .. })
    }
}

/// Rows of scores, `(n_rows, n_dims)`, row after row.
#[derive(Debug, Clone, Copy)]
pub struct Scores<'a> {
    pub values: &'a [f64],
    pub n_dims: usize,
}
