//! The best start becomes segments: numbered, and every user put into one.

use ndarray::{Array2, ArrayView2};

use super::spread::{Solved, Winner};
use super::users::Users;
use super::{Assignment, Centroids, KMeans, StartReport};

/// The model of the best of the starts with `clusters` clusters, and where it puts this worker's users.
pub fn finish(users: &Users, solved: &Solved, clusters: usize) -> (KMeans, Assignment) {
    let winner = solved.winner.as_ref().expect("the runs to keep were run");
    let order = segment_order(winner);
    let starts = solved.starts(clusters);
    let starts = starts.map(|s| StartReport { iterations: s.iterations, inertia: s.inertia, converged: s.converged });
    let mut tie_order = vec![0; order.len()];
    order.iter().enumerate().for_each(|(segment, &cluster)| tie_order[cluster] = segment as u32);
    // Ties are broken as in the run, by its own order of clusters, so that sizes and inertia stay those of the run.
    let centroids = Centroids::new(users.n_dims(), &winner.centroids, tie_order.clone());
    let (scores, _) = users.cloud.dense().expect("segments are of users by their scores");
    let scores = ArrayView2::from_shape((users.n_rows(), scores.n_dims), scores.values).expect("a row for each user");
    let mut assignment = Assignment::with_capacity(users.n_rows());
    centroids.assign(scores, &mut assignment);
    let model = KMeans {
        centroids: Array2::from_shape_fn((clusters, users.n_dims()), |(s, dim)| winner.centroids[order[s]][dim]),
        sizes: order.iter().map(|&j| winner.sizes[j]).collect(),
        tie_order,
        inertia: users.facts.distance_scale.real(winner.fixed_inertia),
        best_start: winner.start,
        starts: starts.collect(),
    };
    (model, assignment)
}

/// The clusters by falling size, then by centroid, coordinate by coordinate.
fn segment_order(winner: &Winner) -> Vec<usize> {
    let mut order: Vec<usize> = (0..winner.sizes.len()).collect();
    order.sort_by(|&a, &b| {
        let (x, y) = (&winner.centroids[a], &winner.centroids[b]);
        let coordinates = || x.iter().zip(y).map(|(x, y)| x.total_cmp(y)).find(|o| o.is_ne());
        winner.sizes[b].cmp(&winner.sizes[a]).then_with(|| coordinates().unwrap_or(a.cmp(&b)))
    });
    order
}
