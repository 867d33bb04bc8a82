//! The parameters of the stages.

use serde::{Deserialize, Serialize};

/// How ratings become the matrix that PCA and k-means see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    pub weighting: Weighting,
    pub normalize: Normalize,
    #[serde(default)]
    pub missing: Missing,
}

/// The weight of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weighting {
    Raw,
    Binary,
    Log1p,
    Tfidf,
    Bm25,
}

/// The length of a row of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    None,
    L2,
}

/// The value of an item that a user has not rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    #[default]
    Zero,
    /// The mean of the user's weights: all weights of the user are taken relative to it.
    UserMean,
}

/// `[pca]`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PcaParams {
    pub components: usize,
    pub solver: Solver,
    /// Largest residual ‖Cv − λv‖/λ₁ of the Krylov solver.
    pub tol: f64,
    /// Components in the explained-variance plot; fewer where the data has fewer.
    pub report: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Solver {
    Auto,
    Gram,
    Krylov,
}

/// `[kmeans]`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KMeansParams {
    pub clusters: usize,
    pub n_init: usize,
    pub max_iter: usize,
    /// Relative to the mean variance of the columns, as in scikit-learn.
    pub tol: f64,
    /// Users are points on the unit sphere, and so are centroids (spherical k-means; Dhillon & Modha 2001). Follows from
    /// `matrix.normalize`.
    #[serde(default)]
    pub spherical: bool,
}

/// `[sweep]`, checked: the numbers of clusters to try, and the spaces to try them in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepParams {
    /// Rising, without repeats.
    pub clusters: Vec<usize>,
    /// Whether the job file names the numbers. If so, each must be possible; the default list is cut to what the data allows.
    pub explicit: bool,
    pub projected: bool,
    pub full: bool,
}

/// `[validate]`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateParams {
    pub model: BayesModel,
    pub folds: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BayesModel {
    Multinomial,
    Bernoulli,
    Gaussian,
}

/// `[profile]`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileParams {
    /// Items listed per segment.
    pub top: usize,
}

/// `[evidence]`, checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceParams {
    /// Number of refits to new samples of the users.
    pub refits: usize,
}
