//! What became of every row.

use serde::{Deserialize, Serialize};

/// What became of every row: `read = accepted + rejected + merged + filtered`, which is half of the room's invariant,
/// arrival-blind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    /// Rows merged into another row of the same user and item.
    pub merged: u64,
    /// Rows, and ratings of the users and items, that the job's filters leave out.
    #[serde(default)]
    pub filtered: u64,
}
