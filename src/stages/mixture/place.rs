//! Users to the segments of a mixture, with their distances from the others there.

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::scorer::{Scorer, Scores};
use crate::collective::Collective;
use crate::kernel::csr::{RowsRef, scale_to_unit_length};
use crate::kernel::fixed::Scale;
use crate::stages::kmeans::Assignment;

impl Scorer {
    /// Appends the segments of the users of a block, whose points `(n_users, n_components)` are those of PCA. A user's segment is
    /// the likeliest, the second is the next. Distances are to the centroids `(n_segments, n_components)` of both.
    pub fn place(&self, rows: RowsRef, points: ArrayView2<f64>, centroids: ArrayView2<f64>, found: &mut Assignment) {
        let mut scores = Scores::default();
        for (row, point) in rows.rows().zip(points.rows()) {
            put(self.score(row, &mut scores), point, centroids, found);
        }
    }
}

/// The users of these points whose likeliest segments and the next are known, with their distances.
pub fn placed(segments: &[[u32; 2]], points: ArrayView2<f64>, centroids: ArrayView2<f64>) -> Assignment {
    let mut found = Assignment::with_capacity(segments.len());
    segments.iter().zip(points.rows()).for_each(|(&of, point)| put(of, point, centroids, &mut found));
    found
}

fn put([segment, second]: [u32; 2], point: ArrayView1<f64>, centroids: ArrayView2<f64>, found: &mut Assignment) {
    found.segment.push(segment);
    found.distance.push(distance(point, centroids.row(segment as usize)));
    found.second.push(second);
    found.second_distance.push(distance(point, centroids.row(second as usize)));
}

fn distance(point: ArrayView1<f64>, centroid: ArrayView1<f64>) -> f64 {
    point.iter().zip(centroid).map(|(x, y)| (x - y) * (x - y)).sum::<f64>().sqrt()
}

/// The mean of the points `(n_local_users, n_components)` of each segment, over all workers, `(n_segments, n_components)`; on the unit
/// sphere where points are.
pub fn centroids<C: Collective>(
    c: &mut C,
    points: ArrayView2<f64>,
    segments: &[u32],
    n_segments: usize,
    spherical: bool,
) -> Array2<f64> {
    let n_dims = points.ncols();
    let mut bound = [points.iter().fold(0.0, |most: f64, x| most.max(x.abs()))];
    c.max(&mut bound);
    let mut sums = vec![0i64; n_segments * (n_dims + 1)];
    segments.iter().for_each(|&segment| sums[segment as usize] += 1);
    c.sum(&mut sums[..n_segments]);
    let n_users = sums[..n_segments].iter().sum::<i64>() as u64;
    let scale = Scale::new(bound[0], n_users);
    for (point, &segment) in points.rows().into_iter().zip(segments) {
        let of_segment = &mut sums[n_segments + segment as usize * n_dims..][..n_dims];
        of_segment.iter_mut().zip(point).for_each(|(sum, &x)| *sum += scale.fix(x));
    }
    c.sum(&mut sums[n_segments..]);
    let (counts, sums) = sums.split_at(n_segments);
    let mut centroids = Array2::from_shape_fn((n_segments, n_dims), |(segment, dim)| {
        scale.real(sums[segment * n_dims + dim]) / counts[segment].max(1) as f64
    });
    if spherical {
        for centroid in centroids.rows_mut() {
            scale_to_unit_length(centroid.into_slice().expect("rows lie whole"));
        }
    }
    centroids
}
