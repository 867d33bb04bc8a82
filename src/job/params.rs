//! The parameters of the stages.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who settled each setting that a run can choose by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Choices {
    pub weighting: By,
    pub normalize: By,
    pub missing: By,
    pub components: By,
    pub clusters: By,
    #[serde(default)]
    pub refine: By,
    #[serde(default)]
    pub amounts: By,
}

/// Who settled a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum By {
    /// The job file or the command line.
    #[default]
    Given,
    /// Nobody yet: the run is to choose. Until then the setting has a value that often fits.
    Open,
    /// The run.
    Chosen,
}

impl By {
    pub fn is_open(self) -> bool {
        self == By::Open
    }

    fn settled(self) -> By {
        if self.is_open() { By::Chosen } else { self }
    }
}

impl Choices {
    /// The keys and who settled each.
    pub fn by_key(&self) -> [(&'static str, By); 7] {
        [
            ("matrix.weighting", self.weighting),
            ("matrix.normalize", self.normalize),
            ("matrix.missing", self.missing),
            ("pca.components", self.components),
            ("kmeans.clusters", self.clusters),
            ("kmeans.refine", self.refine),
            ("kmeans.amounts", self.amounts),
        ]
    }

    pub fn any_open(&self) -> bool {
        self.by_key().iter().any(|(_, by)| by.is_open())
    }

    /// The same after the run has chosen what was open.
    pub fn settled(self) -> Choices {
        Choices {
            weighting: self.weighting.settled(),
            normalize: self.normalize.settled(),
            missing: self.missing.settled(),
            components: self.components.settled(),
            clusters: self.clusters.settled(),
            refine: self.refine.settled(),
            amounts: self.amounts.settled(),
        }
    }
}

/// How ratings become the matrix that PCA and k-means see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    pub weighting: Weighting,
    pub normalize: Normalize,
    #[serde(default)]
    pub missing: Missing,
}

/// The weight of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Weighting {
    Raw,
    Binary,
    Log1p,
    Tfidf,
    Bm25,
}

/// The length of a row of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    None,
    L2,
}

/// The value of an item that a user has not rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    #[serde(default)]
    pub refine: Refine,
    #[serde(default)]
    pub amounts: Amounts,
}

/// What becomes of the segments that k-means finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Refine {
    /// They stay.
    #[default]
    None,
    /// A mixture of multinomials begins with them, in the space of all items.
    Mixture,
}

/// What amounts say, as of what was bought or played, where segments predict ratings: in a mixture and in the evidence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Amounts {
    /// Nothing beside that there is one. Ratings of a scale are read by how high they are.
    #[default]
    None,
    /// How much goes to an item: it counts as log(1 + the amount) does.
    Share,
    /// How high the amount is for the item and the user, by its logarithm.
    Level,
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

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
