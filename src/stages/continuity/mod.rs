//! What became of the segments of an earlier run, and which users changed theirs.
//!
//! | module | what it does |
//! |---|---|
//! | [`matching`] | which segment of this run goes on from which of the earlier one, and the numbers that follow from it |
//! | [`likeness`] | how alike segments of both runs are in item space |
//! | [`moves`] | users who changed segment, as opposed to those near a border that was drawn anew |
//! | [`driving`] | the items that set apart those who moved |
//!
//! What is known of users is on the worker that has them; everything counted over users is summed in integers. What is
//! decided from the counts is decided by the coordinator and sent to all.

pub mod driving;
pub mod likeness;
pub mod matching;
pub mod moves;

use serde::{Deserialize, Serialize};

use crate::ingest::ids::Id;
use matching::{Fate, Origin};

/// This run's segments and those of the run it is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Continuity {
    /// The output folder of the earlier run.
    pub previous: String,
    /// Users of both runs, of this one alone, and of the earlier one alone.
    pub users: u64,
    pub new_users: u64,
    pub gone_users: u64,
    /// Users of both runs who are in another segment than before.
    pub moved: u64,
    /// Users of both runs who are near a border and were put to the other side of it: not counted as moved.
    pub crossed: u64,
    /// What shared users counted for in the matching, 0 to 1; the rest went by items ([`matching`]).
    pub weight_of_users: f64,
    /// By their number.
    pub segments: Vec<Now>,
    /// By their number in the earlier run.
    pub earlier: Vec<Then>,
    /// Who moved where, the most users first; at most [`MOST_FLOWS`], and what the rest adds up to.
    pub flows: Vec<Flow>,
    pub users_of_other_flows: u64,
}

/// Flows that are told of, at most.
pub const MOST_FLOWS: usize = 200;

/// A segment of this run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Now {
    pub segment: u32,
    pub origin: Origin,
    /// The earlier segment that it goes on from, or is a part of.
    pub earlier: Option<u32>,
    /// How well it matches the earlier segment that it goes on from, 0 to 1 ([`matching`]).
    pub score: Option<f64>,
    /// Users who were in an earlier segment that lives on in it.
    pub stayed: u64,
    /// Users who were near its border in another one, or are near it now: see [`moves`].
    pub crossed: u64,
    /// Users who came from other segments.
    pub arrived: u64,
    /// Users who were not in the earlier run.
    pub new_users: u64,
}

/// A segment of the earlier run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Then {
    pub segment: u32,
    pub name: String,
    pub size: u64,
    pub fate: Fate,
    /// The segments of this run that it lives on in, the one with its number first.
    pub now: Vec<u32>,
    /// Users who are in none of these any more.
    pub left: u64,
}

/// Users who moved from one segment to another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Flow {
    /// In the earlier run.
    pub from: u32,
    /// In this run.
    pub to: u32,
    pub users: u64,
    /// What they have rated more often than those who stayed, in this run; told of the largest flows.
    pub items: Vec<Driver>,
}

/// An item that sets apart users who moved.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    pub item: String,
    pub title: Option<String>,
    /// Shares of those who moved and of those who stayed who have rated it.
    pub moved: f64,
    pub stayed: f64,
}

/// The users who moved, sorted by id, on the coordinator.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Moves {
    pub users: Vec<Id>,
    /// In the earlier run.
    pub from: Vec<u32>,
    /// In this run.
    pub to: Vec<u32>,
    /// How clear the move is, 0 to 1: see [`moves`].
    pub margin: Vec<f64>,
}
