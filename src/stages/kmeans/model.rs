//! What k-means finds: a model, where each user went, and the curve of a sweep.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The best of all starts, the same on every worker. A fit numbers segments by falling size, then by centroid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KMeans {
    /// `(n_clusters, n_components)`.
    pub centroids: Array2<f64>,
    /// Users in each segment.
    pub sizes: Vec<u64>,
    /// All segments in the order in which ties are broken: of equally near ones the first takes the user.
    pub tie_order: Vec<u32>,
    /// Sum of squared distances of users to their centroid.
    pub inertia: f64,
    /// Start that won, from 0.
    pub best_start: usize,
    /// Iterations and inertia of each start.
    pub starts: Vec<StartReport>,
}

impl KMeans {
    /// Gives segment `s` the number `numbers[s]`, for each s. Ties are broken as before.
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

/// The segment of each of a worker's users, in the order of its shard.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Assignment {
    pub segment: Vec<u32>,
    /// Distance (not squared) to the centroid of that segment.
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

    /// No users yet, with room for `n`.
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

/// A fit, and the other numbers of clusters that were tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    pub kmeans: KMeans,
    /// Of this worker's users.
    pub assignment: Assignment,
    pub curve: SweepCurve,
    /// The best model of each number of clusters, rising; that of the fit is among them.
    pub tried: Vec<KMeans>,
}

impl Fitted {
    /// Of one run, with no other number of clusters.
    pub fn alone((kmeans, assignment): (KMeans, Assignment)) -> Fitted {
        let tried = vec![kmeans.clone()];
        Fitted { kmeans, assignment, curve: SweepCurve::default(), tried }
    }

    /// Gives segment `s` the number `numbers[s]`, for each s, in the model, the assignment and what was tried.
    pub fn renumber(&mut self, numbers: &[u32]) {
        let own = self.tried.iter_mut().filter(|model| model.sizes.len() == numbers.len());
        own.for_each(|model| model.renumber(numbers));
        self.kmeans.renumber(numbers);
        self.assignment.renumber(numbers);
    }
}
