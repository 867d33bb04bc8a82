//! What was chosen, and why.

use serde::{Deserialize, Serialize};

use super::weighed::weighed;
use crate::job::{Amounts, Matrix, Missing, Normalize, Refine, Weighting};

/// The settings that a run has chosen, beside those that were given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Chosen {
    pub weighting: Weighting,
    pub normalize: Normalize,
    pub missing: Missing,
    pub components: usize,
    pub clusters: usize,
    #[serde(default)]
    pub refine: Refine,
    #[serde(default)]
    pub amounts: Amounts,
    /// The keys that were open; the others were given.
    pub open: Vec<String>,
    /// The reasons in a sentence or two, for users.
    pub why: String,
    /// Users and ratings that the candidates were compared on.
    pub users: u64,
    pub ratings: u64,
    /// Of these ratings, those that were hidden from the candidates.
    pub hidden: u64,
    /// In the order in which they were tried.
    pub candidates: Vec<Candidate>,
}

impl Chosen {
    pub fn matrix(&self) -> Matrix {
        Matrix { weighting: self.weighting, normalize: self.normalize, missing: self.missing }
    }

    /// The way to weigh ratings, as its keys have it: `bm25, l2`.
    pub fn weighed(&self) -> String {
        weighed(self.matrix())
    }
}

/// One way to make segments, and how well it did.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub round: Round,
    pub weighting: Weighting,
    pub normalize: Normalize,
    pub missing: Missing,
    pub components: usize,
    pub clusters: usize,
    #[serde(default)]
    pub refine: Refine,
    #[serde(default)]
    pub amounts: Amounts,
    /// Bits per hidden rating that the segments save, as in [`HeldOut`](crate::stages::evidence::HeldOut), and the standard error.
    pub bits: f64,
    pub standard_error: f64,
    /// The same for data without structure. Absent where another number of segments saves more bits of the ratings, and none there.
    pub null_bits: Option<f64>,
    /// Mean adjusted Rand index between the segments and those of other users of the same kind; absent where it was not asked for.
    pub agreement: Option<f64>,
    /// Seconds of one worker for the candidate and those of the same space.
    pub seconds: f64,
}

/// What a candidate was tried for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Round {
    /// The best of each way to read amounts, where there are several; all later candidates are of the clearest.
    Amounts,
    /// Every way to weigh ratings, on few users.
    Weighting,
    /// The best ones, with more and with fewer components.
    Components,
    /// The best of these, in other numbers of segments.
    Clusters,
}

impl Candidate {
    /// Bits above those of chance. The null is below 0 where segments follow the noise of the ratings seen, which real ones do less.
    pub fn score(&self) -> f64 {
        self.bits - self.null_bits.unwrap_or(0.0).max(0.0)
    }

    /// The score in standard errors. Bits of ratings that are read in different ways cannot be compared, this can.
    pub fn clarity(&self) -> f64 {
        if self.standard_error > 0.0 { self.score() / self.standard_error } else { 0.0 }
    }

    pub fn matrix(&self) -> Matrix {
        Matrix { weighting: self.weighting, normalize: self.normalize, missing: self.missing }
    }

    /// The way to weigh ratings, as its keys have it: `bm25, l2`.
    pub fn weighed(&self) -> String {
        weighed(self.matrix())
    }
}
