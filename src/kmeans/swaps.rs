//! Local search from the centres of k-means++, for dense users: random swaps (Fränti 2018, "Efficiency of random swap
//! clustering"), each the best of a few (Lattanzi & Sohler 2019, "A Better k-means++ Algorithm via Local Search").
//!
//! First come some iterations of Lloyd's algorithm. Then, in each step, a few users are drawn by D², as in the seeding, and
//! for each of them and every centre it is computed what potential ΣD² would be left if the one took the place of
//! the other. The best swap is tried, even if it is for the worse: some iterations of Lloyd's algorithm follow, and what
//! they lead to is kept if its potential is lower than before.
//!
//! Where users are many the search looks at a sample, chosen by draw keys: which swap is good does not take everyone to
//! see. Every worker has the whole sample and improves runs of its own. Lloyd's algorithm then goes on with all users.
//!
//! The law: the potential, of those looked at, never rises from one step to the next. Draws are keyed by start and step, and
//! each run has its own copy of the centres, so that runs that share a seeding do not meet here.

use crate::collective::{Collective, Solo};
use crate::job::KMeansParams;
use crate::kernel::keyed::Stream;
use crate::kernel::lloyd::swap::{self, Standing};
use crate::kernel::lloyd::{Point, Points, Scores, Tiles};

use super::candidates::{self, Entry, Occasion};
use super::lockstep;
use super::seeding::Beginning;
use super::users::{Sample, Users};

/// Users looked at: everyone where there are no more, else about so many.
const SAMPLE: usize = 1 << 14;

/// Swaps that a run tries.
const STEPS: usize = 20;

/// Users drawn in each step.
const CANDIDATES: usize = 5;

/// Iterations of Lloyd's algorithm before the first step and after each swap.
const ITERATIONS: usize = 3;

/// Bytes for each user of a sample of `n_dims` components: points, their screen, keys, and a run on its way.
const fn bytes_per_user(n_dims: usize) -> u64 {
    12 * n_dims as u64 + 80
}

/// Bytes that a search in a sample of at most `n_users` takes.
pub fn bytes(n_users: u64, n_dims: usize) -> u64 {
    n_users.min(SAMPLE as u64 * 5 / 4) * bytes_per_user(n_dims)
}

/// Improves the centres of all runs.
pub fn improve<C: Collective>(c: &mut C, users: &Users, scores: Scores, seed: u64, beginnings: &mut [Beginning]) {
    let sample = Sample::gather(c, users, scores, seed, SAMPLE);
    let sample = sample.users();
    let mut mine: Vec<f64> = Vec::new();
    for beginning in beginnings.iter_mut().skip(c.index()).step_by(c.peers()) {
        improve_run(&sample, seed, beginning);
        (0..beginning.run.clusters).for_each(|centre| mine.extend(beginning.tiles.coordinates(centre)));
    }
    let sent = c.all_gather(&mine);
    let mut rest: Vec<&[f64]> = sent.iter().map(Vec::as_slice).collect();
    for (index, beginning) in beginnings.iter_mut().enumerate() {
        let rest = &mut rest[index % sent.len()];
        let (centres, others) = rest.split_at(beginning.run.clusters * scores.n_dims);
        *rest = others;
        let points = Points::Dense { values: centres, n_rows: beginning.run.clusters, n_dims: scores.n_dims };
        (0..beginning.run.clusters).for_each(|centre| beginning.tiles.place(centre, &points.point(centre)));
    }
}

/// Centres and their potential.
struct State {
    tiles: Tiles,
    potential: i64,
}

fn improve_run(sample: &Users, seed: u64, beginning: &mut Beginning) {
    // One centre has no other to make good its loss; and where there is nobody, nothing.
    if beginning.run.clusters < 2 || sample.n_rows() == 0 {
        return;
    }
    let mut best = follow(sample, beginning, beginning.tiles.clone());
    let mut standing = None;
    for step in 0..STEPS {
        let known = standing.get_or_insert_with(|| stand(sample, &best.tiles));
        let Some(tiles) = swapped(sample, seed, beginning.run.start, step, &best, known) else { break };
        let tried = follow(sample, beginning, tiles);
        if tried.potential < best.potential {
            best = tried;
            standing = None;
        }
    }
    beginning.tiles = best.tiles;
}

fn stand(sample: &Users, tiles: &Tiles) -> Standing {
    let (scores, _) = sample.cloud.dense().expect("a sample is dense");
    Standing::new(scores, sample.n_rows(), tiles)
}

/// Where a few iterations of Lloyd's algorithm lead.
fn follow(sample: &Users, beginning: &Beginning, tiles: Tiles) -> State {
    let params = KMeansParams { clusters: beginning.run.clusters, n_init: 1, max_iter: ITERATIONS, tol: 0.0 };
    let from = Beginning { run: beginning.run, tiles, nearest: None };
    let end = lockstep::lloyd(&mut Solo, sample, &params, vec![from]).remove(0);
    State { tiles: end.tiles, potential: end.outcome.fixed_inertia }
}

/// The centres after the best swap of a step: of equals that of the earlier candidate, then of the lower centre. `None`
/// where nobody is away from all centres.
fn swapped(sample: &Users, seed: u64, start: usize, step: usize, best: &State, standing: &Standing) -> Option<Tiles> {
    let entry = Entry { start, places: CANDIDATES, weights: standing.squared().into() };
    let occasion = Occasion { stream: Stream::Swap, round: step };
    let drawn = candidates::race(&mut Solo, sample, seed, occasion, &[entry]).remove(0);
    let points = candidates::exchange_points(&mut Solo, &sample.cloud, &drawn);
    let (candidate, centre) = best_swap(sample, &points, best.tiles.n_columns(), standing)?;
    let mut tiles = best.tiles.clone();
    tiles.place(centre, &points[candidate]);
    Some(tiles)
}

/// Which candidate should take the place of which centre.
fn best_swap(sample: &Users, candidates: &[Point], n_centres: usize, standing: &Standing) -> Option<(usize, usize)> {
    let (scores, _) = sample.cloud.dense().expect("a sample is dense");
    let factor = sample.facts.distance_scale.factor();
    let stakes = standing.stakes(n_centres, factor);
    let tiles = Tiles::of(&sample.cloud.points, &candidates.iter().collect::<Vec<_>>());
    let worth = swap::worth(scores, &tiles, standing, n_centres, factor);
    let left = |candidate: usize, centre: usize| {
        let worth = &worth[candidate * (1 + n_centres)..];
        stakes[0] - worth[0] + stakes[1 + centre] - worth[1 + centre]
    };
    let swaps = (0..candidates.len()).flat_map(|candidate| (0..n_centres).map(move |centre| (candidate, centre)));
    swaps.min_by_key(|&(candidate, centre)| left(candidate, centre))
}
