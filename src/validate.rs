//! Can a Naive Bayes classifier, looking at the raw ratings, tell the segments apart?
//!
//! In-sample confusion asks the users the classifier was fitted on, and flatters. Out-of-fold confusion asks each user
//! of a classifier fitted without that user's fold; folds are a hash of the user's id.

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::job::{BayesModel, ValidateParams};
use crate::kernel::bayes::{Classifier, Counts, Kind, Scales};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Validation {
    /// `multinomial`, `bernoulli` or `gaussian`.
    pub model: String,
    pub in_sample: Confusion,
    pub out_of_fold: Confusion,
    pub folds: usize,
}

/// Users by segment (row) and by predicted segment (column).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Confusion {
    /// `(n_clusters, n_clusters)`.
    pub counts: Array2<u64>,
}

impl Confusion {
    /// Share of users on the diagonal.
    pub fn accuracy(&self) -> f64 {
        self.counts.diag().sum() as f64 / self.counts.sum().max(1) as f64
    }
}

/// What validation hands on beside the confusions.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// For each of this worker's users, the segment that the classifier fitted on everybody takes them for.
    pub predicted: Vec<u32>,
    /// The classifier's terms by name, shape and values.
    pub terms: Vec<(String, Vec<usize>, Vec<f64>)>,
}

/// Fits and questions the classifier. `labels` are the segments of this worker's users, in `0..n_clusters`.
pub fn fit<C: Collective>(
    c: &mut C,
    shard: &Shard,
    labels: &[u32],
    n_clusters: usize,
    params: ValidateParams,
    seed: u64,
) -> (Validation, Fitted) {
    let (kind, name) = match params.model {
        BayesModel::Multinomial => (Kind::Multinomial, "multinomial"),
        BayesModel::Bernoulli => (Kind::Bernoulli, "bernoulli"),
        BayesModel::Gaussian => (Kind::Gaussian, "gaussian"),
    };
    let trainer = Trainer { kind, shard, labels, n_clusters, scales: scales(c, kind, shard) };
    let total = trainer.count(c, |_| true);
    let classifier = Classifier::fit(kind, &total, trainer.scales);
    let predicted = predict(&classifier, shard, |_| true).into_iter().map(|(_, segment)| segment).collect::<Vec<_>>();
    let in_sample = confusion(c, n_clusters, labels, predicted.iter().copied().enumerate());

    let fold_of: Vec<u64> =
        shard.draw_keys.iter().map(|&key| keyed::bits(seed, Stream::Fold, 0, key) % params.folds as u64).collect();
    let mut out_of_fold = Vec::with_capacity(labels.len());
    for fold in 0..params.folds as u64 {
        let mut rest = total.clone();
        rest.subtract(&trainer.count(c, |user| fold_of[user] == fold));
        let classifier = Classifier::fit(kind, &rest, trainer.scales);
        out_of_fold.extend(predict(&classifier, shard, |user| fold_of[user] == fold));
    }
    let out_of_fold = confusion(c, n_clusters, labels, out_of_fold);
    let terms = classifier.terms().into_iter().map(|(name, shape, values)| (name.to_string(), shape, values));
    (
        Validation { model: name.into(), in_sample, out_of_fold, folds: params.folds },
        Fitted { predicted, terms: terms.collect() },
    )
}

fn scales<C: Collective>(c: &mut C, kind: Kind, shard: &Shard) -> Scales {
    let mut max_value = [shard.matrix.max_abs()];
    c.max(&mut max_value);
    let mut n_users = [shard.users.len() as u64];
    c.sum(&mut n_users);
    Scales::new(kind, max_value[0], n_users[0])
}

/// Counts over all workers, of the users that `keep` accepts.
struct Trainer<'a> {
    kind: Kind,
    shard: &'a Shard,
    labels: &'a [u32],
    n_clusters: usize,
    scales: Scales,
}

impl Trainer<'_> {
    fn count<C: Collective>(&self, c: &mut C, keep: impl Fn(usize) -> bool) -> Counts {
        let mut counts = Counts::of(self.kind, &self.shard.matrix, self.labels, self.n_clusters, self.scales, keep);
        let mut packed = counts.pack();
        c.sum(&mut packed);
        counts.unpack(&packed);
        counts
    }
}

/// (user, predicted segment) of this worker's users that `ask` accepts.
fn predict(classifier: &Classifier, shard: &Shard, ask: impl Fn(usize) -> bool) -> Vec<(usize, u32)> {
    let mut scores = Vec::new();
    let asked = shard.matrix.rows().enumerate().filter(|(user, _)| ask(*user));
    asked.map(|(user, row)| (user, classifier.predict(row, &mut scores))).collect()
}

fn confusion<C: Collective>(
    c: &mut C,
    n_clusters: usize,
    labels: &[u32],
    predictions: impl IntoIterator<Item = (usize, u32)>,
) -> Confusion {
    let mut counts = vec![0u64; n_clusters * n_clusters];
    for (user, predicted) in predictions {
        counts[labels[user] as usize * n_clusters + predicted as usize] += 1;
    }
    c.sum(&mut counts);
    let counts = Array2::from_shape_vec((n_clusters, n_clusters), counts).expect("a square table");
    Confusion { counts }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::ingest::ids::Id;
    use crate::kernel::csr::Csr;

    /// Users 0..n alternate between two disjoint tastes.
    fn two_tastes(n: u64) -> (Shard, Vec<u32>) {
        let mut matrix = Csr::empty(6);
        for user in 0..n {
            let first = if user % 2 == 0 { 0 } else { 3 };
            matrix.push_row(
                (first..first + 3).filter(|item| !(item + user as u32).is_multiple_of(3)).map(|item| (item, 4.0)),
            );
        }
        let users: Vec<Id> = (0..n).map(Id::Number).collect();
        let draw_keys = users.iter().map(Id::draw_key).collect();
        (Shard { users, draw_keys, matrix }, (0..n).map(|u| (u % 2) as u32).collect())
    }

    #[test]
    fn separable_segments_are_recognised_in_and_out_of_sample() {
        let (shard, labels) = two_tastes(60);
        for model in [BayesModel::Multinomial, BayesModel::Bernoulli, BayesModel::Gaussian] {
            let (validation, fitted) = fit(&mut Solo, &shard, &labels, 2, ValidateParams { model, folds: 5 }, 1);
            assert_eq!(validation.in_sample.accuracy(), 1.0);
            assert_eq!(validation.out_of_fold.accuracy(), 1.0, "{model:?}");
            assert_eq!(fitted.predicted, labels);
        }
    }

    #[test]
    fn both_confusions_count_every_user_once_and_noise_does_worse_out_of_fold() {
        let (shard, _) = two_tastes(200);
        let noise: Vec<u32> = (0..200).map(|u| (keyed::bits(5, Stream::Generate, 0, u) % 4) as u32).collect();
        let params = ValidateParams { model: BayesModel::Multinomial, folds: 4 };
        let (validation, _) = fit(&mut Solo, &shard, &noise, 4, params, 1);
        assert_eq!(validation.in_sample.counts.sum(), 200);
        assert_eq!(validation.out_of_fold.counts.sum(), 200);
        assert_eq!(
            validation.in_sample.counts.sum_axis(ndarray::Axis(1)),
            validation.out_of_fold.counts.sum_axis(ndarray::Axis(1))
        );
        assert!(validation.out_of_fold.accuracy() < validation.in_sample.accuracy());
    }
}
