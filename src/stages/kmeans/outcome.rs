//! How runs ended, and the best of each number of clusters.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::kernel::lloyd::Tiles;
use crate::watch::progress::{self, RunAt, RunOf, Space};

use super::plan::Run;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    pub run: Run,
    pub iterations: usize,
    pub converged: bool,
    /// The inertia in fixed point, and its real value.
    pub fixed_inertia: i64,
    pub inertia: f64,
}

/// A run that has ended.
pub struct Finished {
    pub outcome: Outcome,
    pub tiles: Tiles,
    /// Users in each cluster.
    pub counts: Vec<i64>,
    /// The inertia at each assignment, and how often a user was spared the centroids that did not move.
    #[cfg(test)]
    pub trace: Vec<i64>,
    #[cfg(test)]
    pub spared: usize,
}

impl Finished {
    /// Reports the end of the run as progress.
    pub fn tell(&self, space: Space) {
        let Outcome { run: Run { clusters, start }, iterations, inertia, .. } = self.outcome;
        progress::moved(RunOf { space, clusters, start }, RunAt { iterations, inertia, ended: true });
    }
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
    /// Of two winners, the one with the lesser is better.
    fn order(&self) -> (i64, usize) {
        (self.fixed_inertia, self.start)
    }
}

/// What is kept of runs beside their inertia.
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

    pub fn add(&mut self, finished: Finished, keep: Keep) {
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

    /// Keeps a run if it is the best of its number of clusters so far.
    pub fn enter(&mut self, winner: Winner) {
        let clusters = winner.sizes.len();
        if self.winners.get(&clusters).is_none_or(|best| winner.order() < best.order()) {
            self.winners.insert(clusters, winner);
        }
    }

    /// Adds other runs.
    pub fn merge(&mut self, other: Solved) {
        self.outcomes.extend(other.outcomes);
        self.sort();
        other.winners.into_values().for_each(|winner| self.enter(winner));
    }

    pub fn has(&self, run: Run) -> bool {
        self.outcomes.iter().any(|outcome| outcome.run == run)
    }

    pub fn sort(&mut self) {
        self.outcomes.sort_by_key(|outcome| (outcome.run.clusters, outcome.run.start));
    }
}
