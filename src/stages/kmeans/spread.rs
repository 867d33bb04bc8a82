//! How the runs are spread over the workers.
//!
//! Where points are many, every worker holds its own users and all move in lockstep. Where they are few, a collective per
//! iteration costs more than the work: the points are copied to every worker once, the runs divided among them, and
//! each worker runs its share alone. Both ways give the same bits, because no result depends on who holds which user.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::collective::{Collective, Solo};
use crate::job::KMeansParams;
use crate::kernel::csr::{Csr, Rows, Values};
use crate::kernel::lloyd::{Cloud, Points, Screen, Tiles};
use crate::stages::resume::{Checkpoint, InMemory};
use crate::watch::progress::{self, RunOf};

use super::begin;
use super::lockstep::{self, Finished, Underway};
use super::plan::{self, Run, Unit};
use super::seeding::{Beginning, Columns};
use super::users::{Facts, Users};

/// Points of at most so many bytes may be copied to every worker.
const COPIED_BYTES: u64 = 32 << 20;

/// Points of at most so many bytes are copied even if the runs cannot be divided evenly.
const SMALL_BYTES: u64 = 2 << 20;

/// Bytes of a stored value with its index.
const VALUE_BYTES: u64 = 12;

/// Distances to candidates are kept up to so many bytes.
const COLUMN_BYTES: u64 = 256 << 20;

/// What a stage was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    pub params: &'a KMeansParams,
    pub seed: u64,
    /// Bytes that a worker may use for runs in progress.
    pub memory: u64,
}

/// How to spread the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Every worker keeps its users.
    Lockstep,
    /// Every worker gets all points, and runs of its own.
    Copied,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub run: Run,
    pub iterations: usize,
    pub converged: bool,
    /// In fixed point, and as it is.
    pub fixed_inertia: i64,
    pub inertia: f64,
}

/// The centroids of the best start of a number of clusters, in the order of the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Winner {
    pub start: usize,
    pub fixed_inertia: i64,
    /// `(n_clusters, n_dims)`.
    pub centroids: Vec<Vec<f64>>,
    pub sizes: Vec<u64>,
}

impl Winner {
    /// The best comes first.
    fn order(&self) -> (i64, usize) {
        (self.fixed_inertia, self.start)
    }
}

/// What is wanted of runs beside their inertia.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    Nothing,
    /// The centroids of the best start of each number of clusters.
    Best,
}

/// Every run, the same on every worker.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Solved {
    /// By number of clusters, then by start.
    pub outcomes: Vec<Outcome>,
    /// The best run of each number of clusters.
    pub winners: BTreeMap<usize, Winner>,
}

impl Solved {
    /// The starts of a number of clusters, in order.
    pub fn starts(&self, clusters: usize) -> impl Iterator<Item = &Outcome> {
        self.outcomes.iter().filter(move |outcome| outcome.run.clusters == clusters)
    }

    /// The start of least inertia, the lowest of equals.
    pub fn best(&self, clusters: usize) -> &Outcome {
        self.starts(clusters).min_by_key(|outcome| outcome.fixed_inertia).expect("every number of clusters was run")
    }

    fn add(&mut self, finished: Finished, keep: Keep) {
        let outcome = finished.outcome;
        self.outcomes.push(outcome);
        if keep == Keep::Best {
            let winner = Winner {
                start: outcome.run.start,
                fixed_inertia: outcome.fixed_inertia,
                centroids: (0..outcome.run.clusters).map(|j| finished.tiles.centroid(j)).collect(),
                sizes: finished.counts.iter().map(|&count| count as u64).collect(),
            };
            self.enter(winner);
        }
    }

    /// A run that may be the best of its number of clusters.
    fn enter(&mut self, winner: Winner) {
        let clusters = winner.sizes.len();
        if self.winners.get(&clusters).is_none_or(|best| winner.order() < best.order()) {
            self.winners.insert(clusters, winner);
        }
    }

    /// Takes in other runs.
    fn merge(&mut self, other: Solved) {
        self.outcomes.extend(other.outcomes);
        self.sort();
        other.winners.into_values().for_each(|winner| self.enter(winner));
    }

    fn has(&self, run: Run) -> bool {
        self.outcomes.iter().any(|outcome| outcome.run == run)
    }

    fn sort(&mut self) {
        self.outcomes.sort_by_key(|outcome| (outcome.run.clusters, outcome.run.start));
    }
}

/// What there is to go on from: runs that have ended, and runs on their way.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Progress {
    solved: Solved,
    underway: Vec<Underway>,
}

/// Where progress is kept, under which name.
pub struct Keeper<'a> {
    pub checkpoint: &'a mut dyn Checkpoint,
    pub name: &'a str,
}

/// Runs `n_init` starts of each of `clusters`. Goes on from where `keeper` says.
pub fn solve<C: Collective>(
    c: &mut C,
    users: &Users,
    clusters: &[usize],
    keep: Keep,
    job: &Job,
    way: Way,
    keeper: &mut Keeper,
) -> Solved {
    let before: Progress = keeper.checkpoint.restore(keeper.name).unwrap_or_default();
    let mut units = plan::units(clusters, job.params.n_init);
    plan::retain(&mut units, |run| !before.solved.has(run));
    if units.is_empty() {
        return before.solved;
    }
    let solved = if c.peers() == 1 || way == Way::Lockstep {
        run_units(c, users, units, keep, job, before, keeper)
    } else {
        let draw_keys = c.all_gather(users.draw_keys).concat();
        let copy = Copied::gather(c, users.cloud.points);
        let everyone = Users { cloud: Cloud::new(copy.points()), draw_keys: &draw_keys, facts: users.facts.copied() };
        let mine = plan::share(units, c.peers(), c.index());
        // What the others are at is not known here, and points that are copied are few.
        let mut nowhere = Keeper { checkpoint: &mut InMemory::default(), name: keeper.name };
        let solved = run_units(&mut Solo, &everyone, mine, keep, job, Progress::default(), &mut nowhere);
        let mut solved = exchange_outcomes(c, solved, &users.facts);
        solved.merge(before.solved);
        solved
    };
    let progress = Progress { solved, underway: Vec::new() };
    keeper.checkpoint.keep(keeper.name, &progress);
    progress.solved
}

/// One run from given centroids.
pub fn solve_from<C: Collective>(c: &mut C, users: &Users, centres: Points, params: &KMeansParams) -> Solved {
    let clusters = centres.n_rows();
    let tiles = Tiles::of_rows(&users.cloud.points, (0..clusters).map(|row| centres.point(row).values));
    let mut solved = Solved::default();
    let beginning = Beginning::at(&users.cloud, 0, tiles, 0);
    for finished in lockstep::lloyd(c, users, params, vec![beginning], &mut |_| {}) {
        solved.add(finished, Keep::Best);
    }
    solved
}

/// The way that suits: points are copied if they are few and the units keep most workers busy.
pub fn choose(peers: usize, n_values: u64, clusters: &[usize], job: &Job) -> Way {
    let bytes = n_values * VALUE_BYTES;
    if bytes > COPIED_BYTES.min(job.memory / 4) {
        return Way::Lockstep;
    }
    let units = plan::units(clusters, job.params.n_init);
    let cost = |units: &[Unit]| units.iter().map(Unit::cost).sum::<usize>();
    let longest = (0..peers).map(|w| cost(&plan::share(units.clone(), peers, w))).max().unwrap_or(0);
    let even = 4 * cost(&units) >= 3 * peers * longest;
    if even || bytes <= SMALL_BYTES { Way::Copied } else { Way::Lockstep }
}

/// Runs units in batches, in lockstep with the other workers; runs that were on their way go on from there.
fn run_units<C: Collective>(
    c: &mut C,
    users: &Users,
    units: Vec<Unit>,
    keep: Keep,
    job: &Job,
    before: Progress,
    keeper: &mut Keeper,
) -> Solved {
    let Progress { mut solved, underway } = before;
    let space = lockstep::space(users);
    plan::runs(&units).for_each(|Run { clusters, start }| progress::awaits(RunOf { space, clusters, start }));
    let capacity = COLUMN_BYTES.min(job.memory / 4) / (8 * users.facts.max_rows.max(1));
    let mut columns = Columns::new(users.cloud.points.n_rows(), capacity as usize);
    let wanted: usize = units.iter().map(|unit| unit.centres() * unit.candidates).sum();
    let sparse = users.cloud.dense().is_none();
    if sparse && c.peers() == 1 && users.facts.n_users <= capacity.min(wanted as u64) {
        columns.provide_all(&users.cloud);
    }
    for batch in batches(c.peers(), units, users, job) {
        let (mut beginnings, fresh) = resume(users, batch, &underway);
        if !fresh.is_empty() {
            beginnings.extend(begin::begin(c, users, job.seed, &fresh, &mut columns));
        }
        for together in groups(c.peers() > 1 || !sparse, beginnings) {
            let mut watch = |states: &dyn Fn() -> Vec<Underway>| {
                let progress = || Progress { solved: solved.clone(), underway: states() };
                keeper.checkpoint.keep_if_due(keeper.name, progress);
            };
            for finished in lockstep::lloyd(c, users, job.params, together, &mut watch) {
                solved.add(finished, keep);
            }
        }
    }
    solved.sort();
    solved
}

/// The beginnings of those runs of a batch that were on their way, and the rest of the batch.
fn resume(users: &Users, mut batch: Vec<Unit>, underway: &[Underway]) -> (Vec<Beginning>, Vec<Unit>) {
    let mut beginnings = Vec::new();
    plan::retain(&mut batch, |run| {
        let Some(state) = underway.iter().find(|state| state.run == run) else { return true };
        let tiles = Tiles::of_rows(&users.cloud.points, &state.centroids);
        beginnings.push(Beginning::at(&users.cloud, run.start, tiles, state.iterations));
        false
    });
    (beginnings, batch)
}

/// One worker alone gains nothing from many sparse runs at once: it takes the units of one start at a time, which share
/// their draws. Dense runs share every pass over the users.
fn batches(peers: usize, units: Vec<Unit>, users: &Users, job: &Job) -> Vec<Vec<Unit>> {
    let (rows, n_dims) = (users.facts.max_rows, users.n_dims());
    let dense = users.cloud.dense().is_some();
    let most = units.iter().map(Unit::centres).max().unwrap_or(0);
    let sample = begin::bytes(users.facts.n_users, most, n_dims);
    let fixed = if dense { Screen::bytes(rows, n_dims) + sample } else { 0 };
    let batches = plan::batches(units, rows, n_dims, (job.memory / 2).saturating_sub(fixed));
    if peers > 1 || dense {
        return batches;
    }
    batches.iter().flat_map(|batch| batch.chunk_by(|a, b| a.start == b.start)).map(<[Unit]>::to_vec).collect()
}

/// And one sparse run at a time, whose sums and centroids stay in the cache.
fn groups<T>(together: bool, beginnings: Vec<T>) -> Vec<Vec<T>> {
    if together { vec![beginnings] } else { beginnings.into_iter().map(|b| vec![b]).collect() }
}

/// All workers' points.
enum Copied {
    Dense { values: Vec<f64>, n_rows: usize, n_dims: usize },
    Sparse(Csr),
}

impl Copied {
    fn gather<C: Collective>(c: &mut C, points: Points) -> Copied {
        match points {
            Points::Dense { values, n_rows, n_dims } => {
                let values = c.all_gather(values).concat();
                let mut total = [n_rows as u64];
                c.sum(&mut total);
                Copied::Dense { values, n_rows: total[0] as usize, n_dims }
            }
            Points::Sparse(matrix) => {
                let mut copied = Csr::empty(matrix.n_cols);
                gather_blocks(c, matrix).into_iter().for_each(|rows| copied.push_block(rows));
                Copied::Sparse(copied)
            }
        }
    }

    fn points(&self) -> Points<'_> {
        match self {
            Copied::Dense { values, n_rows, n_dims } => Points::Dense { values, n_rows: *n_rows, n_dims: *n_dims },
            Copied::Sparse(matrix) => Points::Sparse(matrix),
        }
    }
}

/// The rows of all workers, a block for each.
fn gather_blocks<C: Collective>(c: &mut C, matrix: &Csr) -> Vec<Rows> {
    let mut mine = Rows::empty();
    for row in matrix.rows() {
        mine.indices.extend(row.indices);
        row.values.for_each(|value| mine.plain_values().push(value));
        mine.indptr.push(mine.indices.len() as u32);
    }
    let indptr = c.all_gather(&mine.indptr);
    let indices = c.all_gather(&mine.indices);
    let values = c.all_gather(mine.plain_values());
    let together = |((indptr, indices), values)| Rows { indptr, indices, values: Values::Plain(values) };
    indptr.into_iter().zip(indices).zip(values).map(together).collect()
}

/// Brings the outcomes of all workers' runs, and the best of their winners, to every worker.
fn exchange_outcomes<C: Collective>(c: &mut C, mine: Solved, facts: &Facts) -> Solved {
    let words: Vec<[u64; 5]> = mine.outcomes.iter().map(outcome_to_words).collect();
    let mut all = Solved::default();
    for words in c.all_gather(&words).concat() {
        all.outcomes.push(outcome_from_words(words, facts));
    }
    all.sort();
    let claim = |winner: &Winner| [winner.sizes.len() as u64, winner.fixed_inertia as u64, winner.start as u64];
    let claims: Vec<[u64; 3]> = mine.winners.values().map(claim).collect();
    let claims = c.all_gather(&claims).concat();
    let is_best = |winner: &&Winner| {
        let own = claim(winner);
        claims.iter().filter(|claim| claim[0] == own[0]).min() == Some(&own)
    };
    let sent: Vec<u64> = mine.winners.values().filter(is_best).flat_map(winner_to_words).collect();
    let received = c.all_gather(&sent).concat();
    let mut rest = &received[..];
    while !rest.is_empty() {
        all.enter(take_winner(&mut rest));
    }
    all
}

fn outcome_to_words(outcome: &Outcome) -> [u64; 5] {
    let Outcome { run, iterations, converged, fixed_inertia, .. } = *outcome;
    [run.clusters as u64, run.start as u64, iterations as u64, u64::from(converged), fixed_inertia as u64]
}

fn outcome_from_words([clusters, start, iterations, converged, inertia]: [u64; 5], facts: &Facts) -> Outcome {
    Outcome {
        run: Run { clusters: clusters as usize, start: start as usize },
        iterations: iterations as usize,
        converged: converged == 1,
        fixed_inertia: inertia as i64,
        inertia: facts.distance_scale.real(inertia as i64),
    }
}

/// Start, inertia, number of clusters and of dimensions, sizes, centroids.
fn winner_to_words(winner: &Winner) -> Vec<u64> {
    let n_dims = winner.centroids.first().map_or(0, Vec::len);
    let mut words = vec![winner.start as u64, winner.fixed_inertia as u64, winner.sizes.len() as u64, n_dims as u64];
    words.extend(&winner.sizes);
    words.extend(winner.centroids.iter().flatten().map(|x| x.to_bits()));
    words
}

/// The next winner of a message.
fn take_winner(words: &mut &[u64]) -> Winner {
    let [start, fixed_inertia, clusters, n_dims] = words[..4] else { unreachable!("a winner has four words at least") };
    let (clusters, n_dims) = (clusters as usize, n_dims as usize);
    let (sizes, rest) = words[4..].split_at(clusters);
    let (coordinates, rest) = rest.split_at(clusters * n_dims);
    *words = rest;
    let centroid = |j: usize| coordinates[j * n_dims..][..n_dims].iter().map(|&x| f64::from_bits(x)).collect();
    Winner {
        start: start as usize,
        fixed_inertia: fixed_inertia as i64,
        centroids: (0..clusters).map(centroid).collect(),
        sizes: sizes.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::keyed::{self, Stream};

    const N: usize = 400;
    const DIMS: usize = 3;

    fn values() -> Vec<f64> {
        let draw = |i: usize, j: usize| keyed::uniform(5, Stream::Generate, i as u64, j as u64);
        (0..N).flat_map(|i| (0..DIMS).map(move |j| 10.0 * draw(1000 + i % 9, j) + 6.0 * draw(i, j))).collect()
    }

    /// The rows as sparse ones.
    fn sparse(values: &[f64]) -> Csr {
        let mut matrix = Csr::empty(DIMS);
        values.chunks(DIMS).for_each(|row| matrix.push_row(row.iter().enumerate().map(|(j, &x)| (j as u32, x))));
        matrix
    }

    /// A run that goes on from any iteration of another, or from its ended runs, ends as that one did.
    #[test]
    fn whoever_goes_on_from_anywhere_gets_to_the_same_end() {
        let (values, keys) = (values(), (0..N as u64).map(keyed::mix).collect::<Vec<_>>());
        let matrix = sparse(&values);
        let dense = Points::Dense { values: &values, n_rows: N, n_dims: DIMS };
        for points in [dense, Points::Sparse(&matrix)] {
            let users = Users::gather(&mut Solo, points, &keys, 0.0, 0.0);
            let params = KMeansParams { clusters: 8, n_init: 2, max_iter: 300, tol: 0.0, spherical: false };
            let job = Job { params: &params, seed: 3, memory: 1 << 30 };
            let units = || plan::units(&[4, 8, 30], 2);
            let from = |before: Progress| {
                let mut units = units();
                let done = before.solved.clone();
                plan::retain(&mut units, |run| !done.has(run));
                let mut nowhere = Keeper { checkpoint: &mut InMemory::default(), name: "kmeans" };
                run_units(&mut Solo, &users, units, Keep::Best, &job, before, &mut nowhere)
            };
            let whole = from(Progress::default());
            let mut seen = Vec::new();
            let mut columns = Columns::new(N, 1000);
            let beginnings = begin::begin(&mut Solo, &users, 3, &units(), &mut columns);
            lockstep::lloyd(&mut Solo, &users, &params, beginnings, &mut |states| seen.push(states()));
            assert!(seen.len() > 3, "{}", seen.len());
            for underway in seen {
                let words = bincode::serialize(&Progress { solved: Solved::default(), underway }).unwrap();
                assert_eq!(from(bincode::deserialize(&words).unwrap()), whole);
            }
            let mut half = whole.clone();
            half.outcomes.retain(|outcome| outcome.run.clusters == 8);
            assert_eq!(from(Progress { solved: half, underway: Vec::new() }), whole);
        }
    }
}
