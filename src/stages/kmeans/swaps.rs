//! Local search from the centres of k-means++, for dense users: random swaps (Fränti 2018, "Efficiency of random swap
//! clustering") of a user drawn by D² (Lattanzi & Sohler 2019, "A Better k-means++ Algorithm via Local Search").
//!
//! First come some iterations of Lloyd's algorithm. In each step a user is then drawn by D², as in the seeding, and for
//! every centre the potential ΣD² is computed that would be left if the user took the place of that centre. The best of these
//! swaps is tried, even if it is for the worse: some iterations of Lloyd's algorithm follow, and the result is kept if its
//! potential is lower than before.
//!
//! The law: the potential over the sample never rises from one step to the next. Draws are keyed by start and step, and each
//! run has its own copy of the centres, so that runs that share a seeding do not affect each other here.

use crate::collective::Solo;
use crate::job::{Amounts, KMeansParams, Refine};
use crate::kernel::keyed::Stream;
use crate::kernel::lloyd::swap::{self, Standing};
use crate::kernel::lloyd::{Point, Tiles};

use super::candidates::{self, Entry, Occasion};
use super::lockstep;
use super::seeding::Beginning;
use super::users::Users;

/// Swaps that a run of a fit tries.
pub const STEPS: usize = 20;

/// Users drawn in each step. More would make the search greedier: measured, that ends in worse optima.
const CANDIDATES: usize = 1;

/// Iterations of Lloyd's algorithm before the first step and after each swap.
const ITERATIONS: usize = 3;

/// Centres and their potential.
struct State {
    tiles: Tiles,
    potential: i64,
}

/// Improves the centres of a run, in so many steps, by a sample of dense users, the whole of which is at this worker.
pub fn improve(sample: &Users, seed: u64, steps: usize, beginning: &mut Beginning) {
    // Lloyd's algorithm finds a single centre without swaps, and an empty sample has no candidates.
    if beginning.run.clusters < 2 || sample.n_rows() == 0 {
        return;
    }
    // Centres that lie on all users cannot be improved, and the rounded mean of equal users may lie beside them.
    if stand(sample, &beginning.tiles).squared().iter().all(|&squared| squared == 0.0) {
        return;
    }
    let mut best = follow(sample, beginning, beginning.tiles.clone());
    let mut standing = None;
    for step in 0..steps {
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
    let params = KMeansParams {
        clusters: beginning.run.clusters,
        n_init: 1,
        max_iter: ITERATIONS,
        tol: 0.0,
        spherical: sample.facts.spherical,
        refine: Refine::None,
        amounts: Amounts::None,
    };
    let from = Beginning { run: beginning.run, tiles, nearest: None, iterations: 0 };
    let end = lockstep::lloyd_in_sample(&mut Solo, sample, &params, vec![from]).remove(0);
    State { tiles: end.tiles, potential: end.outcome.fixed_inertia }
}

/// The centres after the best swap of a step: among equals that of the earlier candidate, then of the lower centre. `None`
/// where every user lies on a centre.
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

/// Which candidate should take the place of which centre; `None` without a candidate.
fn best_swap(sample: &Users, candidates: &[Point], n_centres: usize, standing: &Standing) -> Option<(usize, usize)> {
    if candidates.is_empty() {
        return None;
    }
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

#[cfg(test)]
mod tests {
    use super::super::plan::Run;
    use super::*;
    use crate::kernel::keyed;
    use crate::kernel::lloyd::Points;

    const N: usize = 120;
    const DIMS: usize = 3;

    /// Users around seven centres.
    fn values() -> Vec<f64> {
        let draw = |i: usize, j: usize| keyed::uniform(5, Stream::Generate, i as u64, j as u64);
        (0..N).flat_map(|i| (0..DIMS).map(move |j| 10.0 * draw(1000 + i % 7, j) + 3.0 * draw(i, j))).collect()
    }

    fn keys() -> Vec<u64> {
        (0..N as u64).map(keyed::mix).collect()
    }

    fn points(values: &[f64]) -> Points<'_> {
        Points::Dense { values, n_rows: values.len() / DIMS, n_dims: DIMS }
    }

    /// Runs that begin with neighbours as centres: bad ones.
    fn beginnings(values: &[f64]) -> Vec<Beginning> {
        let all = points(values);
        let run = |(start, clusters): (usize, usize)| {
            let centres: Vec<Point> = (0..clusters).map(|j| all.point((7 * j + start) % N)).collect();
            let tiles = Tiles::of(&all, &centres.iter().collect::<Vec<_>>());
            Beginning { run: Run { clusters, start }, tiles, nearest: None, iterations: 0 }
        };
        [(0, 1), (0, 2), (0, 7), (1, 7), (1, 11), (2, 14)].map(run).into()
    }

    fn centres(beginnings: &[Beginning]) -> Vec<Vec<f64>> {
        beginnings.iter().map(|b| (0..b.run.clusters).flat_map(|j| b.tiles.coordinates(j)).collect()).collect()
    }

    /// The centres by their first coordinate.
    fn sorted(centres: &[f64]) -> Vec<f64> {
        let mut sorted: Vec<&[f64]> = centres.chunks(DIMS).collect();
        sorted.sort_by(|a, b| a[0].total_cmp(&b[0]));
        sorted.concat()
    }

    fn squared(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
    }

    fn nearest(row: &[f64], centres: &[f64]) -> (f64, usize) {
        let all = centres.chunks(DIMS).enumerate().map(|(j, centre)| (squared(row, centre), j));
        all.min_by(|a, b| a.0.total_cmp(&b.0)).unwrap()
    }

    fn potential(values: &[f64], centres: &[f64]) -> f64 {
        values.chunks(DIMS).map(|row| nearest(row, centres).0).sum()
    }

    fn textbook_lloyd(values: &[f64], mut centres: Vec<f64>) -> (f64, Vec<f64>) {
        for _ in 0..ITERATIONS {
            let labels: Vec<usize> = values.chunks(DIMS).map(|row| nearest(row, &centres).1).collect();
            for j in 0..centres.len() / DIMS {
                let members: Vec<&[f64]> =
                    values.chunks(DIMS).zip(&labels).filter(|(_, label)| **label == j).map(|(row, _)| row).collect();
                assert!(!members.is_empty(), "the textbook has no empty clusters");
                for dim in 0..DIMS {
                    centres[j * DIMS + dim] = members.iter().map(|row| row[dim]).sum::<f64>() / members.len() as f64;
                }
            }
        }
        (potential(values, &centres), centres)
    }

    /// Every time drawn, all sorted, every potential of every swap added up. Returns the potential after each step, too.
    fn textbook(values: &[f64], keys: &[u64], seed: u64, start: u64, centres: Vec<f64>) -> (Vec<f64>, Vec<f64>) {
        let mut best = textbook_lloyd(values, centres);
        let mut trace = vec![best.0];
        for step in 0..STEPS as u64 {
            let time = |(row, key): (&[f64], &u64)| {
                -libm::log(keyed::uniform(seed, Stream::Swap, start << 32 | step, *key)) / nearest(row, &best.1).0
            };
            let mut times: Vec<(f64, usize)> = values.chunks(DIMS).zip(keys).map(time).zip(0..).collect();
            times.sort_by(|a, b| a.0.total_cmp(&b.0));
            let mut swaps = Vec::new();
            for &(_, user) in &times[..CANDIDATES] {
                for centre in (0..best.1.len()).step_by(DIMS) {
                    let mut swapped = best.1.clone();
                    swapped[centre..][..DIMS].copy_from_slice(&values[user * DIMS..][..DIMS]);
                    swaps.push((potential(values, &swapped), swapped));
                }
            }
            let least = swaps.into_iter().min_by(|a, b| a.0.total_cmp(&b.0)).unwrap();
            let tried = textbook_lloyd(values, least.1);
            if tried.0 < best.0 * (1.0 - 1e-12) {
                best = tried;
            }
            trace.push(best.0);
        }
        (trace, best.1)
    }

    #[test]
    fn a_search_goes_the_way_of_the_textbook() {
        let (values, keys) = (values(), keys());
        let users = Users::gather(&mut Solo, points(&values), &keys, 1e-4, 0.0);
        let mut improved = beginnings(&values);
        let before = centres(&improved);
        improved.iter_mut().for_each(|beginning| improve(&users, 9, STEPS, beginning));
        let mut gained = 0;
        for ((beginning, before), after) in improved.iter().zip(before).zip(centres(&improved)) {
            let Run { clusters, start } = beginning.run;
            if clusters == 1 {
                assert_eq!(before, after);
                continue;
            }
            let (trace, expected) = textbook(&values, &keys, 9, start as u64, before);
            assert!(trace.is_sorted_by(|a, b| a >= b));
            gained += usize::from(trace[STEPS] < trace[0]);
            // Of two swaps that are worth the same, rounding decides: centres may come in another order.
            let (after, expected) = (sorted(&after), sorted(&expected));
            let size = squared(&expected, &vec![0.0; expected.len()]);
            assert!(squared(&after, &expected) <= 1e-18 * size, "k = {clusters}");
        }
        assert!(gained >= 3, "the search was hardly tested");
    }
}
