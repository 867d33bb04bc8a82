//! What the candidates are compared on: the ratings of some users with a tenth hidden, and the same for data without structure.

use std::path::Path;

use crate::collective::Solo;
use crate::error::Result;
use crate::kernel::csr::Csr;
use crate::shard::store::Store;
use crate::stages::evidence::Share;
use crate::stages::evidence::hidden::{self, Split};
use crate::stages::evidence::null::{self, Deal};

/// Some users' ratings, and ratings that they might have given without any taste.
pub struct Data {
    /// A key for each user.
    pub draw_keys: Vec<u64>,
    pub real: Split,
    pub null: Split,
}

impl Data {
    /// Of `ratings` `(n_users, n_items)`, with draws by `seed`.
    pub fn new(ratings: &Csr, deal: Deal, draw_keys: Vec<u64>, seed: u64) -> Result<Data> {
        let mut store = in_memory();
        let (made, _) = null::null(&mut Solo, ratings, deal, &draw_keys, Share::ALL, seed, &mut store)?;
        Ok(Data {
            real: hidden::split(ratings, &draw_keys, Share::ALL, seed, &mut store)?,
            null: hidden::split(&made, &draw_keys, Share::ALL, seed, &mut store)?,
            draw_keys,
        })
    }
}

/// Room for a sample, which is small enough for memory.
pub fn in_memory() -> Store {
    Store::new(u64::MAX, Path::new("."))
}
