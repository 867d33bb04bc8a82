//! The item dictionary: every item of every worker, sorted by id, or the items of a model.
//!
//! No worker holds the keys of all workers. The owner of a key, by its mixed hash, gathers what workers know of it
//! ([`owners`]). The owners' ids are sorted in ranges, one for each worker ([`sort`]). The indices go back along the same way:
//! every worker learns those of the items that it met. The coordinator alone is sent all ids, each of them once, because it
//! names the items and writes them.
//!
//! Keys and names come in any order from any worker. The dictionary is sorted by id, so it does not depend on it
//! (arrival-blind).

mod met;
mod owners;
mod sort;

use met::Met;
use owners::{Owned, to_owners};
use sort::{Sorted, join, sort};

use super::ids::Id;
use super::keys::{ItemIndex, KeyMap, UNKNOWN};
use crate::collective::Collective;

/// The index, among the items of all workers, of those that came to this one; and the ids of all items, rising, on the
/// coordinator. `None` if two texts share a key anywhere. `keys` are those of the items that came to this worker, rising,
/// `item_names` the texts it read, `collision` whether it met two texts of one key itself.
pub fn item_dictionary<C: Collective>(
    c: &mut C,
    keys: &[u64],
    item_names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, Vec<Id>)> {
    let Found { items, n_items, ids } = find(c, Met::new(keys.to_vec(), item_names), collision)?;
    Some((ItemIndex::of_some(keys, items, n_items), ids))
}

/// The index of the given items, `ids`, by their keys under `hash_seed`, and how many other items came to the workers; `None` if
/// two texts share a key, read ones or given ones. The other arguments are those of [`item_dictionary`].
pub fn known_items<C: Collective>(
    c: &mut C,
    ids: &[Id],
    hash_seed: u64,
    keys: &[u64],
    item_names: &KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, u64)> {
    let known = keys_of(ids, hash_seed);
    if anywhere(c, collision || clashes(ids, &known, item_names)) {
        return None;
    }
    let index = ItemIndex::new(&known);
    let others = to_owners(c, Met::new(not_in(&index, keys), KeyMap::default())).met;
    let mut n_others = [others.keys.len() as u64];
    c.sum(&mut n_others);
    Some((index, n_others[0]))
}

/// The index of the given items, `ids`, and behind them of the other items that came to this worker, among those of all
/// workers; and all these others, rising, on the coordinator. The arguments are those of [`known_items`].
pub fn extended_items<C: Collective>(
    c: &mut C,
    ids: &[Id],
    hash_seed: u64,
    keys: &[u64],
    mut item_names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, Vec<Id>)> {
    let mut known = keys_of(ids, hash_seed);
    let collision = collision || clashes(ids, &known, &item_names);
    let index = ItemIndex::new(&known);
    item_names.retain(|key, _| index.of(*key) == UNKNOWN);
    let others = not_in(&index, keys);
    let Found { items, n_items, ids: found } = find(c, Met::new(others.clone(), item_names), collision)?;
    let n_known = known.len() as u32;
    known.extend(others);
    let items = (0..n_known).chain(items.into_iter().map(|item| n_known + item));
    Some((ItemIndex::of_some(&known, items, n_known as usize + n_items), found))
}

/// The items of all workers.
struct Found {
    /// The indices of those that this worker met, in the order of their keys.
    items: Vec<u32>,
    n_items: usize,
    /// By index, on the coordinator.
    ids: Vec<Id>,
}

/// Sorts the items that the workers met. `None` if two texts share a key anywhere, or if there is a `collision` already.
fn find<C: Collective>(c: &mut C, met: Met, collision: bool) -> Option<Found> {
    let Owned { met, collision: clash, trail } = to_owners(c, met);
    if anywhere(c, clash || collision) {
        return None;
    }
    let (keys, ids) = met.into_ids();
    let Sorted { indices, range, n } = sort(c, ids);
    Some(Found { items: trail.back(c, keys, indices), n_items: n, ids: join(c, range) })
}

/// Whether something holds on any worker.
fn anywhere<C: Collective>(c: &mut C, here: bool) -> bool {
    let mut any = [u64::from(here)];
    c.max(&mut any);
    any[0] > 0
}

fn keys_of(ids: &[Id], hash_seed: u64) -> Vec<u64> {
    ids.iter().map(|id| id.key(hash_seed)).collect()
}

fn not_in(index: &ItemIndex, keys: &[u64]) -> Vec<u64> {
    keys.iter().copied().filter(|&key| index.of(key) == UNKNOWN).collect()
}

/// Two of the items share a key, or one of them and another text that was read.
fn clashes(ids: &[Id], keys: &[u64], read: &KeyMap<Box<str>>) -> bool {
    let mut seen = KeyMap::default();
    ids.iter().zip(keys).any(|(id, &key)| match id {
        Id::Number(_) => false,
        Id::Text(text) => seen.insert(key, ()).is_some() || read.get(&key).is_some_and(|other| other != text),
    })
}

#[cfg(test)]
mod tests;
