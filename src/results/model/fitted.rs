//! A fitted model in memory.

use ndarray::{Array1, Array2};

use super::manifest::Manifest;
use crate::ingest::ids::Id;
use crate::kernel::bayes::{Classifier, Kind};
use crate::kernel::fixed::Scale;
use crate::shard::weight::Weigher;
use crate::stages::assign::{Assigner, Segments};
use crate::stages::kmeans::Centroids;
use crate::stages::mixture::{Mixture, Scorer};
use crate::stages::pca::Projector;

/// A fitted model: what it takes to put users into segments.
#[derive(Debug, Clone, PartialEq)]
pub struct Model {
    pub manifest: Manifest,
    /// What the columns stand for, rising `(n_items)`.
    pub items: Vec<Id>,
    /// `(n_items)`
    pub mean: Array1<f64>,
    /// `(n_items)`
    pub idf: Vec<f64>,
    /// `(n_components, n_items)`
    pub components: Array2<f64>,
    /// `(n_components or more)`
    pub explained_variance: Vec<f64>,
    /// `(n_clusters, n_components)`
    pub centroids: Array2<f64>,
    /// All segments, in the order in which the nearest is looked for.
    pub tie_order: Vec<u32>,
    /// Absent where users go to the nearest centroid.
    pub mixture: Option<Mixture>,
    /// Absent where the file has no terms of it.
    pub bayes: Option<Bayes>,
}

impl Model {
    /// The scale of sums of weights, which are at most 1, over users whose number is not known beforehand: there is room for 2²⁴
    /// users, or for eight times as many as the model was fitted on. The same for all ratings.
    pub fn weight_scale(&self) -> Scale {
        Scale::new(1.0, self.room())
    }

    /// Lays the model out for putting users into its segments.
    pub fn assigner(&self) -> Assigner {
        let (manifest, n_items) = (&self.manifest, self.items.len());
        let classifier = |b: &Bayes| Classifier::new(b.kind, &b.class_log_prior, &b.tables, n_items);
        Assigner {
            n_items,
            weigher: Weigher::of_model(manifest.matrix, &self.idf, manifest.mean_length),
            projector: Projector::new(self.mean.view(), self.components.view()),
            kmeans: manifest.kmeans,
            segments: match &self.mixture {
                None => Segments::Nearest(Centroids::of(self.centroids.view(), &self.tie_order)),
                Some(mixture) => {
                    Segments::Likeliest { scorer: Scorer::new(mixture), centroids: self.centroids.clone() }
                }
            },
            classifier: self.bayes.as_ref().map(classifier),
        }
    }

    /// Users that sums have room for.
    pub fn room(&self) -> u64 {
        let fitted: u64 = self.manifest.segments.iter().map(|segment| segment.size).sum();
        fitted.saturating_mul(8).next_power_of_two().max(1 << 24)
    }
}

/// The terms of the Naive Bayes model.
#[derive(Debug, Clone, PartialEq)]
pub struct Bayes {
    pub kind: Kind,
    /// `(n_clusters)`; −∞ for a segment without users.
    pub class_log_prior: Vec<f64>,
    /// Those of [`Kind::tables`], each `(n_clusters, n_items)`.
    pub tables: Vec<Vec<f64>>,
}
