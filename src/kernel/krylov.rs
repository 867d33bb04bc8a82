//! Largest eigenpairs of a symmetric positive semi-definite operator, seen only through `V ↦ CV`.
//!
//! Block Krylov with full re-orthogonalisation (Musco & Musco 2015; Golub & Underwood 1977) and thick restarts
//! (Wu & Simon 2000). A sweep applies C to one block of B columns; the basis grows by a block per sweep, Rayleigh–Ritz
//! on the basis gives the pairs, and the part of C·V outside the basis gives their residuals ‖Cv − λv‖ for nothing.
//! A block of n rows is stored row by row, `[f64; B]` each, so that vector lanes run across columns and every sum over
//! rows has one fixed order.

use multiversion::multiversion;
use ndarray::Array2;

use super::eigen::symmetric_eigen;
use super::keyed::{self, Stream};

/// `(n, B)`, row by row.
pub type Block<const B: usize> = Vec<[f64; B]>;

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Number of pairs wanted.
    pub k: usize,
    /// Largest residual ‖Cv − λv‖ relative to the largest eigenvalue.
    pub tol: f64,
    pub max_sweeps: usize,
    pub seed: u64,
}

#[derive(Debug, Clone)]
pub struct Eigenpairs {
    /// Falling, `(k)`.
    pub values: Vec<f64>,
    /// Orthonormal rows `(k, n)`.
    pub vectors: Array2<f64>,
    pub sweeps: usize,
    /// Largest relative residual.
    pub residual: f64,
    pub converged: bool,
}

/// Columns of the basis at which it is restarted from its best vectors.
pub fn max_basis<const B: usize>(k: usize) -> usize {
    (k + k.max(16 * B)).next_multiple_of(B)
}

/// The `k` largest eigenpairs of the operator `apply` on vectors of length `n`. `n` must leave room for the basis:
/// `n >= max_basis::<B>(k) + B`; below that, use [`symmetric_eigen`].
pub fn top_eigenpairs<const B: usize>(
    n: usize,
    options: Options,
    mut apply: impl FnMut(&[[f64; B]]) -> Block<B>,
) -> Eigenpairs {
    let limit = max_basis::<B>(options.k);
    assert!(n >= limit + B, "the dense solver is for {n} rows");
    let mut space = Space::<B>::new(n, options.seed);
    let mut next_check = options.k + 2 * B;
    for sweep in 1.. {
        let image = apply(space.last());
        let coupling = space.extend(image);
        let m = space.width();
        let full = m >= limit;
        let out_of_sweeps = sweep >= options.max_sweeps;
        if m < next_check && !full && !out_of_sweeps {
            continue;
        }
        let (values, ritz) = symmetric_eigen(space.projected());
        let residual = largest_residual(&coupling, &values, &ritz, options.k);
        if residual <= options.tol || out_of_sweeps {
            let vectors = space.rotate(&ritz, options.k);
            let converged = residual <= options.tol;
            return Eigenpairs { values: values[..options.k].to_vec(), vectors, sweeps: sweep, residual, converged };
        }
        if full {
            space.restart(&values, &ritz, (options.k + B).next_multiple_of(B));
        }
        next_check = space.width() + (space.width() / 4).max(B);
    }
    unreachable!("the loop ends by returning")
}

/// Largest ‖Cv − λv‖ / λ₁ of the first k pairs: `coupling` maps the last block's part of a Ritz vector to its residual.
fn largest_residual<const B: usize>(coupling: &[[f64; B]; B], values: &[f64], ritz: &Array2<f64>, k: usize) -> f64 {
    let first = ritz.ncols() - B;
    let residual = |i: usize| {
        let tail: Vec<f64> = (0..B).map(|c| ritz[[i, first + c]]).collect();
        let image = |row: &[f64; B]| row.iter().zip(&tail).map(|(r, t)| r * t).sum::<f64>();
        coupling.iter().map(image).map(|x| x * x).sum::<f64>().sqrt()
    };
    let largest = (0..k).map(residual).fold(0.0, f64::max);
    if values[0] > 0.0 { largest / values[0] } else { largest }
}

/// An orthonormal basis in blocks, and the operator projected on it. The last block has not been applied yet.
struct Space<const B: usize> {
    n: usize,
    seed: u64,
    blocks: Vec<Block<B>>,
    /// Rows of the projected operator, over the applied blocks; only columns up to the row's own block are kept.
    projected: Vec<Vec<f64>>,
    random_columns: u64,
}

impl<const B: usize> Space<B> {
    fn new(n: usize, seed: u64) -> Self {
        let mut space = Space { n, seed, blocks: Vec::new(), projected: Vec::new(), random_columns: 0 };
        let mut start = vec![[0.0; B]; n];
        for column in 0..B {
            space.fill_random(&mut start, column);
        }
        space.orthonormalise(&mut start, 0.0);
        space.blocks.push(start);
        space
    }

    fn last(&self) -> &[[f64; B]] {
        self.blocks.last().expect("a space has a block")
    }

    /// Columns the operator has been applied to.
    fn width(&self) -> usize {
        self.projected.len()
    }

    /// Takes the image of the last block: its part inside the basis becomes new rows of the projected operator, the rest
    /// the next block. Returns R, with rest = next · R.
    fn extend(&mut self, mut image: Block<B>) -> [[f64; B]; B] {
        let width = self.width() + B;
        let mut rows = vec![vec![0.0; width]; B];
        for _pass in 0..2 {
            for (i, block) in self.blocks.iter().enumerate() {
                let h = inner(block, &image);
                subtract(&mut image, block, &h);
                for (a, h_row) in h.iter().enumerate() {
                    for (b, value) in h_row.iter().enumerate() {
                        rows[b][i * B + a] += value;
                    }
                }
            }
        }
        symmetrise_tail(&mut rows);
        let scale = rows.iter().enumerate().map(|(b, row)| row[width - B + b].abs()).fold(0.0, f64::max);
        self.projected.extend(rows);
        let coupling = self.orthonormalise(&mut image, scale);
        self.blocks.push(image);
        coupling
    }

    /// The projected operator `(width, width)`, lower triangle.
    fn projected(&self) -> Array2<f64> {
        let m = self.width();
        Array2::from_shape_fn((m, m), |(i, j)| {
            let (row, column) = (i.max(j), i.min(j));
            self.projected[row].get(column).copied().unwrap_or(0.0)
        })
    }

    /// The first `k` Ritz vectors in the full space, `(k, n)`.
    fn rotate(&self, ritz: &Array2<f64>, k: usize) -> Array2<f64> {
        let mut vectors = Array2::zeros((k, self.n));
        for first in (0..k).step_by(B) {
            let block = self.ritz_block(ritz, first, k);
            for (i, row) in block.iter().enumerate() {
                for column in first..k.min(first + B) {
                    vectors[[column, i]] = row[column - first];
                }
            }
        }
        vectors
    }

    /// Ritz vectors `first..first + B`, of which those from `end` on are left 0.
    fn ritz_block(&self, ritz: &Array2<f64>, first: usize, end: usize) -> Block<B> {
        let mut out = vec![[0.0; B]; self.n];
        for (i, block) in self.blocks[..self.width() / B].iter().enumerate() {
            let mut h = [[0.0; B]; B];
            for (a, h_row) in h.iter_mut().enumerate() {
                for (b, value) in h_row.iter_mut().enumerate().take(end.saturating_sub(first)) {
                    *value = -ritz[[first + b, i * B + a]];
                }
            }
            subtract(&mut out, block, &h);
        }
        out
    }

    /// Keeps the best `keep` Ritz vectors and the block not yet applied.
    fn restart(&mut self, values: &[f64], ritz: &Array2<f64>, keep: usize) {
        let mut blocks: Vec<Block<B>> = (0..keep).step_by(B).map(|first| self.ritz_block(ritz, first, keep)).collect();
        blocks.push(self.blocks.pop().expect("a space has a block"));
        self.blocks = blocks;
        self.projected = (0..keep).map(|i| (0..=i).map(|j| if i == j { values[i] } else { 0.0 }).collect()).collect();
    }

    /// Makes the columns of `block` orthonormal: `block` = result · R. A column that vanishes against `scale` (the space is
    /// invariant) is replaced by a random one orthogonal to everything, with nothing in R.
    fn orthonormalise(&mut self, block: &mut Block<B>, scale: f64) -> [[f64; B]; B] {
        let mut r = [[0.0; B]; B];
        let original = norm(block, 0).max(scale);
        let (mut kept, mut vanished) = (Vec::with_capacity(B), Vec::new());
        for column in 0..B {
            deflate(block, column, &kept, &mut r);
            let length = norm(block, column);
            if length > 1e-13 * original.max(f64::MIN_POSITIVE) {
                r[column][column] = length;
                divide(block, column, length);
                kept.push(column);
            } else {
                vanished.push(column);
            }
        }
        self.replace(block, kept, &vanished);
        r
    }

    /// Fills the columns `vanished` with random ones, orthogonal to the basis and to the columns `kept`.
    fn replace(&mut self, block: &mut Block<B>, mut kept: Vec<usize>, vanished: &[usize]) {
        if vanished.is_empty() {
            return;
        }
        let mut fresh = vec![[0.0; B]; self.n];
        vanished.iter().for_each(|&column| self.fill_random(&mut fresh, column));
        for _pass in 0..2 {
            for basis in &self.blocks {
                let h = inner(basis, &fresh);
                subtract(&mut fresh, basis, &h);
            }
        }
        for &column in vanished {
            block.iter_mut().zip(&fresh).for_each(|(row, fresh)| row[column] = fresh[column]);
            deflate(block, column, &kept, &mut [[0.0; B]; B]);
            let length = norm(block, column);
            divide(block, column, length);
            kept.push(column);
        }
    }

    fn fill_random(&mut self, block: &mut Block<B>, column: usize) {
        for (i, row) in block.iter_mut().enumerate() {
            row[column] = keyed::uniform(self.seed, Stream::Krylov, self.random_columns, i as u64) - 0.5;
        }
        self.random_columns += 1;
    }
}

/// Makes the last B columns of the new rows, their diagonal block, symmetric.
fn symmetrise_tail(rows: &mut [Vec<f64>]) {
    let first = rows[0].len() - rows.len();
    for a in 0..rows.len() {
        for b in 0..a {
            let mean = 0.5 * (rows[a][first + b] + rows[b][first + a]);
            rows[a][first + b] = mean;
            rows[b][first + a] = mean;
        }
    }
}

/// Takes the parts along the orthonormal columns `others` out of `column`, twice, and adds them to `r`.
fn deflate<const B: usize>(block: &mut Block<B>, column: usize, others: &[usize], r: &mut [[f64; B]; B]) {
    for _pass in 0..2 {
        let products = products_with(block, column);
        let mut parts = [0.0; B];
        for &other in others {
            parts[other] = products[other];
            r[other][column] += products[other];
        }
        for row in block.iter_mut() {
            let along: f64 = row.iter().zip(&parts).map(|(x, part)| x * part).sum();
            row[column] -= along;
        }
    }
}

/// Inner products of every column with one of them.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn products_with<const B: usize>(block: &[[f64; B]], column: usize) -> [f64; B] {
    let mut products = [0.0; B];
    for row in block {
        for b in 0..B {
            products[b] += row[b] * row[column];
        }
    }
    products
}

fn norm<const B: usize>(block: &Block<B>, column: usize) -> f64 {
    block.iter().map(|row| row[column] * row[column]).sum::<f64>().sqrt()
}

fn divide<const B: usize>(block: &mut Block<B>, column: usize, by: f64) {
    block.iter_mut().for_each(|row| row[column] /= by);
}

/// `(B, B)`: left ᵀ · right.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn inner<const B: usize>(left: &[[f64; B]], right: &[[f64; B]]) -> [[f64; B]; B] {
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
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
fn subtract<const B: usize>(target: &mut [[f64; B]], basis: &[[f64; B]], h: &[[f64; B]; B]) {
    for (t, q) in target.iter_mut().zip(basis) {
        for a in 0..B {
            for b in 0..B {
                t[b] -= q[a] * h[a][b];
            }
        }
    }
}

/// `rows · v` for dense rows `(rows.len() / n, n)` and a block `v` of n rows.
#[multiversion(targets("x86_64+avx512f+avx512vl", "x86_64+avx2"))]
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A covariance matrix with a given spectrum: V diag(λ) Vᵀ for a V made of two reflections.
    fn matrix(n: usize, spectrum: impl Fn(usize) -> f64) -> Array2<f64> {
        let unit = |seed: u64| {
            let raw: Vec<f64> = (0..n).map(|i| keyed::uniform(seed, Stream::Krylov, 99, i as u64) - 0.5).collect();
            let length = raw.iter().map(|x| x * x).sum::<f64>().sqrt();
            raw.into_iter().map(|x| x / length).collect::<Vec<_>>()
        };
        let (u, w) = (unit(1), unit(2));
        let reflect = |h: &[f64], i: usize, j: usize| f64::from(u8::from(i == j)) - 2.0 * h[i] * h[j];
        let mut v: Array2<f64> = Array2::zeros((n, n));
        for i in 0..n {
            for j in 0..n {
                v[[i, j]] = (0..n).map(|k| reflect(&u, i, k) * reflect(&w, k, j)).sum::<f64>();
            }
        }
        Array2::from_shape_fn((n, n), |(i, j)| (0..n).map(|k| v[[i, k]] * spectrum(k) * v[[j, k]]).sum())
    }

    fn solve(matrix: &Array2<f64>, k: usize, tol: f64) -> Eigenpairs {
        let n = matrix.nrows();
        let options = Options { k, tol, max_sweeps: 200, seed: 3 };
        top_eigenpairs::<4>(n, options, |v| dense_times_block(matrix.as_slice().unwrap(), v))
    }

    fn check(matrix: &Array2<f64>, pairs: &Eigenpairs, expected: impl Fn(usize) -> f64) {
        let n = matrix.nrows();
        for (i, value) in pairs.values.iter().enumerate() {
            assert!((value - expected(i)).abs() < 1e-10 * expected(0), "{i}: {value} for {}", expected(i));
            let v = pairs.vectors.row(i);
            let residual: f64 = (0..n)
                .map(|r| ((0..n).map(|c| matrix[[r, c]] * v[c]).sum::<f64>() - value * v[r]).powi(2))
                .sum::<f64>()
                .sqrt();
            assert!(residual < 1e-9 * expected(0), "{residual}");
            for j in 0..=i {
                let product: f64 = (0..n).map(|c| v[c] * pairs.vectors[[j, c]]).sum();
                assert!((product - f64::from(u8::from(i == j))).abs() < 1e-12);
            }
        }
    }

    #[test]
    fn a_decaying_spectrum() {
        let spectrum = |i: usize| 100.0 / (1.0 + i as f64).powi(2);
        let matrix = matrix(150, spectrum);
        let pairs = solve(&matrix, 6, 1e-12);
        assert!(pairs.converged);
        check(&matrix, &pairs, spectrum);
    }

    #[test]
    fn repeated_eigenvalues_and_low_rank() {
        let spectrum = |i: usize| {
            if i < 3 {
                7.0
            } else if i < 6 {
                2.0
            } else {
                0.0
            }
        };
        let matrix = matrix(120, spectrum);
        let pairs = solve(&matrix, 8, 1e-12);
        assert!(pairs.converged);
        check(&matrix, &pairs, spectrum);
    }

    #[test]
    fn a_flat_spectrum_needs_restarts_and_gets_there() {
        let spectrum = |i: usize| 1.0 - i as f64 * 1e-3;
        let matrix = matrix(300, spectrum);
        let pairs = solve(&matrix, 2, 1e-10);
        assert!(pairs.converged, "{}", pairs.residual);
        assert!(pairs.sweeps > max_basis::<4>(2) / 4);
        check(&matrix, &pairs, spectrum);
    }

    /// Lanes are columns, so whatever vector level runs gives the bits of plain loops.
    #[test]
    fn kernels_have_the_bits_of_plain_loops() {
        const B: usize = 8;
        let draw = |what, i: usize| keyed::uniform(5, Stream::Krylov, what, i as u64) - 0.5;
        let block = |what| (0..37).map(|i| std::array::from_fn(|b| draw(what, i * B + b))).collect::<Block<B>>();
        let (left, right) = (block(0), block(1));
        let rows: Vec<f64> = (0..11 * 37).map(|i| draw(2, i)).collect();
        let mut h = [[0.0f64; B]; B];
        let mut products = [0.0f64; B];
        let mut image = vec![[0.0f64; B]; 11];
        let mut target = left.clone();
        for i in 0..37 {
            for b in 0..B {
                products[b] += left[i][b] * left[i][3];
                (0..B).for_each(|a| h[a][b] += left[i][a] * right[i][b]);
                (0..11).for_each(|r| image[r][b] += rows[r * 37 + i] * left[i][b]);
            }
        }
        for i in 0..37 {
            for a in 0..B {
                (0..B).for_each(|b| target[i][b] -= right[i][a] * h[a][b]);
            }
        }
        assert_eq!(inner(&left, &right), h);
        assert_eq!(products_with(&left, 3), products);
        assert_eq!(dense_times_block(&rows, &left), image);
        let mut ours = left;
        subtract(&mut ours, &right, &h);
        assert_eq!(ours, target);
    }

    #[test]
    fn says_so_when_it_has_not_converged() {
        let matrix = matrix(300, |i| 1.0 - i as f64 * 1e-3);
        let options = Options { k: 2, tol: 1e-12, max_sweeps: 5, seed: 3 };
        let pairs = top_eigenpairs::<4>(300, options, |v| dense_times_block(matrix.as_slice().unwrap(), v));
        assert!(!pairs.converged && pairs.residual > 1e-12 && pairs.sweeps == 5);
    }
}
