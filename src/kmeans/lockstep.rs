//! Lloyd's algorithm for many runs at once.
//!
//! An iteration is: every run assigns the local users; one collective adds up, for all runs, how many users changed
//! their cluster, who came and went, and the inertia; another adds up the changes to the sums of the clusters that
//! anyone entered or left. Sums are integers, so adding changes gives exactly what summing anew would.
//!
//! The law: the inertia never rises from one iteration to the next.
//!
//! As in scikit-learn a run ends when no label changes, when its centroids move by no more than the tolerance, or after
//! `max_iter` iterations; the last two assign once more, so that labels and inertia belong to the centroids. An empty
//! cluster takes the user farthest from its own centroid.
//!
//! Where a user's centroid did not move, every other centroid that did not move is still farther: only those that moved
//! are compared. Distances have the same bits each time they are computed, so the pruning is exact.

use crate::collective::Collective;
use crate::job::KMeansParams;
use crate::kernel::fixed;
use crate::kernel::lloyd::{self, Cloud, Nearest, Tiles};

use super::plan::Run;
use super::seeding::Beginning;
use super::spread::Outcome;
use super::users::{Facts, Users};

/// A run at its end.
pub struct Finished {
    pub outcome: Outcome,
    pub tiles: Tiles,
    /// Users in each cluster.
    pub counts: Vec<i64>,
    /// The inertia at each assignment, and how often a user was spared the centroids that did not move.
    #[cfg(test)]
    pub trace: Vec<i64>,
    #[cfg(test)]
    pub spared: usize,
}

/// Moves all runs to their ends; in the order in which they were given.
pub fn lloyd<C: Collective>(
    c: &mut C,
    users: &Users,
    params: &KMeansParams,
    beginnings: Vec<Beginning>,
) -> Vec<Finished> {
    let mut runs: Vec<State> = beginnings.into_iter().map(|b| State::new(b, users.n_dims())).collect();
    loop {
        let mut active: Vec<&mut State> = runs.iter_mut().filter(|run| run.phase != Phase::Done).collect();
        if active.is_empty() {
            break;
        }
        active.iter_mut().for_each(|run| run.assign(&users.cloud));
        take_stock(c, &users.facts, &mut active);
        active.retain(|run| run.phase == Phase::Moving);
        refill_empty(c, users.draw_keys, &mut active);
        move_centroids(c, users, params, &mut active);
    }
    runs.into_iter().map(|run| run.finish(&users.facts)).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Moving,
    /// The centroids are final; one more assignment.
    Closing,
    Done,
}

/// A run on its way.
struct State {
    run: Run,
    phase: Phase,
    iterations: usize,
    converged: bool,
    inertia: i64,
    tiles: Tiles,
    /// `(n_clusters, n_dims)` in fixed point, over all workers; as of the last move.
    sums: Vec<i64>,
    /// Over all workers.
    counts: Vec<i64>,
    nearest: Nearest,
    /// Local users whose cluster changed since the last move: row and cluster then (`u32::MAX`: none yet).
    changed: Vec<(u32, u32)>,
    /// Clusters entered or left since the last move, at any worker.
    touched: Vec<bool>,
    /// Centroids that the last move moved.
    moved: Vec<bool>,
    /// Clusters that took or gave a user outside an assignment: their users' distances are out of date.
    refilled: Vec<u32>,
    #[cfg(test)]
    trace: Vec<i64>,
    #[cfg(test)]
    spared: usize,
}

impl State {
    fn new(beginning: Beginning, n_dims: usize) -> State {
        let k = beginning.run.clusters;
        State {
            run: beginning.run,
            phase: Phase::Moving,
            iterations: 0,
            converged: false,
            inertia: 0,
            tiles: beginning.tiles,
            sums: vec![0; k * n_dims],
            counts: vec![0; k],
            nearest: beginning.nearest,
            changed: Vec::new(),
            touched: vec![false; k],
            moved: vec![true; k],
            refilled: Vec::new(),
            #[cfg(test)]
            trace: Vec::new(),
            #[cfg(test)]
            spared: 0,
        }
    }

    /// Finds every local user's nearest centroid and who changed. The first time the seeding has found it.
    fn assign(&mut self, cloud: &Cloud) {
        let n_rows = cloud.points.n_rows() as u32;
        self.changed.clear();
        if self.iterations == 0 {
            self.changed.extend((0..n_rows).map(|row| (row, u32::MAX)));
            return;
        }
        let before = self.nearest.label.clone();
        let moved: Vec<u32> = (0..self.run.clusters as u32).filter(|&j| self.moved[j as usize]).collect();
        let (anew, rest): (Vec<u32>, Vec<u32>) = if worth_pruning(moved.len(), self.run.clusters) {
            (0..n_rows).partition(|&row| self.moved[before[row as usize] as usize])
        } else {
            ((0..n_rows).collect(), Vec::new())
        };
        anew.iter().for_each(|&row| self.nearest.forget(row as usize));
        lloyd::scan(cloud, &anew, &self.tiles, &mut self.nearest);
        if !rest.is_empty() && !moved.is_empty() {
            lloyd::scan(cloud, &rest, &self.tiles.subset(&cloud.points, &moved), &mut self.nearest);
        }
        #[cfg(test)]
        self.check_pruning(cloud, rest.len());
        let labels = self.nearest.label.iter().zip(before);
        self.changed
            .extend((0..).zip(labels).filter(|(_, (now, then))| *now != then).map(|(row, (_, then))| (row, then)));
    }

    /// The law of pruning: the same bits as comparing everyone with everything.
    #[cfg(test)]
    fn check_pruning(&mut self, cloud: &Cloud, spared: usize) {
        self.spared += spared;
        let n_rows = cloud.points.n_rows();
        if spared > 0 && n_rows * self.run.clusters <= 20_000 {
            let mut all = Nearest::none(n_rows);
            lloyd::scan(cloud, &Vec::from_iter(0..n_rows as u32), &self.tiles, &mut all);
            assert_eq!(self.nearest, all);
        }
    }

    /// What this worker adds to the stock: change of counts, moves in or out of each cluster, inertia, changes.
    fn stock(&self, factor: f64, out: &mut Vec<i64>) {
        let k = self.run.clusters;
        let first = out.len();
        out.resize(first + 2 * k, 0);
        let (counts, moves) = out[first..].split_at_mut(k);
        for &(row, from) in &self.changed {
            let to = self.nearest.label[row as usize] as usize;
            counts[to] += 1;
            moves[to] += 1;
            if from != u32::MAX {
                counts[from as usize] -= 1;
                moves[from as usize] += 1;
            }
        }
        out.push(self.nearest.squared.iter().map(|&squared| fixed::round(squared * factor)).sum());
        out.push(self.changed.len() as i64);
    }

    /// Takes in the stock of all workers and decides whether the run goes on. Returns the rest of `stock`.
    fn take<'a>(&mut self, stock: &'a [i64]) -> &'a [i64] {
        let k = self.run.clusters;
        let (own, rest) = stock.split_at(2 * k + 2);
        for j in 0..k {
            self.counts[j] += own[j];
            self.touched[j] = own[k + j] > 0;
        }
        self.inertia = own[2 * k];
        #[cfg(test)]
        self.trace.push(self.inertia);
        let unchanged = own[2 * k + 1] == 0;
        if self.phase == Phase::Closing {
            self.phase = Phase::Done;
        } else {
            self.iterations += 1;
            if unchanged {
                self.converged = true;
                self.phase = Phase::Done;
            }
        }
        rest
    }

    /// Moves a local user to an empty cluster.
    fn reassign(&mut self, row: u32, to: u32) {
        let from = std::mem::replace(&mut self.nearest.label[row as usize], to);
        if !self.changed.iter().any(|&(changed, _)| changed == row) {
            self.changed.push((row, from));
        }
    }

    fn touched(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.run.clusters).filter(|&j| self.touched[j])
    }

    /// Appends this worker's changes to the sums of the touched clusters, in their order.
    fn changes(&self, cloud: &Cloud, factor: f64, out: &mut Vec<i64>) {
        let n_dims = cloud.points.n_dims();
        let mut slot = vec![usize::MAX; self.run.clusters];
        let first = out.len();
        let mut next = first;
        for j in self.touched() {
            slot[j] = next;
            next += n_dims;
        }
        out.resize(next, 0);
        for &(row, from) in &self.changed {
            let to = self.nearest.label[row as usize];
            let plus = &mut out[slot[to as usize]..][..n_dims];
            cloud.points.for_each(row as usize, |dim, value| plus[dim] += fixed::round(value * factor));
            if from != u32::MAX {
                let minus = &mut out[slot[from as usize]..][..n_dims];
                cloud.points.for_each(row as usize, |dim, value| minus[dim] -= fixed::round(value * factor));
            }
        }
    }

    /// Applies the changes of all workers and moves the centroids. Returns the rest of `changes`.
    fn advance<'a>(&mut self, changes: &'a [i64], facts: &Facts, params: &KMeansParams) -> &'a [i64] {
        let n_dims = self.sums.len() / self.run.clusters;
        let touched: Vec<usize> = self.touched().collect();
        let (own, rest) = changes.split_at(touched.len() * n_dims);
        for (&j, changes) in touched.iter().zip(own.chunks_exact(n_dims.max(1))) {
            let sums = &mut self.sums[j * n_dims..][..n_dims];
            sums.iter_mut().zip(changes).for_each(|(sum, change)| *sum += change);
        }
        let unit = 1.0 / facts.coordinate_scale.factor();
        let shifts = self.tiles.move_to_means(&self.sums, &self.counts, unit, &self.touched);
        let shift = shifts.iter().fold(0.0, |sum, shift| sum + shift.squared);
        self.moved = shifts.iter().map(|shift| shift.moved).collect();
        self.refilled.drain(..).for_each(|j| self.moved[j as usize] = true);
        if shift <= facts.tolerance {
            self.converged = true;
            self.phase = Phase::Closing;
        } else if self.iterations >= params.max_iter {
            self.phase = Phase::Closing;
        }
        rest
    }

    fn finish(self, facts: &Facts) -> Finished {
        Finished {
            outcome: Outcome {
                run: self.run,
                iterations: self.iterations,
                converged: self.converged,
                fixed_inertia: self.inertia,
                inertia: facts.distance_scale.real(self.inertia),
            },
            tiles: self.tiles,
            counts: self.counts,
            #[cfg(test)]
            trace: self.trace,
            #[cfg(test)]
            spared: self.spared,
        }
    }
}

/// Comparing with the moved centroids alone pays where they are few: putting them side by side costs, too.
fn worth_pruning(moved: usize, clusters: usize) -> bool {
    2 * moved <= clusters
}

/// Adds up counts, moves and inertia of all runs over all workers.
fn take_stock<C: Collective>(c: &mut C, facts: &Facts, active: &mut [&mut State]) {
    let mut stock = Vec::new();
    active.iter().for_each(|run| run.stock(facts.distance_scale.factor(), &mut stock));
    c.sum(&mut stock);
    let mut rest = stock.as_slice();
    for run in active.iter_mut() {
        rest = run.take(rest);
    }
}

/// Moves the centroids of all runs.
fn move_centroids<C: Collective>(c: &mut C, users: &Users, params: &KMeansParams, active: &mut [&mut State]) {
    let mut changes = Vec::new();
    active.iter().for_each(|run| run.changes(&users.cloud, users.facts.coordinate_scale.factor(), &mut changes));
    c.sum(&mut changes);
    let mut rest = changes.as_slice();
    for run in active.iter_mut() {
        rest = run.advance(rest, &users.facts, params);
    }
}

/// A user that may leave its cluster for an empty one: `[run, bits of the squared distance, draw key, cluster, row]`.
type Leaver = [u64; 5];

/// Gives each empty cluster the user farthest from its centroid: by falling distance, then by draw key. A cluster keeps
/// its last user, and a user on its centroid stays; where nobody is left to move, the cluster stays empty.
fn refill_empty<C: Collective>(c: &mut C, draw_keys: &[u64], active: &mut [&mut State]) {
    if active.iter().all(|run| run.counts.iter().all(|&count| count > 0)) {
        return;
    }
    let mut mine: Vec<Leaver> = Vec::new();
    for (index, run) in active.iter().enumerate().filter(|(_, run)| run.counts.contains(&0)) {
        mine.extend(leavers(index as u64, run, draw_keys));
    }
    let mut all: Vec<(Leaver, usize)> = Vec::new();
    for (worker, theirs) in c.all_gather(&mine).into_iter().enumerate() {
        all.extend(theirs.into_iter().map(|leaver| (leaver, worker)));
    }
    all.sort_by_key(|&([run, squared, key, ..], _)| (run, std::cmp::Reverse(squared), key));
    for ([index, _, _, from, row], worker) in all {
        let run = &mut active[index as usize];
        let (from, empty) = (from as usize, run.counts.iter().position(|&count| count == 0));
        let Some(empty) = empty.filter(|_| run.counts[from] > 1) else { continue };
        run.counts[from] -= 1;
        run.counts[empty] += 1;
        run.touched[from] = true;
        run.touched[empty] = true;
        run.refilled.extend([from as u32, empty as u32]);
        if worker == c.index() {
            run.reassign(row as u32, empty as u32);
        }
    }
}

/// The farthest local users of a run: as many as it has clusters. No more can be needed, since of those in front of a
/// user that moves at most one in each cluster that is not empty stays.
fn leavers(index: u64, run: &State, draw_keys: &[u64]) -> Vec<Leaver> {
    let mut leavers: Vec<Leaver> = (0..)
        .zip(&run.nearest.squared)
        .filter(|(_, squared)| **squared > 0.0)
        .map(|(row, squared)| [index, squared.to_bits(), draw_keys[row], u64::from(run.nearest.label[row]), row as u64])
        .collect();
    leavers.sort_unstable_by_key(|&[_, squared, key, ..]| (std::cmp::Reverse(squared), key));
    leavers.truncate(run.run.clusters);
    leavers
}
