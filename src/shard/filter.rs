//! Leaves out users and items with too few ratings, and items that are not among the most rated.
//!
//! Leaving out a user takes ratings from items, and leaving out an item takes ratings from users. So it is repeated until all
//! that remain have enough ratings of each other. The result is the largest such part of the ratings, in whatever order users
//! and items are left out (for a bipartite graph, the (p, q)-core of Ahmed et al. 2007), so it is the same in every layout.
//! Every remaining user has at least one rating.

use super::sealing::BlockWriter;
use super::store::Store;
use super::users::Shard;
use crate::collective::Collective;
use crate::error::Result;
use crate::ingest::ids::Id;
use crate::job::Filter;
use crate::kernel::csr::{Block, Csr, Rows};

/// The users and items that remain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// For each of this worker's users, whether it remains.
    pub users: Vec<bool>,
    /// For each item, the same on every worker.
    pub items: Vec<bool>,
}

impl Left {
    /// The remaining items, by their indices among all.
    pub fn item_indices(&self) -> Vec<u32> {
        (0..).zip(&self.items).filter(|(_, left)| **left).map(|(item, _)| item).collect()
    }
}

/// Finds the users and items that remain. All workers call it together.
pub fn choose<C: Collective>(c: &mut C, ratings: &Csr, filter: &Filter) -> Left {
    let least_ratings = filter.min_ratings_per_user.unwrap_or(1).max(1);
    let least_users = filter.min_users_per_item.unwrap_or(1).max(1);
    let mut left = Left { users: vec![true; ratings.n_rows()], items: vec![true; ratings.n_cols] };
    if let Some(most) = filter.top_items {
        left.items = most_rated(c, ratings, most);
    }
    loop {
        let mut n_users = ask_users(ratings, &mut left, least_ratings);
        c.sum(&mut n_users);
        let too_few: Vec<usize> =
            (0..n_users.len()).filter(|&item| left.items[item] && n_users[item] < least_users).collect();
        if too_few.is_empty() {
            return left;
        }
        too_few.into_iter().for_each(|item| left.items[item] = false);
    }
}

/// The `most` items with the most users; ties go to the lowest index.
fn most_rated<C: Collective>(c: &mut C, ratings: &Csr, most: u64) -> Vec<bool> {
    let mut n_users = ratings.column_counts();
    c.sum(&mut n_users);
    let mut items: Vec<usize> = (0..n_users.len()).collect();
    items.sort_by_key(|&item| std::cmp::Reverse(n_users[item]));
    let mut left = vec![false; n_users.len()];
    items.into_iter().take(usize::try_from(most).unwrap_or(usize::MAX)).for_each(|item| left[item] = true);
    left
}

/// Leaves out users with too few ratings of the remaining items; returns the number of remaining users of each item.
fn ask_users(ratings: &Csr, left: &mut Left, least_ratings: u64) -> Vec<u64> {
    let mut n_users = vec![0; ratings.n_cols];
    for (row, user) in ratings.rows().zip(&mut left.users) {
        let of_left = || row.indices().iter().map(|&item| item as usize).filter(|&item| left.items[item]);
        *user = *user && of_left().count() as u64 >= least_ratings;
        if *user {
            of_left().for_each(|item| n_users[item] += 1);
        }
    }
    n_users
}

/// The shard of the remaining users and items, with items renumbered; the blocks go to `store`.
pub fn keep(shard: Shard, left: &Left, store: &mut Store) -> Result<Shard> {
    let mut number = vec![u32::MAX; left.items.len()];
    let indices = left.item_indices();
    (0..).zip(&indices).for_each(|(new, &old)| number[old as usize] = new);
    let mut matrix = Csr::empty(indices.len());
    for block in shard.matrix.into_blocks() {
        let n_rows = block.rows().n_rows();
        if left.users[block.first_row..][..n_rows].contains(&true) {
            store.keep(&mut matrix, &rewritten(&block, left, &number))?;
        }
    }
    let users: Vec<Id> = of_left(shard.users, &left.users);
    let draw_keys = of_left(shard.draw_keys, &left.users);
    Ok(Shard { users, draw_keys, matrix })
}

/// The remaining ratings of a block.
fn rewritten(block: &Block, left: &Left, number: &[u32]) -> Rows {
    let rows = block.rows();
    let mut writer = BlockWriter::with_capacity(rows.n_rows(), rows.indices.len());
    for (row, _) in rows.rows().zip(&left.users[block.first_row..]).filter(|(_, left)| **left) {
        row.for_each(|item, value| {
            if left.items[item] {
                writer.push(number[item], value);
            }
        });
        writer.end_row();
    }
    writer.finish()
}

/// The elements of `all` that `left` marks.
pub fn of_left<T>(all: Vec<T>, left: &[bool]) -> Vec<T> {
    all.into_iter().zip(left).filter(|(_, left)| **left).map(|(one, _)| one).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::collective::{Solo, testing};
    use proptest::prelude::*;

    /// User, item, rating.
    type Ratings = BTreeSet<(usize, usize)>;

    fn value(user: usize, item: usize) -> f64 {
        ((user * 31 + item * 17) % 400) as f64 / 8.0 + 0.5
    }

    /// The users `mine` says, in blocks of three, within `limit` bytes of memory.
    fn shard(
        ratings: &Ratings,
        n_users: usize,
        n_items: usize,
        mine: impl Fn(usize) -> bool,
        limit: u64,
    ) -> (Shard, Store) {
        let mut store = Store::new(limit, std::env::temp_dir().as_path());
        let users: Vec<usize> = (0..n_users).filter(|&user| mine(user)).collect();
        let mut matrix = Csr::empty(n_items);
        for of_block in users.chunks(3) {
            let mut writer = BlockWriter::with_capacity(3, 0);
            for &user in of_block {
                let items = (0..n_items).filter(|&item| ratings.contains(&(user, item)));
                items.for_each(|item| writer.push(item as u32, value(user, item)));
                writer.end_row();
            }
            store.keep(&mut matrix, &writer.finish()).unwrap();
        }
        let ids: Vec<Id> = users.iter().map(|&user| Id::Number(user as u64)).collect();
        let draw_keys = ids.iter().map(Id::draw_key).collect();
        (Shard { users: ids, draw_keys, matrix }, store)
    }

    /// Leaves out one user or item at a time, whichever `choice` picks, as long as one has too little.
    fn one_by_one(ratings: &Ratings, n_items: usize, filter: &Filter, mut choice: u64) -> Ratings {
        let mut ratings = ratings.clone();
        if let Some(most) = filter.top_items {
            let count = |item: usize| ratings.iter().filter(|rating| rating.1 == item).count();
            let mut items: Vec<(std::cmp::Reverse<usize>, usize)> =
                (0..n_items).map(|item| (std::cmp::Reverse(count(item)), item)).collect();
            items.sort();
            let top: Vec<usize> = items.into_iter().take(most as usize).map(|(_, item)| item).collect();
            ratings.retain(|(_, item)| top.contains(item));
        }
        loop {
            let few = |user: usize| {
                let n = ratings.iter().filter(|rating| rating.0 == user).count() as u64;
                n < filter.min_ratings_per_user.unwrap_or(0)
            };
            let rare = |item: usize| {
                let n = ratings.iter().filter(|rating| rating.1 == item).count() as u64;
                n < filter.min_users_per_item.unwrap_or(0)
            };
            let users: BTreeSet<usize> = ratings.iter().map(|rating| rating.0).filter(|&user| few(user)).collect();
            let items: BTreeSet<usize> = ratings.iter().map(|rating| rating.1).filter(|&item| rare(item)).collect();
            let leaving: Vec<(bool, usize)> =
                users.into_iter().map(|user| (true, user)).chain(items.into_iter().map(|item| (false, item))).collect();
            if leaving.is_empty() {
                return ratings;
            }
            choice = choice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let (is_user, one) = leaving[(choice >> 33) as usize % leaving.len()];
            ratings.retain(|&(user, item)| if is_user { user != one } else { item != one });
        }
    }

    /// What is left of the ratings, with the values that came along.
    fn left_of(shard: &Shard, items: &[u32]) -> Vec<(usize, usize, f64)> {
        let mut ratings = Vec::new();
        for (row, id) in shard.matrix.rows().zip(&shard.users) {
            let Id::Number(user) = id else { unreachable!("users are numbers") };
            row.iter().for_each(|(item, value)| ratings.push((*user as usize, items[item] as usize, value)));
        }
        ratings
    }

    proptest! {
        #[test]
        fn what_is_left_is_what_leaving_out_one_by_one_leaves(
            ratings in prop::collection::btree_set((0usize..24, 0usize..14), 0..160),
            limits in (prop::option::of(1u64..7), prop::option::of(1u64..7), prop::option::of(1u64..15)),
            choice in any::<u64>(), peers in 1usize..4, limit in prop::sample::select(vec![0, 300, u64::MAX]),
        ) {
            let (min_ratings_per_user, min_users_per_item, top_items) = limits;
            let filter = Filter { min_ratings_per_user, min_users_per_item, top_items, ..Filter::default() };
            let expected: Vec<(usize, usize, f64)> = one_by_one(&ratings, 14, &filter, choice)
                .into_iter().map(|(user, item)| (user, item, value(user, item))).collect();
            let parts = testing::run_workers(peers, |c| {
                let own = c.index();
                let (shard, mut store) = shard(&ratings, 24, 14, |user| user * 7 % peers == own, limit);
                let left = choose(c, &shard.matrix, &filter);
                let kept = keep(shard, &left, &mut store).unwrap();
                let items = left.item_indices();
                assert_eq!(kept.matrix.n_cols, items.len());
                assert_eq!(kept.draw_keys, kept.users.iter().map(Id::draw_key).collect::<Vec<_>>());
                assert!(kept.matrix.rows().all(|row| !row.is_empty()), "a user without a rating is left");
                (left_of(&kept, &items), items)
            });
            prop_assert!(parts.iter().all(|(_, items)| *items == parts[0].1), "workers differ");
            let mut left: Vec<_> = parts.iter().flat_map(|(ratings, _)| ratings.clone()).collect();
            left.sort_by_key(|&(user, item, _)| (user, item));
            prop_assert_eq!(&left, &expected);
            let rated: BTreeSet<u32> = left.iter().map(|rating| rating.1 as u32).collect();
            prop_assert_eq!(rated.into_iter().collect::<Vec<_>>(), parts[0].1.clone(), "an item without a user is left");
        }
    }

    #[test]
    fn of_items_with_as_many_users_the_first_stay() {
        let ratings: Ratings = [(0, 3), (1, 3), (0, 2), (1, 1), (2, 0)].into();
        let (shard, _) = shard(&ratings, 3, 5, |_| true, u64::MAX);
        let filter = Filter { top_items: Some(2), ..Filter::default() };
        let left = choose(&mut Solo, &shard.matrix, &filter);
        assert_eq!(left.item_indices(), [0, 3]);
        assert_eq!(left.users, [true; 3]);
    }
}
