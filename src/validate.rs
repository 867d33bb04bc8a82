//! Can a Naive Bayes classifier, looking at the raw ratings, tell the segments apart?

use ndarray::Array2;
use serde::{Deserialize, Serialize};

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
