//! Bands of the Gram matrix XᵀX of sparse rows, in fixed point.
//!
//! The matrix is symmetric, so a band of rows holds only the columns from its first row's diagonal on, and each product
//! of two items is made once.

use std::ops::Range;

use super::csr::{Csr, RowsRef};
use super::fixed;
use super::simd::{apply, versions};

/// Adds to `band`, `(items.len(), n_cols - items.start)` row-major, the products x[i]·x[j]·`factor` of every row, rounded
/// to integers, for i in `items` and every j ≥ i. Exact where the scaled products are whole.
pub fn accumulate_band(rows: &Csr, items: Range<usize>, factor: f64, band: &mut [i64]) {
    let width = rows.n_cols - items.start;
    debug_assert_eq!(band.len(), items.len() * width);
    rows.blocks().for_each(|block| add_block(block.rows(), items.clone(), width, factor, band));
}

#[apply(versions!)]
fn add_block(rows: RowsRef<'_>, items: Range<usize>, width: usize, factor: f64, band: &mut [i64]) {
    for row in rows.rows() {
        let first = row.indices.partition_point(|&i| (i as usize) < items.start);
        let last = row.indices.partition_point(|&i| (i as usize) < items.end);
        for at in first..last {
            let i = row.indices[at] as usize - items.start;
            let scaled = row.values.get(at) * factor;
            let out = &mut band[i * width..(i + 1) * width];
            row.tail(at).for_each(|j, x| out[j - items.start] += fixed::round(scaled * x));
        }
    }
}

/// Number of products in the upper triangle: Σ over rows of nnz·(nnz + 1)/2, the cost of making the matrix.
pub fn products(rows: &Csr) -> u64 {
    rows.lengths().into_iter().map(u64::from).map(|n| n * (n + 1) / 2).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixed::Scale;

    #[test]
    fn bands_make_up_the_matrix_of_products() {
        let mut x = Csr::empty(4);
        x.push_row([(0, 5.0), (2, 3.0)]);
        x.push_row([(1, 0.5), (2, 4.0), (3, 1.0)]);
        let scale = Scale::new(25.0, 2);
        let dense = [[5.0, 0.0, 3.0, 0.0], [0.0, 0.5, 4.0, 1.0]];
        for items in [0..4, 1..3, 2..4] {
            let width = 4 - items.start;
            let mut band = vec![0; items.len() * width];
            accumulate_band(&x, items.clone(), scale.factor(), &mut band);
            for i in items.clone() {
                for j in i..4 {
                    let expected: f64 = dense.iter().map(|row| row[i] * row[j]).sum();
                    assert_eq!(scale.real(band[(i - items.start) * width + j - items.start]), expected);
                }
            }
        }
        assert_eq!(products(&x), 9);
    }
}
