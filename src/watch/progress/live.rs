//! What a process that keeps segments up to date makes public after every batch.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// The rate of changes is measured over this time.
pub const RECENTLY: Duration = Duration::from_secs(10);

/// Moves that are kept, at most.
pub const MOST_MOVES: usize = 20;

/// How things stand after a batch.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Live {
    /// The last batch; 0 before the first.
    pub batch: u64,
    /// Changes taken so far, and of them those that could not be made and those that the job's filters leave out.
    pub changes: u64,
    pub rejected: u64,
    pub filtered: u64,
    pub changes_per_second: f64,
    /// What the last batch took.
    pub batch_seconds: f64,
    /// Items that the model does not know, and their ratings: kept for the next fit.
    pub unknown_items: u64,
    pub unknown_ratings: u64,
    pub users: u64,
    pub ratings: u64,
    /// By number.
    pub segments: Vec<LiveSegment>,
    /// The newest first, at most [`MOST_MOVES`].
    pub moves: VecDeque<LiveMove>,
    pub drift: LiveDrift,
    /// Fits that were made since the start.
    pub refits: u64,
    /// The log of changes that lies on disk.
    pub log_bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LiveSegment {
    pub segment: u32,
    pub name: String,
    /// Users now, and when the process began.
    pub size: u64,
    pub size_at_start: u64,
    /// Users who came and who went since then.
    pub joined: u64,
    pub left: u64,
    /// The highest scores first.
    pub top: Vec<LiveItem>,
}

/// One of the items that weigh most for a segment.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LiveItem {
    pub item: String,
    pub title: Option<String>,
    pub score: f64,
    pub trend: LiveTrend,
}

/// The rank of an item against the batch before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LiveTrend {
    #[default]
    Same,
    Risen,
    Fallen,
    New,
}

/// A user went from one segment to another. From none: a new user; to none: no rating is left.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct LiveMove {
    pub batch: u64,
    pub user: String,
    pub from: Option<u32>,
    pub to: Option<u32>,
}

/// How far the ratings have gone from those that the model was fitted to.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct LiveDrift {
    /// Mean squared distance of a user to the centroid, now and in the fit.
    pub inertia_per_user: f64,
    pub inertia_per_user_fit: f64,
    /// Share of the users who are not in the segment that the fit put them in.
    pub moved_share: f64,
    /// How far the idf of items is from the model's, in the mean over all ratings.
    pub idf_drift: f64,
    /// From which share on a refit is due.
    pub threshold: f64,
    pub refit_due: bool,
    pub why: String,
}
