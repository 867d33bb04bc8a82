//! Tries numbers of segments on some components of one weighting, on one worker.

use std::time::Instant;

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use super::data::Data;
use super::outcome::{Candidate, Round};
use super::space::{Space, Spaces};
use crate::collective::Solo;
use crate::error::Result;
use crate::job::{KMeansParams, Matrix, Normalize};
use crate::stages::evidence::guess::{Mean, Popularity};
use crate::stages::evidence::stability::{self, Segmented};
use crate::stages::kmeans::{self, Centroids, KMeans, Settings};
use crate::stages::resume::InMemory;

/// Bytes for runs of k-means in progress.
const RUNS_MEMORY: u64 = 256 << 20;

/// A number of components.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    Is(usize),
    /// This many times those that stand out against the null.
    Above(f64),
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
    pub effort: Effort,
    /// Refits to other users; none where nobody asks whether segments are found again.
    pub refits: usize,
}

/// How a trial went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    pub candidate: Candidate,
    /// The bits that each user of the sample saves.
    pub saved: Vec<f64>,
}

impl Trial<'_> {
    /// Tries each number of segments. `most` is the largest number of components.
    ///
    /// # Errors
    /// Where all users are alike.
    pub fn run(&self, data: &Data, most: usize, seed: u64) -> Result<Vec<Tried>> {
        let begin = Instant::now();
        let spaces = Spaces::new(data, self.matrix, most, seed)?;
        let components = match self.components {
            Amount::Is(components) => components.min(most),
            Amount::Above(times) => ((spaces.above_null() as f64 * times) as usize).clamp(most.min(2), most),
        };
        let (points, real) = self.segments(&spaces.real, &data.draw_keys, components, seed)?;
        let (chance, null) = self.segments(&spaces.null, &data.draw_keys, components, seed)?;
        let agreement = self.agreement(data, points.view(), &real, seed)?;
        let (popularity, without) = (Popularity::new(&mut Solo, &data.real), Popularity::new(&mut Solo, &data.null));
        let mut tried = Vec::new();
        for (at, (real, null)) in real.iter().zip(&null).enumerate() {
            let bits_of_users = saved(&popularity, real, points.view());
            let Mean { mean: bits, standard_error } = popularity.mean(&mut Solo, &bits_of_users);
            let null_bits = without.mean(&mut Solo, &saved(&without, null, chance.view())).mean;
            let Matrix { weighting, normalize, missing } = self.matrix;
            let candidate = Candidate {
                round: self.round,
                weighting,
                normalize,
                missing,
                components,
                clusters: real.sizes.len(),
                bits,
                standard_error,
                null_bits,
                agreement: agreement.as_ref().map(|agreement| agreement[at]),
                seconds: 0.0,
            };
            tried.push(Tried { candidate, saved: bits_of_users });
        }
        let seconds = begin.elapsed().as_secs_f64();
        tried.iter_mut().for_each(|tried| tried.candidate.seconds = seconds);
        Ok(tried)
    }

    fn params(&self, effort: Effort) -> KMeansParams {
        KMeansParams {
            clusters: self.clusters[0],
            n_init: effort.starts,
            max_iter: MAX_ITER,
            tol: TOL,
            spherical: self.matrix.normalize == Normalize::L2,
        }
    }

    /// The points of the users, and a model of each number of segments.
    fn segments(
        &self,
        space: &Space,
        keys: &[u64],
        components: usize,
        seed: u64,
    ) -> Result<(Array2<f64>, Vec<KMeans>)> {
        let params = self.params(self.effort);
        let points = Centroids::points(space.first(components), &params);
        let settings = Settings { params: &params, seed, memory: RUNS_MEMORY, swaps: self.effort.swaps };
        let nowhere = &mut InMemory::default();
        let fitted = kmeans::fit_and_sweep(&mut Solo, points.view(), keys, self.clusters, settings, nowhere)?;
        Ok((points, fitted.tried))
    }

    /// How well refits to other users find the segments of each model again.
    fn agreement(
        &self,
        data: &Data,
        points: ArrayView2<f64>,
        models: &[KMeans],
        seed: u64,
    ) -> Result<Option<Vec<f64>>> {
        if self.refits == 0 {
            return Ok(None);
        }
        let params = self.params(REFIT);
        let settings = Settings { params: &params, seed, memory: RUNS_MEMORY, swaps: REFIT.swaps };
        let run = Segmented { points, draw_keys: &data.draw_keys, models };
        let again = stability::stability(&mut Solo, &run, settings, self.refits)?;
        Ok(Some(again.iter().map(|again| again.adjusted_rand).collect()))
    }
}

/// Of k-means: enough to tell candidates apart.
const MAX_ITER: usize = 50;
const TOL: f64 = 1e-3;

fn saved(popularity: &Popularity, model: &KMeans, points: ArrayView2<f64>) -> Vec<f64> {
    popularity.bits(&mut Solo, &model.segments_of(points), model.sizes.len())
}
