//! How the runs are spread over the workers.
//!
//! Where points are many, every worker keeps its users and all runs move in lockstep. Where points are few, a collective
//! per iteration costs more than the work itself: the points are copied to every worker once, the runs are divided, and
//! each worker does its share alone. Both ways give the same bits (invariant: any-layout).

use serde::{Deserialize, Serialize};

use crate::collective::{Collective, Solo};
use crate::job::KMeansParams;
use crate::kernel::lloyd::{Cloud, Points, Screen, Tiles};
use crate::stages::resume::{Checkpoint, InMemory};
use crate::watch::progress::{self, RunOf};

use super::begin;
use super::copied::Copied;
use super::exchange::exchange_outcomes;
use super::lockstep;
use super::outcome::{Keep, Solved};
use super::plan::{self, Run, Unit};
use super::seeding::{Beginning, Columns};
use super::state::{Underway, space};
use super::swaps;
use super::users::Users;

/// Points of at most this many bytes may be copied to every worker.
const COPIED_BYTES: u64 = 32 << 20;

/// Points of at most this many bytes are copied even if the runs cannot be divided evenly.
const SMALL_BYTES: u64 = 2 << 20;

/// Bytes of a stored value with its index.
const VALUE_BYTES: u64 = 12;

/// Distances to candidates are kept up to this many bytes.
const COLUMN_BYTES: u64 = 256 << 20;

/// How a fit or a sweep is to go.
#[derive(Debug, Clone, Copy)]
pub struct Settings<'a> {
    pub params: &'a KMeansParams,
    /// Seeds the draws.
    pub seed: u64,
    /// Bytes that a worker may use for runs in progress. A single run is never cut, however large.
    pub memory: u64,
    /// Swaps that the local search of a run tries.
    pub swaps: usize,
}

impl Settings<'_> {
    /// Swaps that a fit tries.
    pub const SWAPS: usize = swaps::STEPS;
}

/// What is asked of all runs.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    pub settings: Settings<'a>,
    pub keep: Keep,
}

/// How to spread the runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Every worker keeps its users.
    Lockstep,
    /// Every worker gets all points, and runs of its own.
    Copied,
}

/// What a checkpoint keeps: runs that have ended, and runs in progress.
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

/// [`solve`], in the way that suits the points.
pub fn solve_suitably<C: Collective>(
    c: &mut C,
    users: &Users,
    clusters: &[usize],
    order: Order,
    keeper: &mut Keeper,
) -> Solved {
    let way = choose(c.peers(), users.facts.n_values, clusters, &order.settings);
    solve(c, users, clusters, order, way, keeper)
}

/// Runs `n_init` starts of each of `clusters`. Goes on from what `keeper` kept.
pub fn solve<C: Collective>(
    c: &mut C,
    users: &Users,
    clusters: &[usize],
    order: Order,
    way: Way,
    keeper: &mut Keeper,
) -> Solved {
    let before: Progress = keeper.checkpoint.restore(keeper.name).unwrap_or_default();
    let mut units = plan::units(clusters, order.settings.params.n_init);
    plan::retain(&mut units, |run| !before.solved.has(run));
    if units.is_empty() {
        return before.solved;
    }
    let solved = if c.peers() == 1 || way == Way::Lockstep {
        run_units(c, users, units, order, before, keeper)
    } else {
        let mut solved = run_copied(c, users, units, order);
        solved.merge(before.solved);
        solved
    };
    let progress = Progress { solved, underway: Vec::new() };
    keeper.checkpoint.keep(keeper.name, &progress);
    progress.solved
}

/// Copies the points to all workers, and each runs its share of the units alone.
fn run_copied<C: Collective>(c: &mut C, users: &Users, units: Vec<Unit>, order: Order) -> Solved {
    let draw_keys = c.all_gather(users.draw_keys).concat();
    let copy = Copied::gather(c, users.cloud.points);
    let everyone = Users { cloud: Cloud::new(copy.points()), draw_keys: &draw_keys, facts: users.facts.copied() };
    let mine = plan::share(units, c.peers(), c.index());
    // No checkpoint here: no worker knows how far the others are, and points that are copied are few.
    let mut nowhere = Keeper { checkpoint: &mut InMemory::default(), name: "" };
    let solved = run_units(&mut Solo, &everyone, mine, order, Progress::default(), &mut nowhere);
    exchange_outcomes(c, solved, &users.facts)
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

/// Whether a fit or a sweep would copy `n_values` values to all of `peers` workers and divide the runs among them, instead
/// of moving all runs in lockstep. `memory` is that of [`Settings`].
pub fn would_copy(peers: usize, n_values: u64, clusters: &[usize], params: &KMeansParams, memory: u64) -> bool {
    peers > 1 && choose(peers, n_values, clusters, &Settings { params, seed: 0, memory, swaps: 0 }) == Way::Copied
}

/// The way that suits: points are copied if they are few and the units keep most workers busy.
fn choose(peers: usize, n_values: u64, clusters: &[usize], settings: &Settings) -> Way {
    let bytes = n_values * VALUE_BYTES;
    if bytes > COPIED_BYTES.min(settings.memory / 4) {
        return Way::Lockstep;
    }
    let units = plan::units(clusters, settings.params.n_init);
    let cost = |units: &[Unit]| units.iter().map(Unit::cost).sum::<usize>();
    let longest = (0..peers).map(|w| cost(&plan::share(units.clone(), peers, w))).max().unwrap_or(0);
    let even = 4 * cost(&units) >= 3 * peers * longest;
    if even || bytes <= SMALL_BYTES { Way::Copied } else { Way::Lockstep }
}

/// Runs units in batches, in lockstep with the other workers. Runs that were in progress go on from there.
fn run_units<C: Collective>(
    c: &mut C,
    users: &Users,
    units: Vec<Unit>,
    order: Order,
    before: Progress,
    keeper: &mut Keeper,
) -> Solved {
    let Settings { params, seed, memory, swaps } = order.settings;
    let Progress { mut solved, underway } = before;
    announce(users, &units);
    let mut columns = columns(c.peers(), users, &units, memory);
    let together = c.peers() > 1 || users.cloud.dense().is_some();
    for batch in batches(c.peers(), units, users, memory) {
        let (mut beginnings, fresh) = resume(users, batch, &underway);
        if !fresh.is_empty() {
            beginnings.extend(begin::begin(c, users, (seed, swaps), &fresh, &mut columns));
        }
        for group in groups(together, beginnings) {
            let mut watch = |states: &dyn Fn() -> Vec<Underway>| {
                let progress = || Progress { solved: solved.clone(), underway: states() };
                keeper.checkpoint.keep_if_due(keeper.name, progress);
            };
            for finished in lockstep::lloyd(c, users, params, group, &mut watch) {
                solved.add(finished, order.keep);
            }
        }
    }
    solved.sort();
    solved
}

/// Reports which runs are to come, as progress.
fn announce(users: &Users, units: &[Unit]) {
    let space = space(users);
    plan::runs(units).for_each(|Run { clusters, start }| progress::awaits(RunOf { space, clusters, start }));
}

/// Room for distances to candidates. A single worker with few sparse users computes the distances to all of them at once.
fn columns(peers: usize, users: &Users, units: &[Unit], memory: u64) -> Columns {
    let capacity = COLUMN_BYTES.min(memory / 4) / (8 * users.facts.max_rows.max(1));
    let mut columns = Columns::new(users.cloud.points.n_rows(), capacity as usize);
    let wanted: usize = units.iter().map(|unit| unit.centres() * unit.candidates).sum();
    let sparse = users.cloud.dense().is_none();
    if sparse && peers == 1 && users.facts.n_users <= capacity.min(wanted as u64) {
        columns.provide_all(&users.cloud);
    }
    columns
}

/// The beginnings of those runs of a batch that were in progress, and the rest of the batch.
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

/// Cuts the units into batches that fit the memory. A single worker gains nothing from many sparse runs at once, so there it
/// takes the units of one start at a time, which share their draws. Dense runs share every pass over the users.
fn batches(peers: usize, units: Vec<Unit>, users: &Users, memory: u64) -> Vec<Vec<Unit>> {
    let (rows, n_dims) = (users.facts.max_rows, users.n_dims());
    let dense = users.cloud.dense().is_some();
    let most = units.iter().map(Unit::centres).max().unwrap_or(0);
    let sample = begin::bytes(users.facts.n_users, most, n_dims);
    let fixed = if dense { Screen::bytes(rows, n_dims) + sample } else { 0 };
    let batches = plan::batches(units, rows, n_dims, (memory / 2).saturating_sub(fixed));
    if peers > 1 || dense {
        return batches;
    }
    batches.iter().flat_map(|batch| batch.chunk_by(|a, b| a.start == b.start)).map(<[Unit]>::to_vec).collect()
}

/// All runs of a batch together, or one at a time: a sparse run's sums and centroids then stay in the cache.
fn groups<T>(together: bool, beginnings: Vec<T>) -> Vec<Vec<T>> {
    if together { vec![beginnings] } else { beginnings.into_iter().map(|b| vec![b]).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::csr::Csr;
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
            let params = KMeansParams {
                clusters: 8,
                n_init: 2,
                max_iter: 300,
                tol: 0.0,
                spherical: false,
                refine: crate::job::Refine::None,
                amounts: crate::job::Amounts::None,
            };
            let order = Order {
                settings: Settings { params: &params, seed: 3, memory: 1 << 30, swaps: Settings::SWAPS },
                keep: Keep::Best,
            };
            let units = || plan::units(&[4, 8, 30], 2);
            let from = |before: Progress| {
                let mut units = units();
                let done = before.solved.clone();
                plan::retain(&mut units, |run| !done.has(run));
                let mut nowhere = Keeper { checkpoint: &mut InMemory::default(), name: "kmeans" };
                run_units(&mut Solo, &users, units, order, before, &mut nowhere)
            };
            let whole = from(Progress::default());
            let mut seen = Vec::new();
            let mut columns = Columns::new(N, 1000);
            let beginnings = begin::begin(&mut Solo, &users, (3, Settings::SWAPS), &units(), &mut columns);
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
