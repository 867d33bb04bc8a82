//! Users, new or known, to the segments of a fitted model.
//!
//! Every number is made by the code that made it in the fit ([`Weigher`], [`Projector`], [`Centroids`], [`Classifier`]),
//! from what the model says and the user's ratings alone: a user of the fit whose ratings are the same comes back with
//! the same bits, whoever else is there.

use crate::job::KMeansParams;
use crate::kernel::bayes::Classifier;
use crate::kernel::csr::{Csr, RowsRef};
use crate::shard::weight::Weigher;
use crate::stages::kmeans::{Assignment, Centroids};
use crate::stages::pca::Projector;

/// A model, laid out for putting users into its segments.
#[derive(Debug, Clone)]
pub struct Assigner {
    pub n_items: usize,
    pub weigher: Weigher,
    pub projector: Projector,
    pub kmeans: KMeansParams,
    pub centroids: Centroids,
    /// Absent where the model has no terms of Naive Bayes.
    pub classifier: Option<Classifier>,
}

impl Assigner {
    /// Appends what Naive Bayes takes the users of a block for; nothing where the model has no terms of it.
    pub fn classes(&self, rows: RowsRef<'_>, classes: &mut Vec<u32>) {
        if let Some(classifier) = &self.classifier {
            classifier.classes(rows, classes);
        }
    }

    /// Where the users of `ratings` `(n_users, n_items)` go, and what Naive Bayes takes them for (nothing where the model
    /// has no terms of it). Block by block: the scores of one are all that is dense.
    pub fn assign(&self, ratings: &Csr) -> (Assignment, Vec<u32>) {
        let mut assignment = Assignment::with_capacity(ratings.n_rows());
        let mut classes = Vec::new();
        for block in ratings.blocks() {
            self.place(block.rows, &mut assignment);
            self.classes(block.rows, &mut classes);
        }
        (assignment, classes)
    }

    /// Appends where the users of a block go.
    pub fn place(&self, rows: RowsRef<'_>, assignment: &mut Assignment) {
        let mut weighted = Csr::empty(self.n_items);
        weighted.push_block(self.weigher.weigh_block(rows));
        let points = Centroids::points(self.projector.project(&weighted), &self.kmeans);
        self.centroids.assign(points.view(), assignment);
    }
}
