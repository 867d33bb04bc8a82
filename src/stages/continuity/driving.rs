//! The items that set apart users who moved: in this run, a larger share of them has rated these than of the users who stayed
//! in the segment that they left.
//!
//! Counts are exact, over the raw ratings, for the [`TOP_FLOWS`] largest flows. Flows are counted in groups, so that the table
//! of counts, `(flows and segments left, n_items)`, stays below [`TABLE_BYTES`].

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::matching::Matching;
use super::moves::{Move, NOWHERE, Past};
use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::kernel::csr::Csr;

/// The number of flows whose items are found.
pub const TOP_FLOWS: usize = 20;

/// The most items per flow.
pub const TOP_ITEMS: usize = 5;

/// The most bytes of counts of a group, if one flow fits in them.
const TABLE_BYTES: usize = 32 << 20;

/// An item, with the shares of users who rated it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Driving {
    /// Index into the item dictionary.
    pub item: u32,
    pub moved: f64,
    pub stayed: f64,
}

/// This worker's users, and what has become of them.
pub struct Users<'a> {
    /// Raw, `(n_local_users, n_items)`.
    pub ratings: &'a Csr,
    pub past: &'a Past,
    /// In this run.
    pub segments: &'a [u32],
    pub moves: &'a [Move],
    pub matching: &'a Matching,
}

/// For each of `flows` (from, to), all different, the items by how much the share of those who moved exceeds that of those who stayed; on the
/// coordinator. Empty for flows from segments where no user stayed.
pub fn find<C: Collective>(c: &mut C, users: &Users, flows: &[(u32, u32)]) -> Vec<Vec<Driving>> {
    let at_a_time = (TABLE_BYTES / (2 * size_of::<i64>() * users.ratings.n_cols.max(1))).max(1);
    let top = &flows[..flows.len().min(TOP_FLOWS)];
    let group = |flows: &[(u32, u32)]| of_group(c, users, flows);
    top.chunks(at_a_time).flat_map(group).collect()
}

/// The rows of a table of counts.
struct Rows {
    of_flow: BTreeMap<(u32, u32), usize>,
    /// The users who stayed, for each segment that flows leave.
    of_stayed: BTreeMap<u32, usize>,
}

/// Users, and users who rated each item, by row.
struct Counts {
    users: Vec<i64>,
    /// `(n_rows, n_items)`
    items: Vec<i64>,
}

fn of_group<C: Collective>(c: &mut C, users: &Users, flows: &[(u32, u32)]) -> Vec<Vec<Driving>> {
    let rows = Rows::of(flows);
    let mut counts = rows.count(users);
    c.sum(&mut counts.users);
    let owners = Owners::even(c.peers(), users.ratings.n_cols, 1);
    owners.sum(c, &mut counts.items);
    let own = owners.columns(c.index());
    let of_flow = |flow: usize| {
        let stayed = rows.of_stayed[&flows[flow].0];
        top(own.clone().filter_map(|item| counts.driving(item, flow, stayed)).collect())
    };
    let mine: Vec<Vec<Driving>> = (0..flows.len()).map(of_flow).collect();
    let parts = c.gather_values(&mine);
    if parts.is_empty() {
        return Vec::new();
    }
    (0..flows.len()).map(|flow| top(parts.iter().flat_map(|part| part[flow].iter().cloned()).collect())).collect()
}

impl Counts {
    /// An item, from the rows of a flow and of those who stayed.
    fn driving(&self, item: usize, moved: usize, stayed: usize) -> Option<Driving> {
        let n_items = self.items.len() / self.users.len();
        let count = |row: usize| (self.items[row * n_items + item], self.users[row]);
        Driving::of(item as u32, count(moved), count(stayed))
    }
}

impl Rows {
    /// The flows come first, then the segments that they leave.
    fn of(flows: &[(u32, u32)]) -> Rows {
        let of_flow = flows.iter().enumerate().map(|(row, &flow)| (flow, row)).collect();
        let left: BTreeSet<u32> = flows.iter().map(|(from, _)| *from).collect();
        let of_stayed = left.into_iter().zip(flows.len()..).collect();
        Rows { of_flow, of_stayed }
    }

    /// Over this worker's users.
    fn count(&self, users: &Users) -> Counts {
        let (n_rows, n_items) = (self.of_flow.len() + self.of_stayed.len(), users.ratings.n_cols);
        let row_of = self.of_users(users);
        let mut counts = Counts { users: vec![0; n_rows], items: vec![0; n_rows * n_items] };
        for (user, row) in users.ratings.rows().enumerate() {
            let Some(at) = row_of[user] else { continue };
            counts.users[at as usize] += 1;
            let of_row = &mut counts.items[at as usize * n_items..][..n_items];
            row.indices().iter().for_each(|&item| of_row[item as usize] += 1);
        }
        counts
    }

    /// The row in which each user counts, if any.
    fn of_users(&self, users: &Users) -> Vec<Option<u32>> {
        let Users { past, segments, moves, matching, .. } = *users;
        let stayed = |(&from, &to): (&u32, &u32)| {
            let stayed = from != NOWHERE && matching.then[from as usize].now.contains(&to);
            self.of_stayed.get(&from).filter(|_| stayed).map(|&row| row as u32)
        };
        let mut row_of: Vec<Option<u32>> = past.segment.iter().zip(segments).map(stayed).collect();
        for moved in moves {
            row_of[moved.user as usize] = self.of_flow.get(&(moved.from, moved.to)).map(|&row| row as u32);
        }
        row_of
    }
}

impl Driving {
    /// From the users who rated it, of how many; `None` unless a larger share of those who moved did.
    fn of(item: u32, moved: (i64, i64), stayed: (i64, i64)) -> Option<Driving> {
        let exceeds = i128::from(moved.0) * i128::from(stayed.1) > i128::from(stayed.0) * i128::from(moved.1);
        let share = |(count, users): (i64, i64)| count as f64 / users as f64;
        (exceeds && stayed.1 > 0).then(|| Driving { item, moved: share(moved), stayed: share(stayed) })
    }

    fn excess(&self) -> f64 {
        self.moved - self.stayed
    }
}

/// The items with the largest excess; ties by item.
fn top(mut found: Vec<Driving>) -> Vec<Driving> {
    found.sort_by(|a, b| b.excess().total_cmp(&a.excess()).then(a.item.cmp(&b.item)));
    found.truncate(TOP_ITEMS);
    found
}

#[cfg(test)]
mod tests {
    use super::super::matching::{Fate, Rest};
    use super::*;
    use crate::collective::testing::run_workers;

    /// Ten users of segment 0, of whom the last three have moved to 1 and rate item 5; all rate item 0, the others item 1.
    #[test]
    fn the_items_of_those_who_moved_are_found_in_any_layout() {
        let then = vec![
            Rest { fate: Fate::Kept, now: vec![0] },
            Rest { fate: Fate::Kept, now: vec![1] },
            Rest { fate: Fate::Died, now: vec![] },
        ];
        let matching = Matching { numbers: vec![0, 1], weight_of_users: 1.0, now: vec![], then };
        for peers in [1, 2, 3] {
            let found = run_workers(peers, |c| {
                let mut matrix = Csr::empty(7);
                let (mut past, mut segments, mut moves) = (Past::default(), Vec::new(), Vec::new());
                for user in (c.index()..12).step_by(c.peers()) {
                    let moved = (7..10).contains(&user);
                    let mut row = vec![(0, 3.0), (if moved { 5 } else { 1 }, 1.0)];
                    if user == 9 {
                        row.push((6, 1.0));
                    }
                    matrix.push_row(row);
                    past.segment.push(match user {
                        10 => NOWHERE,
                        11 => 2,
                        _ => 0,
                    });
                    past.inside.push(0.5);
                    segments.push(u32::from(user >= 7));
                    if moved || user == 11 {
                        let from = if moved { 0 } else { 2 };
                        moves.push(Move { user: segments.len() as u32 - 1, from, to: 1, margin: 1.0 });
                    }
                }
                let (segments, moves) = (&segments[..], &moves[..]);
                let users = Users { ratings: &matrix, past: &past, segments, moves, matching: &matching };
                find(c, &users, &[(0, 1), (2, 1)])
            });
            let driving = |item, moved, stayed| Driving { item, moved, stayed };
            assert_eq!(found[0], [vec![driving(5, 1.0, 0.0), driving(6, 1.0 / 3.0, 0.0)], vec![]], "{peers}");
            assert!(found[1..].iter().all(Vec::is_empty));
        }
    }
}
