//! The best start becomes segments: numbered, and every user put into one.

use ndarray::Array2;

use crate::kernel::lloyd::{Cloud, Tiles, dense};

use super::spread::{Solved, Winner};
use super::users::Users;
use super::{Assignment, KMeans, StartReport};

/// Users whose distances to all centroids are computed at a time.
const ROWS: usize = 256;

/// The model of the best of the starts with `clusters` clusters, and where it puts this worker's users.
pub fn finish(users: &Users, solved: &Solved, clusters: usize) -> (KMeans, Assignment) {
    let winner = solved.winner.as_ref().expect("the runs to keep were run");
    let order = segment_order(winner);
    let starts = solved.starts(clusters);
    let starts = starts.map(|s| StartReport { iterations: s.iterations, inertia: s.inertia, converged: s.converged });
    let model = KMeans {
        centroids: Array2::from_shape_fn((clusters, users.n_dims()), |(s, dim)| winner.centroids[order[s]][dim]),
        sizes: order.iter().map(|&j| winner.sizes[j]).collect(),
        inertia: users.facts.distance_scale.real(winner.fixed_inertia),
        best_start: winner.start,
        starts: starts.collect(),
    };
    (model, assign(&users.cloud, winner, &order))
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

/// Puts every local user into its segment. Ties are broken as in the run, by its own order of clusters, so that sizes
/// and inertia stay those of the run.
fn assign(cloud: &Cloud, winner: &Winner, order: &[usize]) -> Assignment {
    let mut segment_of = vec![0; order.len()];
    order.iter().enumerate().for_each(|(segment, &cluster)| segment_of[cluster] = segment as u32);
    let tiles = Tiles::of_rows(&cloud.points, &winner.centroids);
    let (scores, _) = cloud.dense().expect("segments are of users by their scores");
    let everyone: Vec<u32> = (0..cloud.points.n_rows() as u32).collect();
    let mut assignment = Assignment::with_capacity(everyone.len());
    let mut found = Vec::new();
    for rows in everyone.chunks(ROWS) {
        dense::nearest(scores, rows, &tiles, &mut found);
        for own in &found {
            let (second, others) =
                if own.others.is_finite() { (own.second, own.others) } else { (own.label, own.squared) };
            assignment.segment.push(segment_of[own.label as usize]);
            assignment.distance.push(own.squared.sqrt());
            assignment.second.push(segment_of[second as usize]);
            assignment.second_distance.push(others.sqrt());
        }
    }
    assignment
}
