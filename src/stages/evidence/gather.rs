//! The evidence in order: refits, a second fit without a tenth of the ratings, and the same for data without structure.
//!
//! A second fit weighs, projects and clusters as the run did, with fewer starts ([`Evidence::STARTS`]) and a tolerance of PCA
//! that is enough to tell where users go ([`TOL`]).

use std::path::Path;

use ndarray::{Array2, ArrayView2};

use super::guess::{Mean, Popularity};
use super::hidden::{self, Split};
use super::null::{self, Deal};
use super::outcome::{Evidence, HeldOut, Null, OfClusters, Stability, Verdict};
use super::quality::{Quality, quality};
use super::share::Share;
use super::stability::{self, Segmented};
use super::verdict;
use crate::collective::Collective;
use crate::error::Result;
use crate::job::{By, EvidenceParams, Job, KMeansParams, PcaParams, Refine};
use crate::kernel::csr::Csr;
use crate::shard::Shard;
use crate::shard::store::Store;
use crate::shard::weight::Weigher;
use crate::stages::kmeans::{self, Centroids, KMeans, Settings};
use crate::stages::mixture::{self, Start};
use crate::stages::pca;
use crate::stages::resume::InMemory;

/// The least tolerance of PCA in a second fit. With 25 million ratings a tenth and a hundredth of it change no digit of the bits
/// that is shown; five times as much does.
const TOL: f64 = 1e-2;

/// The most refits to data without structure. How well chance is found again is told more roughly than how well the segments are.
const REFITS_TO_NULL: usize = 4;

/// The run that the evidence is about, and the memory for the second fits.
pub struct Question<'a> {
    pub job: &'a Job,
    pub params: EvidenceParams,
    /// This worker's users with their raw ratings.
    pub shard: &'a Shard,
    /// The components `(n_components, n_items)` of the run.
    pub components: ArrayView2<'a, f64>,
    /// The points `(n_local_users, n_components)` of the run, as k-means saw them.
    pub points: ArrayView2<'a, f64>,
    /// The models of k-means in the run, by rising number of clusters; that of its segments is among them.
    pub tried: &'a [KMeans],
    /// The segments of this worker's users, refined if they are.
    pub segments: &'a [u32],
    pub refine: Refine,
    /// This worker's bytes for matrices; what exceeds them goes to files in `scratch`.
    pub memory: u64,
    pub scratch: &'a Path,
    /// This worker's bytes for runs of k-means in progress.
    pub runs_memory: u64,
}

/// Ratings `(n_local_users, n_items)` and a key for each user.
#[derive(Clone, Copy)]
struct Users<'a> {
    ratings: &'a Csr,
    draw_keys: &'a [u64],
}

/// A second fit: users on its components, and their segments by rising number of clusters.
struct Fit {
    points: Array2<f64>,
    segments: Vec<Vec<u32>>,
}

/// How well the second fit predicts the ratings hidden from it.
struct Guesses {
    held_out: HeldOut,
    /// For each number of clusters.
    bits: Vec<Mean>,
    /// Standard errors of the difference in bits between two numbers of clusters, by their places.
    errors: Array2<f64>,
}

/// The same for data without structure: bits for each number of clusters, and how well the chosen one is found again.
struct Chance {
    bits: Vec<Mean>,
    adjusted_rand: f64,
}

/// Gathers the evidence; all workers call it together and get the same. Also returns the bytes that this worker wrote to
/// scratch files.
///
/// # Errors
/// Those of the stages that it runs again.
pub fn fit<C: Collective>(c: &mut C, question: &Question) -> Result<(Evidence, u64)> {
    let points = question.points;
    let numbers = question.numbers();
    let segments = question.tried_segments(c);
    let again = question.stability(c, points, question.users(), &numbers, &segments, question.params.refits)?;
    let quality_of = |(of, &number): (&Vec<u32>, &usize)| quality(c, points, of, number);
    let qualities: Vec<Quality> = segments.iter().zip(&numbers).map(quality_of).collect();
    let (guesses, spilled) = question.guesses(c)?;
    let (chance, more) = question.chance(c)?;
    Ok((question.conclude(&again, &qualities, guesses, &chance), spilled + more))
}

impl Evidence {
    /// The most starts of k-means in a second fit.
    pub const STARTS: usize = 3;
}

impl Question<'_> {
    /// Puts the answers together; `again` and `qualities` are by number of clusters.
    fn conclude(&self, again: &[Stability], qualities: &[Quality], guesses: Guesses, chance: &Chance) -> Evidence {
        let by_clusters = |at: usize| OfClusters {
            clusters: self.tried[at].sizes.len(),
            bits: guesses.bits[at].mean,
            standard_error: guesses.bits[at].standard_error,
            null_bits: chance.bits[at].mean,
            adjusted_rand: again[at].adjusted_rand,
            simplified_silhouette: qualities[at].simplified_silhouette,
            calinski_harabasz: qualities[at].calinski_harabasz,
            davies_bouldin: qualities[at].davies_bouldin,
        };
        let by_clusters: Vec<OfClusters> = (0..self.tried.len()).map(by_clusters).collect();
        let chosen = self.chosen();
        let Mean { mean: bits, standard_error } = chance.bits[chosen];
        let null = Null { bits, standard_error, adjusted_rand: chance.adjusted_rand };
        let stability = again[chosen].clone();
        let verdict = verdict::verdict(&guesses.held_out, &stability, &null);
        let suggested_clusters = match verdict {
            Verdict::None => None,
            // They were compared before, on more numbers.
            _ if self.job.choices.clusters == By::Chosen => Some(by_clusters[chosen].clusters),
            Verdict::Stable | Verdict::Weak => verdict::suggested(&by_clusters, |a, b| guesses.errors[[a, b]]),
        };
        let summary = verdict::summary(verdict, suggested_clusters, by_clusters[chosen].clusters);
        let held_out = guesses.held_out;
        Evidence { verdict, summary, suggested_clusters, held_out, stability, null, by_clusters }
    }

    /// The place of the run's number of clusters.
    fn chosen(&self) -> usize {
        let is_chosen = |model: &KMeans| model.sizes.len() == self.job.kmeans.clusters;
        self.tried.iter().position(is_chosen).expect("the segments are among what was tried")
    }

    fn store(&self) -> Store {
        Store::new(self.memory, self.scratch)
    }

    /// The parameters of k-means in a second fit.
    fn kmeans(&self) -> KMeansParams {
        let params = self.job.kmeans;
        KMeansParams { n_init: params.n_init.min(Evidence::STARTS), ..params }
    }

    /// The numbers of clusters that were tried, rising.
    fn numbers(&self) -> Vec<usize> {
        self.tried.iter().map(|model| model.sizes.len()).collect()
    }

    /// The run's segments in every number of clusters.
    fn tried_segments<C: Collective>(&self, c: &mut C) -> Vec<Vec<u32>> {
        let own = self.chosen();
        let of = |(at, model): (usize, &KMeans)| match at == own {
            true => self.segments.to_vec(),
            false => self.segments_of(c, model, self.points, self.users()),
        };
        self.tried.iter().enumerate().map(of).collect()
    }

    /// The segments of a model of k-means, refined as the run's are, of users with these ratings.
    fn segments_of<C: Collective>(&self, c: &mut C, model: &KMeans, points: ArrayView2<f64>, users: Users) -> Vec<u32> {
        let (segments, n_segments) = (model.segments_of(points), model.sizes.len());
        let Job { seed, kmeans: KMeansParams { amounts, .. }, .. } = *self.job;
        let Users { ratings, draw_keys } = users;
        let start = Start { ratings, draw_keys, segments: &segments, n_segments, amounts, seed };
        mixture::refined(c, self.refine, &start)
    }

    /// How stable segments in these numbers are.
    fn stability<C: Collective>(
        &self,
        c: &mut C,
        points: ArrayView2<f64>,
        Users { ratings, draw_keys }: Users,
        numbers: &[usize],
        segments: &[Vec<u32>],
        refits: usize,
    ) -> Result<Vec<Stability>> {
        let ratings = (self.refine == Refine::Mixture).then_some(ratings);
        let run = Segmented { points, ratings, draw_keys, numbers, segments };
        stability::stability(c, &run, self.settings(&self.kmeans()), refits)
    }

    fn settings<'p>(&self, params: &'p KMeansParams) -> Settings<'p> {
        Settings { params, seed: self.job.seed, memory: self.runs_memory, swaps: Settings::SWAPS }
    }

    /// This worker's users in the run.
    fn users(&self) -> Users<'_> {
        Users { ratings: &self.shard.matrix, draw_keys: &self.shard.draw_keys }
    }

    /// Hides a tenth of the ratings of the users who are asked.
    fn split<C: Collective>(&self, c: &mut C, users: Users, store: &mut Store) -> Result<Split> {
        let Users { ratings, draw_keys } = users;
        let asked = Share::asked(c, draw_keys, self.job.seed);
        let split = hidden::split(ratings, draw_keys, asked, self.job.seed, store);
        c.agree(split)
    }

    /// Fits the ratings that are seen of users with these keys; sweeps go on from `begin`.
    fn fit<C: Collective>(&self, c: &mut C, seen: &Csr, keys: &[u64], mut begin: InMemory) -> Result<Fit> {
        let numbers = self.numbers();
        let weigher = Weigher::fit(c, seen, self.job.matrix);
        let matrix = weigher.weigh(seen);
        let params = PcaParams { report: self.job.pca.components, tol: self.job.pca.tol.max(TOL), ..self.job.pca };
        let pca = pca::fit(c, &matrix, &params, self.job.seed, self.job.memory, &mut begin)?;
        let params = self.kmeans();
        let points = Centroids::points(pca::project(&pca, &matrix), &params);
        drop(matrix);
        let settings = self.settings(&params);
        let nowhere = &mut InMemory::default();
        let fitted = kmeans::fit_and_sweep(c, points.view(), keys, &numbers, settings, nowhere)?;
        let of = |model: &KMeans| self.segments_of(c, model, points.view(), Users { ratings: seen, draw_keys: keys });
        let segments = fitted.tried.iter().map(of).collect();
        Ok(Fit { points, segments })
    }

    /// For each number of clusters, the bits that the segments save over each local user's hidden ratings.
    fn saved<C: Collective>(&self, c: &mut C, popularity: &Popularity, segments: &[Vec<u32>]) -> Vec<Vec<f64>> {
        segments.iter().zip(self.numbers()).map(|(of, number)| popularity.bits(c, of, number)).collect()
    }

    /// Also returns this worker's bytes in scratch files.
    fn guesses<C: Collective>(&self, c: &mut C) -> Result<(Guesses, u64)> {
        let mut store = self.store();
        let split = self.split(c, self.users(), &mut store)?;
        let Fit { segments, .. } =
            self.fit(c, &split.seen, &self.shard.draw_keys, pca::near(self.components, self.job.seed))?;
        let popularity = Popularity::new(c, &split, self.job.kmeans.amounts);
        let (numbers, own) = (self.numbers(), self.chosen());
        let mut recall = [0.0; 2];
        let mut saved = Vec::with_capacity(numbers.len());
        for (at, (of, &number)) in segments.iter().zip(&numbers).enumerate() {
            saved.push(if at == own {
                let (bits, of_own) = popularity.bits_and_recall(c, of, number);
                recall = of_own;
                bits
            } else {
                popularity.bits(c, of, number)
            });
        }
        let bits: Vec<Mean> = saved.iter().map(|saved| popularity.mean(c, saved)).collect();
        let [recall_at_10, popularity_recall_at_10] = recall;
        let Mean { mean, standard_error } = bits[own];
        let held_out = HeldOut {
            ratings: popularity.n_hidden,
            users: popularity.n_users,
            bits: mean,
            standard_error,
            recall_at_10,
            popularity_recall_at_10,
        };
        Ok((Guesses { held_out, bits, errors: errors(c, &popularity, &saved) }, store.spilled()))
    }

    /// Also returns this worker's bytes in scratch files.
    fn chance<C: Collective>(&self, c: &mut C) -> Result<(Chance, u64)> {
        let mut store = self.store();
        let Users { ratings, draw_keys } = self.users();
        let share = Share::in_null(c, draw_keys, self.job.seed);
        let deal = Deal::of(self.job.kmeans.amounts);
        let made = null::null(c, ratings, deal, draw_keys, share, self.job.seed, &mut store);
        let (ratings, draw_keys) = c.agree(made)?;
        let split = self.split(c, Users { ratings: &ratings, draw_keys: &draw_keys }, &mut store)?;
        drop(ratings);
        let Fit { points, segments } = self.fit(c, &split.seen, &draw_keys, InMemory::default())?;
        let popularity = Popularity::new(c, &split, self.job.kmeans.amounts);
        let saved = self.saved(c, &popularity, &segments);
        let bits = saved.iter().map(|saved| popularity.mean(c, saved)).collect();
        let own = self.chosen()..=self.chosen();
        let (numbers, segments) = (&self.numbers()[own.clone()], &segments[own]);
        let users = Users { ratings: &split.seen, draw_keys: &draw_keys };
        let refits = self.params.refits.min(REFITS_TO_NULL);
        let again = self.stability(c, points.view(), users, numbers, segments, refits)?;
        Ok((Chance { bits, adjusted_rand: again[0].adjusted_rand }, store.spilled()))
    }
}

/// Standard errors of the difference between the bits of each two of `saved`.
fn errors<C: Collective>(c: &mut C, popularity: &Popularity, saved: &[Vec<f64>]) -> Array2<f64> {
    let mut errors = Array2::zeros((saved.len(), saved.len()));
    for (a, b) in (0..saved.len()).flat_map(|b| (0..b).map(move |a| (a, b))) {
        let behind: Vec<f64> = saved[a].iter().zip(&saved[b]).map(|(a, b)| a - b).collect();
        let error = popularity.mean(c, &behind).standard_error;
        (errors[[a, b]], errors[[b, a]]) = (error, error);
    }
    errors
}
