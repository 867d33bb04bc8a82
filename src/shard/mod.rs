//! The ratings of a worker's own users, sealed: users sorted by id, items indexed by sorted id.

pub mod build;
pub mod weight;

use crate::ingest::ids::Id;
use crate::kernel::csr::Csr;

/// One worker's users and their ratings.
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// The users of this worker, rising.
    pub users: Vec<Id>,
    /// What keyed draws are keyed by, for each user ([`Id::draw_key`]).
    pub draw_keys: Vec<u64>,
    /// Raw ratings `(n_local_users, n_items)`.
    pub matrix: Csr,
}
