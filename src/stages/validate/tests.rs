use std::ops::Range;

use super::fit::{fit, fit_in, scales};
use super::train::Trainer;
use super::users::Users;
use crate::collective::testing::run_workers;
use crate::collective::{Collective, Solo};
use crate::ingest::ids::Id;
use crate::job::{BayesModel, ValidateParams};
use crate::kernel::bayes::{self, Kind};
use crate::kernel::csr::{Csr, Rows};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;
use crate::shard::store::Store;

/// Bytes for tables.
const ROOM: usize = 1 << 30;

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
        let (validation, fitted) =
            fit(&mut Solo, &shard, &labels, 2, ValidateParams { model, folds: 5 }, 1, ROOM as u64);
        assert_eq!(validation.in_sample.accuracy(), 1.0);
        assert_eq!(validation.out_of_fold.accuracy(), 1.0, "{model:?}");
        assert_eq!(fitted.predicted, labels);
    }
}

/// This worker's part of `shard`: every user whose number leaves its index, in blocks of `block` rows.
fn part(shard: &Shard, labels: &[u32], worker: usize, peers: usize, block: usize) -> (Shard, Vec<u32>) {
    let mine: Vec<usize> = (0..shard.users.len()).filter(|user| user % peers == worker).collect();
    let mut matrix = Csr::empty(shard.matrix.n_cols);
    for users in mine.chunks(block) {
        matrix.push_block(Rows::empty());
        users.iter().for_each(|&user| matrix.push_row(shard.matrix.row(user).iter().map(|(i, x)| (i as u32, x))));
    }
    let pick = |user: &usize| shard.users[*user].clone();
    let keys = mine.iter().map(|&user| shard.draw_keys[user]).collect();
    let shard = Shard { users: mine.iter().map(pick).collect(), draw_keys: keys, matrix };
    (shard, mine.iter().map(|&user| labels[user]).collect())
}

/// The same in a scratch file.
fn elsewhere(matrix: &Csr) -> Csr {
    let (mut store, mut spilled) = (Store::new(0, &std::env::temp_dir()), Csr::empty(matrix.n_cols));
    matrix.blocks().for_each(|block| store.keep(&mut spilled, &block.rows().to_owned()).unwrap());
    spilled
}

/// If the ratings of any worker are in files, all workers ask all models in one pass.
#[test]
fn models_that_take_turns_answer_as_all_together() {
    let (shard, labels) = noisy(150, 300);
    for model in [BayesModel::Multinomial, BayesModel::Bernoulli, BayesModel::Gaussian] {
        let found = |spilled: Range<usize>, table_bytes: usize| {
            run_workers(2, |c| {
                let (mut shard, labels) = part(&shard, &labels, c.index(), 2, 20);
                if spilled.contains(&c.index()) {
                    shard.matrix = elsewhere(&shard.matrix);
                }
                fit_in(c, Users::new(&shard, &labels, 3, 1), 5, ValidateParams { model, folds: 3 }, table_bytes)
            })
        };
        let in_memory = found(0..0, 1 << 30);
        for table_bytes in [1, 100_000, 1 << 30] {
            assert_eq!(found(1..2, table_bytes), in_memory, "{model:?} {table_bytes}");
            assert_eq!(found(0..2, table_bytes), in_memory, "{model:?} {table_bytes}");
        }
    }
}

fn noisy(n_users: u32, n_items: u32) -> (Shard, Vec<u32>) {
    let draw = |round: u64, id: u64| keyed::bits(3, Stream::Generate, round, id);
    let labels: Vec<u32> = (0..n_users).map(|user| (draw(0, user.into()) % 5) as u32).collect();
    let mut matrix = Csr::empty(n_items as usize);
    for (user, &label) in labels.iter().enumerate() {
        let rating = |item: u32| {
            let likes = if item % 5 == label { 2 } else { 9 };
            let bits = draw(1 + user as u64, item.into());
            (bits % likes == 0).then_some((item, ((bits >> 32) % 10 + 1) as f64 * 0.37))
        };
        matrix.push_row((0..n_items).filter_map(rating));
    }
    let users: Vec<Id> = (0..n_users.into()).map(Id::Number).collect();
    let draw_keys = users.iter().map(Id::draw_key).collect();
    (Shard { users, draw_keys, matrix }, labels)
}

/// Partial-sum-finish: the same bits for any workers, blocks and strips.
#[test]
fn workers_blocks_and_strips_leave_no_trace() {
    let (shard, labels) = noisy(150, 300);
    for model in [BayesModel::Multinomial, BayesModel::Bernoulli, BayesModel::Gaussian] {
        let params = ValidateParams { model, folds: 3 };
        let (validation, fitted) = fit(&mut Solo, &shard, &labels, 5, params, 1, ROOM as u64);
        assert!(validation.in_sample.accuracy() > 0.5, "{model:?}");
        for (peers, block, table_bytes) in [(1, 7, 1), (2, 1000, 1 << 30), (3, 20, 100_000), (5, 1, 1)] {
            let found = run_workers(peers, |c| {
                let (shard, labels) = part(&shard, &labels, c.index(), c.peers(), block);
                fit_in(c, Users::new(&shard, &labels, 3, 1), 5, params, table_bytes)
            });
            for (worker, (other, part)) in found.iter().enumerate() {
                assert_eq!(*other, validation, "{model:?} on {peers}");
                let mine = fitted.predicted.iter().skip(worker).step_by(peers);
                assert!(part.predicted.iter().eq(mine), "{model:?} on {peers}");
                assert_eq!(part.terms, if worker == 0 { fitted.terms.clone() } else { Vec::new() });
            }
        }
    }
}

/// The last of the segments is empty.
#[test]
fn the_terms_alone_make_a_classifier_that_answers_as_the_fit() {
    let (shard, labels) = noisy(150, 300);
    for model in [BayesModel::Multinomial, BayesModel::Bernoulli, BayesModel::Gaussian] {
        let (_, fitted) = fit(&mut Solo, &shard, &labels, 6, ValidateParams { model, folds: 3 }, 1, ROOM as u64);
        let [prior, tables @ ..] = &fitted.terms[..] else { panic!("no terms") };
        let tables: Vec<Vec<f64>> = tables.iter().map(|(_, _, values)| values.clone()).collect();
        let classifier = bayes::Classifier::new(model.into(), &prior.2, &tables, 300);
        let mut found = Vec::new();
        shard.matrix.blocks().for_each(|block| classifier.classes(block.rows(), &mut found));
        assert_eq!(found, fitted.predicted, "{model:?}");
    }
}

/// Users who are left out must not have been counted: the labels of a fold do not change the answers about it.
#[test]
fn out_of_fold_answers_do_not_depend_on_the_folds_own_labels() {
    let (shard, mut labels) = noisy(120, 80);
    let fold_of = |user: usize| keyed::bits(9, Stream::Fold, 0, shard.draw_keys[user]) % 4;
    let answers = |labels: &[u32]| {
        let users = Users::new(&shard, labels, 4, 9);
        let scales = scales(&mut Solo, Kind::Multinomial, &users);
        Trainer::new(&mut Solo, users, scales, (4, 5), ROOM).train(&mut Solo).0[1].clone()
    };
    let before = answers(&labels);
    (0..120).filter(|&user| fold_of(user) == 2).for_each(|user| labels[user] = (labels[user] + 1) % 5);
    let after = answers(&labels);
    let (held, others): (Vec<usize>, Vec<usize>) = (0..120).partition(|&user| fold_of(user) == 2);
    assert!(held.iter().all(|&user| before[user] == after[user]));
    assert!(others.iter().any(|&user| before[user] != after[user]));
}

#[test]
fn both_confusions_count_every_user_once_and_noise_does_worse_out_of_fold() {
    let (shard, _) = two_tastes(200);
    let noise: Vec<u32> = (0..200).map(|u| (keyed::bits(5, Stream::Generate, 0, u) % 4) as u32).collect();
    let params = ValidateParams { model: BayesModel::Multinomial, folds: 4 };
    let (validation, _) = fit(&mut Solo, &shard, &noise, 4, params, 1, ROOM as u64);
    assert_eq!(validation.in_sample.counts.sum(), 200);
    assert_eq!(validation.out_of_fold.counts.sum(), 200);
    assert_eq!(
        validation.in_sample.counts.sum_axis(ndarray::Axis(1)),
        validation.out_of_fold.counts.sum_axis(ndarray::Axis(1))
    );
    assert!(validation.out_of_fold.accuracy() < validation.in_sample.accuracy());
}
