//! Maps by id key, and what a key stands for.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::hash::{BuildHasherDefault, Hasher};

use super::ids::{Id, TEXT_KEY};
use crate::kernel::keyed;

/// Hashes keys by mixing them: they are plain numbers or hashes already.
#[derive(Debug, Default, Clone, Copy)]
pub struct KeyHasher(u64);

impl Hasher for KeyHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _bytes: &[u8]) {
        unreachable!("keys are hashed as u64");
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = keyed::mix(key);
    }
}

/// A map from id keys.
pub type KeyMap<V> = HashMap<u64, V, BuildHasherDefault<KeyHasher>>;

/// What noting a name found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    New,
    Known,
    /// The key already stands for another text.
    Collision,
}

/// Notes what `key` stands for.
pub fn note_name(names: &mut KeyMap<Box<str>>, key: u64, text: &str) -> Noted {
    match names.entry(key) {
        Entry::Occupied(known) if **known.get() == *text => Noted::Known,
        Entry::Occupied(_) => Noted::Collision,
        Entry::Vacant(free) => {
            free.insert(text.into());
            Noted::New
        }
    }
}

/// The id that a key stands for.
pub fn id_of(key: u64, names: &mut KeyMap<Box<str>>) -> Id {
    if key & TEXT_KEY == 0 {
        Id::Number(key)
    } else {
        Id::Text(names.remove(&key).expect("the name of a text id travels with its first row"))
    }
}

/// Number keys below this are kept in tables that are indexed by key and grow as needed.
const DIRECT_KEYS: u64 = 1 << 27;

/// A set of id keys: a bit for each small number, hashed for the others.
#[derive(Debug, Default)]
pub struct KeySet {
    bits: Vec<u64>,
    others: KeyMap<()>,
}

impl KeySet {
    #[inline(always)]
    pub fn insert(&mut self, key: u64) {
        let (word, bit) = ((key / 64) as usize, 1 << (key % 64));
        match self.bits.get_mut(word) {
            Some(word) => *word |= bit,
            None => self.insert_new(key),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_new(&mut self, key: u64) {
        if key < DIRECT_KEYS {
            let words = (key / 64 + 1).next_power_of_two() as usize;
            self.bits.resize(words, 0);
            self.bits[(key / 64) as usize] |= 1 << (key % 64);
        } else {
            self.others.insert(key, ());
        }
    }

    /// All keys, rising.
    pub fn keys(&self) -> Vec<u64> {
        let of_word = |(index, &word): (usize, &u64)| {
            (0..64).filter(move |bit| word >> bit & 1 == 1).map(move |bit| index as u64 * 64 + bit)
        };
        let mut keys: Vec<u64> =
            self.bits.iter().enumerate().filter(|(_, word)| **word != 0).flat_map(of_word).collect();
        let mut others: Vec<u64> = self.others.keys().copied().collect();
        others.sort_unstable();
        keys.extend(others);
        keys
    }
}

/// The index of an item that is not in the dictionary: above that of any other.
pub const UNKNOWN: u32 = u32::MAX;

/// The indices of items by their keys: of all items, or of those that a worker meets.
#[derive(Debug, Default)]
pub struct ItemIndex {
    /// By key, for small number keys; [`UNKNOWN`] where there is no such item.
    direct: Vec<u32>,
    others: KeyMap<u32>,
    len: usize,
}

impl ItemIndex {
    /// All items: those with `keys`, in their order.
    pub fn new(keys: &[u64]) -> ItemIndex {
        ItemIndex::of_some(keys, 0.., keys.len())
    }

    /// Some of `len` items: those with `keys`, whose indices are `items`.
    pub fn of_some(keys: &[u64], items: impl IntoIterator<Item = u32>, len: usize) -> ItemIndex {
        let most = DIRECT_KEYS.min(16 * keys.len() as u64 + 65_536);
        let small = keys.iter().copied().filter(|&key| key < most).max();
        let mut index = ItemIndex { direct: Vec::new(), others: KeyMap::default(), len };
        index.direct.resize(small.map_or(0, |key| key as usize + 1), UNKNOWN);
        for (&key, item) in keys.iter().zip(items) {
            match index.direct.get_mut(key as usize) {
                Some(direct) => *direct = item,
                None => _ = index.others.insert(key, item),
            }
        }
        index
    }

    /// Number of all items, also of those whose keys are not here.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The index of an item, or [`UNKNOWN`].
    #[inline(always)]
    pub fn of(&self, key: u64) -> u32 {
        match self.direct.get(key as usize) {
            Some(&item) => item,
            None => self.others.get(&key).copied().unwrap_or(UNKNOWN),
        }
    }

    /// The keys of all items, by index; 0 for those whose keys are not here.
    pub fn keys(&self) -> Vec<u64> {
        let mut keys = vec![0; self.len];
        let direct = self.direct.iter().enumerate().filter(|(_, item)| **item != UNKNOWN);
        direct.for_each(|(key, &item)| keys[item as usize] = key as u64);
        self.others.iter().for_each(|(&key, &item)| keys[item as usize] = key);
        keys
    }

    /// The key of an item, where it is here.
    pub fn key_of(&self, item: u32) -> Option<u64> {
        let direct = self.direct.iter().position(|&index| index == item).map(|key| key as u64);
        direct.or_else(|| self.others.iter().find(|(_, index)| **index == item).map(|(key, _)| *key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn sets_and_indices_hold_what_was_put_in(
            keys in prop::collection::btree_set(
                prop_oneof![0u64..300, 0u64..1_000_000, (1u64 << 27) - 2..(1 << 27) + 2, any::<u64>()], 0..60),
        ) {
            let mut set = KeySet::default();
            let sorted: Vec<u64> = keys.iter().copied().collect();
            for &key in sorted.iter().rev().chain(&sorted) {
                set.insert(key);
            }
            prop_assert_eq!(set.keys(), sorted.clone());
            let index = ItemIndex::new(&sorted);
            prop_assert_eq!(index.len(), sorted.len());
            prop_assert_eq!(&index.keys(), &sorted);
            for (item, &key) in sorted.iter().enumerate() {
                prop_assert_eq!(index.of(key), item as u32);
                prop_assert_eq!(index.key_of(item as u32), Some(key));
            }
            let half: Vec<u64> = sorted.iter().copied().step_by(2).collect();
            let some = ItemIndex::of_some(&half, (0..).step_by(2), sorted.len());
            prop_assert_eq!(some.len(), sorted.len());
            for (item, (&key, kept)) in sorted.iter().zip(some.keys()).enumerate() {
                let is_here = item % 2 == 0;
                prop_assert_eq!(some.of(key), if is_here { item as u32 } else { UNKNOWN });
                prop_assert_eq!(some.key_of(item as u32), is_here.then_some(key));
                prop_assert_eq!(kept, if is_here { key } else { 0 });
            }
            for key in sorted.iter().flat_map(|key| [key.wrapping_sub(1), key.wrapping_add(1)]) {
                prop_assert_eq!(index.of(key) == UNKNOWN, !keys.contains(&key));
            }
        }
    }
}
