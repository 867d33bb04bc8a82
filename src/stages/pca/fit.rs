//! From ratings to components: which solver, its run, and its pairs as a model.

use ndarray::Array1;

use super::choose::{self, Chosen};
use super::model::{Pca, SolverReport};
use super::moments::Moments;
use super::wanted::{Wanted, max_basis};
use super::{made, swept};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::PcaParams;
use crate::kernel::csr::Csr;
use crate::kernel::krylov::Eigenpairs;
use crate::stages::resume::Checkpoint;
use crate::watch::progress;

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
    let tol = match solver {
        Chosen::Gram => made::TOL,
        Chosen::Krylov => params.tol,
    };
    progress::sweeps_until(tol);
    let pairs = match solver {
        Chosen::Gram => made::solve(c, matrix, &moments, wanted),
        Chosen::Krylov => swept::solve(c, matrix, &moments, wanted, checkpoint),
    };
    let Eigenpairs { sweeps: iterations, residual, converged, .. } = pairs;
    let report = SolverReport { solver: solver.name().into(), reason, iterations, residual, tol, converged };
    Ok(finish(pairs, moments, params.components, report))
}

/// Signs, ratios and singular values. The best `components` vectors stay; of the others only the variance.
fn finish(pairs: Eigenpairs, moments: Moments, components: usize, solver: SolverReport) -> Pca {
    let explained_variance: Vec<f64> = pairs.values.iter().map(|v| v.max(0.0)).collect();
    let mut kept = pairs.vectors;
    debug_assert_eq!(kept.nrows(), components);
    for mut component in kept.rows_mut() {
        let largest = component.iter().fold(0.0f64, |most, x| if x.abs() > most.abs() { *x } else { most });
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
