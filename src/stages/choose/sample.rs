//! Some users of all workers, on every worker.
//!
//! A user is chosen by a keyed draw, so the sample is the same in every layout. The ratings that the evidence hides are left out,
//! so that no choice sees them.

use crate::collective::Collective;
use crate::error::Result;
use crate::kernel::csr::{Csr, Row};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;
use crate::stages::evidence::{self, hidden};

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
            pack(key, row.view(), &mut words);
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
    let seen = hidden::split(&ratings, &keys, evidence::Share::ALL, seed, &mut in_memory())?.seen;
    let mut words = Vec::with_capacity(3 * seen.n_rows() + seen.nnz());
    seen.rows().zip(&keys).for_each(|(row, &key)| pack(key, row.view(), &mut words));
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

/// Key, number of ratings, and whether values are short, then each rating: item and short value in one word, or in two words.
fn pack(key: u64, row: Row<'_>, words: &mut Vec<u64>) {
    let mut short = true;
    row.for_each(|_, value| short &= f64::from(value as f32) == value);
    words.extend([key, row.len() as u64, u64::from(short)]);
    row.for_each(|item, value| match short {
        true => words.push((item as u64) << 32 | u64::from((value as f32).to_bits())),
        false => words.extend([item as u64, value.to_bits()]),
    });
}

/// A user's ratings, packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Packed<'a> {
    key: u64,
    short: bool,
    words: &'a [u64],
}

impl<'a> Packed<'a> {
    /// The first user, and the rest.
    fn first(words: &'a [u64]) -> Option<(Packed<'a>, &'a [u64])> {
        let [key, n, short, rest @ ..] = words else { return None };
        let short = *short == 1;
        let (words, rest) = rest.split_at(*n as usize * if short { 1 } else { 2 });
        Some((Packed { key: *key, short, words }, rest))
    }

    fn ratings(self) -> impl Iterator<Item = (usize, f64)> + Clone + 'a {
        let rating = move |words: &[u64]| match self.short {
            true => ((words[0] >> 32) as usize, f64::from(f32::from_bits(words[0] as u32))),
            false => (words[0] as usize, f64::from_bits(words[1])),
        };
        self.words.chunks_exact(if self.short { 1 } else { 2 }).map(rating)
    }
}

/// Users by key, with the items that they have.
fn unpack(words: &[u64]) -> Sample {
    let mut users: Vec<Packed> = Vec::new();
    let mut rest = words;
    while let Some((user, after)) = Packed::first(rest) {
        users.push(user);
        rest = after;
    }
    users.sort_unstable();
    let places = places(users.iter().flat_map(|user| user.ratings().map(|(item, _)| item)));
    let mut ratings = Csr::empty(places.iter().flatten().count());
    for user in &users {
        ratings.push_row(user.ratings().filter_map(|(item, value)| Some((places[item]?, value))));
    }
    Sample { ratings, draw_keys: users.into_iter().map(|user| user.key).collect() }
}
