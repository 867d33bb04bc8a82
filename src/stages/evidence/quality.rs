//! How compact clusters are and how far apart: indices that use the points alone.

use ndarray::{Array2, ArrayView1, ArrayView2};

use crate::collective::Collective;
use crate::kernel::fixed::Scale;
use crate::stages::kmeans::{Assignment, Centroids};

/// Indices of a clustering.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Mean over users of (b − a)/max(a, b): a is the distance to the mean of the user's cluster, b that to the nearest other
    /// (Vendramin, Campello & Hruschka 2010, "Relative clustering validity criteria"). O(n·k), where the silhouette of
    /// Rousseeuw (1987) is O(n²). 0 for a user at a distance of 0 from both.
    pub simplified_silhouette: f64,
    /// (B/(k − 1)) / (W/(n − k)): B is the sum over clusters of n_s‖m_s − m‖², W that over users of ‖x − m_s‖²
    /// (Caliński & Harabasz 1974). 1 if W is 0, as in scikit-learn.
    pub calinski_harabasz: f64,
    /// Mean over clusters of the largest (s_i + s_j)/‖m_i − m_j‖, with s the mean distance of users to the mean of their
    /// cluster (Davies & Bouldin 1979). 0 if all s or all distances are 0.
    pub davies_bouldin: f64,
}

/// The indices over the users of all workers; this worker's are at `points` `(n_local_users, n_dims)` in clusters `labels`.
/// Clusters without users do not count.
pub fn quality<C: Collective>(c: &mut C, points: ArrayView2<f64>, labels: &[u32], n_clusters: usize) -> Quality {
    let means = Means::of(c, points, labels, n_clusters);
    let Spread { silhouette, squares, distances } = means.spread(c, points, labels);
    let n: f64 = means.sizes.iter().sum();
    let k = means.sizes.iter().filter(|&&size| size > 0.0).count() as f64;
    let within: f64 = squares.iter().sum();
    let between = means.between();
    Quality {
        simplified_silhouette: silhouette / n,
        calinski_harabasz: if within > 0.0 { between * (n - k) / (within * (k - 1.0).max(1.0)) } else { 1.0 },
        davies_bouldin: means.davies_bouldin(&distances),
    }
}

/// The means of the clusters.
struct Means {
    /// `(n_clusters, n_dims)`; 0 for a cluster without users.
    centres: Array2<f64>,
    /// Of all users `(n_dims)`.
    overall: Vec<f64>,
    sizes: Vec<f64>,
}

/// Sums over users.
struct Spread {
    silhouette: f64,
    /// By cluster: of squared distances to its mean, and of distances.
    squares: Vec<f64>,
    distances: Vec<f64>,
}

impl Means {
    fn of<C: Collective>(c: &mut C, points: ArrayView2<f64>, labels: &[u32], n_clusters: usize) -> Means {
        let n_dims = points.ncols();
        let mut sizes = vec![0i64; n_clusters];
        labels.iter().for_each(|&label| sizes[label as usize] += 1);
        c.sum(&mut sizes);
        let mut bound = [points.iter().fold(0.0f64, |most, x| most.max(x.abs()))];
        c.max(&mut bound);
        let scale = Scale::new(bound[0], sizes.iter().sum::<i64>() as u64);
        let mut sums = vec![0i64; n_clusters * n_dims];
        for (point, &label) in points.rows().into_iter().zip(labels) {
            let sum = &mut sums[label as usize * n_dims..][..n_dims];
            sum.iter_mut().zip(point).for_each(|(sum, &x)| *sum += scale.fix(x));
        }
        c.sum(&mut sums);
        let mean = |sum: i64, n: i64| scale.real(sum) / n.max(1) as f64;
        let total = |dim: usize| sums.iter().skip(dim).step_by(n_dims).sum::<i64>();
        let n = sizes.iter().sum();
        Means {
            centres: Array2::from_shape_fn((n_clusters, n_dims), |(s, dim)| mean(sums[s * n_dims + dim], sizes[s])),
            overall: (0..n_dims).map(|dim| mean(total(dim), n)).collect(),
            sizes: sizes.iter().map(|&size| size as f64).collect(),
        }
    }

    /// The clusters that have users.
    fn present(&self) -> impl Iterator<Item = usize> + Clone + '_ {
        (0..self.sizes.len()).filter(|&s| self.sizes[s] > 0.0)
    }

    fn spread<C: Collective>(&self, c: &mut C, points: ArrayView2<f64>, labels: &[u32]) -> Spread {
        let found = self.nearest(points);
        let own = self.squares(points, labels);
        let mut farthest = [own.iter().fold(0.0f64, |most, &x| most.max(x))];
        c.max(&mut farthest);
        let (n, n_clusters) = (self.sizes.iter().sum::<f64>() as u64, self.sizes.len());
        let (square_scale, scale, unit) =
            (Scale::new(farthest[0], n), Scale::new(farthest[0].sqrt(), n), Scale::new(1.0, n));
        let mut sums = vec![0i64; 2 * n_clusters + 1];
        for (user, (&label, &squared)) in labels.iter().zip(&own).enumerate() {
            sums[label as usize] += square_scale.fix(squared);
            sums[n_clusters + label as usize] += scale.fix(squared.sqrt());
            sums[2 * n_clusters] += unit.fix(silhouette(&found, user, label, squared.sqrt()));
        }
        c.sum(&mut sums);
        Spread {
            squares: sums[..n_clusters].iter().map(|&sum| square_scale.real(sum)).collect(),
            distances: sums[n_clusters..2 * n_clusters].iter().map(|&sum| scale.real(sum)).collect(),
            silhouette: unit.real(sums[2 * n_clusters]),
        }
    }

    /// The nearest means of each point.
    fn nearest(&self, points: ArrayView2<f64>) -> Assignment {
        let centres = self.present().map(|s| self.centres.row(s).to_vec());
        let centroids = Centroids::new(points.ncols(), centres, self.present().map(|s| s as u32).collect());
        let mut found = Assignment::with_capacity(points.nrows());
        centroids.assign(points.as_standard_layout().view(), &mut found);
        found
    }

    /// Squared distances of points to the means of their clusters.
    fn squares(&self, points: ArrayView2<f64>, labels: &[u32]) -> Vec<f64> {
        let square =
            |label: u32, point: ArrayView1<f64>| squared(point.iter(), self.centres.row(label as usize).iter());
        points.rows().into_iter().zip(labels).map(|(point, &label)| square(label, point)).collect()
    }

    /// B
    fn between(&self) -> f64 {
        self.present().map(|s| self.sizes[s] * squared(self.centres.row(s).iter(), self.overall.iter())).sum()
    }

    /// `distances` are summed over the users of each cluster.
    fn davies_bouldin(&self, distances: &[f64]) -> f64 {
        let spread = |s: usize| distances[s] / self.sizes[s];
        let apart = |i: usize, j: usize| squared(self.centres.row(i).iter(), self.centres.row(j).iter()).sqrt();
        let alike = |i: usize, j: usize| match apart(i, j) {
            0.0 => 0.0,
            apart => (spread(i) + spread(j)) / apart,
        };
        let most = |i: usize| self.present().filter(|&j| j != i).map(|j| alike(i, j)).fold(0.0, f64::max);
        self.present().map(most).sum::<f64>() / self.present().count().max(1) as f64
    }
}

/// (b − a)/max(a, b) of a user at the distance `own` from the mean of their cluster.
fn silhouette(found: &Assignment, user: usize, label: u32, own: f64) -> f64 {
    let other = if found.segment[user] == label { found.second_distance[user] } else { found.distance[user] };
    let width = own.max(other);
    if width > 0.0 && found.second[user] != found.segment[user] { (other - own) / width } else { 0.0 }
}

fn squared<'a>(a: impl Iterator<Item = &'a f64>, b: impl Iterator<Item = &'a f64>) -> f64 {
    a.zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;
    use crate::kernel::keyed::{self, Stream};
    use ndarray::array;

    #[test]
    fn four_points_by_hand() {
        let points = array![[0.0, 0.0], [0.0, 2.0], [6.0, 0.0], [6.0, 2.0]];
        let found = quality(&mut Solo, points.view(), &[0, 0, 2, 2], 3);
        // Means (0, 1) and (6, 1); W = 4, B = 4·9; s = 1 and 1, 6 apart.
        assert!((found.calinski_harabasz - 36.0 * 2.0 / 4.0).abs() < 1e-12);
        assert!((found.davies_bouldin - 2.0 / 6.0).abs() < 1e-12);
        let far = 37.0f64.sqrt();
        assert!((found.simplified_silhouette - (far - 1.0) / far).abs() < 1e-12);
    }

    #[test]
    fn one_cluster_and_equal_points_have_numbers() {
        let points = array![[1.0], [1.0], [1.0]];
        let found = quality(&mut Solo, points.view(), &[0, 1, 1], 2);
        assert_eq!((found.simplified_silhouette, found.calinski_harabasz, found.davies_bouldin), (0.0, 1.0, 0.0));
        let alone = quality(&mut Solo, array![[1.0], [3.0]].view(), &[0, 0], 1);
        assert_eq!((alone.simplified_silhouette, alone.davies_bouldin), (0.0, 0.0));
    }

    /// Partial-sum-finish: the same bits for any workers.
    #[test]
    fn workers_leave_no_trace() {
        let points = Array2::from_shape_fn((90, 4), |(i, j)| keyed::uniform(1, Stream::Generate, i as u64, j as u64));
        let labels: Vec<u32> = (0..90).map(|user| user * 7 % 5).collect();
        let found = |peers: usize| {
            run_workers(peers, |c| {
                let mine: Vec<usize> = (0..90).filter(|user| user % c.peers() == c.index()).collect();
                let labels: Vec<u32> = mine.iter().map(|&user| labels[user]).collect();
                quality(c, points.select(ndarray::Axis(0), &mine).view(), &labels, 5)
            })
        };
        let alone = quality(&mut Solo, points.view(), &labels, 5);
        assert!(found(3).into_iter().chain(found(4)).all(|found| found == alone));
    }
}
