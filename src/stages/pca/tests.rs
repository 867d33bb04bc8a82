//! Both solvers against dense algebra, and the same bits in every layout (invariant: lockstep).

use ndarray::Array2;

use super::wanted::max_basis;
use super::*;
use crate::collective::{Collective, Solo, testing};
use crate::job::{PcaParams, Solver};
use crate::kernel::csr::Csr;
use crate::kernel::eigen::symmetric_eigen;
use crate::kernel::keyed::{self, Stream};
use crate::stages::resume::InMemory;

/// Sparse planted data: `n_users` rows over `n_items` columns with three overlapping groups.
fn planted(n_users: usize, n_items: usize) -> Csr {
    let mut x = Csr::empty(n_items);
    for user in 0..n_users {
        let draw = |item: usize, what: u64| keyed::uniform(11, Stream::Generate, what, (user * n_items + item) as u64);
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
            let shards = dealt(&x, workers);
            let fitted = testing::run_workers(workers, |c| {
                fit(c, &shards[c.index()], &params, 0, memory, &mut InMemory::default()).unwrap()
            });
            assert!(fitted.iter().all(|pca| *pca == alone), "{solver:?} on {workers} workers");
        }
    }
}

/// The rows of `x` on several workers, some of which may have few.
fn dealt(x: &Csr, workers: usize) -> Vec<Csr> {
    let shard = |w: usize| {
        let mut shard = Csr::empty(x.n_cols);
        (0..x.n_rows()).filter(|user| user * user % workers == w).for_each(|user| {
            shard.push_row(x.row(user).iter().map(|(item, value)| (item as u32, value)));
        });
        shard
    };
    (0..workers).map(shard).collect()
}

/// With so many items, inner products are added up in another way than with few.
#[test]
fn every_layout_of_a_wide_catalogue_has_the_same_bits() {
    let mut x = Csr::empty(17_000);
    for user in 0..60 {
        x.push_row((user % 7..17_000).step_by(97 + user % 5).map(|item| (item as u32, 1.0 + (item % 5) as f64)));
    }
    let params = PcaParams { tol: 1e-6, ..params(Solver::Krylov, 3) };
    let alone = fit(&mut Solo, &x, &params, 0, 1 << 30, &mut InMemory::default()).unwrap();
    for (processes, workers) in [(1, 2), (2, 1), (3, 1), (2, 2), (3, 2)] {
        let shards = dealt(&x, processes * workers);
        let fitted = testing::run_processes(processes, workers, |c| {
            fit(c, &shards[c.index()], &params, 0, 1 << 30, &mut InMemory::default()).unwrap()
        });
        assert!(fitted.iter().all(|pca| *pca == alone), "{processes} processes of {workers} workers");
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
    let error =
        fit(&mut Solo, &planted(20, 360), &params(Solver::Gram, 1), 0, 1 << 20, &mut InMemory::default()).unwrap_err();
    assert!(error.to_string().contains("pca.solver"), "{error}");
}
