//! The stage as a handful of calls.

use ndarray::Array2;

use super::outcome::{Confusion, Fitted, Validation};
use super::train::Trainer;
use super::users::Users;
use crate::collective::Collective;
use crate::job::{BayesModel, ValidateParams};
use crate::kernel::bayes::{Kind, Scales};
use crate::shard::Shard;

/// Fits the classifier and asks it about all users. `labels` are the segments of this worker's users, in `0..n_clusters`;
/// `memory` is what this worker's tables may take, in bytes. All workers call it together.
pub fn fit<C: Collective>(
    c: &mut C,
    shard: &Shard,
    labels: &[u32],
    n_clusters: usize,
    params: ValidateParams,
    seed: u64,
    memory: u64,
) -> (Validation, Fitted) {
    let users = Users::new(shard, labels, params.folds, seed);
    fit_in(c, users, n_clusters, params, memory as usize)
}

/// The same, with tables of `table_bytes` bytes.
pub fn fit_in<C: Collective>(
    c: &mut C,
    users: Users<'_>,
    n_clusters: usize,
    params: ValidateParams,
    table_bytes: usize,
) -> (Validation, Fitted) {
    let (kind, labels) = (Kind::from(params.model), users.labels);
    let scales = scales(c, kind, &users);
    let trainer = Trainer::new(c, users, scales, (params.folds, n_clusters), table_bytes);
    let ([predicted, out_of_fold], terms) = trainer.train(c);
    let in_sample = confusion(c, n_clusters, labels, &predicted);
    let out_of_fold = confusion(c, n_clusters, labels, &out_of_fold);
    (Validation { model: kind.name().into(), in_sample, out_of_fold, folds: params.folds }, Fitted { predicted, terms })
}

impl From<BayesModel> for Kind {
    fn from(model: BayesModel) -> Kind {
        match model {
            BayesModel::Multinomial => Kind::Multinomial,
            BayesModel::Bernoulli => Kind::Bernoulli,
            BayesModel::Gaussian => Kind::Gaussian,
        }
    }
}

/// Of the sums that all workers count together.
pub fn scales<C: Collective>(c: &mut C, kind: Kind, users: &Users) -> Scales {
    let mut max_value = [users.ratings.max_abs()];
    c.max(&mut max_value);
    let mut n_users = [users.labels.len() as u64];
    c.sum(&mut n_users);
    Scales::new(kind, max_value[0], n_users[0])
}

/// Over the users of all workers.
fn confusion<C: Collective>(c: &mut C, n_clusters: usize, labels: &[u32], predicted: &[u32]) -> Confusion {
    let mut counts = vec![0u64; n_clusters * n_clusters];
    for (&label, &predicted) in labels.iter().zip(predicted) {
        counts[label as usize * n_clusters + predicted as usize] += 1;
    }
    c.sum(&mut counts);
    let counts = Array2::from_shape_vec((n_clusters, n_clusters), counts).expect("a square table");
    Confusion { counts }
}
