//! Which runs there are, and which of them go together.

use serde::{Deserialize, Serialize};

use crate::kernel::lloyd::Tiles;

/// Copies of a run's centroids that exist at once: sums, tiles, changes to the sums, and changes being sent and received.
const SLABS: u64 = 5;

/// One run of k-means: a number of clusters and a start, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    pub clusters: usize,
    pub start: usize,
}

/// Runs that share a seeding. Draws do not depend on the number of clusters, so runs of one start with as many
/// candidates per centre choose the same centres, and the smaller ones take the first of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    pub start: usize,
    /// Candidates per centre after the first.
    pub candidates: usize,
    /// Rising, without repeats.
    pub clusters: Vec<usize>,
}

impl Unit {
    /// Centres to be chosen.
    pub fn centres(&self) -> usize {
        *self.clusters.last().expect("a unit has a run")
    }

    /// The runs, in order.
    pub fn runs(&self) -> impl Iterator<Item = Run> {
        self.clusters.iter().map(|&clusters| Run { clusters, start: self.start })
    }

    /// What the work of the unit is roughly proportional to.
    pub fn cost(&self) -> usize {
        self.clusters.iter().sum()
    }

    /// Bytes in use on a worker with `n_rows` users while the unit is in progress. The sample that it begins in
    /// comes on top: `begin::bytes`.
    fn bytes(&self, n_rows: u64, n_dims: usize) -> u64 {
        let slabs: u64 = self.clusters.iter().map(|&k| SLABS * Tiles::bytes(k, n_dims)).sum();
        let runs = self.clusters.len() as u64;
        slabs + n_rows * (32 * runs + 24 + 8 * self.candidates as u64)
    }
}

/// 2 + ⌊ln k⌋ (Arthur & Vassilvitskii 2007, as scikit-learn has it).
pub fn candidates(clusters: usize) -> usize {
    2 + libm::log(clusters as f64).floor() as usize
}

/// The units of `n_init` starts of each number of clusters: by start, then by falling candidates.
pub fn units(clusters: &[usize], n_init: usize) -> Vec<Unit> {
    let mut clusters = clusters.to_vec();
    clusters.sort_unstable();
    clusters.dedup();
    let mut units = Vec::new();
    for start in 0..n_init.max(1) {
        for group in clusters.chunk_by(|&a, &b| candidates(a) == candidates(b)).rev() {
            units.push(Unit { start, candidates: candidates(group[0]), clusters: group.to_vec() });
        }
    }
    units
}

/// The runs of the units, in order.
pub fn runs(units: &[Unit]) -> impl Iterator<Item = Run> {
    units.iter().flat_map(Unit::runs)
}

/// Keeps the runs of the units for which `keep` is true.
pub fn retain(units: &mut Vec<Unit>, mut keep: impl FnMut(Run) -> bool) {
    for unit in units.iter_mut() {
        let start = unit.start;
        unit.clusters.retain(|&clusters| keep(Run { clusters, start }));
    }
    units.retain(|unit| !unit.clusters.is_empty());
}

/// Cuts the units into batches that fit `memory`, in order. A unit that is too large alone is cut into its runs; a run that
/// is too large alone becomes a batch nevertheless.
pub fn batches(units: Vec<Unit>, n_rows: u64, n_dims: usize, memory: u64) -> Vec<Vec<Unit>> {
    let mut batches: Vec<Vec<Unit>> = Vec::new();
    let mut free = 0;
    for unit in units.into_iter().flat_map(|unit| cut(unit, n_rows, n_dims, memory)) {
        let bytes = unit.bytes(n_rows, n_dims);
        match batches.last_mut() {
            Some(batch) if bytes <= free => {
                free -= bytes;
                batch.push(unit);
            }
            _ => {
                free = memory.saturating_sub(bytes);
                batches.push(vec![unit]);
            }
        }
    }
    batches
}

fn cut(unit: Unit, n_rows: u64, n_dims: usize, memory: u64) -> Vec<Unit> {
    if unit.bytes(n_rows, n_dims) <= memory {
        return vec![unit];
    }
    let Unit { start, candidates, clusters } = unit;
    clusters.into_iter().map(|k| Unit { start, candidates, clusters: vec![k] }).collect()
}

/// Divides the units among `peers` workers, the costliest first and each to the worker with the least work so far. Returns
/// those of worker `index`, in order.
pub fn share(units: Vec<Unit>, peers: usize, index: usize) -> Vec<Unit> {
    let mut order: Vec<usize> = (0..units.len()).collect();
    order.sort_by_key(|&u| std::cmp::Reverse(units[u].cost()));
    let mut load = vec![0; peers];
    let mut mine = vec![false; units.len()];
    for u in order {
        let worker = (0..peers).min_by_key(|&w| load[w]).expect("there is a worker");
        load[worker] += units[u].cost();
        mine[u] = worker == index;
    }
    units.into_iter().zip(mine).filter_map(|(unit, mine)| mine.then_some(unit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SWEEP: [usize; 8] = [5, 10, 25, 50, 100, 125, 150, 200];

    #[test]
    fn candidates_are_those_of_scikit_learn() {
        assert_eq!([1, 2, 3, 8, 25, 150, 200].map(candidates), [2, 2, 3, 4, 5, 7, 7]);
    }

    #[test]
    fn every_run_is_in_one_unit_and_every_unit_at_one_worker() {
        let units = units(&SWEEP, 10);
        let mut runs: Vec<(usize, usize)> =
            units.iter().flat_map(|u| u.clusters.iter().map(|&k| (u.start, k))).collect();
        runs.sort_unstable();
        assert_eq!(runs.len(), 80);
        runs.dedup();
        assert_eq!(runs.len(), 80);
        let shared: usize = (0..3).map(|w| share(units.clone(), 3, w).len()).sum();
        assert_eq!(shared, units.len());
    }

    #[test]
    fn batches_keep_to_the_memory_unless_a_run_alone_does_not() {
        let all = units(&SWEEP, 4);
        let (n_rows, n_dims) = (1000, 1000);
        for memory in [1, 5_000_000, 20_000_000, u64::MAX] {
            let batches = batches(all.clone(), n_rows, n_dims, memory);
            for batch in &batches {
                let bytes: u64 = batch.iter().map(|u| u.bytes(n_rows, n_dims)).sum();
                assert!(bytes <= memory || (batch.len() == 1 && batch[0].clusters.len() == 1));
            }
            let runs: usize = batches.iter().flatten().map(|u| u.clusters.len()).sum();
            assert_eq!(runs, 32);
        }
    }
}
