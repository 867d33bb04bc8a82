//! `run.json`: what ran, on what, how it went, and the digests of what came out.
//!
//! `digests` alone is the same in every layout; times, memory and paths are not.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ingest::Ledger;
use crate::job::Job;
use crate::results::measured::Measured;
use crate::results::model::VERSION;
use crate::results::outcome::Outcome;
use crate::stages::choose::Chosen;
use crate::stages::continuity::Continuity;
use crate::stages::evidence::Evidence;
use crate::stages::kmeans::{StartReport, Sweep};
use crate::stages::pca::SolverReport;
use crate::stages::validate::Validation;

pub use crate::results::files::RUN as FILE;
pub use crate::results::inputs::InputRecord;
pub use crate::results::measured::Stage;

/// The version of the output folder's layout.
pub const FORMAT: u32 = 1;

/// Digest of each table and of the model's tensors, by name, in hexadecimal.
pub type Digests = BTreeMap<String, String>;

/// `run.json`, in the order of its keys.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    pub versions: Versions,
    pub job: Job,
    /// What the run has chosen of the job, and how the candidates did; absent where all was given.
    #[serde(default)]
    pub chosen: Option<Chosen>,
    pub users: u64,
    pub items: u64,
    pub ratings: u64,
    pub ledger: Ledger,
    /// The files that were read: those with ratings, then the one with titles.
    pub inputs: Vec<InputRecord>,
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
    /// Bytes of the packed ratings of all workers, in memory and in scratch files.
    #[serde(default)]
    pub ratings_bytes: u64,
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
    /// What people call the segments.
    #[serde(default)]
    pub names: Vec<String>,
    pub starts: Vec<StartReport>,
    pub sweep: Option<Sweep>,
    pub validation: Accuracy,
    /// Correlation (Pearson) of users' scores on the first component with the number of their ratings.
    #[serde(default)]
    pub activity_correlation: f64,
    #[serde(default)]
    pub evidence: Option<Evidence>,
    #[serde(default)]
    pub continuity: Option<Continuity>,
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
            chosen: outcome.chosen.clone(),
            users: measured.n_users,
            items: measured.n_items,
            ratings: measured.n_ratings,
            ledger: outcome.ledger,
            inputs: outcome.inputs.clone(),
            warnings: outcome.warnings.clone(),
            layout: Layout::of(measured),
            simd: measured.simd.clone(),
            total_seconds: measured.total_seconds,
            stages: measured.stages.clone(),
            peak_memory: measured.peak_memory,
            spilled: measured.spilled,
            ratings_bytes: measured.ratings_bytes,
            bytes_sent: measured.bytes_sent,
            iterations: Iterations::of(outcome),
            solver: pca.solver.clone(),
            total_variance: pca.total_variance,
            explained_variance_ratio: pca.explained_variance_ratio.clone(),
            singular_values: pca.singular_values.clone(),
            inertia: kmeans.inertia,
            sizes: kmeans.sizes.clone(),
            names: outcome.names.clone(),
            starts: kmeans.starts.clone(),
            sweep: outcome.sweep.clone(),
            validation: Accuracy::of(&outcome.validation),
            activity_correlation: outcome.activity_correlation,
            evidence: outcome.evidence.clone(),
            continuity: outcome.continuity.clone(),
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
    pub fn current() -> Versions {
        let segmill = env!("CARGO_PKG_VERSION").to_string();
        Versions { segmill, format: FORMAT, model: VERSION }
    }
}

impl Layout {
    fn of(measured: &Measured) -> Layout {
        Layout { processes: measured.processes, workers: measured.workers }
    }
}

impl Iterations {
    fn of(outcome: &Outcome) -> Iterations {
        let kmeans = &outcome.kmeans;
        let winning = winning_iterations(&kmeans.starts, kmeans.best_start);
        Iterations { pca: outcome.pca.solver.iterations, kmeans: winning }
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

/// What a finished run leaves for others to go on from: the part of `run.json` that they need, so that one of another
/// version may be read too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Finished {
    pub versions: Versions,
    pub job: Job,
    pub layout: Layout,
    #[serde(default)]
    pub inputs: Vec<InputRecord>,
    #[serde(default)]
    pub users: u64,
    #[serde(default)]
    pub items: u64,
    #[serde(default)]
    pub ratings: u64,
    /// Of the segments, as in [`RunRecord`].
    pub inertia: f64,
    #[serde(default)]
    pub continuity: Option<Continuity>,
    pub digests: Digests,
}

impl Finished {
    /// Of the output folder `output`.
    pub fn read(output: &Path) -> Result<Finished> {
        read_record(&output.join(FILE), "the record of a run")
    }

    /// That another version of segmill wrote it, and what follows.
    pub fn foreign(&self) -> Option<String> {
        let (wrote, here) = (&self.versions, Versions::current());
        (*wrote != here).then(|| {
            format!(
                "run.json is of segmill {} (format {}, model {}), and this is {} ({}, {}): results may differ",
                wrote.segmill, wrote.format, wrote.model, here.segmill, here.format, here.model
            )
        })
    }
}

/// Reads `what` a run has left in the file `path`, with its [`Versions`].
pub fn read_record<T: DeserializeOwned>(path: &Path, what: &str) -> Result<T> {
    let remedy = "name the output folder of a finished run";
    let json = std::fs::read(path).map_err(|e| Error::file(path, "cannot read", &e, remedy))?;
    serde_json::from_slice(&json).map_err(|e| {
        let place = path.display().to_string();
        match version(&json) {
            Some(version) if version != env!("CARGO_PKG_VERSION") => {
                Error::data(place, format!("segmill {version} wrote it in another form ({e})"), "run the job again")
            }
            _ => Error::data(place, format!("this is not {what}: {e}"), remedy),
        }
    })
}

/// The version of segmill that wrote a record.
fn version(json: &[u8]) -> Option<String> {
    let parsed: serde_json::Value = serde_json::from_slice(json).ok()?;
    Some(parsed["versions"]["segmill"].as_str()?.to_string())
}

/// Iterations of the start that won.
pub fn winning_iterations(starts: &[StartReport], best_start: usize) -> usize {
    starts.get(best_start).map_or(0, |start| start.iterations)
}
