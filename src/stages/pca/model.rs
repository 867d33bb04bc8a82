//! A fitted projection, and how it was found.

use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// A fitted projection, the same on every worker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pca {
    /// Mean of each column `(n_items)`.
    pub mean: Array1<f64>,
    /// Components `(n_components, n_items)`, orthonormal rows; the largest loading in magnitude of each is positive.
    pub components: Array2<f64>,
    /// Variance along each component, falling; at least as long as `components`, for the scree plot.
    pub explained_variance: Vec<f64>,
    /// The same as a share of `total_variance`.
    pub explained_variance_ratio: Vec<f64>,
    /// sqrt(explained variance × (n_users − 1)).
    pub singular_values: Vec<f64>,
    /// Sum of the variances of all columns (divisor n_users − 1).
    pub total_variance: f64,
    pub solver: SolverReport,
}

/// Which solver ran, why, and how it ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SolverReport {
    /// `gram` or `krylov`.
    pub solver: String,
    /// Why it was chosen, in a sentence.
    pub reason: String,
    /// Applications of the covariance matrix to a block of vectors.
    pub iterations: usize,
    /// Largest ‖Cv − λv‖ / λ₁ over the components.
    pub residual: f64,
    /// The residual that was asked for.
    pub tol: f64,
    pub converged: bool,
}
