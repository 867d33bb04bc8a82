//! What happens where a user has returned more of an item than is in the input: all rows of the two are rejected, since there is nothing
//! to take from. Whether that is so only the whole input shows, so its rows are looked for in the input again.

use std::collections::HashSet;

use super::ids::Id;
use super::keys::{ItemIndex, KeyMap};
use super::plan::Plan;
use super::rejects::{Reject, again};
use super::scan::{BadRow, RawRow, RowSink};
use super::units::{own_units, scan_units};
use crate::collective::Collective;
use crate::error::Result;
use crate::job::{Filter, Input};
use crate::watch::progress;

/// Rejects the rows of `mine`, the pairs of this worker, by user and index of the item, that `filter` takes, and adds them to the
/// `rejects` so far (on the coordinator). `index` knows the keys of these items. Ends the run if bad rows do, or if that makes
/// too many. Returns all of them and their number; nothing where there are no such pairs.
pub fn reject<C: Collective>(
    c: &mut C,
    (input, filter): (&Input, &Filter),
    plan: &Plan,
    (index, hash_seed): (&ItemIndex, u64),
    mine: &[(Id, u32)],
    (rejects, n_read): (&mut Vec<Reject>, u64),
) -> Result<Option<u64>> {
    let mut n_pairs = [mine.len() as u64];
    c.sum(&mut n_pairs);
    if n_pairs[0] == 0 {
        return Ok(None);
    }
    let keys = index.keys();
    let mine: Vec<(u64, u64)> = mine.iter().map(|(user, item)| (user.key(hash_seed), keys[*item as usize])).collect();
    let gathered = c.gather_values(&mine).concat();
    let pairs: Vec<(u64, u64)> = c.broadcast_value(Some(&gathered));
    let files = plan.planned_files();
    let mut finder = Finder { pairs: of_users(&pairs), hash_seed, filter, file: 0, found: Vec::new() };
    let scanned = scan_units(&own_units(c, files), files, &mut finder, |finder, unit| {
        finder.file = unit.file;
        true
    });
    c.agree(scanned)?;
    progress::rows_rejected(finder.found.len() as u64);
    again(c, input, files, (rejects, n_read), finder.found).map(Some)
}

fn of_users(pairs: &[(u64, u64)]) -> KeyMap<HashSet<u64>> {
    let mut users = KeyMap::<HashSet<u64>>::default();
    pairs.iter().for_each(|&(user, item)| _ = users.entry(user).or_default().insert(item));
    users
}

/// Looks for the rows of pairs.
struct Finder<'a> {
    /// The items of each user, by keys.
    pairs: KeyMap<HashSet<u64>>,
    hash_seed: u64,
    filter: &'a Filter,
    file: u32,
    found: Vec<Reject>,
}

impl RowSink for Finder<'_> {
    fn row(&mut self, row: RawRow<'_>) {
        let Some(items) = self.pairs.get(&row.user.key(self.hash_seed)) else { return };
        if items.contains(&row.item.key(self.hash_seed)) && self.filter.takes(row.rating, row.time) {
            let (user, item) = (Id::from(row.user), Id::from(row.item));
            self.found.push(Reject::returned(self.file, row.byte, &user, &item));
        }
    }

    fn bad(&mut self, _bad: BadRow<'_>) {}
}
