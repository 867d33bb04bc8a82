//! k-means: the segments.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// The best of all starts, the same on every worker. Segments are numbered by falling size, then by centroid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KMeans {
    /// `(n_clusters, n_components)`.
    pub centroids: Array2<f64>,
    /// Users in each segment.
    pub sizes: Vec<u64>,
    /// Sum of squared distances of users to their centroid.
    pub inertia: f64,
    /// Start that won, from 0.
    pub best_start: usize,
    /// Iterations and inertia of each start.
    pub starts: Vec<StartReport>,
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
