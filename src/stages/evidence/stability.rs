//! Do other users of the same kind lead to the same segments?
//!
//! A refit has each user with the probability 1 − 1/e, the chance to be in a bootstrap sample (Hennig 2007, with users drawn
//! several times counted once), or less, if fewer users are enough. It begins anew, with other draws; the projection stays.
//! Its segments of these users are compared with those of the run.
//!
//! The users of a refit fit one worker. So the refits are distributed among the workers, like starts of k-means on few points,
//! and each worker moves all numbers of clusters of a refit in lockstep.

use std::ops::Range;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::outcome::{Evidence, Stability};
use crate::collective::{Collective, Solo};
use crate::error::Result;
use crate::job::{KMeansParams, Refine};
use crate::kernel::agreement::Contingency;
use crate::kernel::csr::Csr;
use crate::kernel::keyed::{self, Stream};
use crate::stages::kmeans::{self, KMeans, Settings};
use crate::stages::mixture::{self, Start};
use crate::stages::resume::InMemory;

/// 1 − 1/e: the share of users in a bootstrap sample.
const SHARE: f64 = 0.632_120_558_828_557_7;

/// The most users of a refit, about: this many, or this many per cluster if that is more.
const USERS: f64 = 8_192.0;
const USERS_PER_CLUSTER: f64 = 32.0;

/// This worker's users, and their segments in the run.
pub struct Segmented<'a> {
    /// `(n_local_users, n_dims)`
    pub points: ArrayView2<'a, f64>,
    /// `(n_local_users, n_items)`, where segments are refined by them.
    pub ratings: Option<&'a Csr>,
    pub draw_keys: &'a [u64],
    /// Numbers of clusters, rising, and the segments of the users in each.
    pub numbers: &'a [usize],
    pub segments: &'a [Vec<u32>],
}

/// How well a refit found the segments of one model again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Again {
    adjusted_rand: f64,
    /// By segment.
    jaccard: Vec<f64>,
}

/// How stable the segments of each model are, by `refits` refits with these settings; the same on all workers.
pub fn stability<C: Collective>(
    c: &mut C,
    run: &Segmented,
    settings: Settings,
    refits: usize,
) -> Result<Vec<Stability>> {
    let share = share(c, run);
    let mut mine: Vec<(usize, Vec<Again>)> = Vec::new();
    for first in (0..refits).step_by(c.peers()) {
        let sample = deal(c, run, first..(first + c.peers()).min(refits), share, settings.seed);
        let refit = first + c.index();
        let found = if refit < refits {
            let seed = keyed::bits(settings.seed, Stream::Refit, refit as u64, u64::MAX);
            sample.again(run.numbers, Settings { seed, ..settings }).map(|again| mine.push((refit, again)))
        } else {
            Ok(())
        };
        c.agree(found)?;
    }
    let mut all = c.gather_values(&mine).concat();
    all.sort_by_key(|(refit, _)| *refit);
    let all = c.broadcast_value(c.is_coordinator().then_some(&all));
    Ok((0..run.numbers.len()).map(|model| summary(all.iter().map(|(_, again)| &again[model]))).collect())
}

/// The share of the users in each refit.
fn share<C: Collective>(c: &mut C, run: &Segmented) -> f64 {
    let mut n_users = [run.draw_keys.len() as u64];
    c.sum(&mut n_users);
    let most = run.numbers.last().copied().unwrap_or(0);
    let n_users = n_users[0].max(1) as f64;
    users_of_refit(n_users, most as f64) / n_users
}

/// About how many of `n_users` users a refit has, for up to `clusters` clusters.
fn users_of_refit(n_users: f64, clusters: f64) -> f64 {
    (SHARE * n_users).min(USERS.max(USERS_PER_CLUSTER * clusters))
}

impl Evidence {
    /// About how many of `n_users` users a refit has, if the largest number of clusters is `clusters`.
    pub fn refit_users(n_users: f64, clusters: f64) -> f64 {
        users_of_refit(n_users, clusters)
    }
}

/// The users of a refit.
struct Sample {
    /// `(n_users, n_dims)`
    points: Array2<f64>,
    /// `(n_users, n_items)`, where segments are refined by them.
    ratings: Option<Csr>,
    draw_keys: Vec<u64>,
    /// Their segments in the run, by number of clusters.
    segments: Vec<Vec<u32>>,
}

/// Sends the users of each of `refits`, at most one per worker, to its worker. Returns those of this one.
fn deal<C: Collective>(c: &mut C, run: &Segmented, refits: Range<usize>, share: f64, seed: u64) -> Sample {
    let users_of = |refit: usize| bytemuck::cast_slice(&words_of(run, refit as u64, share, seed)).to_vec();
    let mut outgoing: Vec<Vec<u8>> = refits.map(users_of).collect();
    outgoing.resize(c.peers(), Vec::new());
    let incoming = c.exchange(outgoing);
    let words: Vec<u64> = incoming.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec::<u8, u64>(bytes)).collect();
    Sample::of_words(run, &words)
}

/// Each of this worker's users in a refit: key, point, segments, and where they are needed the number of ratings and the ratings.
fn words_of(run: &Segmented, refit: u64, share: f64, seed: u64) -> Vec<u64> {
    let mut words: Vec<u64> = Vec::new();
    for (user, &key) in run.draw_keys.iter().enumerate() {
        if keyed::uniform(seed, Stream::Refit, refit, key) < share {
            words.push(key);
            words.extend(run.points.row(user).iter().map(|x| x.to_bits()));
            words.extend(run.segments.iter().map(|of| u64::from(of[user])));
            if let Some(ratings) = run.ratings {
                let row = ratings.row(user);
                words.push(row.len() as u64);
                row.for_each(|item, value| words.extend([item as u64, value.to_bits()]));
            }
        }
    }
    words
}

impl Sample {
    /// From the words of [`words_of`] of all workers.
    fn of_words(run: &Segmented, mut words: &[u64]) -> Sample {
        let n_dims = run.points.ncols();
        let mut points = Vec::new();
        let mut ratings = run.ratings.map(|ratings| Csr::empty(ratings.n_cols));
        let mut draw_keys = Vec::new();
        let mut segments = vec![Vec::new(); run.numbers.len()];
        while let [key, rest @ ..] = words {
            let (point, rest) = rest.split_at(n_dims);
            let (own, mut rest) = rest.split_at(segments.len());
            draw_keys.push(*key);
            points.extend(point.iter().map(|&bits| f64::from_bits(bits)));
            segments.iter_mut().zip(own).for_each(|(of, &segment)| of.push(segment as u32));
            if let (Some(ratings), [n, after @ ..]) = (&mut ratings, rest) {
                let (row, after) = after.split_at(2 * *n as usize);
                ratings.push_row(row.chunks_exact(2).map(|rating| (rating[0] as u32, f64::from_bits(rating[1]))));
                rest = after;
            }
            words = rest;
        }
        let points = Array2::from_shape_vec((draw_keys.len(), n_dims), points).expect("a row for each user");
        Sample { points, ratings, draw_keys, segments }
    }

    /// Fits the numbers of clusters to these users, and looks for the segments of each.
    fn again(&self, numbers: &[usize], settings: Settings) -> Result<Vec<Again>> {
        let refitted = self.refit(numbers, settings)?;
        let of = |(&k, own): (&usize, &Vec<u32>)| match refitted.iter().find(|other| other.sizes.len() == k) {
            Some(other) => {
                let other = self.refined(other, settings);
                Again::of(Contingency::from_labels(own, k, &other, k))
            }
            // With fewer users than segments nothing is found again.
            None => Again { adjusted_rand: 0.0, jaccard: vec![0.0; k] },
        };
        Ok(numbers.iter().zip(&self.segments).map(of).collect())
    }

    /// The segments of a model of k-means, refined if those of the run are.
    fn refined(&self, model: &KMeans, settings: Settings) -> Vec<u32> {
        let (segments, n_segments) = (model.segments_of(self.points.view()), model.sizes.len());
        let Some(ratings) = &self.ratings else { return segments };
        let start = Start {
            ratings,
            draw_keys: &self.draw_keys,
            segments: &segments,
            n_segments,
            amounts: settings.params.amounts,
            seed: settings.seed,
        };
        mixture::refined(&mut Solo, Refine::Mixture, &start)
    }

    /// Fits the numbers of clusters for which there are enough users.
    fn refit(&self, numbers: &[usize], settings: Settings) -> Result<Vec<KMeans>> {
        let Sample { points, draw_keys, .. } = self;
        let possible: Vec<usize> = numbers.iter().copied().filter(|&k| k <= draw_keys.len()).collect();
        let Some(&clusters) = possible.last() else { return Ok(Vec::new()) };
        let params = KMeansParams { clusters, ..*settings.params };
        let nowhere = &mut InMemory::default();
        let settings = Settings { params: &params, ..settings };
        let fitted = kmeans::fit_and_sweep(&mut Solo, points.view(), draw_keys, &possible, settings, nowhere)?;
        Ok(fitted.tried)
    }
}

impl Again {
    /// From the segments of the run and of the refit.
    fn of(contingency: Contingency) -> Again {
        let matched = contingency.matched().into_iter().enumerate();
        let jaccard = matched.map(|(segment, other)| other.map_or(0.0, |other| contingency.jaccard(segment, other)));
        Again { adjusted_rand: contingency.adjusted_rand(), jaccard: jaccard.collect() }
    }
}

/// Over the refits, in order.
fn summary<'a>(refits: impl Iterator<Item = &'a Again> + Clone) -> Stability {
    let n = refits.clone().count() as f64;
    let mean = refits.clone().map(|again| again.adjusted_rand).sum::<f64>() / n;
    let squares: f64 = refits.clone().map(|again| (again.adjusted_rand - mean) * (again.adjusted_rand - mean)).sum();
    let n_segments = refits.clone().map(|again| again.jaccard.len()).max().unwrap_or(0);
    let jaccard = |segment: usize| refits.clone().map(|again| again.jaccard[segment]).sum::<f64>() / n;
    Stability {
        refits: n as usize,
        adjusted_rand: mean,
        standard_deviation: (squares / (n - 1.0).max(1.0)).sqrt(),
        jaccard: (0..n_segments).map(jaccard).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_workers;
    use crate::job::Amounts;

    const N: usize = 400;

    /// Users around `k` centres, `apart` from each other, in two dimensions.
    fn points(k: usize, apart: f64) -> Array2<f64> {
        let draw = |user: usize, dim: usize| keyed::uniform(2, Stream::Generate, user as u64, dim as u64);
        Array2::from_shape_fn((N, 2), |(user, dim)| {
            let (across, up) = (user % k % 3, user % k / 3);
            draw(user, dim) + apart * if dim == 0 { across as f64 } else { up as f64 }
        })
    }

    fn keys() -> Vec<u64> {
        (0..N as u64).map(keyed::mix).collect()
    }

    fn params(clusters: usize) -> KMeansParams {
        KMeansParams {
            clusters,
            n_init: 3,
            max_iter: 100,
            tol: 1e-4,
            spherical: false,
            refine: Refine::None,
            amounts: Amounts::None,
        }
    }

    fn found(points: &Array2<f64>, clusters: usize, peers: usize) -> Vec<Stability> {
        let params = params(clusters);
        let settings = Settings { params: &params, seed: 1, memory: u64::MAX, swaps: Settings::SWAPS };
        let fitted = kmeans::fit(&mut Solo, points.view(), &keys(), settings).unwrap();
        let mut all = run_workers(peers, |c| {
            let mine: Vec<usize> = (0..N).filter(|user| user % c.peers() == c.index()).collect();
            let own = points.select(ndarray::Axis(0), &mine);
            let keys: Vec<u64> = mine.iter().map(|&user| keys()[user]).collect();
            let segments = [fitted.0.segments_of(own.view())];
            let (points, numbers) = (own.view(), &[clusters]);
            let run = Segmented { points, ratings: None, draw_keys: &keys, numbers, segments: &segments };
            stability(c, &run, Settings { seed: 9, ..settings }, 5).unwrap()
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
        all.remove(0)
    }

    #[test]
    fn clear_segments_are_found_again_and_slices_are_not() {
        let clear = &found(&points(6, 4.0), 6, 1)[0];
        assert_eq!((clear.adjusted_rand, clear.standard_deviation), (1.0, 0.0));
        assert_eq!(clear.jaccard, [1.0; 6]);
        let slices = &found(&points(6, 0.0), 6, 1)[0];
        assert!(slices.adjusted_rand < 0.8, "{slices:?}");
        assert!(slices.standard_deviation > 0.0);
    }

    /// Partial-sum-finish: the same bits for any workers.
    #[test]
    fn workers_leave_no_trace() {
        let points = points(5, 0.7);
        let alone = found(&points, 7, 1);
        assert_eq!(found(&points, 7, 3), alone);
        assert_eq!(found(&points, 7, 6), alone);
    }

    #[test]
    fn more_segments_than_users_of_a_refit_are_not_found() {
        let few = &found(&points(5, 1.0), 390, 2)[0];
        assert_eq!(few.adjusted_rand, 0.0);
    }
}
