//! What a worker has of the data: its users and their ratings.

use crate::ingest::ids::Id;
use crate::kernel::csr::Csr;

/// One worker's users and their ratings.
#[derive(Debug, Clone, PartialEq)]
pub struct Shard {
    /// The users of this worker, rising within each block of the matrix.
    pub users: Vec<Id>,
    /// The keys of keyed draws, one per user ([`Id::draw_key`]).
    pub draw_keys: Vec<u64>,
    /// Raw ratings `(n_local_users, n_items)`.
    pub matrix: Csr,
}
