//! The ratings of a worker's own users, sealed: items indexed by sorted id, blocks in memory or in a scratch file.
//!
//! | module | what it does |
//! |---|---|
//! | [`incoming`] | rows as they arrive, by partition |
//! | [`build`] | partitions to sealed blocks |
//! | [`filter`] | users and items with too few ratings left out |
//! | [`store`] | where blocks lie |
//! | [`spill`], [`scratch`] | blocks that are read in place from a nameless file |
//! | [`sums`] | sums of real numbers over all users |
//! | [`weight`] | the matrix that PCA and k-means see |

pub mod build;
pub mod filter;
pub mod incoming;
pub mod scratch;
pub mod spill;
pub mod store;
pub mod sums;
pub mod weight;

use crate::ingest::ids::Id;
use crate::kernel::csr::Csr;

/// One worker's users and their ratings.
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// The users of this worker, rising within each block of the matrix.
    pub users: Vec<Id>,
    /// What keyed draws are keyed by, for each user ([`Id::draw_key`]).
    pub draw_keys: Vec<u64>,
    /// Raw ratings `(n_local_users, n_items)`.
    pub matrix: Csr,
}
