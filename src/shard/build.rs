//! Rows, in any order, to a sealed shard, partition by partition.
//!
//! The law: the users and their ratings depend on the set of rows, not on their order. A partition numbers its users,
//! counts their rows, sorts each user's by item, and merges the rows of one user and item by the rule.

use std::collections::hash_map::Entry;

use super::Shard;
use super::incoming::{Incoming, Rows};
use super::store::Store;
use crate::error::Result;
use crate::ingest::ids::Id;
use crate::ingest::keys::{ItemIndex, KeyMap, UNKNOWN, id_of};
use crate::ingest::rows::{Narrow, Ordered, Record};
use crate::job::Duplicates;
use crate::kernel::csr::{self, Csr, Values};

/// A sealed shard, and what sealing found.
#[derive(Debug)]
pub struct Sealed {
    pub shard: Shard,
    /// Rows that were merged into another row of the same user and item.
    pub merged: u64,
    /// Rows of items that are not in the dictionary. They are left out, and count neither as merged nor as duplicates.
    pub unknown: u64,
    /// Pairs whose rating is 0, which is the same as none.
    pub zeros: u64,
    /// The first pair with several rows, by user then item.
    pub first_duplicate: Option<(Id, u32)>,
    /// The places of rows whose user and item are in an earlier row, where only the first counts.
    pub repeats: Vec<u64>,
    /// Bytes of rows that had gone to the scratch file.
    pub rows_spilled: u64,
}

/// What becomes of several rows of one user and item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Several {
    Merge(Duplicates),
    /// The first in the order of the input counts, the others are told.
    First,
    /// All are kept, by value.
    Every,
}

/// What becomes of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub several: Several,
    /// Rows whose rating is 0 are kept, which is the same as none.
    pub whole: bool,
}

impl From<Several> for Rule {
    fn from(several: Several) -> Rule {
        Rule { several, whole: false }
    }
}

impl Several {
    /// Rows have to keep their place in the input.
    pub fn needs_order(self) -> bool {
        matches!(self, Several::First | Several::Merge(Duplicates::Last))
    }
}

/// Seals what came to a worker; the blocks go to `store`.
pub fn seal(incoming: Incoming, items: &ItemIndex, rule: Rule, store: &mut Store) -> Result<Sealed> {
    let (partitions, scratch, mut names) = incoming.into_partitions()?;
    let shard = Shard { users: Vec::new(), draw_keys: Vec::new(), matrix: Csr::empty(items.len()) };
    let rows_spilled = scratch.length();
    let mut sealed =
        Sealed { shard, merged: 0, unknown: 0, zeros: 0, first_duplicate: None, repeats: Vec::new(), rows_spilled };
    for partition in partitions {
        let (users, block) = match partition.read(&scratch)? {
            Rows::Narrow(chunks) => assemble::<Narrow, Packed>(chunks, items, &mut names, rule, &mut sealed),
            Rows::Any(chunks) => assemble::<Ordered, Full>(chunks, items, &mut names, rule, &mut sealed),
        };
        if !users.is_empty() {
            store.keep(&mut sealed.shard.matrix, block)?;
            sealed.shard.users.extend(users);
        }
    }
    sealed.shard.draw_keys = sealed.shard.users.iter().map(Id::draw_key).collect();
    Ok(sealed)
}

/// The users of a partition, rising, and their rows.
fn assemble<R: Record, K: Cell<R>>(
    chunks: Vec<Vec<R>>,
    items: &ItemIndex,
    names: &mut KeyMap<Box<str>>,
    rule: Rule,
    found: &mut Sealed,
) -> (Vec<Id>, csr::Rows) {
    let several = rule.several;
    let (keys, numbers) = number_users(&chunks);
    let (users, position) = sort_users(&keys, names);
    let (starts, mut cells) = by_user::<R, K>(chunks, &numbers, &position, items);
    let mut block = BlockWriter::with_capacity(users.len(), cells.len());
    block.whole = rule.whole;
    for (user, id) in users.iter().enumerate() {
        let cells = &mut cells[starts[user] as usize..starts[user + 1] as usize];
        K::sort(cells, several);
        let cells = known::<R, K>(cells, &mut found.unknown);
        if several == Several::Every || cells.array_windows().all(|[a, b]| a.item() != b.item()) {
            cells.iter().for_each(|cell| block.push(cell.item(), cell.value()));
        } else {
            let first = merge_row(cells, several, found, &mut block);
            if found.first_duplicate.as_ref().is_none_or(|(known, _)| id < known) {
                found.first_duplicate = Some((id.clone(), first));
            }
        }
        block.end_row();
    }
    found.zeros += block.zeros;
    (users, block.finish())
}

/// The cells of items that are in the dictionary: the others are the last of a sorted row.
fn known<'c, R: Record, K: Cell<R>>(cells: &'c [K], unknown: &mut u64) -> &'c [K] {
    if cells.last().is_none_or(|last| last.item() != UNKNOWN) {
        return cells;
    }
    let n_known = cells.partition_point(|cell| cell.item() != UNKNOWN);
    *unknown += (cells.len() - n_known) as u64;
    &cells[..n_known]
}

/// Writes a row with duplicates; returns the first item that has several.
fn merge_row<R: Record, K: Cell<R>>(cells: &[K], several: Several, found: &mut Sealed, block: &mut BlockWriter) -> u32 {
    let mut first = None;
    let mut values = Vec::new();
    for group in cells.chunk_by(|a, b| a.item() == b.item()) {
        if group.len() > 1 {
            first.get_or_insert(group[0].item());
        }
        let value = match several {
            Several::Merge(duplicates) => {
                found.merged += group.len() as u64 - 1;
                values.clear();
                values.extend(group.iter().map(Cell::value));
                merge(&values, duplicates)
            }
            Several::First => {
                found.repeats.extend(group[1..].iter().map(Cell::order));
                group[0].value()
            }
            Several::Every => unreachable!("rows that are all kept are not merged"),
        };
        block.push(group[0].item(), value);
    }
    first.expect("the row has an item several times")
}

/// One rating from the sorted ratings of one user and item.
pub fn merge(values: &[f64], duplicates: Duplicates) -> f64 {
    match duplicates {
        Duplicates::Error | Duplicates::Last | Duplicates::Max => values.last().copied().unwrap_or(0.0),
        Duplicates::Sum => values.iter().sum(),
        Duplicates::Mean => values.iter().sum::<f64>() / values.len() as f64,
    }
}

/// Numbers the users as they come: the key of each number, and the number of each row's user.
fn number_users<R: Record>(chunks: &[Vec<R>]) -> (Vec<u64>, Vec<u32>) {
    let mut known: KeyMap<u32> = KeyMap::default();
    let mut keys = Vec::new();
    let mut numbers = Vec::with_capacity(chunks.iter().map(Vec::len).sum());
    // Rows of one user often come together.
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
fn sort_users(keys: &[u64], names: &mut KeyMap<Box<str>>) -> (Vec<Id>, Vec<u32>) {
    let mut users: Vec<(Id, u32)> = keys.iter().zip(0..).map(|(&key, number)| (id_of(key, names), number)).collect();
    users.sort_unstable();
    let mut position = vec![0; users.len()];
    for (at, (_, number)) in (0..).zip(&users) {
        position[*number as usize] = at;
    }
    (users.into_iter().map(|(id, _)| id).collect(), position)
}

/// A counting sort of the rows by user: where each user's cells start, and the cells.
fn by_user<R: Record, K: Cell<R>>(
    chunks: Vec<Vec<R>>,
    numbers: &[u32],
    position: &[u32],
    items: &ItemIndex,
) -> (Vec<u32>, Vec<K>) {
    let mut starts = vec![0u32; position.len() + 1];
    numbers.iter().for_each(|&number| starts[position[number as usize] as usize + 1] += 1);
    for user in 0..position.len() {
        starts[user + 1] += starts[user];
    }
    let mut next: Vec<u32> = (0..position.len()).map(|number| starts[position[number] as usize]).collect();
    let mut cells = vec![K::default(); numbers.len()];
    let mut numbers = numbers.iter();
    for chunk in chunks {
        for (record, &number) in chunk.iter().zip(&mut numbers) {
            let at = &mut next[number as usize];
            cells[*at as usize] = K::of(record, items);
            *at += 1;
        }
    }
    (starts, cells)
}

/// A rating of a user.
trait Cell<R>: Copy + Default {
    fn of(record: &R, items: &ItemIndex) -> Self;
    fn item(&self) -> u32;
    fn value(&self) -> f64;
    /// The place in the input, where rows keep it.
    fn order(&self) -> u64;

    /// Rows of one item end up together: by their place in the input where that counts, otherwise by value, so that a sum
    /// does not depend on arrival.
    fn sort(cells: &mut [Self], several: Several);
}

/// Item and value in one number, in the order of both: values are not negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
struct Packed(u64);

impl Cell<Narrow> for Packed {
    #[inline(always)]
    fn of(record: &Narrow, items: &ItemIndex) -> Packed {
        Packed(u64::from(items.of(u64::from(record.item))) << 32 | u64::from(record.value.to_bits()))
    }

    #[inline(always)]
    fn item(&self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline(always)]
    fn value(&self) -> f64 {
        f64::from(f32::from_bits(self.0 as u32))
    }

    fn order(&self) -> u64 {
        0
    }

    fn sort(cells: &mut [Packed], several: Several) {
        debug_assert!(!several.needs_order(), "the place in the input is not kept here");
        if !cells.is_sorted() {
            cells.sort_unstable();
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Full {
    item: u32,
    value: f64,
    order: u64,
}

impl Cell<Ordered> for Full {
    fn of(record: &Ordered, items: &ItemIndex) -> Full {
        Full { item: items.of(record.item), value: record.value, order: record.order }
    }

    fn item(&self) -> u32 {
        self.item
    }

    fn value(&self) -> f64 {
        self.value
    }

    fn order(&self) -> u64 {
        self.order
    }

    fn sort(cells: &mut [Full], several: Several) {
        let order = |a: &Full, b: &Full| {
            let within = || if several.needs_order() { a.order.cmp(&b.order) } else { a.value.total_cmp(&b.value) };
            a.item.cmp(&b.item).then_with(within)
        };
        cells.sort_unstable_by(order);
    }
}

/// Rows to a block.
pub struct BlockWriter {
    indptr: Vec<u32>,
    indices: Vec<u32>,
    values: ValueWriter,
    zeros: u64,
    /// Ratings of 0 are kept.
    whole: bool,
}

impl BlockWriter {
    pub fn with_capacity(n_rows: usize, nnz: usize) -> BlockWriter {
        u32::try_from(nnz).expect("a partition has fewer than 2^32 ratings");
        let mut indptr = Vec::with_capacity(n_rows + 1);
        indptr.push(0);
        BlockWriter {
            indptr,
            indices: Vec::with_capacity(nnz),
            values: ValueWriter::with_capacity(nnz),
            zeros: 0,
            whole: false,
        }
    }

    #[inline(always)]
    pub fn push(&mut self, item: u32, value: f64) {
        self.zeros += u64::from(value == 0.0);
        if value != 0.0 || self.whole {
            self.indices.push(item);
            self.values.push(value);
        }
    }

    pub fn end_row(&mut self) {
        self.indptr.push(self.indices.len() as u32);
    }

    pub fn finish(mut self) -> csr::Rows {
        self.indices.shrink_to_fit();
        csr::Rows { indptr: self.indptr, indices: self.indices, values: self.values.finish() }
    }
}

/// Slots of the table of codes: four times the values, so that most are found where they are looked for first.
const SLOTS: usize = 1024;

/// Writes values as codes as long as there are at most 256 different ones.
struct ValueWriter {
    codes: Vec<u8>,
    table: Vec<f64>,
    /// A hash table of the codes so far, each raised by 1; 0 is free.
    slots: [u16; SLOTS],
    /// All values, once they are too many.
    plain: Vec<f64>,
    is_plain: bool,
}

impl ValueWriter {
    fn with_capacity(n: usize) -> ValueWriter {
        let codes = Vec::with_capacity(n);
        ValueWriter { codes, table: Vec::new(), slots: [0; SLOTS], plain: Vec::new(), is_plain: false }
    }

    #[inline(always)]
    fn push(&mut self, value: f64) {
        if self.is_plain {
            self.plain.push(value);
            return;
        }
        let mut slot = (value.to_bits().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize;
        loop {
            match self.slots[slot] {
                0 => return self.push_new(value, slot),
                code if self.table[code as usize - 1] == value => return self.codes.push((code - 1) as u8),
                _ => slot = (slot + 1) % SLOTS,
            }
        }
    }

    #[cold]
    #[inline(never)]
    fn push_new(&mut self, value: f64, slot: usize) {
        if self.table.len() == 256 {
            self.plain = Vec::with_capacity(self.codes.capacity());
            self.plain.extend(self.codes.iter().map(|&code| self.table[code as usize]));
            self.plain.push(value);
            self.codes = Vec::new();
            self.is_plain = true;
            return;
        }
        self.codes.push(self.table.len() as u8);
        self.table.push(value);
        self.slots[slot] = self.table.len() as u16;
    }

    fn finish(mut self) -> Values {
        if self.is_plain {
            self.plain.shrink_to_fit();
            return Values::Plain(self.plain);
        }
        self.codes.shrink_to_fit();
        let mut table = Box::new([0.0; 256]);
        table[..self.table.len()].copy_from_slice(&self.table);
        Values::Coded { codes: self.codes, table }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::ingest::ids::TEXT_KEY;
    use crate::ingest::rows::{Name, Records, Row};
    use crate::kernel::keyed;
    use proptest::prelude::*;

    fn row(user: u64, item: u64, value: f64, order: u64) -> Row {
        Row { user, item, value, order }
    }

    /// Seals rows that came one by one, with `limit` bytes for them and as much for the blocks.
    fn seal_within(rows: &[Row], several: Several, expected_rows: u64, limit: u64) -> Sealed {
        seal_with(rows, several.into(), None, expected_rows, limit)
    }

    /// The same with a dictionary of items, or of all there are.
    fn seal_with(rows: &[Row], rule: Rule, items: Option<&[u64]>, expected_rows: u64, limit: u64) -> Sealed {
        let several = rule.several;
        let folder = tempfile::tempdir().unwrap();
        let mut incoming = Incoming::new(expected_rows, limit, folder.path());
        for row in rows {
            incoming.receive(&match Narrow::of(row) {
                _ if several.needs_order() => Records::Ordered(vec![(*row).into()]),
                Some(narrow) => Records::Narrow(vec![narrow]),
                None => Records::Wide(vec![(*row).into()]),
            });
        }
        let items = items.map_or_else(|| ItemIndex::new(&incoming.item_keys()), ItemIndex::new);
        seal(incoming, &items, rule, &mut Store::new(limit, folder.path())).unwrap()
    }

    fn seal_all(rows: &[Row], duplicates: Duplicates) -> Sealed {
        seal_within(rows, Several::Merge(duplicates), 0, u64::MAX)
    }

    #[test]
    fn duplicates_follow_the_rule() {
        let rows = [row(7, 1, 2.0, 0), row(7, 1, 5.0, 1), row(7, 1, 3.0, 2), row(7, 2, 0.0, 3)];
        for (rule, expected) in
            [(Duplicates::Last, 3.0), (Duplicates::Sum, 10.0), (Duplicates::Mean, 10.0 / 3.0), (Duplicates::Max, 5.0)]
        {
            let sealed = seal_all(&rows, rule);
            assert_eq!(sealed.shard.matrix.row(0).iter().collect::<Vec<_>>(), [(0, expected)], "{rule:?}");
            assert_eq!((sealed.merged, sealed.zeros), (2, 1));
        }
        let several = [&rows[..], &[row(3, 2, 1.0, 9), row(3, 2, 1.0, 10)]].concat();
        assert_eq!(seal_all(&several, Duplicates::Error).first_duplicate, Some((Id::Number(3), 1)));
    }

    /// Of items 1 to 4 the dictionary has 2 and 3; user 9 has rated neither.
    #[test]
    fn rows_of_items_that_are_not_in_the_dictionary_are_counted_and_left_out() {
        let rows = [row(7, 1, 2.0, 0), row(7, 3, 5.0, 1), row(7, 1, 3.0, 2), row(7, 2, 1.5, 3), row(9, 4, 1.0, 4)];
        for duplicates in [Duplicates::Error, Duplicates::Last] {
            let mut incoming = Incoming::new(0, u64::MAX, std::path::Path::new("."));
            for row in rows {
                incoming.receive(&match duplicates {
                    Duplicates::Last => Records::Ordered(vec![row.into()]),
                    _ => Records::Narrow(vec![Narrow::of(&row).unwrap()]),
                });
            }
            let mut store = Store::new(u64::MAX, std::path::Path::new("."));
            let sealed =
                seal(incoming, &ItemIndex::new(&[2, 3]), Several::Merge(duplicates).into(), &mut store).unwrap();
            assert_eq!(sealed.shard.users, [Id::Number(7), Id::Number(9)]);
            assert_eq!(sealed.shard.matrix.row(0).iter().collect::<Vec<_>>(), [(0, 1.5), (1, 5.0)]);
            assert!(sealed.shard.matrix.row(1).is_empty());
            assert_eq!((sealed.unknown, sealed.merged, sealed.first_duplicate), (3, 0, None));
        }
    }

    /// Of items 1 to 4 the dictionary has 2 and 3.
    fn whole(rows: &[Row], several: Several) -> Sealed {
        seal_with(rows, Rule { several, whole: true }, Some(&[2, 3]), 0, u64::MAX)
    }

    #[test]
    fn where_rows_are_whole_zeros_stay() {
        // With 0.1, which no f32 is, rows come another way.
        for x in [1.0, 0.1] {
            let rows = [
                row(7, 2, 3.0, 0),
                row(7, 1, 2.0, 1),
                row(7, 2, x, 2),
                row(7, 3, 0.0, 3),
                row(7, 2, 3.0, 4),
                row(7, 4, 1.0, 5),
                row(9, 4, 1.0, 6),
                row(11, 3, x, 7),
                row(7, 1, 5.0, 8),
            ];
            let users = |of_seven: &[(usize, f64)]| {
                let of_seven = [of_seven, &[(1, 0.0)]].concat();
                [(7, of_seven), (9, Vec::new()), (11, vec![(1, x)])].map(|(id, row)| (Id::Number(id), row)).to_vec()
            };
            let sealed = whole(&rows, Several::Every);
            assert_eq!(table(&sealed), users(&[(0, x), (0, 3.0), (0, 3.0)]));
            assert_eq!((sealed.unknown, sealed.merged, sealed.zeros, &sealed.first_duplicate), (4, 0, 1, &None));

            for (duplicates, merged) in [(Duplicates::Last, 3.0), (Duplicates::Sum, x + 3.0 + 3.0)] {
                let sealed = whole(&rows, Several::Merge(duplicates));
                assert_eq!(table(&sealed), users(&[(0, merged)]), "{duplicates:?}");
                assert_eq!((sealed.unknown, sealed.merged, sealed.zeros), (4, 2, 1));
                assert_eq!(sealed.first_duplicate, Some((Id::Number(7), 0)));
            }
            let mut first = whole(&rows, Several::First);
            first.repeats.sort_unstable();
            assert_eq!((table(&first), first.repeats, first.zeros), (users(&[(0, 3.0)]), vec![2, 4], 1));
        }
        // A zero that is the last row of its pair is what counts.
        let last = whole(&[row(7, 2, 4.0, 0), row(7, 2, 0.0, 1)], Several::Merge(Duplicates::Last));
        assert_eq!(table(&last), [(Id::Number(7), vec![(0, 0.0)])]);
    }

    #[test]
    fn where_only_the_first_row_counts_the_others_are_told() {
        let rows = [row(7, 1, 2.0, 4), row(7, 1, 5.0, 1), row(9, 1, 4.0, 0), row(7, 1, 3.0, 2), row(7, 2, 0.0, 3)];
        for limit in [0, u64::MAX] {
            let mut sealed = seal_within(&rows, Several::First, 0, limit);
            assert_eq!(sealed.shard.matrix.row(0).iter().collect::<Vec<_>>(), [(0, 5.0)]);
            assert_eq!(sealed.shard.matrix.row(1).iter().collect::<Vec<_>>(), [(0, 4.0)]);
            sealed.repeats.sort_unstable();
            assert_eq!((sealed.repeats, sealed.merged, sealed.zeros), (vec![2, 4], 0, 1));
        }
    }

    #[test]
    fn names_belong_to_keys_and_collisions_are_noticed() {
        let name = |text: &str| Name { key: TEXT_KEY | 5, text: text.into() };
        let mut incoming = Incoming::new(0, u64::MAX, std::path::Path::new("."));
        incoming.name_users([name("anna"), name("anna")].into_iter());
        assert!(!incoming.has_collision());
        incoming.name_users([name("otto")].into_iter());
        assert!(incoming.has_collision());
    }

    #[test]
    fn more_values_than_codes_are_kept_plain() {
        for n in [1usize, 256, 257, 3000] {
            let mut writer = ValueWriter::with_capacity(n);
            let values: Vec<f64> = (0..n).map(|i| (i * 7919 % n) as f64 / 3.0).collect();
            values.iter().for_each(|&value| writer.push(value));
            let written = writer.finish();
            assert_eq!(matches!(written, Values::Coded { .. }), n <= 256);
            let rows = csr::Rows { indptr: vec![0, n as u32], indices: (0..n as u32).collect(), values: written };
            assert!(rows.view().row(0).iter().map(|(_, x)| x).eq(values));
        }
    }

    /// Users with their rows, by user.
    fn table(sealed: &Sealed) -> Vec<(Id, Vec<(usize, f64)>)> {
        let rows = sealed.shard.matrix.rows().map(|row| row.iter().collect());
        let mut table: Vec<(Id, Vec<(usize, f64)>)> = sealed.shard.users.iter().cloned().zip(rows).collect();
        table.sort_by(|a, b| a.0.cmp(&b.0));
        table
    }

    proptest! {
        #[test]
        fn neither_the_order_of_arrival_nor_room_nor_partitions_matter(
            rows in prop::collection::vec((0u64..40, 0u64..9, 0u32..50), 0..200),
            seed in any::<u64>(),
            rule in prop::sample::select(vec![Duplicates::Last, Duplicates::Sum, Duplicates::Mean, Duplicates::Max]),
            whole in any::<bool>(),
            limit in prop::sample::select(vec![0, 200, 2000, u64::MAX]),
            expected_rows in prop::sample::select(vec![0, 1 << 19, 1 << 21]),
        ) {
            let unit = if whole { 0.5 } else { 0.1 };
            let rows: Vec<Row> = rows.iter().enumerate()
                .map(|(i, &(u, item, v))| row(u << (u % 3 * 16), item, f64::from(v) * unit, i as u64)).collect();
            let mut shuffled = rows.clone();
            shuffled.sort_by_key(|r| keyed::mix(seed ^ r.order));
            let (a, b) = (seal_all(&rows, rule), seal_within(&shuffled, Several::Merge(rule), expected_rows, limit));
            prop_assert_eq!(table(&a), table(&b));
            prop_assert_eq!((a.merged, a.zeros), (b.merged, b.zeros));
            prop_assert_eq!(&a.first_duplicate, &b.first_duplicate);
            prop_assert_eq!(a.merged + a.zeros + a.shard.matrix.nnz() as u64, rows.len() as u64);
        }

        #[test]
        fn where_every_row_is_kept_whole_nothing_is_lost(
            rows in prop::collection::vec((0u64..20, 0u64..6, 0u32..4), 0..120),
            narrow in any::<bool>(),
            limit in prop::sample::select(vec![0, 200, u64::MAX]),
            expected_rows in prop::sample::select(vec![0, 1 << 21]),
        ) {
            let unit = if narrow { 0.5 } else { 0.1 };
            let rows: Vec<Row> = rows.iter().zip(0..)
                .map(|(&(user, item, value), order)| row(user, item, f64::from(value) * unit, order)).collect();
            // Items 1 and 3 are known.
            let mut expected: BTreeMap<Id, Vec<(usize, f64)>> = BTreeMap::new();
            for row in &rows {
                let of_user = expected.entry(Id::Number(row.user)).or_default();
                match row.item {
                    1 | 3 => of_user.push((row.item as usize / 2, row.value)),
                    _ => {}
                }
            }
            expected.values_mut().for_each(|row| row.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1))));
            let rule = Rule { several: Several::Every, whole: true };
            let sealed = seal_with(&rows, rule, Some(&[1, 3]), expected_rows, limit);
            prop_assert_eq!(table(&sealed), expected.into_iter().collect::<Vec<_>>());
            prop_assert_eq!(sealed.unknown, rows.iter().filter(|row| ![1, 3].contains(&row.item)).count() as u64);
        }
    }
}
