//! Everything that a finished run knows, on the coordinator.

use serde::{Deserialize, Serialize};

use super::run;
use crate::ingest::ids::Id;
use crate::ingest::{Items, Ledger};
use crate::job::Job;
use crate::stages::continuity::{Continuity, Moves};
use crate::stages::evidence::Evidence;
use crate::stages::kmeans::{Assignment, KMeans, Sweep};
use crate::stages::pca::Pca;
use crate::stages::profile::Profile;
use crate::stages::validate::Validation;

/// Everything a finished run knows, on the coordinator.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub job: Job,
    pub ledger: Ledger,
    /// The files that were read.
    pub inputs: Vec<run::InputRecord>,
    pub items: Items,
    pub users: UserTable,
    pub pca: Pca,
    pub kmeans: KMeans,
    pub sweep: Option<Sweep>,
    pub validation: Validation,
    pub profiles: Vec<Profile>,
    /// What people call the segments, no two alike.
    pub names: Vec<String>,
    /// Absent where the job does not ask for it.
    pub evidence: Option<Evidence>,
    pub continuity: Option<Continuity>,
    /// Nobody without `continuity`.
    pub moves: Moves,
    /// Correlation (Pearson) of users' scores on the first component with the number of their ratings.
    pub activity_correlation: f64,
    /// The model's tensors that no other result holds.
    pub model: ModelTerms,
    pub map: Vec<MapPoint>,
    pub warnings: Vec<String>,
    pub measured: Measured,
}

/// One row per user, sorted by user id.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct UserTable {
    pub users: Vec<Id>,
    pub assignment: Assignment,
    /// The segment that Naive Bayes, fitted on all users, takes the user for.
    pub nb_segment: Vec<u32>,
}

/// What `assign` needs beside the projection and the centroids.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelTerms {
    /// `(n_items)`
    pub idf: Vec<f64>,
    /// Mean over the users of the sum of their ratings, where the weighting depends on it.
    pub mean_length: Option<f64>,
    /// Naive Bayes terms by name, each with its shape: e.g. `feature_log_prob` `(n_clusters, n_items)`.
    pub bayes: Vec<(String, Vec<usize>, Vec<f64>)>,
}

/// A user on the first two components. The report shows a sample, chosen by a hash of the id.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MapPoint {
    pub user: Id,
    pub segment: u32,
    pub x: f64,
    /// 0 where there is only one component.
    pub y: f64,
}

/// What differs from run to run: not part of any digest.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Measured {
    pub processes: usize,
    /// Worker threads per process.
    pub workers: usize,
    /// The level of vector code of the coordinator's process.
    pub simd: String,
    pub n_users: u64,
    pub n_items: u64,
    pub n_ratings: u64,
    /// In order.
    pub stages: Vec<run::Stage>,
    pub total_seconds: f64,
    /// Peak resident memory of the largest process, in bytes.
    pub peak_memory: u64,
    /// Bytes that did not fit `memory` and went to scratch files, over all workers.
    pub spilled: u64,
    /// Bytes that all processes sent to each other, up to the end of gathering.
    pub bytes_sent: u64,
}
