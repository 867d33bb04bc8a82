//! Passes over sparse rows that multiply them with a dense block of B columns.
//!
//! A row of the block is one cache line where B = 8, and the cost of an entry is the wait for two of them. Indices are
//! known long before they are needed, so each line is prefetched one row of the matrix ahead of its use.

use super::csr::{Csr, RowsRef};
use super::fixed;
use super::simd::{apply, versions};

/// One pass of (X − 1μᵀ)ᵀ(X − 1μᵀ)·V: for each row y = x·V − `offset` with `offset` = μ·V, and
/// `out[i] += x[i]·y·factor`, rounded, for each of its entries. Since the y of all rows sum to 0, nothing of μ is left to
/// subtract on the other side. `v` and `out` are `(n_cols, B)`.
pub fn centred_sweep<const B: usize>(rows: &Csr, v: &[[f64; B]], offset: &[f64; B], factor: f64, out: &mut [[i64; B]]) {
    for block in rows.blocks() {
        sweep_block(block.rows(), v, offset, factor, out);
    }
}

#[apply(versions!)]
fn sweep_block<const B: usize>(
    rows: RowsRef<'_>,
    v: &[[f64; B]],
    offset: &[f64; B],
    factor: f64,
    out: &mut [[i64; B]],
) {
    let last = rows.n_rows().saturating_sub(1);
    for r in 0..rows.n_rows() {
        let row = rows.row(r);
        let mut y = [0.0; B];
        row.for_each(|i, x| {
            prefetch(out, i);
            let v = &v[i];
            for b in 0..B {
                y[b] += x * v[b];
            }
        });
        for b in 0..B {
            y[b] = (y[b] - offset[b]) * factor;
        }
        let mut ahead = rows.row(last.min(r + 1)).indices.iter();
        row.for_each(|i, x| {
            if let Some(&next) = ahead.next() {
                prefetch(v, next as usize);
            }
            let out = &mut out[i];
            for b in 0..B {
                out[b] += fixed::round(x * y[b]);
            }
        });
    }
}

/// X·V − 1·`offset`ᵀ, row by row: `take(row, products)`. `v` is `(n_cols, B)`.
pub fn centred_products<const B: usize>(
    rows: &Csr,
    v: &[[f64; B]],
    offset: &[f64; B],
    mut take: impl FnMut(usize, [f64; B]),
) {
    let mut products = Vec::new();
    for block in rows.blocks() {
        products.clear();
        products.resize(block.rows().n_rows(), [0.0; B]);
        block_products(block.rows(), v, offset, &mut products);
        products.iter().enumerate().for_each(|(r, y)| take(block.first_row + r, *y));
    }
}

#[apply(versions!)]
fn block_products<const B: usize>(rows: RowsRef<'_>, v: &[[f64; B]], offset: &[f64; B], products: &mut [[f64; B]]) {
    for (r, y) in products.iter_mut().enumerate() {
        let row = rows.row(r);
        let mut sum = [0.0; B];
        row.for_each(|i, x| {
            let v = &v[i];
            for b in 0..B {
                sum[b] += x * v[b];
            }
        });
        for b in 0..B {
            y[b] = sum[b] - offset[b];
        }
    }
}

/// Prefetches an element that will be needed soon.
#[inline(always)]
fn prefetch<T>(slice: &[T], at: usize) {
    #[cfg(target_arch = "x86_64")]
    if let Some(element) = slice.get(at) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch reads and writes nothing a program can see, and the address is that of an element.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(element).cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (slice, at);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::csr::{Rows, Values};
    use crate::kernel::fixed::Scale;

    const DENSE: [[f64; 3]; 3] = [[5.0, 0.0, 3.0], [0.0, 2.0, 4.0], [1.0, 0.0, 0.0]];
    const V: [[f64; 2]; 3] = [[0.5, 1.0], [-0.25, 0.0], [1.5, -1.0]];

    fn sparse() -> Csr {
        let mut x = Csr::empty(3);
        for row in DENSE {
            x.push_row(row.into_iter().enumerate().map(|(i, v)| (i as u32, v)));
        }
        x
    }

    fn mean() -> [f64; 3] {
        std::array::from_fn(|i| DENSE.iter().map(|r| r[i]).sum::<f64>() / 3.0)
    }

    fn offset() -> [f64; 2] {
        std::array::from_fn(|b| mean().iter().zip(&V).map(|(m, v)| m * v[b]).sum())
    }

    fn centred_product(row: &[f64; 3], b: usize) -> f64 {
        (0..3).map(|j| (row[j] - mean()[j]) * V[j][b]).sum()
    }

    #[test]
    fn a_centred_sweep_is_the_covariance_times_a_block() {
        let scale = Scale::new(100.0, 3);
        let mut out = vec![[0i64; 2]; 3];
        centred_sweep(&sparse(), &V, &offset(), scale.factor(), &mut out);
        for (i, sums) in out.iter().enumerate() {
            for (b, &sum) in sums.iter().enumerate() {
                let expected: f64 = DENSE.iter().map(|r| (r[i] - mean()[i]) * centred_product(r, b)).sum();
                assert!((scale.real(sum) - expected).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn centred_products_are_scores() {
        let mut seen = 0;
        centred_products(&sparse(), &V, &offset(), |r, y| {
            assert_eq!(r, seen);
            seen += 1;
            (0..2).for_each(|b| assert!((y[b] - centred_product(&DENSE[r], b)).abs() < 1e-12));
        });
        assert_eq!(seen, 3);
    }

    /// Blocks and the way values are stored do not change a bit.
    #[test]
    fn coded_rows_in_two_blocks_have_the_bits_of_plain_ones() {
        let plain = sparse();
        let mut table = Box::new([0.0; 256]);
        [5.0, 3.0, 2.0, 4.0, 1.0].iter().zip(table.iter_mut()).for_each(|(x, t)| *t = *x);
        let mut coded = Csr::empty(3);
        let values = |codes: &[u8]| Values::Coded { codes: codes.to_vec(), table: table.clone() };
        coded.push_block(Rows { indptr: vec![0, 2], indices: vec![0, 2], values: values(&[0, 1]) });
        coded.push_block(Rows { indptr: vec![0, 2, 3], indices: vec![1, 2, 0], values: values(&[2, 3, 4]) });
        let sweep = |x: &Csr| {
            let mut out = vec![[0i64; 2]; 3];
            centred_sweep(x, &V, &offset(), 1e6, &mut out);
            out
        };
        assert_eq!(plain, coded);
        assert_eq!(sweep(&plain), sweep(&coded));
    }
}
