//! A run in progress: what a worker knows of it between the steps of an iteration.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::job::KMeansParams;
use crate::kernel::fixed;
use crate::kernel::lloyd::bounds::Bounds;
use crate::kernel::lloyd::odometers::Odometers;
use crate::kernel::lloyd::{self, Cloud, Nearest, Points, Scores, Shift, Tiles, dense};
use crate::watch::progress::{self, RunAt, RunOf, Space};

use super::outcome::{Finished, Outcome};
use super::plan::Run;
use super::seeding::Beginning;
use super::users::{Facts, Users};

/// All runs pass over about this many bytes of users before the next.
const STRETCH_BYTES: usize = 256 << 10;

/// A run in progress, as a checkpoint keeps it: the centroids from which its last iteration started. Repeating that
/// iteration leads to the same centroids, and to the labels that the next iteration compares with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Underway {
    pub run: Run,
    /// Iterations before the last one.
    pub iterations: usize,
    /// `(n_clusters, n_dims)`.
    pub centroids: Vec<Vec<f64>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    Moving,
    /// The centroids are final; one more assignment.
    Closing,
    Done,
}

/// A run in progress.
pub struct State {
    pub run: Run,
    pub phase: Phase,
    pub iterations: usize,
    pub converged: bool,
    pub tiles: Tiles,
    /// No local user has been assigned yet.
    pub fresh: bool,
    /// The centroids from which the last iteration set out.
    pub before: Option<Tiles>,
    /// Iterations before that one.
    pub moved_at: usize,
    /// `(n_clusters, n_dims)` in fixed point, over all workers; as of the last move.
    pub sums: Vec<i64>,
    /// Over all workers.
    pub counts: Vec<i64>,
    pub members: Members,
    /// Local users whose cluster changed since the last move: row and cluster then (`u32::MAX`: none yet).
    pub changed: Vec<(u32, u32)>,
    /// Clusters entered or left since the last move, at any worker.
    pub touched: Vec<bool>,
    /// Centroids that the last move moved.
    pub moved: Vec<bool>,
    /// Clusters that took or gave a user outside an assignment: the distances of their users are out of date.
    pub refilled: Vec<u32>,
    #[cfg(test)]
    pub trace: Vec<i64>,
    #[cfg(test)]
    pub spared: usize,
}

/// The cluster of each local user, and what spares it comparisons.
pub enum Members {
    Dense { bounds: Bounds, odometers: Odometers },
    Sparse(Nearest),
}

impl Members {
    pub fn labels(&self) -> &[u32] {
        match self {
            Members::Dense { bounds, .. } => &bounds.label,
            Members::Sparse(nearest) => &nearest.label,
        }
    }

    /// Moves a user to the cluster `to`. Returns the cluster where it was.
    fn put(&mut self, row: usize, to: u32) -> u32 {
        let label = match self {
            Members::Dense { bounds, .. } => {
                bounds.doubt(row);
                &mut bounds.label[row]
            }
            Members::Sparse(nearest) => &mut nearest.label[row],
        };
        std::mem::replace(label, to)
    }
}

impl State {
    pub fn new(beginning: Beginning, n_rows: usize, n_dims: usize) -> State {
        let k = beginning.run.clusters;
        let members = match beginning.nearest {
            Some(nearest) => Members::Sparse(nearest),
            None => Members::Dense { bounds: Bounds::new(n_rows), odometers: Odometers::new(k) },
        };
        State {
            run: beginning.run,
            phase: Phase::Moving,
            iterations: beginning.iterations,
            converged: false,
            tiles: beginning.tiles,
            fresh: true,
            before: None,
            moved_at: 0,
            sums: vec![0; k * n_dims],
            counts: vec![0; k],
            members,
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

    pub fn underway(&self) -> Underway {
        let (tiles, iterations) = match &self.before {
            Some(before) => (before, self.moved_at),
            None => (&self.tiles, self.iterations),
        };
        let centroids = (0..self.run.clusters).map(|j| tiles.coordinates(j).collect()).collect();
        Underway { run: self.run, iterations, centroids }
    }

    /// Calls `f` with the squared distances of all local users to their own centroids, a stretch at a time.
    pub fn own_distances(&self, cloud: &Cloud, mut f: impl FnMut(&[f64])) {
        match &self.members {
            Members::Sparse(nearest) => f(&nearest.squared),
            Members::Dense { bounds, .. } => {
                let (scores, _) = cloud.dense().expect("members are of the kind of their points");
                let (centroids, mut squared) = (self.tiles.rows(), Vec::new());
                let centroids = Scores { values: &centroids, n_dims: scores.n_dims };
                for rows in stretches(cloud) {
                    let labels = &bounds.label[rows.clone()];
                    dense::own_distances(scores, rows, labels, centroids, &mut squared);
                    f(&squared);
                }
            }
        }
    }

    /// What the local users add to the inertia.
    pub fn inertia(&self, users: &Users) -> i64 {
        let factor = users.facts.distance_scale.factor();
        let mut sum = 0;
        let add = |squared: &[f64]| sum += squared.iter().map(|&squared| fixed::round(squared * factor)).sum::<i64>();
        self.own_distances(&users.cloud, add);
        sum
    }

    /// Appends what this worker adds to the stock: for each cluster the change of its count, then for each cluster the users
    /// that entered or left it, then the number of users whose cluster changed.
    pub fn stock(&self, out: &mut Vec<i64>) {
        let k = self.run.clusters;
        let labels = self.members.labels();
        let first = out.len();
        out.resize(first + 2 * k, 0);
        let (counts, moves) = out[first..].split_at_mut(k);
        for &(row, from) in &self.changed {
            let to = labels[row as usize] as usize;
            counts[to] += 1;
            moves[to] += 1;
            if from != u32::MAX {
                counts[from as usize] -= 1;
                moves[from as usize] += 1;
            }
        }
        out.push(self.changed.len() as i64);
    }

    /// Takes this run's part of the stock of all workers and decides whether the run goes on. Returns the rest of `stock`.
    pub fn take<'a>(&mut self, stock: &'a [i64]) -> &'a [i64] {
        let k = self.run.clusters;
        let (own, rest) = stock.split_at(2 * k + 1);
        for j in 0..k {
            self.counts[j] += own[j];
            self.touched[j] = own[k + j] > 0;
        }
        let unchanged = own[2 * k] == 0;
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
    pub fn reassign(&mut self, row: u32, to: u32) {
        let from = self.members.put(row as usize, to);
        if !self.changed.iter().any(|&(changed, _)| changed == row) {
            self.changed.push((row, from));
        }
    }

    fn touched(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.run.clusters).filter(|&j| self.touched[j])
    }

    /// Appends this worker's changes to the sums of the touched clusters, in their order.
    pub fn changes(&self, cloud: &Cloud, factor: f64, out: &mut Vec<i64>) {
        let n_dims = cloud.points.n_dims();
        let labels = self.members.labels();
        let mut slot = vec![usize::MAX; self.run.clusters];
        let first = out.len();
        let mut next = first;
        for j in self.touched() {
            slot[j] = next;
            next += n_dims;
        }
        out.resize(next, 0);
        if let Points::Dense { values, n_dims, .. } = cloud.points {
            dense::add_moves(Scores { values, n_dims }, &self.changed, labels, &slot, factor, out);
            return;
        }
        for &(row, from) in &self.changed {
            let to = labels[row as usize];
            add_row(cloud, row, factor, &mut out[slot[to as usize]..][..n_dims]);
            if from != u32::MAX {
                add_row(cloud, row, -factor, &mut out[slot[from as usize]..][..n_dims]);
            }
        }
    }

    /// Reports the progress of the run. Since the centroids are the means of their users, the inertia of the last assignment
    /// around them costs no pass over the users; up to rounding it is Σ‖x‖² − Σ‖s‖²/n over the clusters, where s is the sum
    /// of n users, and on the unit sphere Σ‖x‖² − Σ(2‖s‖ − n).
    pub fn tell(&self, users: &Users) {
        let (facts, n_dims) = (&users.facts, self.sums.len() / self.run.clusters);
        let explained = |(sums, &count): (&[i64], &i64)| {
            let square = |&sum: &i64| facts.coordinate_scale.real(sum) * facts.coordinate_scale.real(sum);
            let squared = sums.iter().map(square).sum::<f64>();
            if facts.spherical { 2.0 * squared.sqrt() - count as f64 } else { squared / count.max(1) as f64 }
        };
        let explained = self.sums.chunks_exact(n_dims.max(1)).zip(&self.counts).map(explained).sum::<f64>();
        let Run { clusters, start } = self.run;
        let inertia = if self.before.is_some() { (facts.squares - explained).max(0.0) } else { f64::INFINITY };
        let how = RunAt { iterations: self.iterations, inertia, ended: false };
        progress::moved(RunOf { space: space(users), clusters, start }, how);
    }

    /// Applies the changes of all workers and moves the centroids. Returns the rest of `changes`.
    pub fn advance<'a>(&mut self, changes: &'a [i64], users: &Users, params: &KMeansParams) -> &'a [i64] {
        let facts = &users.facts;
        let n_dims = self.sums.len() / self.run.clusters;
        let touched: Vec<usize> = self.touched().collect();
        let (own, rest) = changes.split_at(touched.len() * n_dims);
        for (&j, changes) in touched.iter().zip(own.chunks_exact(n_dims.max(1))) {
            let sums = &mut self.sums[j * n_dims..][..n_dims];
            sums.iter_mut().zip(changes).for_each(|(sum, change)| *sum += change);
        }
        self.moved_at = self.iterations - 1;
        self.before.get_or_insert_with(|| self.tiles.clone()).clone_from(&self.tiles);
        let shifts = self.move_centroids(facts);
        let shift = shifts.iter().fold(0.0, |sum, shift| sum + shift.squared);
        self.moved = shifts.iter().map(|shift| shift.moved).collect();
        self.refilled.drain(..).for_each(|j| self.moved[j as usize] = true);
        if let (Members::Dense { bounds, odometers }, Some((_, screen))) = (&mut self.members, users.cloud.dense()) {
            odometers.advance(screen, &shifts, &bounds.sample());
        }
        if shift <= facts.tolerance {
            self.converged = true;
            self.phase = Phase::Closing;
        } else if self.iterations >= params.max_iter {
            self.phase = Phase::Closing;
        }
        rest
    }

    /// Moves the centroids of touched clusters to the means of their users, or to the directions of their sums.
    fn move_centroids(&mut self, facts: &Facts) -> Vec<Shift> {
        let unit = 1.0 / facts.coordinate_scale.factor();
        let divisors = match facts.spherical {
            true => lloyd::lengths(&self.sums, self.sums.len() / self.run.clusters, unit),
            false => self.counts.iter().map(|&count| count as f64).collect(),
        };
        self.tiles.move_to(&self.sums, &divisors, unit, &self.touched)
    }

    pub fn finish(self, inertia: i64, facts: &Facts) -> Finished {
        Finished {
            outcome: Outcome {
                run: self.run,
                iterations: self.iterations,
                converged: self.converged,
                fixed_inertia: inertia,
                inertia: facts.distance_scale.real(inertia),
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

/// Where `users` are points.
pub fn space(users: &Users) -> Space {
    if users.cloud.dense().is_some() { Space::Projected } else { Space::Full }
}

/// Adds a sparse row to a sum in fixed point. Rounding is to even, so that the negative factor takes away what the positive
/// adds.
fn add_row(cloud: &Cloud, row: u32, factor: f64, sum: &mut [i64]) {
    cloud.points.for_each(row as usize, |dim, value| sum[dim] += fixed::round(value * factor));
}

/// Cuts the local users into stretches that fit in the cache; each begins with a whole block.
pub fn stretches(cloud: &Cloud) -> impl Iterator<Item = Range<usize>> {
    let n_rows = cloud.points.n_rows();
    let length = (STRETCH_BYTES / 4 / cloud.points.n_dims().max(1)).next_multiple_of(lloyd::WIDTH);
    (0..n_rows).step_by(length).map(move |start| start..(start + length).min(n_rows))
}
