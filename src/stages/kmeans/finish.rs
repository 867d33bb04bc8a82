//! The best start becomes segments: they are numbered, and every user is assigned to one.

use ndarray::Array2;

use super::model::{Assignment, KMeans, StartReport};
use super::nearest::Centroids;
use super::outcome::{Solved, Winner};
use super::users::Users;

/// The model of the best of the starts with `clusters` clusters.
pub fn model(users: &Users, solved: &Solved, clusters: usize) -> KMeans {
    let winner = solved.winners.get(&clusters).expect("the runs to keep were run");
    let order = segment_order(winner);
    let starts = solved.starts(clusters);
    let starts = starts.map(|s| StartReport { iterations: s.iterations, inertia: s.inertia, converged: s.converged });
    let mut tie_order = vec![0; order.len()];
    order.iter().enumerate().for_each(|(segment, &cluster)| tie_order[cluster] = segment as u32);
    KMeans {
        centroids: Array2::from_shape_fn((clusters, users.n_dims()), |(s, dim)| winner.centroids[order[s]][dim]),
        sizes: order.iter().map(|&j| winner.sizes[j]).collect(),
        tie_order,
        inertia: users.facts.distance_scale.real(winner.fixed_inertia),
        best_start: winner.start,
        starts: starts.collect(),
    }
}

/// Assigns this worker's users to the segments of a model. Ties are broken as in the run, so that sizes and inertia stay
/// those of the run.
pub fn assign(users: &Users, model: &KMeans) -> Assignment {
    let mut assignment = Assignment::with_capacity(users.n_rows());
    Centroids::of(model.centroids.view(), &model.tie_order).assign_screened(&users.cloud, &mut assignment);
    assignment
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
