//! How the segments of this run compare with those of an earlier one.

use serde::{Deserialize, Serialize};

use super::matching::{Fate, Origin};
use crate::ingest::ids::Id;

/// The most flows that are listed.
pub const MOST_FLOWS: usize = 200;

/// The most runs that are remembered, of a run that goes on from another that goes on from another.
pub const MOST_ANCESTORS: usize = 100;

/// The segments of this run compared with those of an earlier one.
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
    /// Users of both runs who are near a border and now on its other side; not counted as moved.
    pub crossed: u64,
    /// The weight of shared users in the matching, 0 to 1; the rest is that of items (see `matching.rs`).
    pub weight_of_users: f64,
    /// By their number.
    pub segments: Vec<Now>,
    /// By their number in the earlier run.
    pub earlier: Vec<Then>,
    /// The flows of users who moved, the most users first; at most [`MOST_FLOWS`]. The users of the others follow.
    pub flows: Vec<Flow>,
    pub users_of_other_flows: u64,
    /// The earlier run and those that it went on from itself, the last one first; at most [`MOST_ANCESTORS`].
    #[serde(default)]
    pub lineage: Vec<Ancestor>,
}

/// A run that this one goes on from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// The identity of its model, which its files have.
    pub model: String,
    /// The segments of this run, by number, that are not the segment which had this number there.
    pub renewed: Vec<u32>,
}

/// A segment of this run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Now {
    pub segment: u32,
    pub origin: Origin,
    /// The earlier segment that it continues, or is a part of.
    pub earlier: Option<u32>,
    /// How well it matches the earlier segment that it continues, 0 to 1 (see `matching.rs`).
    pub score: Option<f64>,
    /// Users who were in an earlier segment that lives on in it.
    pub stayed: u64,
    /// Users from another segment who were near its border, or are near it now (see `moves.rs`).
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
    /// The segments of this run in which it lives on, the one with its number first.
    pub now: Vec<u32>,
    /// Users who are in none of these now.
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
    /// The items that they rated more often than those who stayed, in this run; for the largest flows only.
    pub items: Vec<Driver>,
}

/// An item that users who moved rated more often.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driver {
    pub item: String,
    pub title: Option<String>,
    /// The shares of those who moved and of those who stayed who rated it.
    pub moved: f64,
    pub stayed: f64,
}

/// The users who moved.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Moves {
    pub users: Vec<Id>,
    /// In the earlier run.
    pub from: Vec<u32>,
    /// In this run.
    pub to: Vec<u32>,
    /// How clear the move is, 0 to 1 (see `moves.rs`).
    pub margin: Vec<f64>,
}
