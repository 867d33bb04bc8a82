//! What may happen to a rating.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ingest::ids::Id;

/// What a change does to the rows of its user and item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Op {
    /// This row takes the place of all there are.
    Put,
    /// One row more, as one more line of a log: `input.duplicates` says what several rows make together.
    Add,
    /// Takes back all rows; with a rating, one row of this rating.
    Withdraw,
}

/// A change that was understood. Whether it can be made shows against the ratings there are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub op: Op,
    pub user: Id,
    pub item: Id,
    /// Finite, from 0 to [`crate::ingest::scan::MAX_RATING`]. 1 for a put or add that has none; absent for a withdrawal
    /// of all rows.
    pub rating: Option<f64>,
    /// Where it came from.
    pub origin: Origin,
    /// What `rejects.tsv` keeps of the line, of a change that may yet be refused; empty for others.
    pub raw: String,
}

/// The line that a change was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Origin {
    /// Which input, in the order in which they are named.
    pub input: u32,
    /// From 1, of the input; of all connections together for a socket; the offset for Kafka.
    pub line: u64,
    /// Where the line begins in a file or stream, from 0.
    pub byte: u64,
}

/// How far an input has been read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Lines so far.
    pub lines: u64,
    /// Bytes so far, where the input can be read again from there.
    pub bytes: u64,
    /// Of the file that the bytes are of: another may be in its place by now.
    pub inode: u64,
    /// Kafka: the next offset of each partition.
    pub offsets: BTreeMap<i32, i64>,
}

/// How far all inputs have been read, by their names.
pub type Positions = BTreeMap<String, Position>;
