//! Lloyd's algorithm for many runs at once.
//!
//! An iteration is: every run assigns the local users; one collective adds up, for all runs, how many users changed
//! their cluster, who came and went; another adds up the changes to the sums of the clusters that
//! anyone entered or left. Sums are integers, so adding changes gives exactly what summing anew would.
//!
//! The law: the inertia never rises from one iteration to the next. That holds on the unit sphere too, where centroids are
//! the directions of the sums of their users (spherical k-means; Dhillon & Modha 2001): of all points of the sphere these are
//! nearest, in squares.
//!
//! As in scikit-learn a run ends when no label changes, when its centroids move by no more than the tolerance, or after
//! `max_iter` iterations; the last two assign once more, so that labels and inertia belong to the centroids. An empty
//! cluster takes the user farthest from its own centroid.
//!
//! Dense users are looked at only when their nearest centroid may have changed (`kernel::lloyd::bounds`). All runs go over
//! a stretch of users that fits in the cache before the next.
//!
//! For sparse users, centroids that did not move are compared again only with users who may have come nearer to them. A
//! user keeps a lower bound on the distance to the centroids other than its own; for those that did not move it still
//! holds. Where the own centroid did not move either, or the nearest that moved is below the bound, those that moved are
//! all that matters. Distances have the same bits each time they are computed, and no triangle inequality is used, so the
//! pruning is exact.

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::job::KMeansParams;
use crate::kernel::csr::Csr;
use crate::kernel::fixed;
use crate::kernel::lloyd::bounds::{Bounds, Desk, Odometers, View};
use crate::kernel::lloyd::{self, Cloud, Nearest, Points, Scores, Screen, Tiles, dense};
use crate::watch::progress::{self, RunAt, RunOf, Space};

use super::plan::Run;
use super::seeding::Beginning;
use super::spread::Outcome;
use super::users::{Facts, Users};

/// All runs go over about so many bytes of users at a time.
const STRETCH_BYTES: usize = 256 << 10;

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

impl Finished {
    fn tell(&self, space: Space) {
        let Outcome { run: Run { clusters, start }, iterations, inertia, .. } = self.outcome;
        progress::moved(RunOf { space, clusters, start }, RunAt { iterations, inertia, ended: true });
    }
}

/// A run on its way, for somebody who goes on from there: the centroids from which its last iteration set out. Doing that
/// iteration once more leads to the same centroids, with the labels that the next one is compared with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Underway {
    pub run: Run,
    /// Iterations before the last one.
    pub iterations: usize,
    /// `(n_clusters, n_dims)`.
    pub centroids: Vec<Vec<f64>>,
}

/// What to do with runs on their way, before each iteration.
pub type Watch<'a> = dyn FnMut(&dyn Fn() -> Vec<Underway>) + 'a;

/// Moves all runs to their ends; in the order in which they were given.
pub fn lloyd<C: Collective>(
    c: &mut C,
    users: &Users,
    params: &KMeansParams,
    beginnings: Vec<Beginning>,
    watch: &mut Watch,
) -> Vec<Finished> {
    let is_told = progress::is_watched();
    let mut watch_and_tell = |runs: &[State]| {
        watch(&|| runs.iter().map(State::underway).collect());
        if is_told {
            runs.iter().filter(|run| run.phase != Phase::Done).for_each(|run| run.tell(users));
        }
    };
    let finished = to_the_end(c, users, params, beginnings, &mut watch_and_tell);
    finished.iter().for_each(|finished| finished.tell(space(users)));
    finished
}

/// The same for users who stand for others: runs that nobody needs to know of.
pub fn lloyd_in_sample<C: Collective>(
    c: &mut C,
    users: &Users,
    params: &KMeansParams,
    beginnings: Vec<Beginning>,
) -> Vec<Finished> {
    to_the_end(c, users, params, beginnings, &mut |_| {})
}

fn to_the_end<C: Collective>(
    c: &mut C,
    users: &Users,
    params: &KMeansParams,
    beginnings: Vec<Beginning>,
    watch: &mut dyn FnMut(&[State]),
) -> Vec<Finished> {
    let mut runs: Vec<State> = beginnings.into_iter().map(|b| State::new(b, users.n_rows(), users.n_dims())).collect();
    loop {
        watch(&runs);
        let mut active: Vec<&mut State> = runs.iter_mut().filter(|run| run.phase != Phase::Done).collect();
        if active.is_empty() {
            break;
        }
        assign(&users.cloud, &mut active);
        #[cfg(test)]
        trace(c, users, &mut active);
        take_stock(c, &mut active);
        active.retain(|run| run.phase == Phase::Moving);
        refill_empty(c, users, &mut active);
        move_centroids(c, users, params, &mut active);
    }
    let inertias = inertias(c, users, &runs.iter().collect::<Vec<_>>());
    runs.into_iter().zip(inertias).map(|(run, inertia)| run.finish(inertia, &users.facts)).collect()
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
    tiles: Tiles,
    /// No local user has been assigned yet.
    fresh: bool,
    /// The centroids from which the last iteration set out.
    before: Option<Tiles>,
    /// Iterations before that one.
    moved_at: usize,
    /// `(n_clusters, n_dims)` in fixed point, over all workers; as of the last move.
    sums: Vec<i64>,
    /// Over all workers.
    counts: Vec<i64>,
    members: Members,
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

/// Where each local user is.
enum Members {
    Dense { bounds: Bounds, odometers: Odometers },
    Sparse(Nearest),
}

impl Members {
    fn labels(&self) -> &[u32] {
        match self {
            Members::Dense { bounds, .. } => &bounds.label,
            Members::Sparse(nearest) => &nearest.label,
        }
    }

    /// Moves a user. Returns where it was.
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
    fn new(beginning: Beginning, n_rows: usize, n_dims: usize) -> State {
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

    /// Finds the nearest centroid of every local sparse user and who changed. The first time the seeding has found it.
    fn assign_sparse(&mut self, matrix: &Csr, cloud: &Cloud) {
        let n_rows = matrix.n_rows() as u32;
        self.changed.clear();
        if std::mem::take(&mut self.fresh) {
            self.changed.extend((0..n_rows).map(|row| (row, u32::MAX)));
            return;
        }
        let Members::Sparse(nearest) = &mut self.members else { return };
        let before = nearest.label.clone();
        let moved: Vec<u32> = (0..self.run.clusters as u32).filter(|&j| self.moved[j as usize]).collect();
        let anew = if worth_pruning(moved.len(), self.run.clusters) {
            assign_to_moved(matrix, cloud, &self.tiles, &self.moved, &moved, nearest)
        } else {
            (0..n_rows).collect()
        };
        anew.iter().for_each(|&row| nearest.forget(row as usize));
        lloyd::scan(matrix, &cloud.norms, &anew, &self.tiles, nearest);
        let labels = nearest.label.iter().zip(before);
        self.changed
            .extend((0..).zip(labels).filter(|(_, (now, then))| *now != then).map(|(row, (_, then))| (row, then)));
        #[cfg(test)]
        self.check_pruning(cloud, n_rows as usize - anew.len());
    }

    /// The law of pruning: the same bits as comparing everyone with everything.
    #[cfg(test)]
    fn check_pruning(&mut self, cloud: &Cloud, spared: usize) {
        self.spared += spared;
        let n_rows = cloud.points.n_rows();
        if n_rows * self.run.clusters > 20_000 {
            return;
        }
        let everyone: Vec<u32> = (0..n_rows as u32).collect();
        match (&self.members, cloud.points) {
            (Members::Sparse(nearest), Points::Sparse(matrix)) => {
                let mut all = Nearest::none(n_rows);
                lloyd::scan(matrix, &cloud.norms, &everyone, &self.tiles, &mut all);
                assert_eq!(nearest.squared, all.squared);
                assert_eq!(nearest.label, all.label);
                assert!(nearest.others.iter().zip(&all.others).all(|(bound, least)| bound <= least));
            }
            (Members::Dense { bounds, .. }, Points::Dense { values, n_dims, .. }) => {
                let mut all = Vec::new();
                dense::nearest(Scores { values, n_dims }, &everyone, &self.tiles, &mut all);
                assert!(bounds.label.iter().zip(&all).all(|(label, nearby)| *label == nearby.label));
            }
            _ => unreachable!("members are of the kind of their points"),
        }
    }

    fn underway(&self) -> Underway {
        let (tiles, iterations) = match &self.before {
            Some(before) => (before, self.moved_at),
            None => (&self.tiles, self.iterations),
        };
        let centroids = (0..self.run.clusters).map(|j| tiles.coordinates(j).collect()).collect();
        Underway { run: self.run, iterations, centroids }
    }

    /// Calls `f` with the squared distances of all local users to their own centroids, a stretch at a time.
    fn own_distances(&self, cloud: &Cloud, mut f: impl FnMut(&[f64])) {
        match &self.members {
            Members::Sparse(nearest) => f(&nearest.squared),
            Members::Dense { bounds, .. } => {
                let (scores, _) = cloud.dense().expect("members are of the kind of their points");
                let mut squared = Vec::new();
                for rows in stretches(cloud) {
                    dense::own_distances(scores, rows, &bounds.label, &self.tiles, &mut squared);
                    f(&squared);
                }
            }
        }
    }

    /// What the local users add to the inertia.
    fn inertia(&self, users: &Users) -> i64 {
        let factor = users.facts.distance_scale.factor();
        let mut sum = 0;
        let add = |squared: &[f64]| sum += squared.iter().map(|&squared| fixed::round(squared * factor)).sum::<i64>();
        self.own_distances(&users.cloud, add);
        sum
    }

    /// What this worker adds to the stock: change of counts, moves in or out of each cluster, changes.
    fn stock(&self, out: &mut Vec<i64>) {
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

    /// Takes in the stock of all workers and decides whether the run goes on. Returns the rest of `stock`.
    fn take<'a>(&mut self, stock: &'a [i64]) -> &'a [i64] {
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
    fn reassign(&mut self, row: u32, to: u32) {
        let from = self.members.put(row as usize, to);
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

    /// Says how far the run is. The centroids are the means of their users, which gives the inertia of the last assignment
    /// around them for nothing, up to rounding: Σ‖x‖² − Σ‖s‖²/n over the clusters, with s the sum of n users; on the unit
    /// sphere Σ‖x‖² − Σ(2‖s‖ − n).
    fn tell(&self, users: &Users) {
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
    fn advance<'a>(&mut self, changes: &'a [i64], users: &Users, params: &KMeansParams) -> &'a [i64] {
        let facts = &users.facts;
        let n_dims = self.sums.len() / self.run.clusters;
        let touched: Vec<usize> = self.touched().collect();
        let (own, rest) = changes.split_at(touched.len() * n_dims);
        for (&j, changes) in touched.iter().zip(own.chunks_exact(n_dims.max(1))) {
            let sums = &mut self.sums[j * n_dims..][..n_dims];
            sums.iter_mut().zip(changes).for_each(|(sum, change)| *sum += change);
        }
        let unit = 1.0 / facts.coordinate_scale.factor();
        self.moved_at = self.iterations - 1;
        self.before.get_or_insert_with(|| self.tiles.clone()).clone_from(&self.tiles);
        let divisors = match facts.spherical {
            true => lloyd::lengths(&self.sums, n_dims, unit),
            false => self.counts.iter().map(|&count| count as f64).collect(),
        };
        let shifts = self.tiles.move_to(&self.sums, &divisors, unit, &self.touched);
        let shift = shifts.iter().fold(0.0, |sum, shift| sum + shift.squared);
        self.moved = shifts.iter().map(|shift| shift.moved).collect();
        self.refilled.drain(..).for_each(|j| self.moved[j as usize] = true);
        if let (Members::Dense { odometers, .. }, Some((_, screen))) = (&mut self.members, users.cloud.dense()) {
            odometers.advance(screen, &shifts);
        }
        if shift <= facts.tolerance {
            self.converged = true;
            self.phase = Phase::Closing;
        } else if self.iterations >= params.max_iter {
            self.phase = Phase::Closing;
        }
        rest
    }

    fn finish(self, inertia: i64, facts: &Facts) -> Finished {
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

/// Stretches of local users, each from the first of a block on.
fn stretches(cloud: &Cloud) -> impl Iterator<Item = std::ops::Range<usize>> {
    let n_rows = cloud.points.n_rows();
    let length = (STRETCH_BYTES / 4 / cloud.points.n_dims().max(1)).next_multiple_of(lloyd::WIDTH);
    (0..n_rows).step_by(length).map(move |start| start..(start + length).min(n_rows))
}

/// Finds the nearest centroid of every local user in every run.
fn assign(cloud: &Cloud, active: &mut [&mut State]) {
    match (cloud.points, cloud.dense()) {
        (Points::Sparse(matrix), _) => active.iter_mut().for_each(|run| run.assign_sparse(matrix, cloud)),
        (_, Some((scores, screen))) => assign_dense(cloud, scores, screen, active),
        _ => unreachable!("dense rows have a screen"),
    }
}

fn assign_dense(cloud: &Cloud, scores: Scores, screen: &Screen, active: &mut [&mut State]) {
    let mut desk = Desk::default();
    let mut runs = Vec::new();
    for run in active.iter_mut() {
        run.changed.clear();
        let Members::Dense { bounds, odometers } = &mut run.members else { continue };
        runs.push((View::new(screen, &run.tiles, odometers), bounds, &mut run.changed, 0));
    }
    for rows in stretches(cloud) {
        for (view, bounds, changed, looked) in &mut runs {
            *looked += bounds.assign(screen, scores, view, rows.clone(), &mut desk, changed);
        }
    }
    #[cfg(test)]
    {
        let looked: Vec<usize> = runs.iter().map(|run| run.3).collect();
        active
            .iter_mut()
            .zip(looked)
            .for_each(|(run, looked)| run.check_pruning(cloud, cloud.points.n_rows() - looked));
    }
}

/// Compares every sparse user with the centroids that moved, and returns those who must be compared with all: their own
/// centroid moved away so far that one that did not move may be nearer.
fn assign_to_moved(
    matrix: &Csr,
    cloud: &Cloud,
    tiles: &Tiles,
    has_moved: &[bool],
    moved: &[u32],
    nearest: &mut Nearest,
) -> Vec<u32> {
    let (left, stayed): (Vec<u32>, Vec<u32>) =
        (0..matrix.n_rows() as u32).partition(|&row| has_moved[nearest.label[row as usize] as usize]);
    if moved.is_empty() {
        return left;
    }
    left.iter().for_each(|&row| nearest.forget_own(row as usize));
    let tiles = tiles.subset(&cloud.points, moved);
    lloyd::scan(matrix, &cloud.norms, &left, &tiles, nearest);
    lloyd::scan(matrix, &cloud.norms, &stayed, &tiles, nearest);
    let Nearest { squared, others, .. } = nearest;
    left.into_iter().filter(|&row| squared[row as usize] >= others[row as usize]).collect()
}

/// The inertia of each run, over all workers.
fn inertias<C: Collective>(c: &mut C, users: &Users, runs: &[&State]) -> Vec<i64> {
    let mut inertias: Vec<i64> = runs.iter().map(|run| run.inertia(users)).collect();
    c.sum(&mut inertias);
    inertias
}

/// Notes the inertia of each assignment.
#[cfg(test)]
fn trace<C: Collective>(c: &mut C, users: &Users, active: &mut [&mut State]) {
    let inertias = inertias(c, users, &active.iter().map(|run| &**run).collect::<Vec<_>>());
    active.iter_mut().zip(inertias).for_each(|(run, inertia)| run.trace.push(inertia));
}

/// Comparing with the moved centroids alone pays where they are few: putting them side by side costs, too.
fn worth_pruning(moved: usize, clusters: usize) -> bool {
    4 * moved <= 3 * clusters
}

/// Adds up counts and moves of all runs over all workers.
fn take_stock<C: Collective>(c: &mut C, active: &mut [&mut State]) {
    let mut stock = Vec::new();
    active.iter().for_each(|run| run.stock(&mut stock));
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
        rest = run.advance(rest, users, params);
    }
}

/// A user that may leave its cluster for an empty one: `[run, bits of the squared distance, draw key, cluster, row]`.
type Leaver = [u64; 5];

/// Gives each empty cluster the user farthest from its centroid: by falling distance, then by draw key. A cluster keeps
/// its last user, and a user on its centroid stays; where nobody is left to move, the cluster stays empty.
fn refill_empty<C: Collective>(c: &mut C, users: &Users, active: &mut [&mut State]) {
    if active.iter().all(|run| run.counts.iter().all(|&count| count > 0)) {
        return;
    }
    let mut mine: Vec<Leaver> = Vec::new();
    for (index, run) in active.iter().enumerate().filter(|(_, run)| run.counts.contains(&0)) {
        mine.extend(leavers(index as u64, run, users));
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
fn leavers(index: u64, run: &State, users: &Users) -> Vec<Leaver> {
    let labels = run.members.labels();
    let mut leavers: Vec<Leaver> = Vec::new();
    let mut row = 0;
    run.own_distances(&users.cloud, |squared| {
        for squared in squared {
            if *squared > 0.0 {
                leavers.push([index, squared.to_bits(), users.draw_keys[row], u64::from(labels[row]), row as u64]);
            }
            row += 1;
        }
    });
    leavers.sort_unstable_by_key(|&[_, squared, key, ..]| (std::cmp::Reverse(squared), key));
    leavers.truncate(run.run.clusters);
    leavers
}
