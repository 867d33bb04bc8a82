//! What is asked: a job over data of some size in some layout.

use crate::job::{Job, Normalize, Refine, Weighting};
use crate::results::forecast::{Cluster, Sizes};
use crate::stages::choose::Chosen;
use crate::stages::evidence::Evidence;
use crate::stages::pca::Approach;

/// The stages, in order.
pub const STAGES: [&str; 11] =
    ["ingest", "choose", "pca", "kmeans", "refine", "sweep", "validate", "profile", "evidence", "gather", "write"];

/// A job over data of some size in some layout.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub job: &'a Job,
    pub sizes: Sizes,
    pub cluster: Cluster,
    pub approach: &'a Approach,
    /// k-means copies the scores to all workers and divides the runs among them.
    pub copied: bool,
}

impl Question<'_> {
    /// The stages that the job has, in order.
    pub fn stages(&self) -> impl Iterator<Item = &'static str> {
        STAGES.into_iter().filter(|stage| self.has(stage))
    }

    fn has(&self, stage: &str) -> bool {
        match stage {
            "choose" => self.job.choices.any_open(),
            "refine" => self.is_refined(),
            "sweep" => !self.runs().1.is_empty(),
            "evidence" => self.job.evidence.is_some(),
            _ => true,
        }
    }

    /// Files of `segments.parquet`.
    pub fn user_files(&self) -> f64 {
        (self.sizes.users / self.job.users_per_file as f64).ceil().max(1.0)
    }

    /// Items in the rows that come to a worker, at most: those that are not rare.
    pub fn items_met(&self) -> f64 {
        self.sizes.items.min(self.sizes.rows / self.cluster.peers())
    }

    pub fn clusters(&self) -> f64 {
        self.job.kmeans.clusters as f64
    }

    pub fn components(&self) -> f64 {
        self.job.pca.components as f64
    }

    /// Models of Naive Bayes: of everybody, and without each fold.
    pub fn models(&self) -> f64 {
        1.0 + self.job.validate.folds as f64
    }

    /// Numbers of clusters that k-means runs on the components, and in all items.
    pub fn runs(&self) -> (Vec<f64>, Vec<f64>) {
        let possible = |k: &usize| (*k as f64 <= self.sizes.users).then_some(*k as f64);
        let mut projected = vec![self.clusters()];
        let mut full = Vec::new();
        if let Some(sweep) = &self.job.sweep {
            let swept: Vec<f64> = sweep.clusters.iter().filter_map(possible).collect();
            if sweep.projected {
                projected.extend(swept.iter().filter(|k| **k != self.clusters()));
            }
            if sweep.full {
                full = swept;
            }
        }
        (projected, full)
    }

    pub fn is_weighted(&self) -> bool {
        self.job.matrix.weighting != Weighting::Raw || self.job.matrix.normalize != Normalize::None
    }

    /// Starts of k-means in a fit that only gives evidence.
    pub fn second_starts(&self) -> f64 {
        self.job.kmeans.n_init.min(Evidence::STARTS) as f64
    }

    /// Users of a refit.
    pub fn refit_users(&self) -> f64 {
        let (projected, _) = self.runs();
        let most = projected.iter().fold(0.0, |a: f64, b| a.max(*b));
        Evidence::refit_users(self.sizes.users, most)
    }

    pub fn refits(&self) -> f64 {
        self.job.evidence.map_or(0.0, |evidence| evidence.refits as f64)
    }

    /// Users and ratings of the sample that settings are chosen on.
    pub fn sample(&self) -> [f64; 2] {
        Chosen::sample_of(self.sizes.users, self.sizes.ratings)
    }

    /// Whether segments are refined by a mixture, or may be.
    pub fn is_refined(&self) -> bool {
        self.job.kmeans.refine == Refine::Mixture || self.job.choices.refine.is_open()
    }

    /// Tables of a mixture, each with a number for every item and segment.
    pub fn mixture_tables(&self) -> f64 {
        if self.is_refined() { 2.0 } else { 0.0 }
    }

    pub fn is_gram(&self) -> bool {
        self.approach.solver == "gram"
    }
}
