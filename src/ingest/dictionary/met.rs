//! Items that were met: their keys, and the names of those that are text.

use serde::{Deserialize, Serialize};

use crate::ingest::ids::{Id, TEXT_KEY};
use crate::ingest::keys::KeyMap;
use crate::ingest::rows::Name;

/// What one or more workers have met. A row and the name of its item may have come to different workers, so there may be keys
/// without their names here, and names without their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Met {
    /// Rising, each once.
    pub keys: Vec<u64>,
    /// Rising by key, one for each.
    names: Vec<Name>,
}

impl Met {
    /// `keys` rise.
    pub fn new(keys: Vec<u64>, names: KeyMap<Box<str>>) -> Met {
        let mut names: Vec<Name> = names.into_iter().map(|(key, text)| Name { key, text }).collect();
        names.sort_unstable_by_key(|name| name.key);
        Met { keys, names }
    }

    /// Deals everything to `n` parts, and keeps the keys.
    pub fn deal(&mut self, n: usize, part_of: impl Fn(u64) -> usize) -> Vec<Met> {
        let mut parts = vec![Met::default(); n];
        self.keys.iter().for_each(|&key| parts[part_of(key)].keys.push(key));
        self.names.drain(..).for_each(|name| parts[part_of(name.key)].names.push(name));
        parts
    }

    /// Takes the names out of all parts and copies their keys. Also says whether two texts share a key.
    pub fn merge(parts: &mut [Met]) -> (Met, bool) {
        // Stable sorts merge what is sorted in pieces.
        let mut keys: Vec<u64> = parts.iter().flat_map(|part| &part.keys).copied().collect();
        keys.sort();
        keys.dedup();
        let mut names: Vec<Name> = parts.iter_mut().flat_map(|part| std::mem::take(&mut part.names)).collect();
        names.sort_by_key(|name| name.key);
        let mut collision = false;
        names.dedup_by(|name, known| {
            collision |= name.key == known.key && name.text != known.text;
            name.key == known.key
        });
        (Met { keys, names }, collision)
    }

    /// The keys and what they stand for, where the names of all keys are here. Names of other keys are dropped.
    pub fn into_ids(self) -> (Vec<u64>, Vec<Id>) {
        let mut names = self.names.into_iter();
        let mut id_of = |key: u64| match key & TEXT_KEY {
            0 => Id::Number(key),
            _ => Id::Text(names.find(|name| name.key == key).expect("a worker has read the text of each key").text),
        };
        let ids = self.keys.iter().map(|&key| id_of(key)).collect();
        (self.keys, ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn met(keys: &[u64], names: &[(u64, &str)]) -> Met {
        Met::new(keys.to_vec(), names.iter().map(|&(key, text)| (key, text.into())).collect())
    }

    const A: u64 = TEXT_KEY | 1;
    const B: u64 = TEXT_KEY | 4;
    const C: u64 = TEXT_KEY | 6;

    #[test]
    fn what_was_dealt_comes_together_again() {
        let all = met(&[2, 3, 9, A, B], &[(A, "a"), (C, "c"), (B, "b")]);
        for n in 1..4 {
            let mut dealt = all.clone();
            let mut parts = dealt.deal(n, |key| key as usize % n);
            assert_eq!(dealt, met(&all.keys, &[]));
            assert_eq!(Met::merge(&mut parts), (all.clone(), false));
        }
    }

    #[test]
    fn each_item_is_kept_once_and_two_texts_of_a_key_are_noticed() {
        let mut parts = [met(&[2, A], &[(A, "a")]), met(&[], &[]), met(&[1, 2, A, B], &[(A, "a"), (B, "b")])];
        let (all, collision) = Met::merge(&mut parts);
        assert_eq!((&all, collision), (&met(&[1, 2, A, B], &[(A, "a"), (B, "b")]), false));
        assert_eq!(all.into_ids(), (vec![1, 2, A, B], ["1", "2", "a", "b"].map(Id::parse).to_vec()));
        assert!(Met::merge(&mut [met(&[A], &[(A, "a")]), met(&[], &[(A, "other")])]).1);
    }

    #[test]
    fn names_that_no_key_asks_for_are_dropped() {
        let names = [(A, "a"), (B, "b"), (C, "c")];
        assert_eq!(met(&[7, B], &names).into_ids().1, ["7", "b"].map(Id::parse));
        assert_eq!(met(&[], &names).into_ids().1, []);
    }
}
