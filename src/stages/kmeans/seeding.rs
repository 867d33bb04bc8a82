//! Greedy k-means++ (Arthur & Vassilvitskii 2007) as a series of races.
//!
//! For each centre every user draws the time −ln(U)/D², D² its squared distance to the nearest centre so far, and the
//! first 2 + ⌊ln k⌋ over all workers are the candidates: exact sampling by D² without replacement, from draws keyed by
//! (seed, start, centre, user). The candidate that leaves the least potential ΣD² becomes the centre. All units of a
//! batch choose their next centre together.
//!
//! The centres of dense users are then improved by `swaps`, in a copy for each run, since runs that share a seeding share
//! its first centres.
//!
//! Once every D² is 0 (fewer distinct users than clusters), all users that are not centres yet race with equal weights.
//!
//! Sparse candidates repeat, above all where users are few, so the distances of all users to a candidate are kept in
//! [`Columns`] until the room runs out. Dense users are compared with all candidates of a round in one pass that keeps
//! nothing: computing their distances costs no more than reading them back would.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::collective::Collective;
use crate::kernel::keyed::Stream;
use crate::kernel::lloyd::dense::{self, Contest};
use crate::kernel::lloyd::{self, Cloud, Nearest, Point, Points, Scores, Tiles};

use super::candidates::{self, Entry, Occasion, User, exchange_points};
use super::plan::{Run, Unit};
use super::users::Users;

/// Where a run begins: centres, and every local sparse user's nearest.
pub struct Beginning {
    pub run: Run,
    pub tiles: Tiles,
    pub nearest: Option<Nearest>,
    /// Iterations that led here: 0 unless the run goes on from a checkpoint.
    pub iterations: usize,
}

impl Beginning {
    /// The run with these centres.
    pub fn at(cloud: &Cloud, start: usize, tiles: Tiles, iterations: usize) -> Beginning {
        let run = Run { clusters: tiles.n_columns(), start };
        let nearest = match cloud.points {
            Points::Dense { .. } => None,
            Points::Sparse(matrix) => {
                let all: Vec<u32> = (0..matrix.n_rows() as u32).collect();
                let mut nearest = Nearest::none(all.len());
                lloyd::scan(matrix, &cloud.norms, &all, &tiles, &mut nearest);
                Some(nearest)
            }
        };
        Beginning { run, tiles, nearest, iterations }
    }
}

/// Chooses the centres of all runs of a batch.
pub fn seed_batch<C: Collective>(
    c: &mut C,
    users: &Users,
    seed: u64,
    batch: &[Unit],
    columns: &mut Columns,
) -> Vec<Beginning> {
    let dense = users.cloud.dense().map(|(scores, _)| scores);
    let mut seedings: Vec<Seeding> =
        batch.iter().map(|unit| Seeding::new(unit, users.n_rows(), dense.is_some())).collect();
    let mut beginnings = Vec::new();
    let rounds = batch.iter().map(Unit::centres).max().unwrap_or(0);
    for round in 0..rounds {
        let mut active: Vec<&mut Seeding> = seedings.iter_mut().filter(|s| s.unit.centres() > round).collect();
        let entries: Vec<Entry> = active.iter().map(|seeding| seeding.entry(c.index())).collect();
        let candidates = candidates::race(c, users, seed, Occasion { stream: Stream::Seeding, round }, &entries);
        drop(entries);
        match dense {
            Some(scores) => choose_dense(c, users, scores, &mut active, &candidates),
            None => choose_sparse(c, users, columns, &mut active, &candidates),
        }
        for seeding in active.iter().filter(|seeding| seeding.unit.clusters.contains(&(round + 1))) {
            beginnings.push(seeding.beginning(&users.cloud));
        }
    }
    beginnings
}

/// Chooses the next centre of each sparse unit.
fn choose_sparse<C: Collective>(
    c: &mut C,
    users: &Users,
    columns: &mut Columns,
    active: &mut [&mut Seeding],
    candidates: &[Vec<User>],
) {
    let all: Vec<User> = candidates.concat();
    columns.provide(c, &users.cloud, all.iter().copied());
    let factor = users.facts.distance_scale.factor();
    let mut potentials = Vec::new();
    for (seeding, candidates) in active.iter().zip(candidates) {
        let current = seeding.reached.squared();
        potentials.extend(candidates.iter().map(|&u| lloyd::potential(current, columns.distances(u), factor)));
    }
    c.sum(&mut potentials);
    for (seeding, (first, best)) in active.iter_mut().zip(least(candidates, &potentials)) {
        let centre = all[first + best];
        if let Reached::Sparse(nearest) = &mut seeding.reached {
            lloyd::add_centre(nearest, columns.distances(centre), seeding.centres.len() as u32);
        }
        seeding.add(centre, columns.point(centre).clone(), potentials[first + best]);
    }
}

/// Chooses the next centre of each dense unit.
fn choose_dense<C: Collective>(
    c: &mut C,
    users: &Users,
    scores: Scores,
    active: &mut [&mut Seeding],
    candidates: &[Vec<User>],
) {
    let all: Vec<User> = candidates.concat();
    let points = candidates::points(c, &users.cloud, &all);
    let tiles = Tiles::of(&users.cloud.points, &all.iter().map(|user| &points[user]).collect::<Vec<_>>());
    let mut contests = Vec::new();
    let mut first = 0;
    for (seeding, candidates) in active.iter().zip(candidates) {
        contests.push(Contest { current: seeding.reached.squared(), columns: first..first + candidates.len() });
        first += candidates.len();
    }
    let mut potentials = dense::potentials(scores, &tiles, &contests, users.facts.distance_scale.factor());
    c.sum(&mut potentials);
    for (seeding, (first, best)) in active.iter_mut().zip(least(candidates, &potentials)) {
        let centre = all[first + best];
        seeding.add(centre, points[&centre].clone(), potentials[first + best]);
    }
    let chosen: Vec<&Point> =
        active.iter().map(|seeding| &points[&seeding.centres[seeding.centres.len() - 1]]).collect();
    let tiles = Tiles::of(&users.cloud.points, &chosen);
    let mut current: Vec<&mut [f64]> = active.iter_mut().map(|seeding| seeding.reached.squared_mut()).collect();
    dense::add_centres(scores, &tiles, &mut current);
}

/// For each unit, the place of its first candidate among all candidates, and which of its candidates leaves the least
/// potential: the earlier in the race where equal.
fn least(candidates: &[Vec<User>], potentials: &[i64]) -> Vec<(usize, usize)> {
    let mut first = 0;
    let place = |own: &Vec<User>| {
        let best = (0..own.len()).min_by_key(|&i| potentials[first + i]).expect("a race among users has a winner");
        let place = (first, best);
        first += own.len();
        place
    };
    candidates.iter().map(place).collect()
}

/// Each local user's nearest centre so far: of dense rows the squared distance alone.
enum Reached {
    Dense(Vec<f64>),
    Sparse(Nearest),
}

impl Reached {
    fn squared(&self) -> &[f64] {
        match self {
            Reached::Dense(squared) => squared,
            Reached::Sparse(nearest) => &nearest.squared,
        }
    }

    fn squared_mut(&mut self) -> &mut [f64] {
        match self {
            Reached::Dense(squared) => squared,
            Reached::Sparse(nearest) => &mut nearest.squared,
        }
    }
}

/// A unit in progress.
struct Seeding<'a> {
    unit: &'a Unit,
    reached: Reached,
    centres: Vec<User>,
    points: Vec<Point>,
    /// Σ D² over all users in fixed point.
    potential: i64,
}

impl<'a> Seeding<'a> {
    fn new(unit: &'a Unit, n_rows: usize, dense: bool) -> Seeding<'a> {
        let reached = match dense {
            true => Reached::Dense(vec![f64::INFINITY; n_rows]),
            false => Reached::Sparse(Nearest::none(n_rows)),
        };
        Seeding { unit, reached, centres: Vec::new(), points: Vec::new(), potential: i64::MAX }
    }

    /// Its entry in the race for the next centre.
    fn entry(&self, worker: usize) -> Entry<'_> {
        let places = if self.centres.is_empty() { 1 } else { self.unit.candidates };
        Entry { start: self.unit.start, places, weights: self.weights(worker) }
    }

    /// The weights of this worker's users this round: D², or equal weights where no D² is known or all are 0.
    fn weights(&self, worker: usize) -> Cow<'_, [f64]> {
        let squared = self.reached.squared();
        if !self.centres.is_empty() && self.potential > 0 {
            return Cow::Borrowed(squared);
        }
        let mut weights = vec![1.0; squared.len()];
        for centre in self.centres.iter().filter(|centre| centre.worker == worker) {
            weights[centre.row] = 0.0;
        }
        Cow::Owned(weights)
    }

    fn add(&mut self, centre: User, point: Point, potential: i64) {
        self.points.push(point);
        self.centres.push(centre);
        self.potential = potential;
    }

    /// The beginning of the run with as many clusters as there are centres now.
    fn beginning(&self, cloud: &Cloud) -> Beginning {
        let points: Vec<&Point> = self.points.iter().collect();
        Beginning {
            run: Run { clusters: self.centres.len(), start: self.unit.start },
            tiles: Tiles::of(&cloud.points, &points),
            nearest: match &self.reached {
                Reached::Sparse(nearest) => Some(nearest.clone()),
                Reached::Dense(_) => None,
            },
            iterations: 0,
        }
    }
}

/// The squared distances of all local users to candidates.
pub struct Columns {
    n_rows: usize,
    /// Columns to keep, the same on every worker.
    capacity: usize,
    slots: HashMap<User, usize>,
    /// Column after column.
    squared: Vec<f64>,
    points: Vec<Point>,
}

impl Columns {
    /// With room for `capacity` columns, or for those of one round if they are more.
    pub fn new(n_rows: usize, capacity: usize) -> Columns {
        Columns { n_rows, capacity, slots: HashMap::new(), squared: Vec::new(), points: Vec::new() }
    }

    fn distances(&self, user: User) -> &[f64] {
        &self.squared[self.slots[&user] * self.n_rows..][..self.n_rows]
    }

    fn point(&self, user: User) -> &Point {
        &self.points[self.slots[&user]]
    }

    /// Computes the missing columns of `wanted`.
    fn provide<C: Collective>(&mut self, c: &mut C, cloud: &Cloud, wanted: impl Iterator<Item = User> + Clone) {
        let mut new = self.missing(wanted.clone());
        if new.is_empty() {
            return;
        }
        if self.slots.len() + new.len() > self.capacity {
            self.slots.clear();
            self.squared.clear();
            self.points.clear();
            new = self.missing(wanted);
        }
        let points = exchange_points(c, cloud, &new);
        self.append(cloud, &new, points);
    }

    /// The users of `wanted` without a column, once each.
    fn missing(&self, wanted: impl Iterator<Item = User>) -> Vec<User> {
        let mut missing: Vec<User> = wanted.filter(|user| !self.slots.contains_key(user)).collect();
        missing.sort_unstable_by_key(|user| (user.worker, user.row));
        missing.dedup();
        missing
    }

    /// Computes the columns of all users, for a single worker with few of them.
    pub fn provide_all(&mut self, cloud: &Cloud) {
        let all: Vec<User> = (0..self.n_rows).map(|row| User { worker: 0, row }).collect();
        let points = all.iter().map(|user| cloud.points.point(user.row)).collect();
        self.append(cloud, &all, points);
    }

    fn append(&mut self, cloud: &Cloud, users: &[User], points: Vec<Point>) {
        let first = self.points.len();
        self.slots.extend(users.iter().copied().zip(first..));
        self.squared.resize((first + users.len()) * self.n_rows, 0.0);
        self.points.extend(points);
        for start in (first..self.points.len()).step_by(lloyd::WIDTH) {
            let end = (start + lloyd::WIDTH).min(self.points.len());
            let points: Vec<&Point> = self.points[start..end].iter().collect();
            let tiles = Tiles::of(&cloud.points, &points);
            let out = &mut self.squared[start * self.n_rows..end * self.n_rows];
            lloyd::distances(cloud, 0..self.n_rows, &tiles, out, self.n_rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::kernel::keyed;

    const N: usize = 60;

    fn values() -> Vec<f64> {
        (0..2 * N as u64).map(|i| (100.0 * keyed::uniform(1, Stream::Generate, 0, i)).floor()).collect()
    }

    fn squared(values: &[f64], a: usize, b: usize) -> f64 {
        (0..2).map(|j| (values[2 * a + j] - values[2 * b + j]).powi(2)).sum()
    }

    /// Greedy k-means++ as in the paper: every time drawn, all sorted, every potential added up.
    fn textbook(values: &[f64], keys: &[u64], seed: u64, start: u64, k: usize) -> Vec<usize> {
        let mut centres: Vec<usize> = Vec::new();
        for round in 0..k {
            let to_centres = |user: usize, centres: &[usize]| {
                centres.iter().map(|&centre| squared(values, user, centre)).fold(f64::INFINITY, f64::min)
            };
            let mut times: Vec<(f64, usize)> = (0..N)
                .map(|user| {
                    let weight = if round == 0 { 1.0 } else { to_centres(user, &centres) };
                    let draw = keyed::uniform(seed, Stream::Seeding, start << 32 | round as u64, keys[user]);
                    (-libm::log(draw) / weight, user)
                })
                .collect();
            times.sort_by(|a, b| a.0.total_cmp(&b.0));
            let places = if round == 0 { 1 } else { super::super::plan::candidates(k) };
            let potential = |candidate: usize| {
                let centres = [&centres[..], &[candidate]].concat();
                (0..N).map(|user| to_centres(user, &centres)).sum::<f64>()
            };
            let candidates = times[..places].iter().map(|&(_, user)| user);
            centres.push(candidates.min_by(|&a, &b| potential(a).total_cmp(&potential(b))).unwrap());
        }
        centres
    }

    #[test]
    fn centres_are_those_of_the_textbook() {
        let values = values();
        let keys: Vec<u64> = (0..N as u64).map(|i| 1000 + 7 * i).collect();
        let points = Points::Dense { values: &values, n_rows: N, n_dims: 2 };
        let users = Users::gather(&mut Solo, points, &keys, 1e-4, 0.0);
        for capacity in [0, 5, 1000] {
            let mut columns = Columns::new(N, capacity);
            let batch = super::super::plan::units(&[3, 8, 14, 20], 3);
            for beginning in seed_batch(&mut Solo, &users, 11, &batch, &mut columns) {
                let Run { clusters, start } = beginning.run;
                let centres = textbook(&values, &keys, 11, start as u64, clusters);
                for (j, &centre) in centres.iter().enumerate() {
                    assert_eq!(beginning.tiles.centroid(j), values[2 * centre..][..2], "k = {clusters}, start {start}");
                }
            }
        }
    }
}
