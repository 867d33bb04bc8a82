//! What became of the segments of an earlier run.

use serde::{Deserialize, Serialize};

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
}
