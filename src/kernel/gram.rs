//! Bands of the Gram matrix XᵀX of sparse rows, in fixed point.

use std::ops::Range;

use super::csr::Csr;
use super::fixed;
use super::simd::{apply, versions};

/// Adds to `band`, `(items.len(), n_cols)` row-major, the products x[i]·x[j]·`factor` of every row, rounded to integers,
/// for i in `items` and every j. Exact where the scaled products are whole.
#[apply(versions!)]
pub fn accumulate_band(rows: &Csr, items: Range<usize>, factor: f64, band: &mut [i64]) {
    let n = rows.n_cols;
    debug_assert_eq!(band.len(), items.len() * n);
    for row in rows.rows() {
        let first = row.indices.partition_point(|&i| (i as usize) < items.start);
        let last = row.indices.partition_point(|&i| (i as usize) < items.end);
        for at in first..last {
            let i = row.indices[at] as usize - items.start;
            let scaled = row.values.get(at) * factor;
            let out = &mut band[i * n..(i + 1) * n];
            row.for_each(|j, x| out[j] += fixed::round(scaled * x));
        }
    }
}

/// Number of products in the whole Gram matrix: Σ over rows of nnz², the cost of making it.
pub fn products(rows: &Csr) -> u64 {
    rows.rows().map(|r| (r.len() * r.len()) as u64).sum()
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
        let mut whole = vec![0; 16];
        accumulate_band(&x, 0..4, scale.factor(), &mut whole);
        let dense = [[5.0, 0.0, 3.0, 0.0], [0.0, 0.5, 4.0, 1.0]];
        for i in 0..4 {
            for j in 0..4 {
                let expected: f64 = dense.iter().map(|row| row[i] * row[j]).sum();
                assert_eq!(scale.real(whole[i * 4 + j]), expected);
            }
        }
        let mut band = vec![0; 8];
        accumulate_band(&x, 1..3, scale.factor(), &mut band);
        assert_eq!(band, whole[4..12]);
        assert_eq!(products(&x), 13);
    }
}
