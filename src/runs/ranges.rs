//! Rows of users in the order of their ids, over the workers: each has a range, and hands out what others are to write.
//!
//! No process ever has all users. Ranges are about as long as each other ([`Cuts`]); the rows of a range are sorted where they end up.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::collective::Collective;
use crate::collective::steps::Step;
use crate::error::Result;
use crate::ingest::ids::Id;
use crate::ingest::ranges::Cuts;
use crate::results::users::UserRows;

/// The rows of all workers by rising id: those of this worker, and where the ranges begin.
#[derive(Debug, Clone)]
pub struct Ranges<T> {
    pub rows: T,
    /// The first row of each worker's range, and the number of all rows.
    starts: Vec<u64>,
    own: usize,
}

impl<T: UserRows> Ranges<T> {
    /// Sorts the rows of all workers. All call it together.
    pub fn of<C: Collective>(c: &mut C, rows: T) -> Ranges<T> {
        let rows = if c.peers() == 1 { rows.pick(&order(rows.ids())) } else { deal(c, rows) };
        let mut starts = vec![0];
        for length in c.concat(&[rows.ids().len() as u64]) {
            starts.push(starts[starts.len() - 1] + length);
        }
        Ranges { rows, starts, own: c.index() }
    }

    /// Over all workers.
    pub fn n_rows(&self) -> u64 {
        self.starts[self.starts.len() - 1]
    }

    /// The worker that has a row.
    pub fn owner(&self, row: u64) -> usize {
        self.starts.partition_point(|&start| start <= row) - 1
    }

    /// Hands each worker the rows that it wants, `wanted` by worker, one range after the other. `take` gets what this one wants, up to
    /// its first failure. All workers call it together, with the same `wanted`, and end with the same error.
    pub fn hand_out<C: Collective>(
        &self,
        c: &mut C,
        wanted: &[Vec<Range<u64>>],
        mut take: impl FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let mut taken = Ok(());
        let rounds = wanted.iter().map(Vec::len).max().unwrap_or(0);
        for round in 0..rounds {
            let mut outgoing: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
            let others = wanted.iter().enumerate().filter(|(worker, _)| *worker != self.own);
            for (worker, range) in others.filter_map(|(worker, ranges)| Some((worker, ranges.get(round)?))) {
                let here = self.here(range, self.own);
                if !here.is_empty() {
                    outgoing.insert(worker, bincode::serialize(&self.part(here)).expect("rows serialise"));
                }
            }
            let mine = wanted[self.own].get(round);
            // Whom this worker hears from, it speaks to.
            let sources = |range: &Range<u64>| {
                let has_some = |worker: &usize| !self.here(range, *worker).is_empty();
                (0..self.starts.len() - 1).filter(has_some).collect::<Vec<usize>>()
            };
            let sources = mine.map_or_else(Vec::new, sources);
            for &source in sources.iter().filter(|&&source| source != self.own) {
                outgoing.entry(source).or_default();
            }
            let mut incoming: BTreeMap<usize, Vec<u8>> =
                c.exchange_with(outgoing.into_iter().collect()).into_iter().collect();
            if let Some(range) = mine {
                let mut whole = T::default();
                for source in sources {
                    whole.append(match incoming.remove(&source) {
                        Some(rows) => bincode::deserialize(&rows).expect("workers send rows"),
                        None => self.part(self.here(range, self.own)),
                    });
                }
                // After a failure the rest is still sent for, since others wait for that.
                taken = taken.and_then(|()| take(whole));
            }
        }
        c.agree(taken)
    }

    fn part(&self, rows: Range<u32>) -> T {
        self.rows.pick(&rows.collect::<Vec<u32>>())
    }

    /// Those of a range of all rows that `worker` has, by their place there.
    fn here(&self, range: &Range<u64>, worker: usize) -> Range<u32> {
        let (start, end) = (self.starts[worker], self.starts[worker + 1]);
        let (from, to) = (range.start.clamp(start, end), range.end.clamp(start, end));
        (from - start) as u32..(to - start) as u32
    }
}

/// Sends the rows to the workers of their ranges.
fn deal<C: Collective, T: UserRows>(c: &mut C, rows: T) -> T {
    let order = order(rows.ids());
    let sorted: Vec<&Id> = order.iter().map(|&row| &rows.ids()[row as usize]).collect();
    let ranges = Cuts::of(c, &sorted).ranges(&sorted, c.peers());
    drop(sorted);
    let parts: Vec<T> = ranges.into_iter().map(|range| rows.pick(&order[range])).collect();
    drop(rows);
    let mut mine = T::default();
    Step::all(c).exchange(c, parts).into_iter().for_each(|part| mine.append(part));
    let sorted = self::order(mine.ids());
    mine.pick(&sorted)
}

/// Rows by rising id.
pub fn order(ids: &[Id]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..ids.len() as u32).collect();
    // Ids come in sorted runs, which are merged.
    order.sort_by(|&a, &b| ids[a as usize].cmp(&ids[b as usize]));
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_workers;
    use crate::results::UserTable;
    use crate::stages::kmeans::Assignment;

    fn ids() -> Vec<Id> {
        let mut ids: Vec<Id> = (0..400u64).map(|n| Id::Number(n * n)).collect();
        ids.extend(["a", "b", "007", "Zoë"].map(Id::parse));
        ids.sort();
        ids
    }

    /// Every column says which row it is of.
    fn table(ids: &[Id], rows: &[u32], classed: bool) -> UserTable {
        let real = |times: f64| rows.iter().map(|&row| f64::from(row) * times).collect::<Vec<f64>>();
        let whole = |more: u32| rows.iter().map(|row| row + more).collect::<Vec<u32>>();
        UserTable {
            users: rows.iter().map(|&row| ids[row as usize].clone()).collect(),
            assignment: Assignment {
                segment: whole(0),
                distance: real(0.5),
                second: whole(7),
                second_distance: real(0.25),
            },
            nb_segment: if classed { whole(9) } else { Vec::new() },
        }
    }

    #[test]
    fn rows_are_sorted_by_id_and_handed_out_as_asked_for() {
        let ids = ids();
        let all: Vec<u32> = (0..ids.len() as u32).collect();
        for (peers, classed) in [(1, true), (2, true), (3, false), (5, true)] {
            let found = run_workers(peers, |c| {
                let mut mine: Vec<u32> = all.iter().copied().skip(c.index()).step_by(c.peers()).collect();
                mine.reverse();
                let third = mine.len() / 3;
                mine.rotate_left(third);
                if c.index() == 2 {
                    mine.clear();
                }
                let ranges = Ranges::of(c, table(&ids, &mine, classed));
                // The last worker wants all rows in threes, the first the first half at once.
                let n = ranges.n_rows();
                let mut wanted = vec![Vec::new(); c.peers()];
                wanted[0].push(0..n / 2);
                wanted[c.peers() - 1].extend((0..n).step_by(3).map(|start| start..(start + 3).min(n)));
                let mut got = Vec::new();
                let take = |rows| {
                    got.push(rows);
                    Ok(())
                };
                ranges.hand_out(c, &wanted, take).unwrap();
                got
            });
            let there: Vec<u32> = all.iter().copied().filter(|&at| peers < 3 || at as usize % peers != 2).collect();
            let half = there.len() / 2;
            let mut last = found[peers - 1].clone();
            let first = if peers == 1 { last.remove(0) } else { found[0][0].clone() };
            assert_eq!(first, table(&ids, &there[..half], classed), "{peers}");
            let mut whole = UserTable::default();
            last.into_iter().for_each(|rows| whole.append(rows));
            assert_eq!(whole, table(&ids, &there, classed), "{peers}");
            assert!(peers < 3 || found[1].is_empty());
        }
    }

    #[test]
    fn without_rows_nothing_is_handed_out() {
        let found = run_workers(3, |c| {
            let ranges = Ranges::of(c, UserTable::default());
            ranges.hand_out(c, &vec![Vec::new(); 3], |_| panic!("nobody asked")).unwrap();
            ranges.n_rows()
        });
        assert_eq!(found, [0, 0, 0]);
    }
}
