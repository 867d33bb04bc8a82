//! Assigns users, new or known, to the segments of a fitted model.
//!
//! Every number is computed by the code of the fit ([`Weigher`], [`Projector`], [`Centroids`], [`Scorer`], [`Classifier`]), from the model and
//! the user's ratings alone. A user of the fit with the same ratings gets the same bits, whatever other users there are.

use ndarray::Array2;

use crate::job::KMeansParams;
use crate::kernel::bayes::Classifier;
use crate::kernel::csr::{Csr, RowsRef};
use crate::shard::weight::Weigher;
use crate::stages::kmeans::{Assignment, Centroids};
use crate::stages::mixture::Scorer;
use crate::stages::pca::Projector;

/// A model, prepared to assign users.
#[derive(Debug, Clone)]
pub struct Assigner {
    pub n_items: usize,
    pub weigher: Weigher,
    pub projector: Projector,
    pub kmeans: KMeansParams,
    pub segments: Segments,
    /// Absent if the model has no terms of Naive Bayes.
    pub classifier: Option<Classifier>,
}

/// How users find their segments.
#[derive(Debug, Clone)]
pub enum Segments {
    /// By the nearest centroid.
    Nearest(Centroids),
    /// By the likeliest segment of a mixture; the centroids are `(n_segments, n_components)`.
    Likeliest { scorer: Scorer, centroids: Array2<f64> },
}

impl Assigner {
    /// Appends the segments that Naive Bayes predicts for the users of a block; nothing if the model has no terms of it.
    pub fn classes(&self, rows: RowsRef<'_>, classes: &mut Vec<u32>) {
        if let Some(classifier) = &self.classifier {
            classifier.classes(rows, classes);
        }
    }

    /// The segments of the users of `ratings` `(n_users, n_items)`, and those that Naive Bayes predicts (none if the model has no
    /// terms of it). Works block by block: only the scores of one block are dense at a time.
    pub fn assign(&self, ratings: &Csr) -> (Assignment, Vec<u32>) {
        let mut assignment = Assignment::with_capacity(ratings.n_rows());
        let mut classes = Vec::new();
        for block in ratings.blocks() {
            self.place(block.rows(), &mut assignment);
            self.classes(block.rows(), &mut classes);
        }
        (assignment, classes)
    }

    /// Appends the segments of the users of a block.
    pub fn place(&self, rows: RowsRef<'_>, assignment: &mut Assignment) {
        let mut weighted = Csr::empty(self.n_items);
        weighted.push_block(self.weigher.weigh_block(rows));
        let points = Centroids::points(self.projector.project(&weighted), &self.kmeans);
        match &self.segments {
            Segments::Nearest(centroids) => centroids.assign(points.view(), assignment),
            Segments::Likeliest { scorer, centroids } => {
                scorer.place(rows, points.view(), centroids.view(), assignment);
            }
        }
    }
}
