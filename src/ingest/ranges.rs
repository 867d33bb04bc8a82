//! The ids of all workers in one order: worker r has the r-th range of them.
//!
//! The ranges are about as long as each other (sample sort: Frazer & McKellar 1970). Every worker shows ids at the same regular
//! distance in its own order, and the coordinator cuts where the shown ones say. Which worker had an id does not matter.

use std::ops::Range;

use super::ids::Id;
use crate::collective::Collective;

/// Ids shown for each range.
pub const SHOWN: u64 = 64;

/// Where the ids of all workers are cut: all but the first range begin with one of these ids, rising.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cuts(Vec<Id>);

impl Cuts {
    /// `mine` are the ids of this worker, rising. All workers call it together and get the same cuts, one fewer than there are
    /// workers.
    pub fn of<C: Collective>(c: &mut C, mine: &[&Id]) -> Cuts {
        let mut total = [mine.len() as u64];
        c.sum(&mut total);
        let step = total[0].div_ceil(SHOWN * c.peers() as u64).max(1) as usize;
        let shown: Vec<Id> = mine.iter().copied().skip(step / 2).step_by(step).cloned().collect();
        let mut shown: Vec<Id> = c.gather_values(&shown).concat();
        shown.sort_unstable();
        let cut = |range: usize| shown.get(shown.len() * range / c.peers()).cloned();
        let cuts: Vec<Id> = (1..c.peers()).filter_map(cut).collect();
        Cuts(c.broadcast_value(c.is_coordinator().then_some(&cuts)))
    }

    /// Which of `mine`, rising, belong to each of the `peers` workers.
    pub fn ranges(&self, mine: &[&Id], peers: usize) -> Vec<Range<usize>> {
        let mut ranges = Vec::with_capacity(peers);
        let mut start = 0;
        for cut in &self.0 {
            let end = start + mine[start..].partition_point(|id| *id < cut);
            ranges.push(start..end);
            start = end;
        }
        ranges.push(start..mine.len());
        // Without any id there are no cuts.
        ranges.resize(peers, mine.len()..mine.len());
        ranges
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_workers;

    fn share(c: &impl Collective, ids: &[Id]) -> Vec<Id> {
        let keep = |id: &&Id| crate::kernel::keyed::mix(id.draw_key()) % c.peers() as u64 == c.index() as u64;
        ids.iter().filter(keep).cloned().collect()
    }

    #[test]
    fn every_id_has_one_range_and_ranges_rise() {
        let mut ids: Vec<Id> = (0..3000u64).map(|n| Id::Number(n * n)).collect();
        ids.extend((0..2000).map(|n| Id::parse(&format!("text {n}"))));
        ids.sort();
        for peers in [1, 2, 3, 7] {
            for ids in [&ids[..], &ids[..2], &[]] {
                let found = run_workers(peers, |c| {
                    let mine = share(c, ids);
                    let mine: Vec<&Id> = mine.iter().collect();
                    let ranges = Cuts::of(c, &mine).ranges(&mine, peers);
                    ranges.into_iter().map(|range| mine[range].iter().map(|&id| id.clone()).collect()).collect()
                });
                let mut all = Vec::new();
                for range in 0..peers {
                    let mut of_range: Vec<Id> =
                        found.iter().flat_map(|parts: &Vec<Vec<Id>>| parts[range].clone()).collect();
                    of_range.sort();
                    assert!(of_range.len() <= 2 * ids.len() / peers + 2, "{peers} workers, range {range}");
                    all.extend(of_range);
                }
                assert_eq!(all, ids, "{peers} workers");
            }
        }
    }
}
