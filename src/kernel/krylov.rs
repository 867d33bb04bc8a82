//! The largest eigenpairs of a symmetric positive semi-definite operator that is known only through `V ↦ CV`.
//!
//! Block Krylov with full re-orthogonalisation (Musco & Musco 2015; Golub & Underwood 1977) and thick restarts
//! (Wu & Simon 2000). A sweep applies C to one block of B columns; the basis ([`Space`]) grows by a block per sweep,
//! Rayleigh–Ritz on the basis gives the pairs, and the part of C·V outside the basis gives their residuals ‖Cv − λv‖ at
//! no further cost, up to the rounding of C itself, which is added.
//!
//! The vectors that are kept must reach the tolerance. The eigenvalues after them need only its square root: the error
//! of an eigenvalue is at most the square of its residual, divided by its distance from the others.

use ndarray::Array2;

use super::basis::Space;
pub use super::basis::{Operator, Underway};
use super::block::{Chunks, Square};
use super::eigen::{symmetric_eigen, symmetric_eigen_tails};

#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Number of eigenvalues wanted.
    pub values: usize,
    /// Number of eigenvectors wanted, at most `values`.
    pub vectors: usize,
    /// Largest residual ‖Cv − λv‖ of a vector relative to the largest eigenvalue.
    pub tol: f64,
    /// Length of the error in the image of a unit vector, from rounding.
    pub noise: f64,
    /// Columns of the basis at which it is restarted from its best vectors, at least [`least_basis`].
    pub max_basis: usize,
    pub max_sweeps: usize,
    pub seed: u64,
}

#[derive(Debug, Clone)]
pub struct Eigenpairs {
    /// Falling, `(values)`.
    pub values: Vec<f64>,
    /// Orthonormal rows `(vectors, n)`.
    pub vectors: Array2<f64>,
    pub sweeps: usize,
    /// Largest relative residual of a vector.
    pub residual: f64,
    pub converged: bool,
}

/// The number of columns of the basis beyond which more do not pay before a restart.
pub fn max_basis<const B: usize>(values: usize) -> usize {
    (values + values.max(24 * B)).next_multiple_of(B)
}

/// Columns of the basis below which a restart would gain nothing.
pub fn least_basis<const B: usize>(values: usize) -> usize {
    kept_at_restart::<B>(values) + 2 * B
}

fn kept_at_restart<const B: usize>(values: usize) -> usize {
    (values + B).next_multiple_of(B)
}

/// The largest eigenpairs of the operator on vectors of length `n`, which must leave room for the basis:
/// `n >= max_basis + B`; below that, use [`symmetric_eigen`].
pub fn top_eigenpairs<const B: usize>(op: &mut impl Operator<B>, n: usize, options: Options) -> Eigenpairs {
    let limit = options.max_basis / B * B;
    assert!(n >= limit + B && limit >= least_basis::<B>(options.values), "no basis of {limit} columns in {n} rows");
    let (mut space, done) = begin(op, Chunks::of(n), options.seed);
    for sweep in done + 1.. {
        keep_if_wanted(op, &space, sweep);
        let image = op.apply(space.last());
        let coupling = space.extend(op, image);
        let progress = (space.width() > options.values).then(|| Progress::of(&space, &coupling, &options));
        op.swept(sweep, progress.as_ref().map(|progress| progress.residual));
        let Some(progress) = progress else { continue };
        if progress.done || progress.stuck || sweep >= options.max_sweeps {
            return finish(op, &space, &options, progress, sweep);
        }
        if space.width() >= limit {
            let (values, ritz) = symmetric_eigen(space.projected());
            space.restart(&values, &ritz, kept_at_restart::<B>(options.values));
        }
    }
    unreachable!("the loop ends by returning")
}

/// The space to go on from, and the sweeps that led to it.
fn begin<const B: usize>(op: &mut impl Operator<B>, chunks: Chunks, seed: u64) -> (Space<B>, usize) {
    match op.resume() {
        Some(state) => {
            let sweeps = state.sweeps;
            (Space::resume(op, chunks, seed, state), sweeps)
        }
        None => (Space::new(op, chunks, seed), 0),
    }
}

/// Passes on the state before `sweep`, where the operator asks for it.
fn keep_if_wanted<const B: usize>(op: &mut impl Operator<B>, space: &Space<B>, sweep: usize) {
    if sweep > 1 && op.wants_state(space.width() + B) {
        let state = space.state(op, sweep - 1);
        op.keep(state);
    }
}

/// The pairs that the space holds after its last sweep.
fn finish<const B: usize>(
    op: &mut impl Operator<B>,
    space: &Space<B>,
    options: &Options,
    progress: Progress,
    sweeps: usize,
) -> Eigenpairs {
    let (mut values, ritz) = symmetric_eigen(space.projected());
    let vectors = space.rotate(op, &ritz, options.vectors);
    values.truncate(options.values);
    Eigenpairs { values, vectors, sweeps, residual: progress.residual, converged: progress.done }
}

/// How near the pairs are to convergence.
struct Progress {
    residual: f64,
    done: bool,
    /// The residual left is rounding, which no sweep makes smaller.
    stuck: bool,
}

impl Progress {
    fn of<const B: usize>(space: &Space<B>, coupling: &Square<B>, options: &Options) -> Progress {
        let (values, tails) = symmetric_eigen_tails(space.projected(), B);
        // `coupling` maps the last block's part of a Ritz vector to its residual.
        let left = |i: usize| {
            let tail = tails.row(i);
            let image = |row: &[f64; B]| row.iter().zip(tail).map(|(r, t)| r * t).sum::<f64>();
            coupling.iter().map(image).map(|x| x * x).sum::<f64>().sqrt()
        };
        let largest = |pairs: std::ops::Range<usize>| pairs.map(left).fold(0.0, f64::max);
        let (of_vectors, of_values) = (largest(0..options.vectors), largest(options.vectors..options.values));
        let relative = |x: f64| if values[0] > 0.0 { (x + options.noise) / values[0] } else { x };
        let residual = relative(of_vectors);
        let done = residual <= options.tol && relative(of_values) <= options.tol.max(options.tol.sqrt());
        Progress { residual, done, stuck: of_vectors.max(of_values) <= options.noise }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::Range;

    use super::*;
    use crate::kernel::block::{Block, dense_times_block};
    use crate::kernel::keyed::{self, Stream};

    struct Dense<'a>(&'a Array2<f64>);

    /// One that is asked for its state before each sweep, and may go on from one.
    struct Watched<'a> {
        dense: Dense<'a>,
        from: Option<Underway>,
        seen: Vec<Underway>,
    }

    impl Operator<4> for Watched<'_> {
        fn own(&self) -> Range<usize> {
            self.dense.own()
        }

        fn apply(&mut self, own: &[[f64; 4]]) -> Block<4> {
            self.dense.apply(own)
        }

        fn gather(&mut self, mine: &[f64]) -> Vec<f64> {
            self.dense.gather(mine)
        }

        fn sum_in_order(&mut self, mine: &[f64], shape: (usize, usize)) -> Vec<f64> {
            self.dense.sum_in_order(mine, shape)
        }

        fn gather_to_keep(&mut self, mine: &[f64]) -> Vec<f64> {
            self.dense.gather_to_keep(mine)
        }

        fn wants_state(&mut self, _columns: usize) -> bool {
            true
        }

        fn keep(&mut self, state: Underway) {
            self.seen.push(state);
        }

        fn resume(&mut self) -> Option<Underway> {
            self.from.take()
        }
    }

    #[test]
    fn whoever_goes_on_from_any_sweep_gets_to_the_same_end() {
        // So flat that the basis is restarted, and of a rank that needs random columns.
        for (spectrum, least) in [(30usize, 5), (300, 10)] {
            let matrix = matrix(220, |i| if i < spectrum { 1.0 + 1.0 / (2.0 + i as f64) } else { 0.0 });
            let options = Options { max_basis: least_basis::<4>(5), ..options(5, 1e-12) };
            let run = |from| {
                let mut watched = Watched { dense: Dense(&matrix), from, seen: Vec::new() };
                let pairs = top_eigenpairs(&mut watched, 220, options);
                (pairs, watched.seen)
            };
            let (whole, seen) = run(None);
            assert!(seen.len() > least, "{}", seen.len());
            for state in seen.into_iter().step_by(3) {
                let (pairs, _) = run(Some(state));
                assert_eq!(
                    (pairs.values, pairs.vectors, pairs.sweeps),
                    (whole.values.clone(), whole.vectors.clone(), whole.sweeps)
                );
                assert_eq!((pairs.residual, pairs.converged), (whole.residual, whole.converged));
            }
        }
    }

    impl Operator<4> for Dense<'_> {
        fn own(&self) -> Range<usize> {
            0..self.0.nrows()
        }

        fn apply(&mut self, own: &[[f64; 4]]) -> Block<4> {
            dense_times_block(self.0.as_slice().unwrap(), own)
        }

        fn gather(&mut self, mine: &[f64]) -> Vec<f64> {
            mine.to_vec()
        }

        fn sum_in_order(&mut self, mine: &[f64], (n_rows, n_columns): (usize, usize)) -> Vec<f64> {
            assert_eq!(mine.len(), n_rows * n_columns);
            (0..n_columns).map(|column| mine.iter().skip(column).step_by(n_columns).sum()).collect()
        }

        fn gather_to_keep(&mut self, mine: &[f64]) -> Vec<f64> {
            mine.to_vec()
        }
    }

    fn options(k: usize, tol: f64) -> Options {
        let max_basis = max_basis::<4>(k);
        Options { values: k, vectors: k, tol, noise: 0.0, max_basis, max_sweeps: 200, seed: 3 }
    }

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
        top_eigenpairs(&mut Dense(matrix), matrix.nrows(), options(k, tol))
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

    #[test]
    fn says_so_when_it_has_not_converged() {
        let matrix = matrix(300, |i| 1.0 - i as f64 * 1e-3);
        let pairs = top_eigenpairs(&mut Dense(&matrix), 300, Options { max_sweeps: 5, ..options(2, 1e-12) });
        assert!(!pairs.converged && pairs.residual > 1e-12 && pairs.sweeps == 5);
    }

    #[test]
    fn a_tolerance_below_rounding_ends_soon_and_is_not_claimed() {
        let matrix = matrix(150, |i| 100.0 / (1.0 + i as f64).powi(2));
        let wanted = Options { noise: 1e-12, max_sweeps: 1000, ..options(4, 1e-16) };
        let pairs = top_eigenpairs(&mut Dense(&matrix), 150, wanted);
        assert!(!pairs.converged && pairs.sweeps < 60, "{} sweeps, {}", pairs.sweeps, pairs.residual);
        assert!(pairs.residual >= 1e-14 && pairs.residual < 1e-13);
    }

    #[test]
    fn eigenvalues_after_the_vectors_are_nearly_as_exact() {
        let spectrum = |i: usize| 100.0 / (1.0 + i as f64);
        let matrix = matrix(200, spectrum);
        let pairs = top_eigenpairs(&mut Dense(&matrix), 200, Options { vectors: 2, ..options(6, 1e-8) });
        assert!(pairs.converged && pairs.vectors.nrows() == 2 && pairs.values.len() == 6);
        assert!((0..6).all(|i| (pairs.values[i] - spectrum(i)).abs() < 1e-6));
    }

    #[test]
    fn a_small_basis_restarts_and_gets_there() {
        let spectrum = |i: usize| 100.0 / (1.0 + i as f64);
        let matrix = matrix(200, spectrum);
        let pairs =
            top_eigenpairs(&mut Dense(&matrix), 200, Options { max_basis: least_basis::<4>(4), ..options(4, 1e-11) });
        assert!(pairs.converged, "{}", pairs.residual);
        check(&matrix, &pairs, spectrum);
    }
}
