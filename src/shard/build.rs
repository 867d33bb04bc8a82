//! Rows as they arrive, in any order, to a sealed shard.
//!
//! The law: the shard depends on the set of rows, not on their order. Users and items get numbers as they come; sealing
//! renumbers both by sorted id, sorts each user's rows, and merges the rows of one user and item by the rule.

use std::collections::hash_map::Entry;

use super::Shard;
use crate::ingest::ids::Id;
use crate::ingest::keys::{KeyMap, Noted, id_of, note_name};
use crate::ingest::rows::{Name, Row};
use crate::job::Duplicates;
use crate::kernel::csr::Csr;

/// Numbers keys as they come.
#[derive(Debug, Default)]
struct Interner {
    numbers: KeyMap<u32>,
    keys: Vec<u64>,
}

impl Interner {
    #[inline]
    fn number(&mut self, key: u64) -> u32 {
        match self.numbers.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = u32::try_from(self.keys.len()).expect("a worker has fewer than 2^32 users and items");
                self.keys.push(key);
                *free.insert(number)
            }
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Rating {
    user: u32,
    item: u32,
    value: f64,
}

/// A shard in the making.
#[derive(Debug, Default)]
pub struct Builder {
    users: Interner,
    items: Interner,
    ratings: Vec<Rating>,
    /// Where each rating stands in the input; kept only where the rule needs it.
    orders: Option<Vec<u64>>,
    user_names: KeyMap<Box<str>>,
    collision: bool,
}

/// A sealed shard, and what sealing found.
#[derive(Debug)]
pub struct Sealed {
    pub shard: Shard,
    /// Rows that were merged into another row of the same user and item.
    pub merged: u64,
    /// Pairs whose rating is 0, which is the same as none.
    pub zeros: u64,
    /// The first pair with several rows, by user then item: position in the shard, item index.
    pub first_duplicate: Option<(usize, u32)>,
}

impl Builder {
    pub fn new(duplicates: Duplicates) -> Builder {
        Builder { orders: (duplicates == Duplicates::Last).then(Vec::new), ..Builder::default() }
    }

    pub fn extend(&mut self, rows: impl Iterator<Item = Row>) {
        for row in rows {
            let (user, item) = (self.users.number(row.user), self.items.number(row.item));
            self.ratings.push(Rating { user, item, value: row.value });
            if let Some(orders) = &mut self.orders {
                orders.push(row.order);
            }
        }
    }

    pub fn name_users(&mut self, names: impl Iterator<Item = Name>) {
        for name in names {
            self.collision |= note_name(&mut self.user_names, name.key, &name.text) == Noted::Collision;
        }
    }

    /// Two text ids have one key: read again with another hash seed.
    pub fn has_collision(&self) -> bool {
        self.collision
    }

    /// The keys of all items that came here, in no useful order.
    pub fn item_keys(&self) -> &[u64] {
        &self.items.keys
    }

    /// Seals the shard. `item_index` gives the index of an item by its key.
    pub fn seal(mut self, n_items: usize, item_index: &KeyMap<u32>, duplicates: Duplicates) -> Sealed {
        let items: Vec<u32> = self.items.keys.iter().map(|key| item_index[key]).collect();
        let (users, position) = sort_users(&self.users.keys, &mut self.user_names);
        let (starts, mut cells) = by_user(&self.ratings, self.orders.as_deref(), &position, &items);
        drop(self.ratings);
        let mut matrix = Csr::empty(n_items);
        let (mut merged, mut zeros, mut first_duplicate) = (0, 0, None);
        for user in 0..users.len() {
            let cells = &mut cells[starts[user]..starts[user + 1]];
            sort_cells(cells, duplicates);
            let mut row = Vec::new();
            for group in cells.chunk_by(|a, b| a.item == b.item) {
                if group.len() > 1 {
                    merged += group.len() as u64 - 1;
                    first_duplicate.get_or_insert((user, group[0].item));
                }
                let value = merge(group, duplicates);
                zeros += u64::from(value == 0.0);
                row.push((group[0].item, value));
            }
            matrix.push_row(row);
        }
        let draw_keys = users.iter().map(Id::draw_key).collect();
        Sealed { shard: Shard { users, draw_keys, matrix }, merged, zeros, first_duplicate }
    }
}

/// The users' ids, rising, and the position of each user number among them.
fn sort_users(keys: &[u64], names: &mut KeyMap<Box<str>>) -> (Vec<Id>, Vec<u32>) {
    let mut users: Vec<(Id, u32)> = keys.iter().enumerate().map(|(n, &key)| (id_of(key, names), n as u32)).collect();
    users.sort_unstable();
    let mut position = vec![0; users.len()];
    for (at, (_, number)) in users.iter().enumerate() {
        position[*number as usize] = at as u32;
    }
    (users.into_iter().map(|(id, _)| id).collect(), position)
}

#[derive(Debug, Clone, Copy, Default)]
struct Cell {
    item: u32,
    value: f64,
    order: u64,
}

/// A counting sort of the ratings by user: where each user's cells start, and the cells.
fn by_user(ratings: &[Rating], orders: Option<&[u64]>, position: &[u32], items: &[u32]) -> (Vec<usize>, Vec<Cell>) {
    let mut starts = vec![0usize; position.len() + 1];
    for rating in ratings {
        starts[position[rating.user as usize] as usize + 1] += 1;
    }
    for user in 0..position.len() {
        starts[user + 1] += starts[user];
    }
    let mut next = starts.clone();
    let mut cells = vec![Cell::default(); ratings.len()];
    for (i, rating) in ratings.iter().enumerate() {
        let at = &mut next[position[rating.user as usize] as usize];
        let order = orders.map_or(0, |orders| orders[i]);
        cells[*at] = Cell { item: items[rating.item as usize], value: rating.value, order };
        *at += 1;
    }
    (starts, cells)
}

/// Rows of one item end up together: by their place in the input for `last`, otherwise by value, so that a sum does not
/// depend on arrival.
fn sort_cells(cells: &mut [Cell], duplicates: Duplicates) {
    cells.sort_unstable_by(|a, b| {
        let within = || match duplicates {
            Duplicates::Last => a.order.cmp(&b.order),
            _ => a.value.total_cmp(&b.value),
        };
        a.item.cmp(&b.item).then_with(within)
    });
}

/// One rating from the sorted rows of one user and item.
fn merge(group: &[Cell], duplicates: Duplicates) -> f64 {
    let sum = || group.iter().map(|cell| cell.value).sum::<f64>();
    match duplicates {
        Duplicates::Error | Duplicates::Last | Duplicates::Max => group[group.len() - 1].value,
        Duplicates::Sum => sum(),
        Duplicates::Mean => sum() / group.len() as f64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::ids::TEXT_KEY;
    use crate::kernel::keyed;
    use proptest::prelude::*;

    fn row(user: u64, item: u64, value: f64, order: u64) -> Row {
        Row { user, item, value, order }
    }

    fn seal(rows: &[Row], duplicates: Duplicates) -> Sealed {
        let mut builder = Builder::new(duplicates);
        builder.extend(rows.iter().copied());
        let mut keys = builder.item_keys().to_vec();
        keys.sort_unstable();
        let index: KeyMap<u32> = keys.iter().enumerate().map(|(i, &key)| (key, i as u32)).collect();
        builder.seal(keys.len(), &index, duplicates)
    }

    #[test]
    fn duplicates_follow_the_rule() {
        let rows = [row(7, 1, 2.0, 0), row(7, 1, 5.0, 1), row(7, 1, 3.0, 2), row(7, 2, 0.0, 3)];
        for (rule, expected) in
            [(Duplicates::Last, 3.0), (Duplicates::Sum, 10.0), (Duplicates::Mean, 10.0 / 3.0), (Duplicates::Max, 5.0)]
        {
            let sealed = seal(&rows, rule);
            assert_eq!(sealed.shard.matrix.row(0).iter().collect::<Vec<_>>(), [(0, expected)], "{rule:?}");
            assert_eq!((sealed.merged, sealed.zeros), (2, 1));
        }
        assert_eq!(seal(&rows, Duplicates::Error).first_duplicate, Some((0, 0)));
    }

    #[test]
    fn names_belong_to_keys_and_collisions_are_noticed() {
        let name = |text: &str| Name { key: TEXT_KEY | 5, text: text.into() };
        let mut builder = Builder::new(Duplicates::Error);
        builder.name_users([name("anna"), name("anna")].into_iter());
        assert!(!builder.has_collision());
        builder.name_users([name("otto")].into_iter());
        assert!(builder.has_collision());
    }

    proptest! {
        #[test]
        fn the_order_of_arrival_does_not_matter(
            rows in prop::collection::vec((0u64..9, 0u64..9, 0u32..50), 0..80),
            seed in any::<u64>(),
            rule in prop::sample::select(vec![Duplicates::Last, Duplicates::Sum, Duplicates::Mean, Duplicates::Max]),
        ) {
            let rows: Vec<Row> = rows.iter().enumerate()
                .map(|(i, &(u, item, v))| row(u, item, f64::from(v) * 0.1, i as u64)).collect();
            let mut shuffled = rows.clone();
            shuffled.sort_by_key(|r| keyed::mix(seed ^ r.order));
            let (a, b) = (seal(&rows, rule), seal(&shuffled, rule));
            prop_assert_eq!(&a.shard, &b.shard);
            prop_assert_eq!(a.merged + a.zeros + a.shard.matrix.nnz() as u64, rows.len() as u64);
            prop_assert!(a.shard.users.is_sorted());
        }
    }
}
