//! A worker's users as points, and facts about the users of all workers.

use crate::collective::Collective;
use crate::kernel::fixed::Scale;
use crate::kernel::keyed::{self, Stream};
use crate::kernel::lloyd::{Cloud, Points, Scores};

/// A worker's users as points.
#[derive(Debug, Clone)]
pub struct Users<'a> {
    pub cloud: Cloud<'a>,
    /// The key of each user's draws.
    pub draw_keys: &'a [u64],
    pub facts: Facts,
}

impl<'a> Users<'a> {
    /// `tol` is the tolerance relative to the mean variance of the columns, `reach` the largest ‖c‖² of a given centroid,
    /// which may lie far from all users.
    pub fn gather<C: Collective>(
        c: &mut C,
        points: Points<'a>,
        draw_keys: &'a [u64],
        tol: f64,
        reach: f64,
    ) -> Users<'a> {
        let cloud = Cloud::new(points);
        let facts = Facts::gather(c, &cloud, tol, reach);
        Users { cloud, draw_keys, facts }
    }

    /// The same users, with centroids on the unit sphere if `spherical`.
    pub fn on_sphere(mut self, spherical: bool) -> Users<'a> {
        self.facts.spherical = spherical;
        self
    }

    pub fn n_rows(&self) -> usize {
        self.cloud.points.n_rows()
    }

    pub fn n_dims(&self) -> usize {
        self.cloud.points.n_dims()
    }
}

/// Users chosen by their draw keys, with their points, on every worker.
pub struct Sample {
    values: Vec<f64>,
    draw_keys: Vec<u64>,
    n_dims: usize,
    facts: Facts,
}

impl Sample {
    /// Each user independently, with the probability at which `expected` of all are chosen; all users where there are no
    /// more.
    pub fn gather<C: Collective>(c: &mut C, users: &Users, scores: Scores, seed: u64, expected: u64) -> Sample {
        let n_dims = scores.n_dims;
        let share = expected as f64 / users.facts.n_users.max(1) as f64;
        let (mut values, mut draw_keys) = (Vec::new(), Vec::new());
        for (row, &key) in users.draw_keys.iter().enumerate() {
            if share >= 1.0 || keyed::uniform(seed, Stream::Sample, 0, key) < share {
                values.extend(&scores.values[row * n_dims..][..n_dims]);
                draw_keys.push(key);
            }
        }
        let (values, draw_keys) = (c.all_gather(&values).concat(), c.all_gather(&draw_keys).concat());
        Sample { facts: Facts { max_rows: draw_keys.len() as u64, ..users.facts }, values, draw_keys, n_dims }
    }

    pub fn users(&self) -> Users<'_> {
        let points = Points::Dense { values: &self.values, n_rows: self.draw_keys.len(), n_dims: self.n_dims };
        Users { cloud: Cloud::new(points), draw_keys: &self.draw_keys, facts: self.facts }
    }
}

/// Facts about all points, the same on every worker.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Facts {
    pub n_users: u64,
    /// The largest number of users at one worker.
    pub max_rows: u64,
    pub n_values: u64,
    /// For sums of coordinates.
    pub coordinate_scale: Scale,
    /// For sums of squared distances between points of the convex hull.
    pub distance_scale: Scale,
    /// The squared shift of all centroids at which a run has converged.
    pub tolerance: f64,
    /// Sum of ‖x‖² over all users, up to rounding.
    pub squares: f64,
    /// Centroids lie on the unit sphere, as the points do.
    pub spherical: bool,
}

impl Facts {
    fn gather<C: Collective>(c: &mut C, cloud: &Cloud, tol: f64, reach: f64) -> Facts {
        let n_rows = cloud.points.n_rows() as u64;
        let mut sums = [n_rows, cloud.points.n_values() as u64];
        c.sum(&mut sums);
        let mut bounds = [cloud.points.max_abs(), cloud.largest_norm.max(reach), n_rows as f64];
        c.max(&mut bounds);
        let [n_users, n_values] = sums;
        // Two points of the hull are at most twice the largest norm apart; the margin is for rounding.
        let distance_scale = Scale::new(bounds[1] * 4.001, n_users);
        let coordinate_scale = Scale::new(bounds[0], n_users);
        let mut facts = Facts {
            n_users,
            max_rows: bounds[2] as u64,
            n_values,
            coordinate_scale,
            distance_scale,
            tolerance: 0.0,
            squares: 0.0,
            spherical: false,
        };
        let (variance, squares) = mean_variance(c, cloud, &facts);
        facts.tolerance = tol * variance;
        facts.squares = squares;
        facts
    }

    /// These facts for a worker that holds all points.
    pub fn copied(&self) -> Facts {
        Facts { max_rows: self.n_users, ..*self }
    }
}

/// The mean of each column over all users.
fn means<C: Collective>(c: &mut C, points: Points, facts: &Facts) -> Vec<f64> {
    let mut sums = vec![0i64; points.n_dims()];
    for row in 0..points.n_rows() {
        points.for_each(row, |dim, value| sums[dim] += facts.coordinate_scale.fix(value));
    }
    c.sum(&mut sums);
    let n = facts.n_users.max(1) as f64;
    sums.iter().map(|&sum| facts.coordinate_scale.real(sum) / n).collect()
}

/// Mean over the columns of the variance over all users (divisor n), and the sum of ‖x‖².
fn mean_variance<C: Collective>(c: &mut C, cloud: &Cloud, facts: &Facts) -> (f64, f64) {
    let points = cloud.points;
    let n = facts.n_users.max(1) as f64;
    let means = means(c, points, facts);
    let spread = |row: usize| match points {
        Points::Dense { .. } => {
            let mut sum = 0.0;
            points.for_each(row, |dim, x| sum += (x - means[dim]) * (x - means[dim]));
            sum
        }
        Points::Sparse(_) => cloud.norms[row],
    };
    let mut total = [(0..points.n_rows()).map(|row| facts.distance_scale.fix(spread(row))).sum::<i64>()];
    c.sum(&mut total);
    let mean_spread = facts.distance_scale.real(total[0]) / n;
    let centre = means.iter().fold(0.0, |sum, mean| sum + mean * mean);
    let (variance, mean_square) = match points {
        Points::Dense { .. } => (mean_spread, mean_spread + centre),
        Points::Sparse(_) => (mean_spread - centre, mean_spread),
    };
    (variance.max(0.0) / points.n_dims().max(1) as f64, mean_square * n)
}
