//! The users of a partition, numbered and sorted by id.

use std::collections::hash_map::Entry;

use crate::ingest::ids::Id;
use crate::ingest::keys::{KeyMap, id_of};
use crate::ingest::rows::Record;

/// Numbers the users in the order of the rows: the key of each number, and the number of each row's user.
pub fn number_users<R: Record>(chunks: &[Vec<R>]) -> (Vec<u64>, Vec<u32>) {
    let mut known: KeyMap<u32> = KeyMap::default();
    let mut keys = Vec::new();
    let mut numbers = Vec::with_capacity(chunks.iter().map(Vec::len).sum());
    // Rows of one user often follow each other.
    let mut last: Option<(u64, u32)> = None;
    for record in chunks.iter().flatten() {
        let key = record.user();
        let number = match last {
            Some((user, number)) if user == key => number,
            _ => match known.entry(key) {
                Entry::Occupied(known) => *known.get(),
                Entry::Vacant(free) => {
                    let number = u32::try_from(keys.len()).expect("a partition has fewer than 2^32 users");
                    keys.push(key);
                    *free.insert(number)
                }
            },
        };
        last = Some((key, number));
        numbers.push(number);
    }
    (keys, numbers)
}

/// The users' ids, rising, and the position of each user number among them.
pub fn sort_users(keys: &[u64], names: &mut KeyMap<Box<str>>) -> (Vec<Id>, Vec<u32>) {
    let mut users: Vec<(Id, u32)> = keys.iter().zip(0..).map(|(&key, number)| (id_of(key, names), number)).collect();
    users.sort_unstable();
    let mut position = vec![0; users.len()];
    for (at, (_, number)) in (0..).zip(&users) {
        position[*number as usize] = at;
    }
    (users.into_iter().map(|(id, _)| id).collect(), position)
}
