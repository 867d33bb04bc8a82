//! Are the segments real? What speaks for them, and what against.
//!
//! Any k-means gives k clusters. Three questions tell segments from slices: do they say anything about ratings that the fit
//! has not seen ([`HeldOut`]), do other users of the same kind lead to the same segments ([`Stability`]), and is either more
//! than chance makes of users as active and items as popular, without any taste ([`Null`])?
//!
//! | module | what it does |
//! |---|---|
//! | [`hidden`] | a tenth of the ratings, hidden from a second fit |
//! | [`guess`] | how well its segments predict them |
//! | [`stability`] | refits to other users |
//! | [`null`] | data without structure, for which all this is done again |
//! | [`quality`] | indices that look at the points alone |
//! | [`sums`] | sums and correlations over users |
//! | [`verdict`] | the rule that follows from it all |
//!
//! A second fit weighs, projects and divides as the run did, with fewer starts ([`Evidence::STARTS`]) and a tolerance of PCA that is
//! enough for where users go ([`TOL`]).

mod guess;
mod hidden;
mod null;
mod quality;
mod stability;
mod sums;
mod verdict;

use std::collections::HashMap;
use std::path::Path;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::collective::Collective;
use crate::error::Result;
use crate::job::{EvidenceParams, Job, KMeansParams, PcaParams};
use crate::kernel::csr::Csr;
use crate::kmeans::{self, Assignment, Centroids, KMeans};
use crate::pca;
use crate::shard::Shard;
use crate::shard::store::Store;
use crate::shard::weight::Weigher;
use guess::{Mean, Popularity};
use hidden::Split;
use stability::Segmented;

pub use quality::{Quality, quality};
pub use sums::activity_correlation;

/// The residual of PCA in each second fit, at least.
const TOL: f64 = 1e-4;

/// What there is to say about the segments of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    pub verdict: Verdict,
    /// The verdict and its grounds in a sentence or two, for people.
    pub summary: String,
    /// The least number of segments, of those tried, that says as much as any and is found again; absent where none is.
    pub suggested_clusters: Option<usize>,
    pub held_out: HeldOut,
    pub stability: Stability,
    pub null: Null,
    /// For each number of clusters that was tried, rising: those of the sweep, and the one of the segments.
    pub by_clusters: Vec<OfClusters>,
}

/// How far segments may be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// They tell something of what users will choose, and are found again.
    Stable,
    /// They tell something, but where one ends and another begins is arbitrary.
    Weak,
    /// They tell no more than segments of users without any taste would.
    None,
}

/// How well segments predict ratings that were hidden from their fit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Ratings hidden: about a tenth.
    pub ratings: u64,
    /// Users who had one hidden.
    pub users: u64,
    /// Bits per hidden rating that the item distribution of the user's segment saves over that of everybody.
    pub bits: f64,
    /// Of `bits`, over users.
    pub standard_error: f64,
    /// Mean over these users of the share of their hidden ratings among the ten likeliest items that they had not rated.
    pub recall_at_10: f64,
    /// The same where everybody is offered what is most popular.
    pub popularity_recall_at_10: f64,
}

/// Whether other users of the same kind lead to the same segments (Hennig 2007, "Cluster-wise assessment of cluster
/// stability").
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stability {
    /// Fits to users drawn anew.
    pub refits: usize,
    /// Mean over the refits of the adjusted Rand index (Hubert & Arabie 1985) of their segments and those of the run: 1 is
    /// the same, 0 is chance.
    pub adjusted_rand: f64,
    /// Its standard deviation over the refits.
    pub standard_deviation: f64,
    /// For each segment, the mean over the refits of the Jaccard index of its users and those of the segment that
    /// it is matched with.
    pub jaccard: Vec<f64>,
}

/// What the same fit finds where there is nothing to find: in users as active and items as popular, who choose without taste.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Null {
    pub bits: f64,
    pub standard_error: f64,
    pub adjusted_rand: f64,
}

/// What a number of clusters is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct OfClusters {
    pub clusters: usize,
    /// As in [`HeldOut`].
    pub bits: f64,
    pub standard_error: f64,
    /// The bits of as many segments of the [`Null`].
    pub null_bits: f64,
    /// As in [`Stability`].
    pub adjusted_rand: f64,
    /// Mean over users of (b − a)/max(a, b), with a the distance to the own centroid and b that to the next (Vendramin,
    /// Campello & Hruschka 2010): −1 to 1, more is better.
    pub simplified_silhouette: f64,
    /// Dispersion between over dispersion within clusters (Caliński & Harabasz 1974): more is better.
    pub calinski_harabasz: f64,
    /// Mean over clusters of the likeness to the most alike other (Davies & Bouldin 1979): less is better.
    pub davies_bouldin: f64,
}

impl Evidence {
    /// Starts of k-means in each second fit, at most.
    pub const STARTS: usize = 3;

    /// About how many of `n_users` users a refit has, where the largest number of clusters is `clusters`.
    pub fn refit_users(n_users: f64, clusters: f64) -> f64 {
        stability::users_of_refit(n_users, clusters)
    }
}

/// What the evidence is about, and where it may be made.
pub struct Question<'a> {
    pub job: &'a Job,
    pub params: EvidenceParams,
    /// This worker's users with their raw ratings.
    pub shard: &'a Shard,
    /// The run's `(n_local_users, n_components)`, as k-means saw them.
    pub points: ArrayView2<'a, f64>,
    /// The run's models, by rising number of clusters; the one of its segments among them.
    pub tried: &'a [KMeans],
    /// Bytes of this worker for matrices; the rest of them goes to files in `scratch`.
    pub memory: u64,
    pub scratch: &'a Path,
    /// Bytes of this worker for runs of k-means in progress.
    pub runs_memory: u64,
}

/// A second fit: users and their models.
struct Fit {
    points: Array2<f64>,
    /// By rising number of clusters.
    models: Vec<KMeans>,
}

/// Gathers the evidence; all workers call it together, and get the same. Also tells the bytes of this worker that went to
/// scratch files.
///
/// # Errors
/// Those of the stages that it goes through again.
pub fn fit<C: Collective>(c: &mut C, question: &Question) -> Result<(Evidence, u64)> {
    let Question { job, shard, tried, .. } = question;
    let numbers: Vec<usize> = tried.iter().map(|model| model.sizes.len()).collect();
    let clusters = job.kmeans.clusters;
    let chosen = numbers.iter().position(|&k| k == clusters).expect("the segments are among what was tried");
    let store = || Store::new(question.memory, question.scratch);

    let run = Segmented { points: question.points, draw_keys: &shard.draw_keys, models: tried };
    let found_again = question.stability(c, &run)?;
    let qualities: Vec<Quality> = tried
        .iter()
        .map(|model| quality(c, question.points, &labels(model, question.points), model.sizes.len()))
        .collect();

    let mut room = store();
    let split = question.split(c, &shard.matrix, &mut room)?;
    let second = question.fit(c, &split.seen, &numbers, &mut room)?;
    let popularity = Popularity::new(c, &split);
    let saved: Vec<Vec<f64>> = second
        .models
        .iter()
        .map(|model| popularity.bits(c, &labels(model, second.points.view()), model.sizes.len()))
        .collect();
    let bits: Vec<Mean> = saved.iter().map(|saved| popularity.mean(c, saved)).collect();
    let of_segments = labels(&second.models[chosen], second.points.view());
    let [recall_at_10, popularity_recall_at_10] = popularity.recall(c, &of_segments, clusters);
    let held_out = HeldOut {
        ratings: popularity.n_hidden,
        users: popularity.n_users,
        bits: bits[chosen].mean,
        standard_error: bits[chosen].standard_error,
        recall_at_10,
        popularity_recall_at_10,
    };
    let behind =
        |a: usize, b: usize| saved[b].iter().zip(&saved[a]).map(|(best, this)| best - this).collect::<Vec<f64>>();
    let pairs: Vec<(usize, usize)> = (0..numbers.len()).flat_map(|b| (0..b).map(move |a| (a, b))).collect();
    let errors: HashMap<(usize, usize), f64> =
        pairs.into_iter().map(|(a, b)| ((a, b), popularity.mean(c, &behind(a, b)).standard_error)).collect();
    let mut spilled = room.spilled();
    drop((split, second, saved, room));

    let mut room = store();
    let (null_bits, null_again) = question.null(c, &numbers, chosen, &mut room)?;
    spilled += room.spilled();
    let Mean { mean, standard_error } = null_bits[chosen];
    let null = Null { bits: mean, standard_error, adjusted_rand: null_again };
    let by_clusters: Vec<OfClusters> = (0..numbers.len())
        .map(|at| OfClusters {
            clusters: numbers[at],
            bits: bits[at].mean,
            standard_error: bits[at].standard_error,
            null_bits: null_bits[at].mean,
            adjusted_rand: found_again[at].adjusted_rand,
            simplified_silhouette: qualities[at].simplified_silhouette,
            calinski_harabasz: qualities[at].calinski_harabasz,
            davies_bouldin: qualities[at].davies_bouldin,
        })
        .collect();
    let stability = found_again.into_iter().nth(chosen).expect("every model was looked for");
    let verdict = verdict::verdict(&held_out, &stability, &null);
    let suggested_clusters = match verdict {
        Verdict::None => None,
        Verdict::Stable | Verdict::Weak => verdict::suggested(&by_clusters, |a, b| errors[&(a.min(b), a.max(b))]),
    };
    let mut evidence =
        Evidence { verdict, summary: String::new(), suggested_clusters, held_out, stability, null, by_clusters };
    evidence.summary = verdict::summary(&evidence, clusters);
    Ok((evidence, spilled))
}

impl Question<'_> {
    /// Of every second fit.
    fn kmeans(&self) -> KMeansParams {
        let params = self.job.kmeans;
        KMeansParams { n_init: params.n_init.min(Evidence::STARTS), ..params }
    }

    fn stability<C: Collective>(&self, c: &mut C, run: &Segmented) -> Result<Vec<Stability>> {
        stability::stability(c, run, &self.kmeans(), self.params.refits, self.job.seed, self.runs_memory)
    }

    /// Hides a tenth of `ratings`.
    fn split<C: Collective>(&self, c: &mut C, ratings: &Csr, store: &mut Store) -> Result<Split> {
        let split = hidden::split(ratings, &self.shard.draw_keys, self.job.seed, store);
        c.agree(split)
    }

    /// Fits what is seen.
    fn fit<C: Collective>(&self, c: &mut C, seen: &Csr, numbers: &[usize], store: &mut Store) -> Result<Fit> {
        let weigher = Weigher::fit(c, seen, self.job.matrix);
        let weighted = weigher.weigh(seen, store);
        let matrix = c.agree(weighted)?;
        let params = PcaParams { report: self.job.pca.components, tol: self.job.pca.tol.max(TOL), ..self.job.pca };
        let pca = pca::fit(c, &matrix, &params, self.job.seed, self.job.memory, &mut Checkpoint::none())?;
        let params = self.kmeans();
        let points = Centroids::points(pca::project(&pca, &matrix), &params);
        drop(matrix);
        let (keys, seed, nowhere) = (&self.shard.draw_keys, self.job.seed, &mut Checkpoint::none());
        let fitted = kmeans::fit_and_sweep(c, points.view(), keys, &params, numbers, seed, self.runs_memory, nowhere)?;
        Ok(Fit { points, models: fitted.tried })
    }

    /// The bits that each of `numbers` of segments of made data saves, and the adjusted Rand index of the one of place
    /// `chosen`.
    fn null<C: Collective>(
        &self,
        c: &mut C,
        numbers: &[usize],
        chosen: usize,
        store: &mut Store,
    ) -> Result<(Vec<Mean>, f64)> {
        let keys = &self.shard.draw_keys;
        let ratings = null::null(c, &self.shard.matrix, keys, self.job.seed, store);
        let ratings = c.agree(ratings)?;
        let split = self.split(c, &ratings, store)?;
        drop(ratings);
        let Fit { points, models } = self.fit(c, &split.seen, numbers, store)?;
        let popularity = Popularity::new(c, &split);
        let bits = models.iter().map(|model| {
            let saved = popularity.bits(c, &labels(model, points.view()), model.sizes.len());
            popularity.mean(c, &saved)
        });
        let bits = bits.collect();
        let run = Segmented { points: points.view(), draw_keys: keys, models: &models[chosen..=chosen] };
        let stability = self.stability(c, &run)?;
        Ok((bits, stability[0].adjusted_rand))
    }
}

/// Where a model puts users.
fn labels(model: &KMeans, points: ArrayView2<f64>) -> Vec<u32> {
    let mut found = Assignment::with_capacity(points.nrows());
    Centroids::of(model).assign(points, &mut found);
    found.segment
}
