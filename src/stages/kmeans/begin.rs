//! The centres that runs begin with: the seeding, and for dense users local search from there.
//!
//! Dense users are seeded in a sample, chosen by draw keys; a small data set is its own sample. A sample is enough to see
//! where centres should go. Every worker holds the whole sample and begins some of the units. Lloyd's algorithm then goes
//! on with all users. Sparse users are seeded all together, without local search.

use crate::collective::{Collective, Solo};
use crate::kernel::lloyd::{Scores, Tiles};
use crate::watch::progress::{self, RunAt, RunOf, Space};

use super::plan::{Run, Unit};
use super::seeding::{self, Beginning, Columns};
use super::swaps;
use super::users::{Sample, Users};

/// Users of a sample: about this many, or this many for each cluster if that is more.
const SAMPLE: u64 = 1 << 14;
const SAMPLE_PER_CLUSTER: u64 = 64;

/// Bytes for each user of a sample of `n_dims` components: points, their screen, keys, and a run in progress.
const fn bytes_per_user(n_dims: usize) -> u64 {
    12 * n_dims as u64 + 80
}

/// Bytes that the sample of a batch with at most `clusters` clusters takes, of `n_users`.
pub fn bytes(n_users: u64, clusters: usize, n_dims: usize) -> u64 {
    n_users.min(sample_size(clusters) * 5 / 4) * bytes_per_user(n_dims)
}

fn sample_size(clusters: usize) -> u64 {
    SAMPLE.max(SAMPLE_PER_CLUSTER * clusters as u64)
}

/// The beginnings of all runs of a batch, on every worker, after so many swaps; `kept` has the distances to sparse candidates.
pub fn begin<C: Collective>(
    c: &mut C,
    users: &Users,
    (seed, swaps): (u64, usize),
    batch: &[Unit],
    kept: &mut Columns,
) -> Vec<Beginning> {
    let Some((scores, _)) = users.cloud.dense() else {
        return seeding::seed_batch(c, users, seed, batch, kept);
    };
    let most = batch.iter().map(Unit::centres).max().unwrap_or(0);
    begin_in_sample(c, users, scores, (seed, swaps), batch, sample_size(most))
}

fn begin_in_sample<C: Collective>(
    c: &mut C,
    users: &Users,
    scores: Scores,
    (seed, swaps): (u64, usize),
    batch: &[Unit],
    expected: u64,
) -> Vec<Beginning> {
    let sample = Sample::gather(c, users, scores, seed, expected);
    let sample = sample.users();
    let mine: Vec<Unit> = units_of(batch, c.index(), c.peers()).cloned().collect();
    let mut beginnings = seeding::seed_batch(&mut Solo, &sample, seed, &mine, &mut Columns::new(0, 0));
    for beginning in &mut beginnings {
        let Run { clusters, start } = beginning.run;
        let run = RunOf { space: Space::Projected, clusters, start };
        progress::moved(run, RunAt { iterations: 0, inertia: f64::INFINITY, ended: false });
        swaps::improve(&sample, seed, swaps, beginning);
    }
    exchange_centres(c, users, batch, &beginnings)
}

/// The units of a batch that a worker begins.
fn units_of(batch: &[Unit], worker: usize, peers: usize) -> impl Iterator<Item = &Unit> {
    batch.iter().skip(worker).step_by(peers)
}

/// Brings the beginnings of all workers, of which this one has `mine`, to every worker.
fn exchange_centres<C: Collective>(c: &mut C, users: &Users, batch: &[Unit], mine: &[Beginning]) -> Vec<Beginning> {
    let (peers, n_dims) = (c.peers(), users.n_dims());
    let runs = |worker: usize| units_of(batch, worker, peers).flat_map(Unit::runs);
    let centres_of = |run: Run| {
        let beginning = mine.iter().find(|beginning| beginning.run == run).expect("every run of a unit begins");
        (0..run.clusters).flat_map(|centre| beginning.tiles.coordinates(centre))
    };
    let sent: Vec<f64> = runs(c.index()).flat_map(centres_of).collect();
    let mut begun = Vec::new();
    for (worker, sent) in c.all_gather(&sent).iter().enumerate() {
        let mut rest = &sent[..];
        for run in runs(worker) {
            let (centres, others) = rest.split_at(run.clusters * n_dims);
            rest = others;
            let row = |centre: usize| &centres[centre * n_dims..][..n_dims];
            let tiles = Tiles::of_rows(&users.cloud.points, (0..run.clusters).map(row));
            begun.push(Beginning { run, tiles, nearest: None, iterations: 0 });
        }
    }
    begun
}

#[cfg(test)]
mod tests {
    use super::super::plan;
    use super::*;
    use crate::collective::testing::run_workers;
    use crate::kernel::keyed::{self, Stream};
    use crate::kernel::lloyd::Points;

    const N: usize = 300;
    const DIMS: usize = 3;

    /// Users around seven centres.
    fn values() -> Vec<f64> {
        let draw = |i: usize, j: usize| keyed::uniform(5, Stream::Generate, i as u64, j as u64);
        (0..N).flat_map(|i| (0..DIMS).map(move |j| 10.0 * draw(1000 + i % 7, j) + 3.0 * draw(i, j))).collect()
    }

    /// The centres of every run, in order of clusters and start, from a sample of about `expected` of the users `rows`.
    fn begun<C: Collective>(c: &mut C, rows: &[usize], expected: u64) -> Vec<(usize, usize, Vec<f64>)> {
        let values = values();
        let own: Vec<f64> = rows.iter().flat_map(|&row| values[row * DIMS..][..DIMS].iter().copied()).collect();
        let keys: Vec<u64> = rows.iter().map(|&row| keyed::mix(row as u64)).collect();
        let points = Points::Dense { values: &own, n_rows: rows.len(), n_dims: DIMS };
        let users = Users::gather(c, points, &keys, 1e-4, 0.0);
        let (scores, _) = users.cloud.dense().unwrap();
        let batch = plan::units(&[1, 2, 7, 12], 3);
        let mut found: Vec<_> = begin_in_sample(c, &users, scores, (9, swaps::STEPS), &batch, expected)
            .iter()
            .map(|b| (b.run.clusters, b.run.start, (0..b.run.clusters).flat_map(|j| b.tiles.coordinates(j)).collect()))
            .collect();
        found.sort_by_key(|(clusters, start, _)| (*clusters, *start));
        found
    }

    #[test]
    fn beginnings_do_not_depend_on_the_layout() {
        let everyone: Vec<usize> = (0..N).collect();
        let all = begun(&mut Solo, &everyone, N as u64);
        assert_eq!(all.len(), 12);
        let few = begun(&mut Solo, &everyone, 100);
        assert_ne!(few, all);
        for (expected, alone) in [(100, &few), (N as u64, &all)] {
            for n in [2, 3, 5] {
                let found = run_workers(n, |c| {
                    let mine = |row: &usize| keyed::mix(*row as u64) as usize % n == c.index();
                    let rows: Vec<usize> = (0..N).rev().filter(mine).collect();
                    begun(c, &rows, expected)
                });
                assert!(found.iter().all(|found| found == alone), "{n} workers");
            }
        }
    }

    #[test]
    fn a_sample_has_users_enough_for_its_clusters() {
        assert_eq!(sample_size(25), SAMPLE);
        assert_eq!(sample_size(1000), 64_000);
        assert_eq!(bytes(100, 25, 10), 100 * bytes_per_user(10));
    }
}
