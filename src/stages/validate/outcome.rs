//! What validation finds.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

/// Terms of a classifier by name, shape and values.
pub type Terms = Vec<(String, Vec<usize>, Vec<f64>)>;

/// How well the classifier finds the segments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// `multinomial`, `bernoulli` or `gaussian`.
    pub model: String,
    pub in_sample: Confusion,
    pub out_of_fold: Confusion,
    pub folds: usize,
}

/// Users by segment (row) and by predicted segment (column).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// `(n_clusters, n_clusters)`.
    pub counts: Array2<u64>,
}

impl Confusion {
    /// Share of users on the diagonal.
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum().max(1) as f64
    }
}

/// What validation passes on beside the confusions.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// For each of this worker's users, the segment that the classifier fitted on all users predicts.
    pub predicted: Vec<u32>,
    /// The classifier's terms by name, shape and values; on the coordinator only.
    pub terms: Terms,
}
