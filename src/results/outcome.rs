//! What a finished run knows: of each user where they are, which lies over the workers, and all else on the coordinator.

use serde::{Deserialize, Serialize};

use crate::ingest::ids::Id;
use crate::ingest::{Items, Ledger};
use crate::job::Job;
use crate::results::inputs::InputRecord;
use crate::results::measured::Measured;
use crate::stages::choose::Chosen;
use crate::stages::continuity::Continuity;
use crate::stages::evidence::Evidence;
use crate::stages::kmeans::{Assignment, KMeans, Sweep};
use crate::stages::mixture::Mixture;
use crate::stages::pca::Pca;
use crate::stages::profile::Profile;
use crate::stages::validate::Validation;

/// What a finished run knows on the coordinator: everything but the rows of users.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub job: Job,
    /// What the run has chosen of the job; absent where all was given.
    pub chosen: Option<Chosen>,
    pub ledger: Ledger,
    /// The files that were read.
    pub inputs: Vec<InputRecord>,
    pub items: Items,
    pub pca: Pca,
    pub kmeans: KMeans,
    pub sweep: Option<Sweep>,
    pub validation: Validation,
    pub profiles: Vec<Profile>,
    /// The names of the segments, all different.
    pub names: Vec<String>,
    /// Absent where the job does not ask for it.
    pub evidence: Option<Evidence>,
    pub continuity: Option<Continuity>,
    /// Correlation (Pearson) of users' scores on the first component with the number of their ratings.
    pub activity_correlation: f64,
    /// The model's tensors that no other result holds.
    pub model: ModelTerms,
    pub map: Vec<MapPoint>,
    /// Users with their segments, in order of their ids: all of not too many, of more a sample, chosen by a hash of the id.
    pub known: Vec<(Id, u32)>,
    pub warnings: Vec<String>,
    pub measured: Measured,
}

/// One row per user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
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
    /// Absent where the segments are those of k-means.
    pub mixture: Option<Mixture>,
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
