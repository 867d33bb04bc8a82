//! Fits and sweeps, from points to models and curves.

use ndarray::{ArrayView2, CowArray, Ix2};

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::KMeansParams;
use crate::kernel::lloyd::Points;
use crate::stages::resume::{Checkpoint, InMemory};

use super::finish;
use super::knee::knee;
use super::model::{Assignment, Fitted, KMeans, SweepCurve};
use super::outcome::{Keep, Solved};
use super::spread::{self, Keeper, Order, Settings};
use super::users::Users;

/// Segments users by their scores.
///
/// `scores` is `(n_local_users, n_components)`, this worker's users; `draw_keys` has a key for each.
///
/// Fails, on every worker alike, where there are no clusters or more clusters than users.
pub fn fit<C: Collective>(
    c: &mut C,
    scores: ArrayView2<f64>,
    draw_keys: &[u64],
    settings: Settings,
) -> Result<(KMeans, Assignment)> {
    let nowhere = &mut InMemory::default();
    let fitted = fit_and_sweep(c, scores, draw_keys, &[], settings, nowhere)?;
    Ok((fitted.kmeans, fitted.assignment))
}

/// [`fit`], and the inertia for each of `clusters` with the same parameters; the runs of the fit are part of the sweep
/// where its number of clusters is. Goes on from `checkpoint`, and keeps its progress there.
pub fn fit_and_sweep<C: Collective>(
    c: &mut C,
    scores: ArrayView2<f64>,
    draw_keys: &[u64],
    clusters: &[usize],
    settings: Settings,
    checkpoint: &mut dyn Checkpoint,
) -> Result<Fitted> {
    let params = settings.params;
    let scores = scores.as_standard_layout();
    let users = Users::gather(c, dense_points(&scores), draw_keys, params.tol, 0.0).on_sphere(params.spherical);
    check(&[params.clusters], users.facts.n_users, "kmeans.clusters")?;
    check(clusters, users.facts.n_users, "sweep.clusters")?;
    let mut all = clusters.to_vec();
    all.push(params.clusters);
    let order = Order { settings, keep: Keep::Best };
    let solved = spread::solve_suitably(c, &users, &all, order, &mut Keeper { checkpoint, name: "kmeans" });
    let kmeans = finish::model(&users, &solved, params.clusters);
    let assignment = finish::assign(&users, &kmeans);
    let tried = solved.winners.keys().map(|&k| finish::model(&users, &solved, k)).collect();
    Ok(Fitted { kmeans, assignment, curve: curve(clusters, &solved), tried })
}

/// The best inertia over `params.n_init` starts for each of `clusters`, in the space of `points`: scores (dense) or
/// all items (sparse, never densified). `params.clusters` plays no part. Goes on from `checkpoint`, and keeps its progress
/// there.
///
/// Fails, on every worker alike, where a number of clusters is 0 or more than the users.
pub fn sweep<C: Collective>(
    c: &mut C,
    points: Points,
    draw_keys: &[u64],
    clusters: &[usize],
    settings: Settings,
    checkpoint: &mut dyn Checkpoint,
) -> Result<SweepCurve> {
    let params = settings.params;
    let users = Users::gather(c, points, draw_keys, params.tol, 0.0).on_sphere(params.spherical);
    check(clusters, users.facts.n_users, "sweep.clusters")?;
    let order = Order { settings, keep: Keep::Nothing };
    let solved = spread::solve_suitably(c, &users, clusters, order, &mut Keeper { checkpoint, name: "sweep" });
    Ok(curve(clusters, &solved))
}

/// One run of Lloyd's algorithm from given centroids, instead of starts by k-means++.
///
/// `scores` is `(n_local_users, n_components)`, this worker's users; `draw_keys` has a key for each (they break ties
/// where an empty cluster takes the farthest user); `initial` is `(n_clusters, n_components)`, the same on every worker.
/// Of `params`, `max_iter` and `tol` count. Assignment and iteration are those of [`fit`].
///
/// Fails, on every worker alike, where there are no centroids or more of them than users, where they have another number
/// of components than the scores, or where a coordinate is not finite.
pub fn fit_from<C: Collective>(
    c: &mut C,
    scores: ArrayView2<f64>,
    draw_keys: &[u64],
    initial: ArrayView2<f64>,
    params: &KMeansParams,
) -> Result<(KMeans, Assignment)> {
    check_initial(initial, scores.ncols())?;
    let (scores, initial) = (scores.as_standard_layout(), initial.as_standard_layout());
    let centres = dense_points(&initial);
    let reach = (0..centres.n_rows()).map(|row| centres.norm_squared(row)).fold(0.0, f64::max);
    let users = Users::gather(c, dense_points(&scores), draw_keys, params.tol, reach).on_sphere(params.spherical);
    check(&[centres.n_rows()], users.facts.n_users, "initial")?;
    let solved = spread::solve_from(c, &users, centres, params);
    let model = finish::model(&users, &solved, centres.n_rows());
    let assignment = finish::assign(&users, &model);
    Ok((model, assignment))
}

fn check_initial(initial: ArrayView2<f64>, n_components: usize) -> Result<()> {
    if initial.ncols() != n_components {
        let problem = format!("centroids of {} components for scores of {n_components}", initial.ncols());
        return Err(Error::job("initial", problem, "give one coordinate for each component"));
    }
    if !initial.iter().all(|x| x.is_finite()) {
        return Err(Error::job("initial", "a coordinate that is not finite", "give numbers"));
    }
    Ok(())
}

fn dense_points<'a>(matrix: &'a CowArray<f64, Ix2>) -> Points<'a> {
    let (n_rows, n_dims) = matrix.dim();
    Points::Dense { values: matrix.as_slice().expect("in standard layout"), n_rows, n_dims }
}

fn check(clusters: &[usize], n_users: u64, place: &str) -> Result<()> {
    for &k in clusters {
        if k == 0 {
            return Err(Error::job(place, "0 clusters", "ask for at least 1"));
        }
        if k as u64 > n_users {
            let problem = format!("{k} clusters for {n_users} users");
            return Err(Error::job(place, problem, format!("ask for at most {n_users}")));
        }
    }
    Ok(())
}

fn curve(clusters: &[usize], solved: &Solved) -> SweepCurve {
    let inertia: Vec<f64> = clusters.iter().map(|&k| solved.best(k).inertia).collect();
    SweepCurve { knee: knee(clusters, &inertia), inertia }
}
