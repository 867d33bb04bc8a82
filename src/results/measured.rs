//! How a run went: what differs from run to run, and so is part of no digest.

use serde::{Deserialize, Serialize};

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
    pub stages: Vec<Stage>,
    pub total_seconds: f64,
    /// Peak resident memory of the largest process, in bytes.
    pub peak_memory: u64,
    /// Bytes that did not fit `memory` and went to scratch files, over all workers.
    pub spilled: u64,
    /// Bytes of the packed ratings of all workers, in memory and in scratch files.
    #[serde(default)]
    pub ratings_bytes: u64,
    /// Bytes that all processes sent to each other, up to the end of gathering.
    pub bytes_sent: u64,
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
