//! Principal components of the users, without ever making the centred matrix.
//!
//! C = (XᵀX − n μμᵀ)/(n − 1) is reached in two ways. [`made`] adds up the products of the users in fixed point, band of
//! rows by band, and each worker multiplies its own rows of C. [`swept`] never makes it: a sweep over the shard does
//! Y = (X − 1μᵀ)V and (X − 1μᵀ)ᵀY together, for catalogues of any width. Both feed the same eigen-solver
//! ([`crate::kernel::krylov`]), whose basis is shared out among the workers by items; nothing is summed across workers
//! in floating point but chunks of items that are the same for any number of them.

mod choose;
mod made;
mod moments;
mod swept;

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::PcaParams;
use crate::kernel::block::Block;
use crate::kernel::csr::Csr;
use crate::kernel::krylov::{self, Eigenpairs};
use crate::kernel::sweep;
use crate::stages::resume::Checkpoint;
use crate::watch::progress;
use choose::Chosen;
use moments::Moments;

/// A fitted projection, the same on every worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pca {
    /// Mean of each column `(n_items)`.
    pub mean: Array1<f64>,
    /// Components `(n_components, n_items)`, orthonormal rows; the largest loading in magnitude of each is positive.
    pub components: Array2<f64>,
    /// Variance along each component, falling; at least as long as `components`, for the scree plot.
    pub explained_variance: Vec<f64>,
    /// The same as a share of `total_variance`.
    pub explained_variance_ratio: Vec<f64>,
    /// sqrt(explained variance × (n_users − 1)).
    pub singular_values: Vec<f64>,
    /// Sum of the variances of all columns (divisor n_users − 1).
    pub total_variance: f64,
    pub solver: SolverReport,
}

/// Which solver ran, why, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SolverReport {
    /// `gram` or `krylov`.
    pub solver: String,
    /// Why it was chosen, in a sentence.
    pub reason: String,
    /// Applications of the covariance matrix to a block of vectors.
    pub iterations: usize,
    /// Largest ‖Cv − λv‖ / λ₁ over the components.
    pub residual: f64,
    /// The residual that was asked for.
    pub tol: f64,
    pub converged: bool,
}

/// Columns of a block: a row of it is one cache line, and one register of the widest.
const BLOCK: usize = 8;
const MAX_SWEEPS: usize = 1000;

/// What is asked of the eigen-solver.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    components: usize,
    /// Components and further variances.
    values: usize,
    /// Columns the basis may have.
    max_basis: usize,
    tol: f64,
    seed: u64,
}

impl Wanted {
    fn options(self, noise: f64) -> krylov::Options {
        let Wanted { components, values, max_basis, tol, seed } = self;
        krylov::Options { values, vectors: components, tol, noise, max_basis, max_sweeps: MAX_SWEEPS, seed }
    }
}

/// Fits `params.components` components, and the variances of `params.report` (fewer where the data has fewer), to the
/// rows of all workers' `matrix` `(n_local_users, n_items)`. `memory` is what one process may use, in bytes. Goes on from
/// `checkpoint`, and keeps the basis of `krylov` there.
///
/// The residual of every component is at most `params.tol`; that of the variances after them at most its square root,
/// which bounds their own relative error by about `params.tol`.
///
/// # Errors
/// [`Error::Data`] when all users are alike, or the squares of ratings are past what a number can hold; [`Error::Job`]
/// when `gram` is asked for and does not fit `memory`.
pub fn fit<C: Collective>(
    c: &mut C,
    matrix: &Csr,
    params: &PcaParams,
    seed: u64,
    memory: u64,
    checkpoint: &mut dyn Checkpoint,
) -> Result<Pca> {
    let moments = Moments::of(c, matrix)?;
    if moments.total_variance <= 0.0 {
        return Err(Error::data(
            "ratings",
            "every user has the same rating for every item, so nothing tells users apart",
            "check that input.user, input.item and input.rating name the right columns",
        ));
    }
    let n = matrix.n_cols;
    let values = params.components.max(params.report.min(n).min(moments.n_users as usize));
    let max_basis = max_basis(n, values, memory);
    let (solver, reason) = choose::choose(c, matrix, params, max_basis, memory)?;
    let wanted = Wanted { components: params.components, values, max_basis, tol: params.tol, seed };
    let (name, tol) = match solver {
        Chosen::Gram => ("gram", made::TOL),
        Chosen::Krylov => ("krylov", params.tol),
    };
    progress::sweeps_until(tol);
    let pairs = match solver {
        Chosen::Gram => made::solve(c, matrix, &moments, wanted),
        Chosen::Krylov => swept::solve(c, matrix, &moments, wanted, checkpoint),
    };
    let report = SolverReport {
        solver: name.into(),
        reason,
        iterations: pairs.sweeps,
        residual: pairs.residual,
        tol,
        converged: pairs.converged,
    };
    Ok(finish(pairs, moments, params.components, report))
}

/// How [`fit`] would go about a matrix that is not there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approach {
    /// `gram` or `krylov`.
    pub solver: String,
    /// Why, in a sentence.
    pub reason: String,
    /// Applications of the covariance matrix to a block of [`Approach::BLOCK`] vectors that it usually takes.
    pub sweeps: usize,
    /// Columns that the basis may have.
    pub max_basis: usize,
}

impl Approach {
    /// Columns of a block.
    pub const BLOCK: usize = BLOCK;
    /// Of one worker: for a product of two ratings of one user, and for an entry of the matrix of items in a sweep.
    pub const SECONDS_PER_PRODUCT: f64 = choose::SECONDS_PER_PRODUCT;
    pub const SECONDS_PER_ENTRY: f64 = choose::SECONDS_PER_ENTRY;

    /// For `n_users` users and `n_items` items with `n_ratings` ratings. `products` is the sum, over the users, of
    /// n·(n + 1)/2 for n ratings each; `memory` is in bytes.
    ///
    /// # Errors
    /// [`Error::Job`] when `gram` is asked for and does not fit `memory`.
    pub fn new(
        [n_users, n_items, n_ratings]: [u64; 3],
        products: f64,
        params: &PcaParams,
        memory: u64,
    ) -> Result<Approach> {
        let n = n_items as usize;
        let values = params.components.max(params.report.min(n).min(n_users as usize));
        let max_basis = max_basis(n.max(1), values, memory);
        let work = choose::Work { products, nnz: n_ratings as f64 };
        let (chosen, reason) = choose::pick(n, work, params, max_basis, memory)?;
        let (solver, usual) = match chosen {
            Chosen::Gram if n < max_basis + BLOCK => ("gram", 1.0),
            Chosen::Gram => ("gram", choose::GRAM_SWEEPS),
            // The residual falls by about as much in every sweep.
            Chosen::Krylov => ("krylov", choose::KRYLOV_SWEEPS * (params.tol.log10() / USUAL_TOL.log10()).max(0.5)),
        };
        let sweeps = usual.max((values / BLOCK + 1) as f64).ceil() as usize;
        Ok(Approach { solver: solver.into(), reason, sweeps, max_basis })
    }
}

/// The tolerance that [`choose::KRYLOV_SWEEPS`] is for.
const USUAL_TOL: f64 = 1e-8;

/// Columns of the basis: as many as are worth having, as far as a quarter of the memory holds them. However many workers
/// and processes share it, it is the same, since it decides about every bit that follows.
fn max_basis(n: usize, values: usize, memory: u64) -> usize {
    let affordable = usize::try_from(memory / 4 / (8 * n as u64)).unwrap_or(usize::MAX);
    affordable.clamp(krylov::least_basis::<BLOCK>(values), krylov::max_basis::<BLOCK>(values)) / BLOCK * BLOCK
}

/// Scores of this worker's users: (x − μ) · componentsᵀ, `(n_local_users, n_components)`.
pub fn project(pca: &Pca, matrix: &Csr) -> Array2<f64> {
    let k = pca.components.nrows();
    let mut scores = Array2::zeros((matrix.n_rows(), k));
    for first in (0..k).step_by(BLOCK) {
        Loadings::new(pca.mean.view(), pca.components.view(), first).project(matrix, &mut scores);
    }
    scores
}

/// A projection that is to be used again and again: [`project`], with all loadings laid out once.
#[derive(Debug, Clone)]
pub struct Projector {
    n_components: usize,
    loadings: Vec<Loadings>,
}

impl Projector {
    /// `mean` is `(n_items)`, `components` `(n_components, n_items)`.
    pub fn new(mean: ArrayView1<f64>, components: ArrayView2<f64>) -> Projector {
        let n_components = components.nrows();
        let loadings = (0..n_components).step_by(BLOCK).map(|first| Loadings::new(mean, components, first));
        Projector { n_components, loadings: loadings.collect() }
    }

    /// `(n_rows, n_components)`.
    pub fn project(&self, matrix: &Csr) -> Array2<f64> {
        let mut scores = Array2::zeros((matrix.n_rows(), self.n_components));
        self.loadings.iter().for_each(|loadings| loadings.project(matrix, &mut scores));
        scores
    }
}

/// What the kernel wants of [`BLOCK`] components, fewer at the end.
#[derive(Debug, Clone)]
struct Loadings {
    components: Range<usize>,
    /// `(n_items, BLOCK)`
    of_items: Block<BLOCK>,
    /// Those of the mean.
    offset: [f64; BLOCK],
}

impl Loadings {
    fn new(mean: ArrayView1<f64>, components: ArrayView2<f64>, first: usize) -> Loadings {
        let width = BLOCK.min(components.nrows() - first);
        let loading = |i: usize, b: usize| if b < width { components[[first + b, i]] } else { 0.0 };
        let of_items: Block<BLOCK> = (0..components.ncols()).map(|i| std::array::from_fn(|b| loading(i, b))).collect();
        let offset = weighted_sum(mean.as_slice().expect("a mean is contiguous"), &of_items);
        Loadings { components: first..first + width, of_items, offset }
    }

    /// Fills in these components of the scores of all rows.
    fn project(&self, matrix: &Csr, scores: &mut Array2<f64>) {
        let width = self.components.len();
        sweep::centred_products(matrix, &self.of_items, &self.offset, |user, products| {
            let mut row = scores.row_mut(user);
            let row = row.as_slice_mut().expect("rows are contiguous");
            row[self.components.clone()].copy_from_slice(&products[..width]);
        });
    }
}

/// Σ weights[i]·rows[i].
fn weighted_sum<const B: usize>(weights: &[f64], rows: &[[f64; B]]) -> [f64; B] {
    let mut sum = [0.0; B];
    for (weight, row) in weights.iter().zip(rows) {
        (0..B).for_each(|b| sum[b] += weight * row[b]);
    }
    sum
}

/// Signs, ratios and singular values. The best `components` vectors stay; of the others only the variance.
fn finish(pairs: Eigenpairs, moments: Moments, components: usize, solver: SolverReport) -> Pca {
    let explained_variance: Vec<f64> = pairs.values.iter().map(|v| v.max(0.0)).collect();
    let mut kept = pairs.vectors;
    debug_assert_eq!(kept.nrows(), components);
    for mut component in kept.rows_mut() {
        let largest = component.iter().fold(0.0f64, |m, x| if x.abs() > m.abs() { *x } else { m });
        if largest < 0.0 {
            component.mapv_inplace(|x| -x);
        }
    }
    Pca {
        mean: Array1::from_vec(moments.mean),
        components: kept,
        explained_variance_ratio: explained_variance.iter().map(|v| v / moments.total_variance).collect(),
        singular_values: explained_variance.iter().map(|v| (v * (moments.n_users as f64 - 1.0)).sqrt()).collect(),
        explained_variance,
        total_variance: moments.total_variance,
        solver,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::{Solo, testing};
    use crate::job::Solver;
    use crate::kernel::eigen::symmetric_eigen;
    use crate::kernel::keyed::{self, Stream};
    use crate::stages::resume::InMemory;

    /// Sparse planted data: `n_users` rows over `n_items` columns with three overlapping groups.
    fn planted(n_users: usize, n_items: usize) -> Csr {
        let mut x = Csr::empty(n_items);
        for user in 0..n_users {
            let draw =
                |item: usize, what: u64| keyed::uniform(11, Stream::Generate, what, (user * n_items + item) as u64);
            x.push_row((0..n_items).filter_map(|item| {
                let likes = item % 3 == user % 3;
                let has = draw(item, 0) < if likes { 0.4 } else { 0.08 };
                has.then(|| (item as u32, (draw(item, 1) * 5.0).ceil()))
            }));
        }
        x
    }

    fn params(solver: Solver, components: usize) -> PcaParams {
        PcaParams { components, solver, tol: 1e-12, report: components }
    }

    fn dense_covariance(x: &Csr) -> (Vec<f64>, Array2<f64>) {
        let n = x.n_cols;
        let rows = x.n_rows() as f64;
        let mut mean = vec![0.0; n];
        x.rows().for_each(|r| r.iter().for_each(|(i, v)| mean[i] += v / rows));
        let mut covariance = Array2::zeros((n, n));
        for row in x.rows() {
            let mut centred: Vec<f64> = mean.iter().map(|m| -m).collect();
            row.iter().for_each(|(i, v)| centred[i] += v);
            for i in 0..n {
                for j in 0..n {
                    covariance[[i, j]] += centred[i] * centred[j] / (rows - 1.0);
                }
            }
        }
        (mean, covariance)
    }

    #[test]
    fn both_solvers_give_the_eigenpairs_of_the_covariance() {
        let x = planted(200, 360);
        let (mean, covariance) = dense_covariance(&x);
        let (values, vectors) = symmetric_eigen(covariance.clone());
        for solver in [Solver::Gram, Solver::Krylov] {
            let pca = fit(&mut Solo, &x, &params(solver, 4), 0, 1 << 30, &mut InMemory::default()).unwrap();
            assert!(pca.solver.converged);
            assert!((pca.total_variance / covariance.diag().sum() - 1.0).abs() < 1e-12);
            assert!(pca.mean.iter().zip(&mean).all(|(a, b)| (a - b).abs() < 1e-12));
            for (i, value) in values[..4].iter().enumerate() {
                assert!((pca.explained_variance[i] / value - 1.0).abs() < 1e-10, "{solver:?}");
                let product: f64 = pca.components.row(i).iter().zip(vectors.row(i)).map(|(a, b)| a * b).sum();
                assert!((product.abs() - 1.0).abs() < 1e-9, "{solver:?} {i} {product}");
                let largest = pca.components.row(i).iter().fold(0.0f64, |m, v| if v.abs() > m.abs() { *v } else { m });
                assert!(largest > 0.0);
            }
            let scores = project(&pca, &x);
            assert_eq!(Projector::new(pca.mean.view(), pca.components.view()).project(&x), scores);
            for (i, column) in scores.columns().into_iter().enumerate() {
                assert!(column.sum().abs() < 1e-9);
                let variance = column.iter().map(|s| s * s).sum::<f64>() / 199.0;
                assert!((variance / pca.explained_variance[i] - 1.0).abs() < 1e-9);
            }
        }
    }

    /// With room for a long basis, and with so little memory that it is restarted again and again.
    #[test]
    fn the_solvers_agree() {
        let x = planted(300, 400);
        let asked = |solver| PcaParams { report: 4, ..params(solver, 2) };
        let gram = fit(&mut Solo, &x, &asked(Solver::Gram), 0, 1 << 30, &mut InMemory::default()).unwrap();
        for memory in [1 << 30, 1 << 19] {
            let krylov = fit(&mut Solo, &x, &asked(Solver::Krylov), 0, memory, &mut InMemory::default()).unwrap();
            assert!(krylov.solver.converged && krylov.solver.solver == "krylov");
            for (a, b) in krylov.explained_variance.iter().zip(&gram.explained_variance) {
                assert!((a / b - 1.0).abs() < 1e-9, "{a} {b}");
            }
            let apart = krylov.components.iter().zip(&gram.components).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            assert!(apart < 1e-9, "{apart}");
            let (few, many) = (max_basis(400, 4, 1 << 19), max_basis(400, 4, 1 << 30));
            assert!(few < many, "{few} {many}");
        }
    }

    #[test]
    fn a_tolerance_below_rounding_is_not_claimed() {
        let mut params = params(Solver::Krylov, 2);
        params.tol = 1e-18;
        let pca = fit(&mut Solo, &planted(200, 360), &params, 0, 1 << 30, &mut InMemory::default()).unwrap();
        assert!(!pca.solver.converged && pca.solver.iterations < 200, "{:?}", pca.solver);
        assert!(pca.solver.residual > 1e-18 && pca.solver.residual < 1e-12, "{:?}", pca.solver);
    }

    #[test]
    fn ratings_whose_squares_overflow_are_refused() {
        let mut x = Csr::empty(2);
        x.push_row([(0, 1e200), (1, 1.0)]);
        x.push_row([(1, 1.0)]);
        let error = fit(&mut Solo, &x, &params(Solver::Auto, 1), 0, 1 << 30, &mut InMemory::default()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
    }

    #[test]
    fn every_layout_has_the_same_bits() {
        let x = planted(90, 360);
        for (solver, memory) in [(Solver::Gram, 1 << 30), (Solver::Krylov, 1 << 30), (Solver::Krylov, 1 << 19)] {
            let params = PcaParams { report: 5, ..params(solver, 3) };
            let alone = fit(&mut Solo, &x, &params, 0, memory, &mut InMemory::default()).unwrap();
            assert_eq!(alone.explained_variance.len(), 5);
            for workers in [2, 3, 5, 8] {
                let shards: Vec<Csr> = (0..workers)
                    .map(|w| {
                        let mut shard = Csr::empty(360);
                        (0..90).filter(|user| user * user % workers == w).for_each(|user| {
                            shard.push_row(x.row(user).iter().map(|(item, value)| (item as u32, value)));
                        });
                        shard
                    })
                    .collect();
                let fitted = testing::run_workers(workers, |c| {
                    fit(c, &shards[c.index()], &params, 0, memory, &mut InMemory::default()).unwrap()
                });
                assert!(fitted.iter().all(|pca| *pca == alone), "{solver:?} on {workers} workers");
            }
        }
    }

    #[test]
    fn a_narrow_matrix_gives_its_whole_spectrum() {
        let x = planted(50, 6);
        let pca = fit(&mut Solo, &x, &params(Solver::Auto, 6), 0, 1 << 30, &mut InMemory::default()).unwrap();
        assert_eq!(pca.solver.solver, "gram");
        assert!((pca.explained_variance_ratio.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_users_are_refused() {
        let mut x = Csr::empty(2);
        (0..5).for_each(|_| x.push_row([(0, 3.1), (1, 3.1)]));
        let error = fit(&mut Solo, &x, &params(Solver::Auto, 1), 0, 1 << 30, &mut InMemory::default()).unwrap_err();
        assert_eq!(error.exit_code(), 3);
    }

    #[test]
    fn gram_is_refused_past_the_memory() {
        let error = fit(&mut Solo, &planted(20, 360), &params(Solver::Gram, 1), 0, 1 << 20, &mut InMemory::default())
            .unwrap_err();
        assert!(error.to_string().contains("pca.solver"), "{error}");
    }
}
