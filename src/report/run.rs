//! `run.json`: what ran, on what, how it went, and the digests of what came out.
//!
//! `digests` alone is the same in every layout; times, memory and paths are not.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ingest::Ledger;
use crate::job::Job;
use crate::kmeans::{StartReport, Sweep};
use crate::pca::SolverReport;
use crate::report::Outcome;
use crate::validate::Validation;

/// The file's name: a folder that holds one, written by segmill, is a segmill output.
pub const FILE: &str = "run.json";

/// The version of the output folder's layout.
pub const FORMAT: u32 = 1;

/// Digest of each table and of the model's tensors, by name, in hexadecimal.
pub type Digests = BTreeMap<String, String>;

/// `run.json`, in the order of its keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub versions: Versions,
    pub job: Job,
    pub users: u64,
    pub items: u64,
    pub ratings: u64,
    pub ledger: Ledger,
    pub warnings: Vec<String>,
    pub layout: Layout,
    /// The level of vector code of the coordinator's process.
    pub simd: String,
    pub total_seconds: f64,
    pub stages: Vec<Stage>,
    /// Peak resident memory of the largest process, in bytes.
    pub peak_memory: u64,
    /// Bytes that did not fit `memory` and went to scratch files, over all workers.
    pub spilled: u64,
    /// Bytes that all processes sent to each other, up to the end of gathering.
    #[serde(default)]
    pub bytes_sent: u64,
    pub iterations: Iterations,
    pub solver: SolverReport,
    pub total_variance: f64,
    pub explained_variance_ratio: Vec<f64>,
    pub singular_values: Vec<f64>,
    /// Of the segments: the sum of squared distances of users to their centroid.
    pub inertia: f64,
    /// Users in each segment.
    pub sizes: Vec<u64>,
    pub starts: Vec<StartReport>,
    pub sweep: Option<Sweep>,
    pub validation: Accuracy,
    pub digests: Digests,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Versions {
    pub segmill: String,
    pub format: u32,
    pub model: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Layout {
    pub processes: usize,
    /// Threads per process.
    pub workers: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    pub stage: String,
    pub seconds: f64,
    /// Peak resident memory of the coordinator's process from its start to the end of the stage, in bytes.
    pub peak_memory: u64,
    /// Bytes that the coordinator's process sent to other processes during the stage.
    #[serde(default)]
    pub bytes_sent: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Iterations {
    /// Applications of the covariance matrix to a block of vectors.
    pub pca: usize,
    /// Of the start that won.
    pub kmeans: usize,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    pub model: String,
    pub folds: usize,
    pub in_sample_accuracy: f64,
    pub out_of_fold_accuracy: f64,
}

impl RunRecord {
    pub fn new(outcome: &Outcome, digests: Digests) -> RunRecord {
        let (pca, kmeans, measured) = (&outcome.pca, &outcome.kmeans, &outcome.measured);
        RunRecord {
            versions: Versions::current(),
            job: outcome.job.clone(),
            users: measured.n_users,
            items: measured.n_items,
            ratings: measured.n_ratings,
            ledger: outcome.ledger,
            warnings: outcome.warnings.clone(),
            layout: Layout { processes: measured.processes, workers: measured.workers },
            simd: measured.simd.clone(),
            total_seconds: measured.total_seconds,
            stages: measured.stages.clone(),
            peak_memory: measured.peak_memory,
            spilled: measured.spilled,
            bytes_sent: measured.bytes_sent,
            iterations: Iterations { pca: pca.solver.iterations, kmeans: winning_iterations(outcome) },
            solver: pca.solver.clone(),
            total_variance: pca.total_variance,
            explained_variance_ratio: pca.explained_variance_ratio.clone(),
            singular_values: pca.singular_values.clone(),
            inertia: kmeans.inertia,
            sizes: kmeans.sizes.clone(),
            starts: kmeans.starts.clone(),
            sweep: outcome.sweep.clone(),
            validation: Accuracy::of(&outcome.validation),
            digests,
        }
    }

    /// Indented JSON with a final line feed.
    pub fn to_json(&self) -> String {
        let mut json = serde_json::to_string_pretty(self).expect("a run record serialises");
        json.push('\n');
        json
    }
}

impl Versions {
    fn current() -> Versions {
        let segmill = env!("CARGO_PKG_VERSION").to_string();
        Versions { segmill, format: FORMAT, model: crate::model::VERSION }
    }
}

impl Accuracy {
    fn of(validation: &Validation) -> Accuracy {
        Accuracy {
            model: validation.model.clone(),
            folds: validation.folds,
            in_sample_accuracy: validation.in_sample.accuracy(),
            out_of_fold_accuracy: validation.out_of_fold.accuracy(),
        }
    }
}

/// Iterations of the start that won.
pub fn winning_iterations(outcome: &Outcome) -> usize {
    outcome.kmeans.starts.get(outcome.kmeans.best_start).map_or(0, |start| start.iterations)
}

/// Whether `json` is the `run.json` of a segmill output, of this version or another.
pub fn is_ours(json: &[u8]) -> bool {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(json).ok();
    parsed.is_some_and(|run| run["versions"]["segmill"].is_string() && run["digests"].is_object())
}
