//! Rows to a sealed shard, partition by partition.

use super::cells::{Cell, Full, Packed, by_user, known};
use super::rule::{Rule, Several, merge};
use super::users::{number_users, sort_users};
use super::writer::BlockWriter;
use crate::error::Result;
use crate::ingest::ids::Id;
use crate::ingest::keys::{ItemIndex, KeyMap};
use crate::ingest::rows::{Narrow, Ordered, Record};
use crate::kernel::csr::{self, Csr};
use crate::shard::incoming::{Incoming, Rows};
use crate::shard::store::Store;
use crate::shard::users::Shard;

/// A sealed shard, and what sealing found.
#[derive(Debug)]
pub struct Sealed {
    pub shard: Shard,
    /// Rows that were merged into another row of the same user and item.
    pub merged: u64,
    /// Rows of items that are not in the dictionary. They are left out and count neither as merged nor as duplicates.
    pub unknown: u64,
    /// Pairs of user and item with a rating of 0, which is the same as none.
    pub zeros: u64,
    /// The first pair of user and item with several rows, by user, then item.
    pub first_duplicate: Option<(Id, u32)>,
    /// With [`Several::First`], the places in the input of the rows that do not count.
    pub repeats: Vec<u64>,
    /// Users and the items of which they returned more than is here. Their rows count neither as merged nor as ratings; who has
    /// no others is no user.
    pub returned: Vec<(Id, u32)>,
    /// Bytes of rows that were written to the scratch file.
    pub rows_spilled: u64,
}

/// What sealing needs to know beside the rows.
struct Desk<'a> {
    items: &'a ItemIndex,
    names: KeyMap<Box<str>>,
    rule: Rule,
}

/// Seals the rows that a worker received; the blocks go to `store`.
pub fn seal(incoming: Incoming, items: &ItemIndex, rule: Rule, store: &mut Store) -> Result<Sealed> {
    let (partitions, rows_spilled, names) = incoming.into_partitions()?;
    let mut desk = Desk { items, names, rule };
    let mut sealed = Sealed::empty(items.len(), rows_spilled);
    for partition in partitions {
        let (users, block) = match partition.read()? {
            Rows::Narrow(chunks) => desk.assemble::<Narrow, Packed>(chunks, &mut sealed),
            Rows::Any(chunks) => desk.assemble::<Ordered, Full>(chunks, &mut sealed),
        };
        if !users.is_empty() {
            store.keep(&mut sealed.shard.matrix, &block)?;
            sealed.shard.users.extend(users);
        }
    }
    sealed.shard.draw_keys = sealed.shard.users.iter().map(Id::draw_key).collect();
    Ok(sealed)
}

impl Sealed {
    fn empty(n_items: usize, rows_spilled: u64) -> Sealed {
        Sealed {
            shard: Shard { users: Vec::new(), draw_keys: Vec::new(), matrix: Csr::empty(n_items) },
            merged: 0,
            unknown: 0,
            zeros: 0,
            first_duplicate: None,
            repeats: Vec::new(),
            returned: Vec::new(),
            rows_spilled,
        }
    }

    fn note_duplicate(&mut self, user: &Id, item: u32) {
        if self.first_duplicate.as_ref().is_none_or(|(known, _)| user < known) {
            self.first_duplicate = Some((user.clone(), item));
        }
    }
}

impl Desk<'_> {
    /// The users of a partition, rising, and their rows.
    fn assemble<R: Record, K: Cell<R>>(&mut self, chunks: Vec<Vec<R>>, found: &mut Sealed) -> (Vec<Id>, csr::Rows) {
        let several = self.rule.several;
        let (keys, numbers) = number_users(&chunks);
        let (users, position) = sort_users(&keys, &mut self.names);
        let (starts, mut cells) = by_user::<R, K>(chunks, &numbers, &position, self.items);
        let mut block = BlockWriter::with_capacity(users.len(), cells.len()).keeping_zeros(self.rule.whole);
        let mut is_left = vec![true; users.len()];
        for (user, id) in users.iter().enumerate() {
            let cells = &mut cells[starts[user] as usize..starts[user + 1] as usize];
            K::sort(cells, several);
            let cells = known::<R, K>(cells, &mut found.unknown);
            if several == Several::Every || is_plain::<R, K>(cells, several) {
                cells.iter().for_each(|cell| block.push(cell.item(), cell.value()));
            } else {
                is_left[user] = merge_row(id, cells, several, found, &mut block);
            }
            if is_left[user] {
                block.end_row();
            }
        }
        found.zeros += block.zeros();
        let users = users.into_iter().zip(is_left).filter_map(|(id, is_left)| is_left.then_some(id)).collect();
        (users, block.finish())
    }
}

/// A row with no item twice, and no returns.
fn is_plain<R: Record, K: Cell<R>>(cells: &[K], several: Several) -> bool {
    let has_returns = || several.takes_returns() && cells.iter().any(|cell| cell.value() < 0.0);
    cells.array_windows().all(|[a, b]| a.item() != b.item()) && !has_returns()
}

/// Writes a row with duplicates or returns, and notes the first item that has several. False if all of it was returned without
/// having been there.
fn merge_row<R: Record, K: Cell<R>>(
    user: &Id,
    cells: &[K],
    several: Several,
    found: &mut Sealed,
    block: &mut BlockWriter,
) -> bool {
    let (mut first, mut is_left) = (None, false);
    let mut values = Vec::new();
    for group in cells.chunk_by(|a, b| a.item() == b.item()) {
        if group.len() > 1 {
            first.get_or_insert(group[0].item());
        }
        let value = match several {
            Several::Merge(duplicates) => {
                values.clear();
                values.extend(group.iter().map(Cell::value));
                let merged = merge(&values, duplicates);
                if merged < 0.0 {
                    found.returned.push((user.clone(), group[0].item()));
                    continue;
                }
                found.merged += group.len() as u64 - 1;
                merged
            }
            Several::First => {
                found.repeats.extend(group[1..].iter().map(Cell::order));
                group[0].value()
            }
            Several::Every => unreachable!("rows that are all kept are not merged"),
        };
        is_left = true;
        block.push(group[0].item(), value);
    }
    first.into_iter().for_each(|first| found.note_duplicate(user, first));
    is_left
}
