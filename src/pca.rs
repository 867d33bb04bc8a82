//! Principal components of the users, without ever making the centred matrix.
//!
//! C = (XᵀX − n μμᵀ)/(n − 1) is reached in two ways. `gram` makes it: every worker adds up the products of its users in
//! fixed point, band of rows by band, each band owned by one worker; then each worker multiplies its own rows of C, so
//! no worker holds the whole and nothing is summed across workers in floating point. `krylov` never makes it: a sweep
//! over the shard does Y = (X − 1μᵀ)V and (X − 1μᵀ)ᵀY together, for catalogues of any width. Both feed the same
//! eigen-solver ([`crate::kernel::krylov`]), run in lockstep by all workers on identical bits.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::{PcaParams, Solver};
use crate::kernel::csr::{self, ColumnSums, Csr};
use crate::kernel::eigen::symmetric_eigen;
use crate::kernel::fixed::Scale;
use crate::kernel::gram;
use crate::kernel::krylov::{self, Block, Eigenpairs};

/// What `auto` predicts from: rough times of one worker, and the sweeps that either solver usually takes.
const SECONDS_PER_PRODUCT: f64 = 1e-9;
const SECONDS_PER_ENTRY: f64 = 0.8e-9;
const SECONDS_PER_RATING: f64 = 8e-9;
const GRAM_SWEEPS: f64 = 15.0;
const KRYLOV_SWEEPS: f64 = 12.0;

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

/// Columns of a block for the two solvers: a made matrix is cheap to apply and gains from depth, a sweep over a large
/// shard costs its memory traffic and gains from width.
const GRAM_BLOCK: usize = 8;
const KRYLOV_BLOCK: usize = 16;
/// Residual asked of the `gram` solver: close to what rounding allows.
const GRAM_TOL: f64 = 1e-12;
const MAX_SWEEPS: usize = 1000;
/// Products are added up in bands of about this many bytes, which stay in cache.
const BAND_BYTES: usize = 4 << 20;
/// Below this many items `auto` takes `gram` whatever it costs: it is a fraction of a second and as exact as can be.
const SMALL_CATALOGUE: usize = 2048;

/// Fits `params.components` components, and the variances of `params.report` (fewer where the data has fewer), to the
/// rows of all workers' `matrix` `(n_local_users, n_items)`. `memory` is what one process may use, in bytes.
///
/// # Errors
/// [`Error::Data`] when all users are alike; [`Error::Job`] when `gram` is asked for and does not fit `memory`.
pub fn fit<C: Collective>(c: &mut C, matrix: &Csr, params: &PcaParams, seed: u64, memory: u64) -> Result<Pca> {
    let moments = Moments::of(c, matrix);
    if moments.total_variance <= 0.0 {
        return Err(Error::data(
            "ratings",
            "every user has the same rating for every item, so nothing tells users apart",
            "check that input.user, input.item and input.rating name the right columns",
        ));
    }
    let n = matrix.n_cols;
    let k = params.components.max(params.report.min(n).min(moments.n_users as usize));
    let (solver, reason) = choose(c, matrix, params, k, memory)?;
    let (pairs, name, tol) = match solver {
        Chosen::Gram => (solve_gram(c, matrix, &moments, k, seed), "gram", GRAM_TOL),
        Chosen::Krylov => (solve_krylov(c, matrix, &moments, k, params.tol, seed), "krylov", params.tol),
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

/// Scores of this worker's users: (x − μ) · componentsᵀ, `(n_local_users, n_components)`.
pub fn project(pca: &Pca, matrix: &Csr) -> Array2<f64> {
    let k = pca.components.nrows();
    let loadings: Vec<f64> = pca.components.t().iter().copied().collect();
    let mut offset = vec![0.0; k];
    for (mean, row) in pca.mean.iter().zip(loadings.chunks_exact(k)) {
        offset.iter_mut().zip(row).for_each(|(o, v)| *o += mean * v);
    }
    let mut scores = Array2::zeros((matrix.n_rows(), k));
    for (row, mut out) in matrix.rows().zip(scores.rows_mut()) {
        let out = out.as_slice_mut().expect("rows are contiguous");
        csr::row_times_dense(row, &loadings, out);
        out.iter_mut().zip(&offset).for_each(|(s, o)| *s -= o);
    }
    scores
}

/// What the columns sum to, over all workers.
struct Moments {
    n_users: u64,
    mean: Vec<f64>,
    total_variance: f64,
    /// Largest |x| and largest ‖x − μ‖ (an upper bound of it) of any user.
    max_value: f64,
    max_norm: f64,
}

impl Moments {
    fn of<C: Collective>(c: &mut C, matrix: &Csr) -> Moments {
        let mut counts = [matrix.n_rows() as i64];
        c.sum(&mut counts);
        let n_users = counts[0] as u64;
        let largest_norm = matrix.rows().map(|r| r.norm_squared()).fold(0.0, f64::max).sqrt();
        let mut bounds = [matrix.max_abs(), largest_norm];
        c.max(&mut bounds);
        let [max_value, max_row_norm] = bounds;
        let (sum_scale, square_scale) = (Scale::new(max_value, n_users), Scale::new(max_value * max_value, n_users));
        let sums = ColumnSums::of(matrix, sum_scale, square_scale);
        let n = matrix.n_cols;
        let mut packed = sums.sum;
        packed.extend(sums.sum_of_squares);
        c.sum(&mut packed);
        let mean: Vec<f64> = packed[..n].iter().map(|&s| sum_scale.real(s) / n_users as f64).collect();
        let squares = packed[n..].iter().map(|&s| square_scale.real(s));
        let scatter: f64 = squares.zip(&mean).map(|(s, m)| (s - n_users as f64 * m * m).max(0.0)).sum();
        let mean_norm = mean.iter().map(|m| m * m).sum::<f64>().sqrt();
        let total_variance = scatter / (n_users.max(2) - 1) as f64;
        let negligible = 1e-14 * max_row_norm * max_row_norm;
        Moments {
            n_users,
            mean,
            total_variance: if total_variance > negligible { total_variance } else { 0.0 },
            max_value,
            max_norm: max_row_norm + mean_norm,
        }
    }
}

enum Chosen {
    Gram,
    Krylov,
}

/// Picks the solver by what it would cost, in nanoseconds of one worker, and by memory.
fn choose<C: Collective>(
    c: &mut C,
    matrix: &Csr,
    params: &PcaParams,
    k: usize,
    memory: u64,
) -> Result<(Chosen, String)> {
    let n = matrix.n_cols;
    let mut work = [gram::products(matrix) as i64, matrix.nnz() as i64];
    c.sum(&mut work);
    // Whether it fits must not depend on how many share it, or another layout would choose another solver.
    let gram_bytes = n as u64 * n as u64 * 8;
    let fits = gram_bytes <= memory / 2;
    let narrow = n < krylov::max_basis::<KRYLOV_BLOCK>(k) + KRYLOV_BLOCK;
    if params.solver == Solver::Gram && !fits {
        return Err(Error::job(
            "pca.solver",
            format!(
                "the Gram matrix of {n} items has {}, more than half of memory = {}",
                mebibytes(gram_bytes),
                mebibytes(memory)
            ),
            "set pca.solver = \"krylov\" or \"auto\", or raise memory",
        ));
    }
    if params.solver == Solver::Gram {
        return Ok((Chosen::Gram, "set in the job".into()));
    }
    if narrow {
        // The few megabytes of so small a matrix are not worth a refusal.
        return Ok((Chosen::Gram, format!("{n} items are too few for a Krylov basis of {k} components")));
    }
    if params.solver == Solver::Krylov {
        return Ok((Chosen::Krylov, "set in the job".into()));
    }
    let [products, nnz] = work.map(|w| w as f64);
    let gram_seconds = SECONDS_PER_PRODUCT * products + GRAM_SWEEPS * SECONDS_PER_ENTRY * (n * n) as f64;
    let krylov_seconds = KRYLOV_SWEEPS * SECONDS_PER_RATING * nnz;
    Ok(if !fits {
        (Chosen::Krylov, format!("the Gram matrix of {n} items takes more than half of memory"))
    } else if n <= SMALL_CATALOGUE {
        (Chosen::Gram, format!("{n} items: the Gram matrix is small and exact"))
    } else {
        let costs = format!("predicted gram {gram_seconds:.2} s, krylov {krylov_seconds:.2} s of one worker");
        (if gram_seconds <= krylov_seconds { Chosen::Gram } else { Chosen::Krylov }, costs)
    })
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}

fn solve_gram<C: Collective>(c: &mut C, matrix: &Csr, moments: &Moments, k: usize, seed: u64) -> Eigenpairs {
    let n = matrix.n_cols;
    let rows = covariance_rows(c, matrix, moments);
    if n < krylov::max_basis::<GRAM_BLOCK>(k) + GRAM_BLOCK {
        let whole = Array2::from_shape_vec((n, n), c.all_gather(&rows).concat()).expect("bands make up the matrix");
        let (values, vectors) = symmetric_eigen(whole);
        let vectors = vectors.slice(ndarray::s![..k, ..]).to_owned();
        return Eigenpairs { values: values[..k].to_vec(), vectors, sweeps: 1, residual: 0.0, converged: true };
    }
    let options = krylov::Options { k, tol: GRAM_TOL, max_sweeps: MAX_SWEEPS, seed };
    krylov::top_eigenpairs::<GRAM_BLOCK>(n, options, |v| {
        let mine = krylov::dense_times_block(&rows, v);
        c.all_gather(&mine).concat()
    })
}

/// This worker's rows of C, `(own rows, n_items)`: worker w owns rows n·w/peers up to n·(w+1)/peers.
fn covariance_rows<C: Collective>(c: &mut C, matrix: &Csr, moments: &Moments) -> Vec<f64> {
    let (n, peers) = (matrix.n_cols, c.peers());
    let scale = Scale::new(moments.max_value * moments.max_value, moments.n_users);
    let n_users = moments.n_users as f64;
    let rows_at_once = (BAND_BYTES / (8 * n)).max(1);
    let mut mine = Vec::with_capacity(n * n.div_ceil(peers));
    for owner in 0..peers {
        let (first, last) = (n * owner / peers, n * (owner + 1) / peers);
        for start in (first..last).step_by(rows_at_once) {
            let band = start..last.min(start + rows_at_once);
            let mut products = vec![0i64; band.len() * n];
            gram::accumulate_band(matrix, band.clone(), scale.factor(), &mut products);
            let total = c.sum_to(owner, products);
            for (i, row) in band.zip(total.chunks_exact(n)) {
                let shift = n_users * moments.mean[i];
                let centred = row.iter().zip(&moments.mean).map(|(&g, mean)| scale.real(g) - shift * mean);
                mine.extend(centred.map(|x| x / (n_users - 1.0)));
            }
        }
    }
    mine
}

fn solve_krylov<C: Collective>(
    c: &mut C,
    matrix: &Csr,
    moments: &Moments,
    k: usize,
    tol: f64,
    seed: u64,
) -> Eigenpairs {
    const B: usize = KRYLOV_BLOCK;
    let n = matrix.n_cols;
    // |y| = |(x − μ)·v| ≤ ‖x − μ‖ for a unit vector v; the margin covers rounding.
    let scale = Scale::new(moments.max_value * moments.max_norm * 1.001, moments.n_users);
    let divisor = moments.n_users as f64 - 1.0;
    let options = krylov::Options { k, tol, max_sweeps: MAX_SWEEPS, seed };
    krylov::top_eigenpairs::<B>(n, options, |v| {
        let mut offset = [0.0; B];
        for (mean, v) in moments.mean.iter().zip(v) {
            (0..B).for_each(|b| offset[b] += mean * v[b]);
        }
        let mut image = vec![[0i64; B]; n];
        csr::centred_sweep(matrix, v, &offset, scale.factor(), &mut image);
        c.sum(image.as_flattened_mut());
        let image: Block<B> = image.iter().map(|row| row.map(|z| scale.real(z) / divisor)).collect();
        image
    })
}

/// Signs, ratios and singular values. The best `components` vectors stay; of the others only the variance.
fn finish(pairs: Eigenpairs, moments: Moments, components: usize, solver: SolverReport) -> Pca {
    let explained_variance: Vec<f64> = pairs.values.iter().map(|v| v.max(0.0)).collect();
    let mut kept = pairs.vectors.slice(ndarray::s![..components, ..]).to_owned();
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
    use crate::kernel::keyed::{self, Stream};

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
            let pca = fit(&mut Solo, &x, &params(solver, 4), 0, 1 << 30).unwrap();
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
            for (i, column) in scores.columns().into_iter().enumerate() {
                assert!(column.sum().abs() < 1e-9);
                let variance = column.iter().map(|s| s * s).sum::<f64>() / 199.0;
                assert!((variance / pca.explained_variance[i] - 1.0).abs() < 1e-9);
            }
        }
    }

    #[test]
    fn every_layout_has_the_same_bits() {
        let x = planted(90, 360);
        for solver in [Solver::Gram, Solver::Krylov] {
            let alone = fit(&mut Solo, &x, &params(solver, 3), 0, 1 << 30).unwrap();
            for workers in [2, 3, 5] {
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
                    fit(c, &shards[c.index()], &params(solver, 3), 0, 1 << 30).unwrap()
                });
                assert!(fitted.iter().all(|pca| *pca == alone), "{solver:?} on {workers} workers");
            }
        }
    }

    #[test]
    fn a_narrow_matrix_gives_its_whole_spectrum() {
        let x = planted(50, 6);
        let pca = fit(&mut Solo, &x, &params(Solver::Auto, 6), 0, 1 << 30).unwrap();
        assert_eq!(pca.solver.solver, "gram");
        assert!((pca.explained_variance_ratio.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn equal_users_are_refused() {
        let mut x = Csr::empty(2);
        (0..5).for_each(|_| x.push_row([(0, 3.1), (1, 3.1)]));
        let error = fit(&mut Solo, &x, &params(Solver::Auto, 1), 0, 1 << 30).unwrap_err();
        assert_eq!(error.exit_code(), 3);
    }

    #[test]
    fn gram_is_refused_past_the_memory() {
        let error = fit(&mut Solo, &planted(20, 360), &params(Solver::Gram, 1), 0, 1 << 20).unwrap_err();
        assert!(error.to_string().contains("pca.solver"), "{error}");
    }
}
