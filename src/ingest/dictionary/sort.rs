//! The ids of all workers in order: a sample sort (Frazer & McKellar 1970).
//!
//! Each worker sorts what it has and sends each range ([`Cuts`]) to the worker that has that range, which merges what comes.
//! How many ids the ranges before it have says which index its first one has.

use crate::collective::Collective;
use crate::collective::steps::Step;
use crate::ingest::ids::Id;
use crate::ingest::ranges::Cuts;

/// The ids of all workers, sorted.
pub struct Sorted {
    /// Where each id that this worker gave is among all, in the order in which it gave them.
    pub indices: Vec<u32>,
    /// The ids of this worker's range, rising.
    pub range: Vec<Id>,
    /// Ids of all ranges.
    pub n: usize,
}

/// Sorts the ids of all workers. No two are the same.
pub fn sort<C: Collective>(c: &mut C, ids: Vec<Id>) -> Sorted {
    let mut own: Vec<(Id, u32)> = ids.into_iter().zip(0..).collect();
    own.sort_unstable();
    let (ids, places): (Vec<Id>, Vec<u32>) = own.into_iter().unzip();
    let parts = cut(c, ids);
    let parts = Step::all(c).exchange(c, parts);
    let lengths = c.concat(&[parts.iter().map(Vec::len).sum::<usize>() as u64]);
    let before: u64 = lengths[..c.index()].iter().sum();
    let (range, found) = merge(parts, before as u32);
    let found = Step::all(c).exchange(c, found);
    let mut indices = vec![0; places.len()];
    places.iter().zip(found.iter().flatten()).for_each(|(&place, &index)| indices[place as usize] = index);
    Sorted { indices, range, n: lengths.iter().sum::<u64>() as usize }
}

/// The ranges of sorted ids, by worker.
fn cut<C: Collective>(c: &mut C, ids: Vec<Id>) -> Vec<Vec<Id>> {
    let shown: Vec<&Id> = ids.iter().collect();
    let ranges = Cuts::of(c, &shown).ranges(&shown, c.peers());
    let mut ids = ids.into_iter();
    ranges.iter().map(|range| ids.by_ref().take(range.len()).collect()).collect()
}

/// Sorted ids in one order, and the index of each id of each part, where the first of all has the index `first`.
fn merge(parts: Vec<Vec<Id>>, first: u32) -> (Vec<Id>, Vec<Vec<u32>>) {
    let lengths: Vec<usize> = parts.iter().map(Vec::len).collect();
    let mut all: Vec<(Id, u32)> = parts.into_iter().flatten().zip(0..).collect();
    // A stable sort merges what is sorted in pieces.
    all.sort();
    let mut indices = vec![0; all.len()];
    all.iter().zip(first..).for_each(|((_, place), index)| indices[*place as usize] = index);
    let mut indices = indices.into_iter();
    let of_parts = lengths.into_iter().map(|length| indices.by_ref().take(length).collect()).collect();
    (all.into_iter().map(|(id, _)| id).collect(), of_parts)
}

/// The ranges of all workers one after the other, on the coordinator; nothing elsewhere.
pub fn join<C: Collective>(c: &mut C, range: Vec<Id>) -> Vec<Id> {
    // The first range is the coordinator's own.
    let (mut ids, sent) = match c.is_coordinator() {
        true => (range, Vec::new()),
        false => (Vec::new(), bincode::serialize(&range).expect("ids serialise")),
    };
    for part in c.gather(sent).into_iter().skip(1) {
        ids.extend(bincode::deserialize::<Vec<Id>>(&part).expect("every worker sends ids"));
    }
    ids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_workers;

    #[test]
    fn indices_are_those_of_one_sorted_list() {
        let mut all: Vec<Id> = (0..300u64).map(|n| Id::Number(n * n % 1009)).collect();
        all.extend((0..200).map(|n| Id::parse(&format!("text {n}"))));
        all.sort();
        all.dedup();
        for peers in [1, 2, 3, 7] {
            for n in [all.len(), 2, 1, 0] {
                let all = &all[..n];
                // Falling, and nothing at worker 1.
                let holder = |at: usize| if at % peers == 1 { 0 } else { at % peers };
                let given = |worker: usize| (0..n).rev().filter(move |&at| holder(at) == worker);
                let found = run_workers(peers, |c| {
                    let Sorted { indices, range, n } = sort(c, given(c.index()).map(|at| all[at].clone()).collect());
                    (indices, n, join(c, range))
                });
                for (worker, (indices, total, joined)) in found.into_iter().enumerate() {
                    assert_eq!(indices, given(worker).map(|at| at as u32).collect::<Vec<_>>());
                    assert_eq!(total, n);
                    assert_eq!(joined, if worker == 0 { all } else { &[] });
                }
            }
        }
    }
}
