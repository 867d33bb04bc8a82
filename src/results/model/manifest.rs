//! `model.json`.

use serde::{Deserialize, Serialize};

use super::tensor::Tensor;
use crate::job::{KMeansParams, Matrix, PcaParams, ValidateParams};
use crate::results::outcome::Outcome;
use crate::stages::mixture::{Height, Mixture, Weights};

/// The version of the folder's layout. A reader refuses what it does not know.
pub const VERSION: u32 = 1;

/// The version of a model with a mixture: whoever does not know it would put users into the nearest segment.
pub const WITH_MIXTURE: u32 = 2;

/// The version of a model with a mixture that reads amounts.
pub const WITH_AMOUNTS: u32 = 3;

/// All that are known.
pub(super) const VERSIONS: [u32; 3] = [VERSION, WITH_MIXTURE, WITH_AMOUNTS];

/// `model.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: u32,
    pub seed: u64,
    pub matrix: Matrix,
    pub pca: PcaParams,
    pub kmeans: KMeansParams,
    pub validate: ValidateParams,
    pub n_items: usize,
    /// `bm25`: the mean over the users of the sum of their ratings.
    #[serde(default)]
    pub mean_length: Option<f64>,
    pub segments: Vec<Segment>,
    /// All segments, in the order in which the nearest is looked for: of equally near ones the first takes the user.
    /// Without it, their own order.
    #[serde(default)]
    pub tie_order: Option<Vec<u32>>,
    pub tensors: Vec<TensorInfo>,
}

/// A segment of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// What it is called. A person may edit it, and `segmill report` shows it.
    pub name: String,
    /// Users it was fitted on.
    pub size: u64,
}

/// A tensor in `model.safetensors`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TensorInfo {
    pub name: String,
    pub shape: Vec<usize>,
}

impl Manifest {
    pub(super) fn of(outcome: &Outcome, tensors: &[(String, Tensor)]) -> Manifest {
        let job = &outcome.job;
        let segment = |(name, &size): (&String, &u64)| Segment { name: name.clone(), size };
        Manifest {
            version: outcome.model.mixture.as_ref().map_or(VERSION, version),
            seed: job.seed,
            matrix: job.matrix,
            pca: job.pca,
            kmeans: job.kmeans,
            validate: job.validate,
            n_items: outcome.items.ids.len(),
            mean_length: outcome.model.mean_length,
            segments: outcome.names.iter().zip(&outcome.kmeans.sizes).map(segment).collect(),
            tie_order: Some(outcome.kmeans.tie_order.clone()),
            tensors: tensors.iter().map(|(n, t)| TensorInfo { name: n.clone(), shape: t.shape.clone() }).collect(),
        }
    }
}

fn version(mixture: &Mixture) -> u32 {
    let is_log = mixture.shifts.as_ref().is_some_and(|shifts| shifts.height == Height::Log);
    if is_log || mixture.weights != Weights::Equal { WITH_AMOUNTS } else { WITH_MIXTURE }
}
