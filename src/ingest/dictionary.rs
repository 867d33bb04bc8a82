//! The item dictionary: every item of every worker, sorted by id, or the items of a model.

use super::ids::Id;
use super::keys::{ItemIndex, KeyMap, Noted, UNKNOWN, id_of, note_name};
use super::rows::Name;
use crate::collective::Collective;

/// Index of every item by its key, on every worker, and the items' ids, rising, on the coordinator; nothing if two texts
/// share a key anywhere. `keys` are those of the items that came to this worker, `names` the texts it read, `collision`
/// whether it met two texts of one key itself.
pub fn item_dictionary<C: Collective>(
    c: &mut C,
    keys: &[u64],
    item_names: KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, Vec<Id>)> {
    let mut mine: Vec<Name> = item_names.into_iter().map(|(key, text)| Name { key, text }).collect();
    mine.sort_unstable_by_key(|name| name.key);
    let mut names = KeyMap::default();
    let gathered: Vec<Vec<Name>> = c.gather_values(&mine);
    let mut clash = false;
    for Name { key, text } in gathered.iter().flatten() {
        clash |= note_name(&mut names, *key, text) == Noted::Collision;
    }
    let mut collided = [u64::from(clash || collision)];
    c.max(&mut collided);
    if collided[0] > 0 {
        return None;
    }
    let gathered = c.gather(bytemuck::cast_slice(keys).to_vec());
    let mut keys: Vec<u64> = gathered.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec::<u8, u64>(bytes)).collect();
    keys.sort_unstable();
    keys.dedup();
    let mut sorted: Vec<(Id, u64)> = keys.into_iter().map(|key| (id_of(key, &mut names), key)).collect();
    sorted.sort_unstable();
    let keys: Vec<u64> = sorted.iter().map(|(_, key)| *key).collect();
    let told = c.broadcast(bytemuck::cast_slice(&keys).to_vec());
    let keys: Vec<u64> = bytemuck::pod_collect_to_vec(&told);
    Some((ItemIndex::new(&keys), sorted.into_iter().map(|(id, _)| id).collect()))
}

/// Index of the given items, `ids`, by their keys under `hash_seed`, and how many other items there are among those that
/// came to the workers (on the coordinator); nothing if two texts share a key, read ones or given ones. The other
/// arguments are those of [`item_dictionary`].
pub fn known_items<C: Collective>(
    c: &mut C,
    ids: &[Id],
    hash_seed: u64,
    keys: &[u64],
    item_names: &KeyMap<Box<str>>,
    collision: bool,
) -> Option<(ItemIndex, u64)> {
    let known: Vec<u64> = ids.iter().map(|id| id.key(hash_seed)).collect();
    let mut collided = [u64::from(collision || clashes(ids, &known, item_names))];
    c.max(&mut collided);
    if collided[0] > 0 {
        return None;
    }
    let index = ItemIndex::new(&known);
    let others: Vec<u64> = keys.iter().copied().filter(|&key| index.of(key) == UNKNOWN).collect();
    let gathered = c.gather(bytemuck::cast_slice(&others).to_vec());
    let mut others: Vec<u64> =
        gathered.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec::<u8, u64>(bytes)).collect();
    others.sort_unstable();
    others.dedup();
    Some((index, others.len() as u64))
}

/// Index of the given items, `ids`, and behind them of all others that came to the workers; these, rising, on the
/// coordinator. The other arguments are those of [`known_items`].
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
    let told = c.broadcast(bytemuck::cast_slice(&others_keys).to_vec());
    all.extend(bytemuck::pod_collect_to_vec::<u8, u64>(&told));
    Some((ItemIndex::new(&all), others))
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
