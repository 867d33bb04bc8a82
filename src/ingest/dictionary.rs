//! The item dictionary: every item of every worker, sorted by id, or the items of a model.
//!
//! Keys and names come in any order from any worker. The dictionary is sorted by id, so it does not depend on it
//! (arrival-blind).

use super::ids::Id;
use super::keys::{ItemIndex, KeyMap, Noted, UNKNOWN, id_of, note_name};
use super::rows::Name;
use crate::collective::Collective;

/// The index of every item by its key, on every worker, and the items' ids, rising, on the coordinator; `None` if two
/// texts share a key anywhere. `keys` are those of the items that came to this worker, `item_names` the texts it read,
/// `collision` whether it met two texts of one key itself.
pub fn item_dictionary<C: Collective>(
    c: &mut C,
    keys: &[u64],
    item_names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, Vec<Id>)> {
    let (mut names, clash) = gather_names(c, item_names);
    if anywhere(c, clash || collision) {
        return None;
    }
    let keys = gather_keys(c, keys);
    let mut sorted: Vec<(Id, u64)> = keys.into_iter().map(|key| (id_of(key, &mut names), key)).collect();
    sorted.sort_unstable();
    let keys: Vec<u64> = sorted.iter().map(|(_, key)| *key).collect();
    let keys = broadcast_keys(c, &keys);
    Some((ItemIndex::new(&keys), sorted.into_iter().map(|(id, _)| id).collect()))
}

/// The index of the given items, `ids`, by their keys under `hash_seed`, and how many other items came to the workers
/// (on the coordinator); `None` if two texts share a key, read ones or given ones. The other arguments are those of
/// [`item_dictionary`].
pub fn known_items<C: Collective>(
    c: &mut C,
    ids: &[Id],
    hash_seed: u64,
    keys: &[u64],
    item_names: &KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, u64)> {
    let known: Vec<u64> = ids.iter().map(|id| id.key(hash_seed)).collect();
    if anywhere(c, collision || clashes(ids, &known, item_names)) {
        return None;
    }
    let index = ItemIndex::new(&known);
    let others: Vec<u64> = keys.iter().copied().filter(|&key| index.of(key) == UNKNOWN).collect();
    let others = gather_keys(c, &others);
    Some((index, others.len() as u64))
}

/// The index of the given items, `ids`, followed by all other items that came to the workers; those others, rising, on
/// the coordinator. The other arguments are those of [`known_items`].
pub fn extended_items<C: Collective>(
    c: &mut C,
    ids: &[Id],
    hash_seed: u64,
    keys: &[u64],
    item_names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, Vec<Id>)> {
    let mut all: Vec<u64> = ids.iter().map(|id| id.key(hash_seed)).collect();
    let collision = collision || clashes(ids, &all, &item_names);
    let (_, found) = item_dictionary(c, keys, item_names, collision)?;
    let others: Vec<Id> = found.into_iter().filter(|id| ids.binary_search(id).is_err()).collect();
    let others_keys: Vec<u64> = others.iter().map(|id| id.key(hash_seed)).collect();
    all.extend(broadcast_keys(c, &others_keys));
    Some((ItemIndex::new(&all), others))
}

/// The names that all workers read, by key, on the coordinator, and whether two of them share a key.
fn gather_names<C: Collective>(c: &mut C, item_names: KeyMap<Box<str>>) -> (KeyMap<Box<str>>, bool) {
    let mut mine: Vec<Name> = item_names.into_iter().map(|(key, text)| Name { key, text }).collect();
    mine.sort_unstable_by_key(|name| name.key);
    let gathered: Vec<Vec<Name>> = c.gather_values(&mine);
    let mut names = KeyMap::default();
    let mut clash = false;
    for Name { key, text } in gathered.iter().flatten() {
        clash |= note_name(&mut names, *key, text) == Noted::Collision;
    }
    (names, clash)
}

/// Whether something holds on any worker.
fn anywhere<C: Collective>(c: &mut C, here: bool) -> bool {
    let mut any = [u64::from(here)];
    c.max(&mut any);
    any[0] > 0
}

/// The keys of all workers, rising, each once, on the coordinator.
fn gather_keys<C: Collective>(c: &mut C, keys: &[u64]) -> Vec<u64> {
    let gathered = c.gather(bytemuck::cast_slice(keys).to_vec());
    let mut keys: Vec<u64> = gathered.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec::<u8, u64>(bytes)).collect();
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// The coordinator's keys, on every worker.
fn broadcast_keys<C: Collective>(c: &mut C, keys: &[u64]) -> Vec<u64> {
    let told = c.broadcast(bytemuck::cast_slice(keys).to_vec());
    bytemuck::pod_collect_to_vec(&told)
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
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;

    #[test]
    fn items_that_are_not_given_are_counted_once_over_all_workers() {
        let ids = ["3", "70", "a", "b"].map(Id::parse);
        let key = |text: &str| Id::parse(text).key(5);
        let here = [&["3", "4", "a"][..], &["4", "x", "70"], &["x", "y"]];
        let found = run_workers(3, |c| {
            let texts = here[c.index()];
            let keys: Vec<u64> = texts.iter().map(|text| key(text)).collect();
            let names = texts.iter().map(|text| (key(text), Box::from(*text))).collect();
            let (index, others) = known_items(c, &ids, 5, &keys, &names, false).unwrap();
            assert_eq!(ids.each_ref().map(|id| index.of(id.key(5))), [0, 1, 2, 3]);
            assert_eq!([index.of(key("x")), index.of(4)], [UNKNOWN; 2]);
            others
        });
        assert_eq!(found[0], 3);
    }

    // arrival-blind: which worker met an item does not matter.
    #[test]
    fn items_that_are_not_given_come_behind_those_that_are() {
        let ids = ["3", "70", "a", "b"].map(Id::parse);
        let key = |text: &str| Id::parse(text).key(5);
        let here = [&["3", "4", "a"][..], &["4", "x", "70"], &["x", "A", "2"]];
        let found = run_workers(3, |c| {
            let texts = here[c.index()];
            let keys: Vec<u64> = texts.iter().map(|text| key(text)).collect();
            let names: KeyMap<Box<str>> = texts.iter().map(|text| (key(text), Box::from(*text))).collect();
            let (index, others) = extended_items(c, &ids, 5, &keys, names, false).unwrap();
            assert_eq!(ids.each_ref().map(|id| index.of(id.key(5))), [0, 1, 2, 3]);
            assert_eq!(["2", "4", "A", "x"].map(|text| index.of(key(text))), [4, 5, 6, 7]);
            assert_eq!((index.len(), index.of(key("y"))), (8, UNKNOWN));
            others
        });
        assert_eq!(found, [["2", "4", "A", "x"].map(Id::parse).to_vec(), Vec::new(), Vec::new()]);
        let impostor = KeyMap::from_iter([(ids[2].key(0), Box::from("impostor"))]);
        assert!(extended_items(&mut Solo, &ids, 0, &[], impostor, false).is_none());
    }

    #[test]
    fn a_text_that_shares_the_key_of_a_given_one_is_noticed() {
        let ids = [Id::parse("a")];
        let names = |text: &str| KeyMap::from_iter([(ids[0].key(0), Box::from(text))]);
        assert!(known_items(&mut Solo, &ids, 0, &[], &names("a"), false).is_some());
        assert!(known_items(&mut Solo, &ids, 0, &[], &names("impostor"), false).is_none());
        assert!(known_items(&mut Solo, &ids, 0, &[], &names("a"), true).is_none());
    }
}
