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
