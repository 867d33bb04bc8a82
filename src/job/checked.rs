//! The checked form of a job, the only one that runs.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::filter::Filter;
use super::input::Input;
use super::params::{
    Choices, EvidenceParams, KMeansParams, Matrix, Normalize, PcaParams, ProfileParams, SweepParams, ValidateParams,
};

/// Where a job does not say it: about 700 MB.
pub const USERS_PER_FILE: u64 = 1 << 24;

fn users_per_file() -> u64 {
    USERS_PER_FILE
}

/// A checked job. Paths are resolved; every number is in range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub seed: u64,
    /// Bytes of memory per process.
    pub memory: u64,
    /// The folder of scratch files for data that does not fit `memory`; absent: the parent of the output folder.
    pub scratch: Option<PathBuf>,
    /// The time between two checkpoints within a stage.
    pub checkpoint_every: Duration,
    pub output: PathBuf,
    /// Rows that a table of users has in a file, at most. With more it is a folder of files.
    #[serde(default = "users_per_file")]
    pub users_per_file: u64,
    pub input: Input,
    #[serde(default)]
    pub filter: Filter,
    /// Who settled what follows.
    #[serde(default)]
    pub choices: Choices,
    pub matrix: Matrix,
    pub pca: PcaParams,
    pub kmeans: KMeansParams,
    /// Absent if the sweep is switched off (`sweep.clusters = []`).
    pub sweep: Option<SweepParams>,
    pub validate: ValidateParams,
    pub profile: ProfileParams,
    /// Absent if it is switched off (`evidence.enabled = false`).
    #[serde(default)]
    pub evidence: Option<EvidenceParams>,
    /// The output folder of an earlier run to compare the segments with.
    #[serde(default)]
    pub compare: Option<PathBuf>,
}

impl Job {
    /// This job with what the run has chosen.
    pub fn settled(&self, matrix: Matrix, components: usize, kmeans: KMeansParams) -> Job {
        let spherical = matrix.normalize == Normalize::L2;
        Job {
            choices: self.choices.settled(),
            matrix,
            pca: PcaParams { components, ..self.pca },
            kmeans: KMeansParams { spherical, ..kmeans },
            ..self.clone()
        }
    }
}
