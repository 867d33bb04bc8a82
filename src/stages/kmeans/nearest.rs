//! Assigns users to the nearest of given centroids.

use ndarray::{Array2, ArrayView2};

use crate::job::KMeansParams;
use crate::kernel::csr::scale_to_unit_length;
use crate::kernel::lloyd::dense::{self, Nearby};
use crate::kernel::lloyd::{Cloud, Pairs, Points, Scores, Tiles};

use super::model::{Assignment, KMeans};
use super::state::stretches;

/// Users whose distances to all centroids are computed at a time.
const ROWS: usize = 256;

/// Centroids that users are assigned to. Of equally near ones the first takes the user.
#[derive(Debug, Clone)]
pub struct Centroids {
    tiles: Tiles,
    /// Each centroid's segment.
    segments: Vec<u32>,
}

impl KMeans {
    /// The segment of each of these users `(n_users, n_components)`, row after row.
    pub fn segments_of(&self, points: ArrayView2<f64>) -> Vec<u32> {
        let mut found = Assignment::with_capacity(points.nrows());
        Centroids::of(self.centroids.view(), &self.tie_order).assign(points, &mut found);
        found.segment
    }
}

impl Centroids {
    /// Centroids of `n_components` coordinates, in the order in which ties are broken, and the `segments` that they are of.
    pub fn new(
        n_components: usize,
        centroids: impl IntoIterator<Item = impl AsRef<[f64]>>,
        segments: Vec<u32>,
    ) -> Centroids {
        let kind = Points::Dense { values: &[], n_rows: 0, n_dims: n_components };
        Centroids { tiles: Tiles::of_rows(&kind, centroids), segments }
    }

    /// The centroids of a model, `(n_segments, n_components)`; `tie_order` is [`KMeans::tie_order`](super::KMeans::tie_order).
    pub fn of(centroids: ArrayView2<f64>, tie_order: &[u32]) -> Centroids {
        let ordered = tie_order.iter().map(|&segment| centroids.row(segment as usize).to_vec());
        Centroids::new(centroids.ncols(), ordered, tie_order.to_vec())
    }

    /// Scores `(n_users, n_components)` as k-means sees them: scaled to the unit sphere where `params` say so, but for
    /// users of length 0.
    pub fn points(mut scores: Array2<f64>, params: &KMeansParams) -> Array2<f64> {
        if params.spherical {
            for row in scores.rows_mut() {
                scale_to_unit_length(row.into_slice().expect("rows lie whole"));
            }
        }
        scores
    }

    /// Appends the segments of users. `scores` is `(n_users, n_components)`, row after row.
    pub fn assign(&self, scores: ArrayView2<f64>, assignment: &mut Assignment) {
        let (n_rows, n_dims) = scores.dim();
        let scores = Scores { values: scores.as_slice().expect("scores lie row after row"), n_dims };
        let everyone: Vec<u32> = (0..n_rows as u32).collect();
        let mut found = Vec::new();
        for rows in everyone.chunks(ROWS) {
            dense::nearest(scores, rows, &self.tiles, &mut found);
            self.append(&found, assignment);
        }
    }

    /// Appends the segments of users who have a screen: the same, but faster.
    pub fn assign_screened(&self, cloud: &Cloud, assignment: &mut Assignment) {
        let (scores, screen) = cloud.dense().expect("segments are of users by their scores");
        let mut pairs = Pairs::new(scores, screen, &self.tiles);
        let mut found = Vec::new();
        for rows in stretches(cloud) {
            pairs.find(rows, &mut found);
            self.append(&found, assignment);
        }
    }

    fn append(&self, found: &[Nearby], assignment: &mut Assignment) {
        for own in found {
            let (second, others) =
                if own.others.is_finite() { (own.second, own.others) } else { (own.label, own.squared) };
            assignment.segment.push(self.segments[own.label as usize]);
            assignment.distance.push(own.squared.sqrt());
            assignment.second.push(self.segments[second as usize]);
            assignment.second_distance.push(others.sqrt());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn users_go_to_the_nearest_and_ties_to_the_first() {
        let centroids = Centroids::new(2, [[0.0, 0.0], [4.0, 0.0], [4.0, 0.0]], vec![1, 2, 0]);
        let mut found = Assignment::default();
        centroids.assign(array![[1.0, 0.0], [4.0, 3.0], [2.0, 0.0]].view(), &mut found);
        assert_eq!((found.segment, found.second), (vec![1, 2, 1], vec![2, 0, 2]));
        assert_eq!((found.distance, found.second_distance), (vec![1.0, 3.0, 2.0], vec![3.0, 3.0, 2.0]));
        let mut alone = Assignment::default();
        Centroids::new(1, [[2.0]], vec![0]).assign(array![[5.0]].view(), &mut alone);
        assert_eq!((alone.second, alone.second_distance), (vec![0], vec![3.0]));
    }
}
