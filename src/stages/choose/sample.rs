//! Some users of all workers, on every worker.
//!
//! A user is chosen by a keyed draw, so the sample is the same in every layout. The ratings that the evidence hides are left out,
//! so that no choice sees them.

use crate::collective::Collective;
use crate::error::Result;
use crate::kernel::csr::{Csr, Row};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;
use crate::stages::evidence::hidden;

use super::data::in_memory;

/// The most items of a sample: rarer ones say little about the few users there.
const MOST_ITEMS: usize = 4096;

/// Users of a sample, the same on every worker.
#[derive(Debug, Clone)]
pub struct Sample {
    /// `(n_users, n_items)`; the items are those that most ratings of the sample are of, in their order.
    pub ratings: Csr,
    /// A key for each user, rising.
    pub draw_keys: Vec<u64>,
}

impl Sample {
    /// Each user of all workers with the probability `share`. All workers call it together.
    ///
    /// # Errors
    /// None but those of other workers.
    pub fn gather<C: Collective>(c: &mut C, shard: &Shard, share: f64, seed: u64) -> Result<Sample> {
        let own = own(shard, share, seed);
        let words = c.agree(own)?;
        let everybody = c.concat(&words);
        Ok(unpack(&everybody))
    }

    /// The users of a smaller sample.
    pub fn part(&self, share: f64, seed: u64) -> Sample {
        let mut words = Vec::new();
        for (row, &key) in self.ratings.rows().zip(&self.draw_keys).filter(|&(_, &key)| is_taken(key, share, seed)) {
            pack(key, row, &mut words);
        }
        unpack(&words)
    }
}

fn is_taken(key: u64, share: f64, seed: u64) -> bool {
    keyed::uniform(seed, Stream::Choice, 0, key) < share
}

/// This worker's users of the sample, packed.
fn own(shard: &Shard, share: f64, seed: u64) -> Result<Vec<u64>> {
    let mut ratings = Csr::empty(shard.matrix.n_cols);
    let mut keys = Vec::new();
    for (row, &key) in shard.matrix.rows().zip(&shard.draw_keys).filter(|&(_, &key)| is_taken(key, share, seed)) {
        ratings.push_row(row.iter().map(|(item, value)| (item as u32, value)));
        keys.push(key);
    }
    let seen = hidden::split(&ratings, &keys, seed, &mut in_memory())?.seen;
    let mut words = Vec::with_capacity(2 * (seen.n_rows() + seen.nnz()));
    seen.rows().zip(&keys).for_each(|(row, &key)| pack(key, row, &mut words));
    Ok(words)
}

/// By item: its column. The items that most ratings are of get one, in their order; of equal ones the first.
fn places(items: impl Iterator<Item = usize> + Clone) -> Vec<Option<u32>> {
    let mut counts = vec![0u64; items.clone().max().map_or(0, |last| last + 1)];
    items.for_each(|item| counts[item] += 1);
    let mut order: Vec<usize> = (0..counts.len()).filter(|&item| counts[item] > 0).collect();
    order.sort_by_key(|&item| (std::cmp::Reverse(counts[item]), item));
    order.truncate(MOST_ITEMS);
    order.sort_unstable();
    let mut places = vec![None; counts.len()];
    order.iter().enumerate().for_each(|(place, &item)| places[item] = Some(place as u32));
    places
}

/// Key, number of ratings, then item and bits of the value of each.
fn pack(key: u64, row: Row<'_>, words: &mut Vec<u64>) {
    words.extend([key, row.len() as u64]);
    row.for_each(|item, value| words.extend([item as u64, value.to_bits()]));
}

/// Users by key, with the items that they have.
fn unpack(words: &[u64]) -> Sample {
    let mut users: Vec<(u64, &[u64])> = Vec::new();
    let mut rest = words;
    while let [key, n, after @ ..] = rest {
        let (entries, after) = after.split_at(2 * *n as usize);
        users.push((*key, entries));
        rest = after;
    }
    users.sort_unstable();
    let places = places(users.iter().flat_map(|(_, entries)| entries.chunks_exact(2).map(|entry| entry[0] as usize)));
    let mut ratings = Csr::empty(places.iter().flatten().count());
    for (_, entries) in &users {
        let entry = |entry: &[u64]| Some((places[entry[0] as usize]?, f64::from_bits(entry[1])));
        ratings.push_row(entries.chunks_exact(2).filter_map(entry));
    }
    Sample { ratings, draw_keys: users.into_iter().map(|(key, _)| key).collect() }
}
