//! k-means: the segments, and inertia against their number.
//!
//! Greedy k-means++ (Arthur & Vassilvitskii 2007; `seeding`) in a sample, local search by random swaps there where points
//! are dense (Fränti 2018; `swaps`), and Lloyd's algorithm (`lockstep`) from `n_init` starts. Sparse points, in all items, go without the
//! local search: a sweep there shows the shape of a curve, and distances cost too much. A fit from given centroids is Lloyd's
//! algorithm alone. All starts of all numbers of clusters are one batch of runs that move together: one pass over the
//! users and a handful of collectives per round, however many runs there are. Where the points are few they are copied
//! to every worker instead, and the runs are divided (`spread`).
//!
//! The law: every bit of the result follows from the points, their draw keys and the seed. Draws are keyed, sums over
//! users are integers, ties go to the lower index, draw key or start. So it does not matter who holds which user, nor
//! which of the two ways the work was spread.

mod begin;
mod candidates;
mod finish;
mod knee;
mod lockstep;
mod nearest;
mod plan;
mod seeding;
mod spread;
mod swaps;
#[cfg(test)]
mod tests;
mod users;

use ndarray::{Array2, ArrayView2, CowArray, Ix2};
use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::KMeansParams;
use crate::kernel::lloyd::Points;
use crate::stages::resume::{Checkpoint, InMemory};
use spread::{Job, Keep, Keeper, Solved};
use users::Users;

pub use knee::knee;
pub use nearest::Centroids;
#[cfg(any(test, fuzzing))]
pub(crate) use spread::Progress;

/// The best of all starts, the same on every worker. A fit numbers segments by falling size, then by centroid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KMeans {
    /// `(n_clusters, n_components)`.
    pub centroids: Array2<f64>,
    /// Users in each segment.
    pub sizes: Vec<u64>,
    /// All segments, in the order in which the nearest is looked for: of equally near ones the first takes the user.
    pub tie_order: Vec<u32>,
    /// Sum of squared distances of users to their centroid.
    pub inertia: f64,
    /// Start that won, from 0.
    pub best_start: usize,
    /// Iterations and inertia of each start.
    pub starts: Vec<StartReport>,
}

impl KMeans {
    /// Gives the segment `s` the number `numbers[s]`, for each s; which of equally near ones takes a user stays as it was.
    pub fn renumber(&mut self, numbers: &[u32]) {
        let (centroids, sizes) = (self.centroids.clone(), self.sizes.clone());
        for (segment, &number) in numbers.iter().enumerate() {
            self.centroids.row_mut(number as usize).assign(&centroids.row(segment));
            self.sizes[number as usize] = sizes[segment];
        }
        renumber(&mut self.tie_order, numbers);
    }
}

fn renumber(segments: &mut [u32], numbers: &[u32]) {
    segments.iter_mut().for_each(|segment| *segment = numbers[*segment as usize]);
}

/// How one start went.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct StartReport {
    pub iterations: usize,
    pub inertia: f64,
    pub converged: bool,
}

/// Where each of a worker's users went, in the order of its shard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Assignment {
    pub segment: Vec<u32>,
    /// Distance (not squared) to the own centroid.
    pub distance: Vec<f64>,
    /// The next nearest segment, and the distance to it.
    pub second: Vec<u32>,
    pub second_distance: Vec<f64>,
}

impl Assignment {
    /// As [`KMeans::renumber`].
    pub fn renumber(&mut self, numbers: &[u32]) {
        renumber(&mut self.segment, numbers);
        renumber(&mut self.second, numbers);
    }

    /// Nobody, with room for `n` users.
    pub fn with_capacity(n: usize) -> Assignment {
        Assignment {
            segment: Vec::with_capacity(n),
            distance: Vec::with_capacity(n),
            second: Vec::with_capacity(n),
            second_distance: Vec::with_capacity(n),
        }
    }
}

/// Inertia against the number of clusters, in one space or both.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Sweep {
    /// Numbers of clusters, rising.
    pub clusters: Vec<usize>,
    /// Best inertia over the starts for each; absent where the space was not swept.
    pub projected: Option<SweepCurve>,
    pub full: Option<SweepCurve>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct SweepCurve {
    pub inertia: Vec<f64>,
    /// The suggested number of clusters (Satopää et al. 2011, "Kneedle"); absent where the curve has no knee.
    pub knee: Option<usize>,
}

/// Segments users by their scores.
///
/// `scores` is `(n_local_users, n_components)`, this worker's users; `draw_keys` has a key for each; `memory` is the
/// number of bytes that this worker may use for runs in progress (a single run is never cut, however large).
///
/// Fails, on every worker alike, where there are no clusters or more clusters than users.
pub fn fit<C: Collective>(
    c: &mut C,
    scores: ArrayView2<f64>,
    draw_keys: &[u64],
    params: &KMeansParams,
    seed: u64,
    memory: u64,
) -> Result<(KMeans, Assignment)> {
    let nowhere = &mut InMemory::default();
    let fitted = fit_and_sweep(c, scores, draw_keys, params, &[], seed, memory, nowhere)?;
    Ok((fitted.kmeans, fitted.assignment))
}

/// A fit, and what was tried beside it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    pub kmeans: KMeans,
    /// Of this worker's users.
    pub assignment: Assignment,
    pub curve: SweepCurve,
    /// The best of each number of clusters, rising; the fit's own among them.
    pub tried: Vec<KMeans>,
}

impl Fitted {
    /// Of one run, with no other number of clusters.
    pub fn alone((kmeans, assignment): (KMeans, Assignment)) -> Fitted {
        let tried = vec![kmeans.clone()];
        Fitted { kmeans, assignment, curve: SweepCurve::default(), tried }
    }

    /// Gives the segment `s` the number `numbers[s]`, for each s, wherever it is told of.
    pub fn renumber(&mut self, numbers: &[u32]) {
        let own = self.tried.iter_mut().filter(|model| model.sizes.len() == numbers.len());
        own.for_each(|model| model.renumber(numbers));
        self.kmeans.renumber(numbers);
        self.assignment.renumber(numbers);
    }
}

/// [`fit`], and the inertia for each of `clusters` with the same parameters; the runs of the fit are part of the sweep
/// where its number of clusters is. Goes on from `checkpoint`, and keeps its progress there.
#[allow(clippy::too_many_arguments)]
pub fn fit_and_sweep<C: Collective>(
    c: &mut C,
    scores: ArrayView2<f64>,
    draw_keys: &[u64],
    params: &KMeansParams,
    clusters: &[usize],
    seed: u64,
    memory: u64,
    checkpoint: &mut dyn Checkpoint,
) -> Result<Fitted> {
    let scores = scores.as_standard_layout();
    let users = Users::gather(c, dense_points(&scores), draw_keys, params.tol, 0.0).on_sphere(params.spherical);
    let job = Job { params, seed, memory };
    check(&[params.clusters], users.facts.n_users, "kmeans.clusters")?;
    check(clusters, users.facts.n_users, "sweep.clusters")?;
    let mut all = clusters.to_vec();
    all.push(params.clusters);
    let way = spread::choose(c.peers(), users.facts.n_values, &all, &job);
    let mut keeper = Keeper { checkpoint, name: "kmeans" };
    let solved = spread::solve(c, &users, &all, Keep::Best, &job, way, &mut keeper);
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
#[allow(clippy::too_many_arguments)]
pub fn sweep<C: Collective>(
    c: &mut C,
    points: Points,
    draw_keys: &[u64],
    clusters: &[usize],
    params: &KMeansParams,
    seed: u64,
    memory: u64,
    checkpoint: &mut dyn Checkpoint,
) -> Result<SweepCurve> {
    let users = Users::gather(c, points, draw_keys, params.tol, 0.0).on_sphere(params.spherical);
    let job = Job { params, seed, memory };
    check(clusters, users.facts.n_users, "sweep.clusters")?;
    let way = spread::choose(c.peers(), users.facts.n_values, clusters, &job);
    let mut keeper = Keeper { checkpoint, name: "sweep" };
    let solved = spread::solve(c, &users, clusters, Keep::Nothing, &job, way, &mut keeper);
    Ok(curve(clusters, &solved))
}

/// Whether [`fit_and_sweep`] would copy `n_values` values to all of `peers` workers and divide the runs among them, instead of
/// moving all runs in lockstep. `memory` is as there.
pub fn would_copy(peers: usize, n_values: u64, clusters: &[usize], params: &KMeansParams, memory: u64) -> bool {
    peers > 1 && spread::choose(peers, n_values, clusters, &Job { params, seed: 0, memory }) == spread::Way::Copied
}

/// One run of Lloyd's algorithm from given centroids, instead of starts by k-means++.
///
/// `scores` is `(n_local_users, n_components)`, this worker's users; `draw_keys` has a key for each (they break ties
/// where an empty cluster takes the farthest user); `initial` is `(n_clusters, n_components)`, the same on every worker.
/// Of `params`, `max_iter` and `tol` count. Every user and run goes through the same code as in [`fit`].
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
