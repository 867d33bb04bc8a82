//! Tries numbers of segments on some components of one weighting, on one worker.

use std::time::Instant;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::data::Data;
use super::outcome::{Candidate, Round};
use super::space::{Space, Spaces};
use crate::collective::Solo;
use crate::error::Result;
use crate::job::{Amounts, KMeansParams, Matrix, Normalize, Refine};
use crate::stages::evidence::guess::{Mean, Popularity};
use crate::stages::evidence::hidden::Split;
use crate::stages::evidence::stability::{self, Segmented};
use crate::stages::kmeans::{self, Centroids, KMeans, Settings};
use crate::stages::mixture::{self, Start};
use crate::stages::resume::InMemory;

/// Bytes for runs of k-means in progress.
const RUNS_MEMORY: u64 = 256 << 20;

/// A number of components.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    Is(usize),
    /// Those that stand out against the null.
    AboveNull,
}

/// How hard k-means tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Effort {
    pub starts: usize,
    /// Of the local search of each start.
    pub swaps: usize,
}

/// Of refits: they are many.
const REFIT: Effort = Effort { starts: 1, swaps: 4 };

/// One weighting, some of its components, and the numbers of segments to try.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial<'a> {
    pub round: Round,
    pub matrix: Matrix,
    pub components: Amount,
    /// Rising.
    pub clusters: &'a [usize],
    pub refines: &'a [Refine],
    /// The ways to read amounts.
    pub amounts: &'a [Amounts],
    pub effort: Effort,
}

/// How a trial went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    pub candidate: Candidate,
    /// The bits that each user of the sample saves.
    pub saved: Vec<f64>,
    /// The segment of each user.
    pub segments: Vec<u32>,
}

impl Trial<'_> {
    /// Tries each number of segments, refined and not, in these spaces of the weighting.
    ///
    /// # Errors
    /// Where all users are alike.
    pub fn run(&self, data: &Data, spaces: &Spaces, seed: u64) -> Result<Vec<Tried>> {
        let begin = Instant::now();
        let components = match self.components {
            Amount::Is(components) => components.min(spaces.most()),
            Amount::AboveNull => spaces.above_null().max(spaces.most().min(2)),
        };
        let real = World::new(&data.real, &spaces.real, self.amounts, &data.draw_keys, seed);
        let mut tried = self.all(&real, components)?;
        let null = World::new(&data.null, &spaces.null, self.amounts, &data.draw_keys, seed);
        for of_one in tried.chunk_by_mut(|a, b| a.candidate.amounts == b.candidate.amounts) {
            self.add_null(of_one, &null, components)?;
        }
        let seconds = begin.elapsed().as_secs_f64();
        tried.iter_mut().for_each(|tried| tried.candidate.seconds = seconds);
        Ok(tried)
    }

    /// Each number of segments of real users, refined and not; by the ways to read amounts.
    fn all(&self, real: &World, components: usize) -> Result<Vec<Tried>> {
        let Matrix { weighting, normalize, missing } = self.matrix;
        let (points, models) = self.models(real, components, self.clusters)?;
        let mut all = Vec::new();
        let models_of = |&amounts: &Amounts| models.iter().map(move |model| (amounts, model));
        for (amounts, model) in self.amounts.iter().flat_map(models_of) {
            for &refine in self.refines {
                let segments = real.segments(model, points.view(), refine, amounts);
                let (Mean { mean: bits, standard_error }, saved) = real.bits(&segments, model.sizes.len(), amounts);
                let candidate = Candidate {
                    round: self.round,
                    weighting,
                    normalize,
                    missing,
                    components,
                    clusters: model.sizes.len(),
                    refine,
                    amounts,
                    bits,
                    standard_error,
                    null_bits: None,
                    agreement: None,
                    seconds: 0.0,
                };
                all.push(Tried { candidate, saved, segments });
            }
        }
        Ok(all)
    }

    /// Adds what users without taste save: to the candidate that saves most, and to all if that is more than nothing.
    fn add_null(&self, tried: &mut [Tried], null: &World, components: usize) -> Result<()> {
        let most = tried.iter().max_by(|a, b| a.candidate.bits.total_cmp(&b.candidate.bits));
        let Some(Candidate { clusters, refine, .. }) = most.map(|most| most.candidate) else { return Ok(()) };
        let is_most = |of: &Candidate| (of.clusters, of.refine) == (clusters, refine);
        let bits = self.null_bits(tried, null, components, &[clusters], is_most)?;
        if bits > 0.0 {
            self.null_bits(tried, null, components, self.clusters, |_| true)?;
        }
        Ok(())
    }

    /// Notes what users without taste save, in these numbers of segments, for those of the candidates that `is_asked` asks for.
    /// Returns the most.
    fn null_bits(
        &self,
        tried: &mut [Tried],
        null: &World,
        components: usize,
        clusters: &[usize],
        is_asked: impl Fn(&Candidate) -> bool,
    ) -> Result<f64> {
        let (points, models) = self.models(null, components, clusters)?;
        let mut most = f64::NEG_INFINITY;
        for candidate in tried.iter_mut().map(|tried| &mut tried.candidate).filter(|of| is_asked(of)) {
            let Some(model) = models.iter().find(|model| model.sizes.len() == candidate.clusters) else { continue };
            let segments = null.segments(model, points.view(), candidate.refine, candidate.amounts);
            let bits = null.bits(&segments, candidate.clusters, candidate.amounts).0.mean;
            candidate.null_bits = Some(bits);
            most = most.max(bits);
        }
        Ok(most)
    }

    /// The users of a world as points, and a model of each of these numbers of segments.
    fn models(&self, world: &World, components: usize, clusters: &[usize]) -> Result<(Array2<f64>, Vec<KMeans>)> {
        let params = params(self.matrix, clusters[0], Amounts::None, self.effort);
        let points = Centroids::points(world.space.first(components), &params);
        let settings = Settings { params: &params, seed: world.seed, memory: RUNS_MEMORY, swaps: self.effort.swaps };
        let nowhere = &mut InMemory::default();
        let fitted = kmeans::fit_and_sweep(&mut Solo, points.view(), world.draw_keys, clusters, settings, nowhere)?;
        Ok((points, fitted.tried))
    }
}

impl Tried {
    /// How well a refit to other users, with these draws, finds the segments again: the adjusted Rand index.
    ///
    /// # Errors
    /// Where all users are alike.
    pub fn again(&self, data: &Data, spaces: &Spaces, seed: u64) -> Result<f64> {
        let Candidate { clusters, components, refine, amounts, .. } = self.candidate;
        let params = params(self.candidate.matrix(), clusters, amounts, REFIT);
        let points = Centroids::points(spaces.real.first(components), &params);
        let settings = Settings { params: &params, seed, memory: RUNS_MEMORY, swaps: REFIT.swaps };
        let run = Segmented {
            points: points.view(),
            ratings: (refine == Refine::Mixture).then_some(&data.real.seen),
            draw_keys: &data.draw_keys,
            numbers: &[clusters],
            segments: std::slice::from_ref(&self.segments),
        };
        let again = stability::stability(&mut Solo, &run, settings, 1)?;
        Ok(again[0].adjusted_rand)
    }
}

fn params(matrix: Matrix, clusters: usize, amounts: Amounts, effort: Effort) -> KMeansParams {
    KMeansParams {
        clusters,
        n_init: effort.starts,
        max_iter: MAX_ITER,
        tol: TOL,
        spherical: matrix.normalize == Normalize::L2,
        refine: Refine::None,
        amounts,
    }
}

/// Of k-means: enough to tell candidates apart.
const MAX_ITER: usize = 50;
const TOL: f64 = 1e-3;

/// Users of the sample, real ones or those without taste.
struct World<'a> {
    split: &'a Split,
    space: &'a Space,
    draw_keys: &'a [u64],
    seed: u64,
    /// By the ways to read amounts.
    popularity: Vec<(Amounts, Popularity<'a>)>,
}

impl<'a> World<'a> {
    fn new(split: &'a Split, space: &'a Space, amounts: &[Amounts], draw_keys: &'a [u64], seed: u64) -> World<'a> {
        let of = |&amounts: &Amounts| (amounts, Popularity::new(&mut Solo, split, amounts));
        World { split, space, draw_keys, seed, popularity: amounts.iter().map(of).collect() }
    }

    /// The segments of a model.
    fn segments(&self, model: &KMeans, points: ArrayView2<f64>, refine: Refine, amounts: Amounts) -> Vec<u32> {
        let (segments, n_segments) = (model.segments_of(points), model.sizes.len());
        let start = Start {
            ratings: &self.split.seen,
            draw_keys: self.draw_keys,
            segments: &segments,
            n_segments,
            amounts,
            seed: self.seed,
        };
        mixture::refined(&mut Solo, refine, &start)
    }

    /// The bits that segments save, in the mean and for each user.
    fn bits(&self, segments: &[u32], n_segments: usize, amounts: Amounts) -> (Mean, Vec<f64>) {
        let of = self.popularity.iter().find(|(of, _)| *of == amounts);
        let (_, popularity) = of.expect("amounts are read in one of these ways");
        let saved = popularity.bits(&mut Solo, segments, n_segments);
        (popularity.mean(&mut Solo, &saved), saved)
    }
}
