//! Tall dense blocks of B columns, and the B × B algebra between them.
//!
//! A block is stored row by row, `[f64; B]` each, so that vector lanes run across columns and every sum over rows has
//! one fixed order. Rows may be divided among workers: [`Chunks`] cuts them by their number alone, a sum over all
//! rows is the sum of its chunks in their order, and so its bits do not depend on who holds which chunk.

use super::simd::{apply, versions};
use std::ops::Range;

/// `(rows, B)`, row by row.
pub type Block<const B: usize> = Vec<[f64; B]>;

/// `(B, B)`, row by row.
pub type Square<const B: usize> = [[f64; B]; B];

/// How n rows are cut for summing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunks {
    n: usize,
    len: usize,
}

impl Chunks {
    const MOST: usize = 64;
    const SHORTEST: usize = 64;

    pub fn of(n: usize) -> Chunks {
        Chunks { n, len: n.div_ceil(Self::MOST).max(Self::SHORTEST) }
    }

    pub fn n_rows(&self) -> usize {
        self.n
    }

    /// Number of chunks.
    pub fn count(&self) -> usize {
        self.n.div_ceil(self.len)
    }

    /// The rows of worker `worker` of `peers`: whole chunks, in the order of the workers.
    pub fn rows_of(&self, worker: usize, peers: usize) -> Range<usize> {
        let count = self.count();
        let cut = |w: usize| (count * w / peers * self.len).min(self.n);
        cut(worker)..cut(worker + 1)
    }

    /// The pieces of `rows` rows that begin at a chunk, counted from there.
    pub fn pieces(&self, rows: usize) -> impl Iterator<Item = Range<usize>> {
        let len = self.len;
        (0..rows).step_by(len).map(move |first| first..rows.min(first + len))
    }
}

/// `leftᵀ · right`.
#[apply(versions!)]
pub fn inner<const B: usize>(left: &[[f64; B]], right: &[[f64; B]]) -> [[f64; B]; B] {
    let mut h = [[0.0; B]; B];
    for (l, r) in left.iter().zip(right) {
        for a in 0..B {
            for b in 0..B {
                h[a][b] += l[a] * r[b];
            }
        }
    }
    h
}

/// `target -= basis · h`.
#[apply(versions!)]
pub fn subtract<const B: usize>(target: &mut [[f64; B]], basis: &[[f64; B]], h: &[[f64; B]; B]) {
    for (t, q) in target.iter_mut().zip(basis) {
        for a in 0..B {
            for b in 0..B {
                t[b] -= q[a] * h[a][b];
            }
        }
    }
}

/// `block = block · h`.
#[apply(versions!)]
pub fn multiply<const B: usize>(block: &mut [[f64; B]], h: &[[f64; B]; B]) {
    for row in block {
        let mut product = [0.0; B];
        for a in 0..B {
            for b in 0..B {
                product[b] += row[a] * h[a][b];
            }
        }
        *row = product;
    }
}

/// `rows · v` for dense rows `(rows.len() / n, n)` and a block `v` of n rows.
#[apply(versions!)]
pub fn dense_times_block<const B: usize>(rows: &[f64], v: &[[f64; B]]) -> Vec<[f64; B]> {
    const AT_ONCE: usize = 4;
    let n = v.len();
    let mut out = vec![[0.0; B]; rows.len() / n];
    for (rows, out) in rows.chunks(AT_ONCE * n).zip(out.chunks_mut(AT_ONCE)) {
        if out.len() == AT_ONCE {
            let mut sums = [[0.0; B]; AT_ONCE];
            for (j, v) in v.iter().enumerate() {
                for r in 0..AT_ONCE {
                    for b in 0..B {
                        sums[r][b] += rows[r * n + j] * v[b];
                    }
                }
            }
            out.copy_from_slice(&sums);
        } else {
            for (row, out) in rows.chunks(n).zip(out) {
                for (x, v) in row.iter().zip(v) {
                    for b in 0..B {
                        out[b] += x * v[b];
                    }
                }
            }
        }
    }
    out
}

/// R with `RᵀR` = `gram`, upper triangular. Nothing where a column is no longer than `shortest`, or nearly in the span
/// of those before it, so that a block with these products is not safely made orthonormal by R⁻¹.
pub fn cholesky<const B: usize>(gram: &Square<B>, shortest: f64) -> Option<Square<B>> {
    /// Squared share of a column that must be its own.
    const OWN: f64 = 1e-10;
    let mut r = [[0.0; B]; B];
    for j in 0..B {
        for i in 0..j {
            let known: f64 = (0..i).map(|k| r[k][i] * r[k][j]).sum();
            r[i][j] = (gram[i][j] - known) / r[i][i];
        }
        let left = gram[j][j] - (0..j).map(|k| r[k][j] * r[k][j]).sum::<f64>();
        // Not a number fails here too.
        if !(left > OWN * gram[j][j] && gram[j][j] > shortest * shortest && gram[j][j].is_finite()) {
            return None;
        }
        r[j][j] = left.sqrt();
    }
    Some(r)
}

/// The inverse of an upper triangular matrix without a 0 on its diagonal.
pub fn upper_inverse<const B: usize>(r: &Square<B>) -> Square<B> {
    let mut inverse = [[0.0; B]; B];
    for j in 0..B {
        inverse[j][j] = 1.0 / r[j][j];
        for i in (0..j).rev() {
            let sum: f64 = (i + 1..=j).map(|k| r[i][k] * inverse[k][j]).sum();
            inverse[i][j] = -sum / r[i][i];
        }
    }
    inverse
}

/// `left · right`.
pub fn product<const B: usize>(left: &Square<B>, right: &Square<B>) -> Square<B> {
    std::array::from_fn(|i| std::array::from_fn(|j| (0..B).map(|k| left[i][k] * right[k][j]).sum()))
}

pub fn identity<const B: usize>() -> Square<B> {
    std::array::from_fn(|i| std::array::from_fn(|j| f64::from(u8::from(i == j))))
}

#[cfg(test)]
mod tests {
    use super::super::keyed::{self, Stream};
    use super::*;

    const B: usize = 8;

    fn random(what: u64, rows: usize) -> Block<B> {
        let draw = |i: usize| keyed::uniform(5, Stream::Krylov, what, i as u64) - 0.5;
        (0..rows).map(|i| std::array::from_fn(|b| draw(i * B + b))).collect()
    }

    /// Lanes are columns, so whatever vector level runs gives the bits of plain loops.
    #[test]
    fn kernels_have_the_bits_of_plain_loops() {
        let (left, right) = (random(0, 37), random(1, 37));
        let rows: Vec<f64> = (0..11 * 37).map(|i| keyed::uniform(5, Stream::Krylov, 2, i) - 0.5).collect();
        let mut h = [[0.0f64; B]; B];
        let mut image = vec![[0.0f64; B]; 11];
        for i in 0..37 {
            for b in 0..B {
                (0..B).for_each(|a| h[a][b] += left[i][a] * right[i][b]);
                (0..11).for_each(|r| image[r][b] += rows[r * 37 + i] * left[i][b]);
            }
        }
        let mut less = left.clone();
        let mut times = vec![[0.0f64; B]; 37];
        for i in 0..37 {
            for a in 0..B {
                (0..B).for_each(|b| less[i][b] -= right[i][a] * h[a][b]);
                (0..B).for_each(|b| times[i][b] += left[i][a] * h[a][b]);
            }
        }
        assert_eq!(inner(&left, &right), h);
        assert_eq!(dense_times_block(&rows, &left), image);
        let mut ours = left.clone();
        subtract(&mut ours, &right, &h);
        assert_eq!(ours, less);
        let mut ours = left;
        multiply(&mut ours, &h);
        assert_eq!(ours, times);
    }

    #[test]
    fn cholesky_makes_columns_orthonormal() {
        let mut block = random(3, 50);
        let r = cholesky(&inner(&block, &block), 0.0).unwrap();
        multiply(&mut block, &upper_inverse(&r));
        let products = inner(&block, &block);
        for (row, unit) in products.iter().zip(identity::<B>()) {
            assert!(row.iter().zip(unit).all(|(x, unit)| (x - unit).abs() < 1e-13));
        }
        assert!(
            product(&r, &upper_inverse(&r))
                .iter()
                .zip(identity::<B>())
                .all(|(row, unit)| { row.iter().zip(unit).all(|(x, unit)| (x - unit).abs() < 1e-13) })
        );
    }

    #[test]
    fn cholesky_refuses_what_is_dependent_short_or_no_number() {
        let mut block = random(3, 50);
        assert!(cholesky(&inner(&block, &block), 100.0).is_none());
        block.iter_mut().for_each(|row| row[5] = row[1] - 2.0 * row[2] + 1e-7 * row[5]);
        assert!(cholesky(&inner(&block, &block), 0.0).is_none());
        block[7][0] = f64::NAN;
        assert!(cholesky(&inner(&block, &block), 0.0).is_none());
    }

    #[test]
    fn workers_share_the_rows_in_whole_chunks() {
        for n in [1, 63, 64, 65, 360, 4096, 59_000, 1_000_003] {
            let chunks = Chunks::of(n);
            for peers in [1, 2, 3, 5, 100] {
                let mut next = 0;
                let mut pieces = Vec::new();
                for rows in (0..peers).map(|w| chunks.rows_of(w, peers)) {
                    assert_eq!(rows.start, next);
                    next = rows.end;
                    pieces.extend(chunks.pieces(rows.len()).map(|p| p.start + rows.start..p.end + rows.start));
                }
                assert_eq!(next, n);
                assert_eq!(pieces, chunks.pieces(n).collect::<Vec<_>>());
                assert!(pieces.len() <= Chunks::MOST);
            }
        }
    }
}
