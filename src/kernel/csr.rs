//! Compressed sparse rows: a worker's users × all items.

use std::ops::Range;

use multiversion::multiversion;

use super::fixed::{self, Scale};

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

    /// Largest magnitude of a value; 0 where there is none.
    pub fn max_abs(&self) -> f64 {
        self.values.iter().fold(0.0, |most, value| value.abs().max(most))
    }

    /// Number of rows with a stored value in each column, `(n_cols)`.
    pub fn column_counts(&self) -> Vec<i64> {
        let mut counts = vec![0; self.n_cols];
        self.indices.iter().for_each(|&column| counts[column as usize] += 1);
        counts
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

/// `out += row · matrix` for a dense `matrix` `(n_cols, width)`, row-major; lanes run across its columns, the sum over
/// the row's entries has their order.
#[inline]
pub fn row_times_dense(row: Row<'_>, matrix: &[f64], out: &mut [f64]) {
    let width = out.len();
    for (i, x) in row.iter() {
        for (o, m) in out.iter_mut().zip(&matrix[i * width..(i + 1) * width]) {
            *o += x * m;
        }
    }
}

/// Sums over rows that every column needs, in fixed point.
#[derive(Debug, Clone)]
pub struct ColumnSums {
    pub sum: Vec<i64>,
    pub sum_of_squares: Vec<i64>,
}

impl ColumnSums {
    pub fn of(rows: &Csr, sum_scale: Scale, square_scale: Scale) -> ColumnSums {
        let zeros = || vec![0i64; rows.n_cols];
        let mut sums = ColumnSums { sum: zeros(), sum_of_squares: zeros() };
        for (&i, &x) in rows.indices.iter().zip(&rows.values) {
            let i = i as usize;
            sums.sum[i] += sum_scale.fix(x);
            sums.sum_of_squares[i] += square_scale.fix(x * x);
        }
        sums
    }
}

/// One pass of (X − 1μᵀ)ᵀ(X − 1μᵀ)·V over sparse rows: for each row y = x·V − `offset` with `offset` = μ·V, and
/// `out[i] += x[i]·y·factor`, rounded, for each of its entries. Since the y of all rows sum to 0, nothing of μ is left to
/// subtract on the other side.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
pub fn centred_sweep<const B: usize>(rows: &Csr, v: &[[f64; B]], offset: &[f64; B], factor: f64, out: &mut [[i64; B]]) {
    for r in 0..rows.indptr.len() - 1 {
        let range = rows.indptr[r]..rows.indptr[r + 1];
        let (indices, values) = (&rows.indices[range.clone()], &rows.values[range]);
        let mut y = [0.0; B];
        for (&i, &x) in indices.iter().zip(values) {
            let v = &v[i as usize];
            for b in 0..B {
                y[b] += x * v[b];
            }
        }
        for b in 0..B {
            y[b] = (y[b] - offset[b]) * factor;
        }
        for (&i, &x) in indices.iter().zip(values) {
            let out = &mut out[i as usize];
            for b in 0..B {
                out[b] += fixed::round(x * y[b]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_centred_sweep_is_the_covariance_times_a_block() {
        let mut x = Csr::empty(3);
        x.push_row([(0, 5.0), (2, 3.0)]);
        x.push_row([(1, 2.0), (2, 4.0)]);
        x.push_row([(0, 1.0)]);
        let dense = [[5.0, 0.0, 3.0], [0.0, 2.0, 4.0], [1.0, 0.0, 0.0]];
        let mean: Vec<f64> = (0..3).map(|i| dense.iter().map(|r| r[i]).sum::<f64>() / 3.0).collect();
        let v = vec![[0.5, 1.0], [-0.25, 0.0], [1.5, -1.0]];
        let mut offset = [0.0; 2];
        mean.iter().zip(&v).for_each(|(m, v)| (0..2).for_each(|b| offset[b] += m * v[b]));
        let scale = Scale::new(100.0, 3);
        let mut out = vec![[0i64; 2]; 3];
        centred_sweep(&x, &v, &offset, scale.factor(), &mut out);
        for i in 0..3 {
            for b in 0..2 {
                let y = |r: &[f64; 3]| (0..3).map(|j| (r[j] - mean[j]) * v[j][b]).sum::<f64>();
                let expected: f64 = dense.iter().map(|r| (r[i] - mean[i]) * y(r)).sum();
                assert!((scale.real(out[i][b]) - expected).abs() < 1e-12);
            }
        }
    }
}
