//! Can a Naive Bayes classifier, looking at the raw ratings, tell the segments apart?
//!
//! In-sample confusion asks the users the classifier was fitted on, and flatters. Out-of-fold confusion asks each user
//! of a classifier fitted without that user's fold; folds are a hash of the user's id.
//!
//! Items go by in strips, as many of them as tables of [`TABLE_BYTES`] hold. Of a strip every worker counts its users
//! by fold and segment, the counts are added up where an item's owner fits its weights, the weights are handed round,
//! and every worker adds to the scores of its users: those of the model of everybody, and of the model without the
//! user's fold. After the last strip the highest score wins.
//!
//! Models take turns in the memory of one where the ratings lie in memory. Where they lie in files, a pass over them
//! costs more than tables of all models do, and all are questioned in one.

use std::ops::Range;

use ndarray::Array2;
use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::job::{BayesModel, ValidateParams};
use crate::kernel::bayes::{self, Basis, CHUNK, Counts, Desk, Entries, Kind, Outlook, Scales, Weights};
use crate::kernel::csr::{Csr, Row};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;

/// Bytes that a worker's tables of a strip may take.
const TABLE_BYTES: usize = 256 << 20;

/// Users that are scored together, at most.
const BATCH: usize = 64;

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
    /// The classifier's terms by name, shape and values; on the coordinator only.
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
    fit_in(c, shard, labels, n_clusters, params, seed, TABLE_BYTES)
}

fn fit_in<C: Collective>(
    c: &mut C,
    shard: &Shard,
    labels: &[u32],
    n_clusters: usize,
    params: ValidateParams,
    seed: u64,
    table_bytes: usize,
) -> (Validation, Fitted) {
    let kind = Kind::from(params.model);
    let scales = scales(c, kind, shard);
    let mut trainer = Trainer::new(scales, shard, labels, n_clusters, params.folds, seed, table_bytes);
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

fn scales<C: Collective>(c: &mut C, kind: Kind, shard: &Shard) -> Scales {
    let mut max_value = [shard.matrix.max_abs()];
    c.max(&mut max_value);
    let mut n_users = [shard.users.len() as u64];
    c.sum(&mut n_users);
    Scales::new(kind, max_value[0], n_users[0])
}

/// The fold and segment of each of this worker's users.
struct Groups<'a> {
    labels: &'a [u32],
    folds: Vec<u32>,
}

impl Groups<'_> {
    /// All users, block by block, those of a block by fold and segment: each group's tables then stay in the cache.
    fn order(&self, ratings: &Csr) -> Vec<u32> {
        let mut order = Vec::with_capacity(self.labels.len());
        for block in ratings.blocks() {
            let first = order.len();
            order.extend((block.first_row..block.first_row + block.rows.n_rows()).map(|user| user as u32));
            order[first..].sort_unstable_by_key(|&user| (self.folds[user as usize], self.labels[user as usize], user));
        }
        order
    }

    fn of(&self, user: u32) -> (usize, usize) {
        (self.folds[user as usize] as usize, self.labels[user as usize] as usize)
    }
}

/// Trains all models together: that of everybody (0) and those without a fold (1 + the fold).
struct Trainer<'a> {
    scales: Scales,
    ratings: &'a Csr,
    groups: Groups<'a>,
    /// Users in the order of passes.
    order: Vec<u32>,
    /// Entries of each user's row in the strips that are done.
    passed: Vec<u32>,
    n_folds: usize,
    n_clusters: usize,
    table_bytes: usize,
    /// Models that are fitted and questioned together.
    at_once: usize,
    /// Items in a strip.
    strip: usize,
}

/// By name, shape and values.
type Terms = Vec<(String, Vec<usize>, Vec<f64>)>;

impl<'a> Trainer<'a> {
    fn new(
        scales: Scales,
        shard: &'a Shard,
        labels: &'a [u32],
        n_clusters: usize,
        n_folds: usize,
        seed: u64,
        table_bytes: usize,
    ) -> Trainer<'a> {
        let fold_of = |&key: &u64| (keyed::bits(seed, Stream::Fold, 0, key) % n_folds as u64) as u32;
        let groups = Groups { labels, folds: shard.draw_keys.iter().map(fold_of).collect() };
        Trainer {
            scales,
            ratings: &shard.matrix,
            order: groups.order(&shard.matrix),
            passed: vec![0; labels.len()],
            groups,
            n_folds,
            n_clusters,
            table_bytes,
            at_once: 1,
            strip: shard.matrix.n_cols,
        }
    }

    /// For each of this worker's users, what the model of everybody and the one without the user's fold take it for;
    /// and the terms of the model of everybody, on the coordinator.
    fn train<C: Collective>(&mut self, c: &mut C) -> ([Vec<u32>; 2], Terms) {
        self.plan(c);
        let n_items = self.ratings.n_cols;
        let bases = self.bases(c);
        let mut constants: Vec<Vec<f64>> = bases.iter().map(|basis| basis.class_log_prior.clone()).collect();
        let table = || vec![0.0; if c.is_coordinator() { self.n_clusters * n_items } else { 0 }];
        let mut tables: Vec<Vec<f64>> = self.kind().tables().iter().map(|_| table()).collect();
        let mut scores = [Scores::new(self), Scores::new(self)];
        for items in self.strips() {
            let owners = Owners::even(c.peers(), items.len(), CHUNK);
            let own = owners.columns(c.index());
            let counts = self.count(c, &owners, items.clone());
            let mut weights = Weights::zeros(self.kind(), 0..self.at_once, self.n_clusters, items.clone());
            let widened = owners.widened(weights.width());
            let mut outlook = None;
            for models in self.turns() {
                weights.turn_to(models.clone());
                let fitted = Basis::fit(&bases, &counts, own.clone(), &mut weights);
                add_constants(c, &fitted.absent, &mut constants[models]);
                for (table, own) in tables.iter_mut().zip(fitted.own) {
                    place(&c.gather(bytemuck::cast_slice(&own).to_vec()), &owners, items.start, n_items, table);
                }
                widened.share(c, &mut weights.linear);
                widened.share(c, &mut weights.quadratic);
                if self.one_strip() && self.at_once == 1 {
                    let model = weights.models().start;
                    outlook = Outlook::new(&weights, model, &constants[model], outlook.take());
                }
                match &outlook {
                    Some(outlook) => self.answer(&weights, outlook, &constants, &mut scores),
                    None => self.question(&weights, (items.end == n_items).then_some(&constants), &mut scores),
                }
            }
            self.pass(items.end);
        }
        let terms = if c.is_coordinator() { self.terms(&bases[0], tables) } else { Vec::new() };
        (scores.map(|scores| scores.answers), terms)
    }

    /// How much of the models and of the items goes at a time: the same on all workers.
    fn plan<C: Collective>(&mut self, c: &mut C) {
        let mut in_files = [f64::from(u8::from(!self.ratings.is_in_memory()))];
        c.max(&mut in_files);
        self.at_once = if in_files == [0.0] { 1 } else { 1 + self.n_folds };
        let outlook = if self.at_once == 1 { Outlook::bytes_per_item(self.kind(), self.n_clusters) } else { 0 };
        let per_item = Weights::bytes_per_item(self.kind(), self.at_once, self.n_folds, self.n_clusters) + outlook;
        self.strip = (self.table_bytes / per_item / CHUNK * CHUNK).max(CHUNK);
    }

    fn kind(&self) -> Kind {
        self.scales.kind
    }

    fn one_strip(&self) -> bool {
        self.strip >= self.ratings.n_cols
    }

    fn strips(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (strip, n_items) = (self.strip, self.ratings.n_cols);
        (0..n_items).step_by(strip).map(move |start| start..(start + strip).min(n_items))
    }

    /// The models of each turn.
    fn turns(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (at_once, n_models) = (self.at_once, 1 + self.n_folds);
        (0..n_models).step_by(at_once).map(move |first| first..(first + at_once).min(n_models))
    }

    /// What each model knows of its classes.
    fn bases<C: Collective>(&mut self, c: &mut C) -> Vec<Basis> {
        let k = self.n_clusters;
        let (mut rows, mut sums) = (vec![0i64; self.n_folds * k], vec![0i128; self.n_folds * k]);
        for (user, row) in self.ratings.rows().enumerate() {
            let (fold, class) = self.groups.of(user as u32);
            rows[fold * k + class] += 1;
            sums[fold * k + class] += self.scales.row_sum(row);
        }
        c.sum(&mut rows);
        c.sum(&mut sums);
        let (rows, sums) = (models_of(&rows, k), models_of(&sums, k));
        let sizes: Vec<i64> = rows.iter().map(|rows| rows.iter().sum()).collect();
        let largest = self.largest_variances(c, &sizes);
        let models = rows.iter().zip(&sums).zip(largest);
        models.map(|((rows, sums), most)| Basis::new(self.scales, self.ratings.n_cols, rows, sums, most)).collect()
    }

    /// Of the items, for each model. A pass of its own, which only Gaussian needs.
    fn largest_variances<C: Collective>(&mut self, c: &mut C, sizes: &[i64]) -> Vec<f64> {
        let mut largest = vec![0.0; sizes.len()];
        if self.kind() != Kind::Gaussian {
            return largest;
        }
        for items in self.strips() {
            let owners = Owners::even(c.peers(), items.len(), CHUNK);
            let counts = self.count(c, &owners, items.clone());
            let of_strip = counts.largest_variances(owners.columns(c.index()), sizes);
            largest.iter_mut().zip(of_strip).for_each(|(most, v)| *most = f64::max(*most, v));
            self.pass(items.end);
        }
        self.passed.fill(0);
        c.max(&mut largest);
        largest
    }

    /// Counts a strip over all workers; complete for the items that this worker owns.
    fn count<C: Collective>(&self, c: &mut C, owners: &Owners, items: Range<usize>) -> Counts {
        let mut counts = Counts::zeros(self.scales, self.n_folds, self.n_clusters, items.clone());
        for block in self.ratings.blocks() {
            for &user in &self.order[block.first_row..block.first_row + block.rows.n_rows()] {
                let (fold, class) = self.groups.of(user);
                counts.add(
                    fold,
                    class,
                    self.in_strip(user, block.rows.row(user as usize - block.first_row), items.end),
                );
            }
        }
        owners.sum(c, &mut counts.sum);
        owners.sum(c, &mut counts.sum_of_squares);
        counts
    }

    /// Adds what a strip's entries of this worker's users score in the model of everybody, and in the one without the
    /// user's fold: as far as these are among the models of `weights`.
    fn question(&self, weights: &Weights, constants: Option<&Vec<Vec<f64>>>, scores: &mut [Scores; 2]) {
        let end = weights.items().end;
        for block in self.ratings.blocks() {
            let (mut at, mut entries) = (block.first_row, Entries::default());
            let users = &self.order[at..at + block.rows.n_rows()];
            for fold in users.chunk_by(|&a, &b| self.groups.of(a).0 == self.groups.of(b).0) {
                let models = [0, 1 + self.groups.of(fold[0]).0];
                let asked = || models.iter().enumerate().filter(|(_, model)| weights.models().contains(model));
                if asked().next().is_none() {
                    at += fold.len();
                    continue;
                }
                for batch in fold.chunks(BATCH) {
                    entries.clear();
                    for &user in batch {
                        let row = block.rows.row(user as usize - block.first_row);
                        entries.push(self.kind(), self.in_strip(user, row, end));
                    }
                    for (question, &model) in asked() {
                        let constants = constants.map(|constants| &constants[model][..]);
                        scores[question].add((weights, model), (at, batch), &entries, constants);
                    }
                    at += batch.len();
                }
            }
        }
    }

    /// Finds what the one model of `weights`, of all items, takes this worker's users for: all of them, or those of the
    /// fold that it is without.
    fn answer(&self, weights: &Weights, outlook: &Outlook, constants: &[Vec<f64>], scores: &mut [Scores; 2]) {
        let model = weights.models().start;
        let answers = &mut scores[usize::from(model > 0)].answers;
        for block in self.ratings.blocks() {
            let (mut desk, mut rows) = (Desk::default(), Vec::with_capacity(BATCH));
            let users = &self.order[block.first_row..block.first_row + block.rows.n_rows()];
            for batch in self.asked(users, model).chunks(BATCH) {
                rows.clear();
                rows.extend(batch.iter().map(|&user| block.rows.row(user as usize - block.first_row)));
                let classes = desk.classes((weights, model), outlook, &constants[model], &rows);
                batch.iter().zip(classes).for_each(|(&user, &class)| answers[user as usize] = class);
            }
        }
    }

    /// Those of a block's users, in the order of passes, that a model is asked about.
    fn asked<'u>(&self, users: &'u [u32], model: usize) -> &'u [u32] {
        let before = |fold: usize| users.partition_point(|&user| self.groups.of(user).0 < fold);
        if model == 0 { users } else { &users[before(model - 1)..before(model)] }
    }

    /// A user's entries in the strip that ends before item `end`.
    #[inline]
    fn in_strip<'r>(&self, user: u32, row: Row<'r>, end: usize) -> Row<'r> {
        if self.one_strip() {
            return row;
        }
        let start = self.passed[user as usize] as usize;
        row.part(start..start + row.indices[start..].partition_point(|&item| (item as usize) < end))
    }

    /// The strip that ends before item `end` is done.
    fn pass(&mut self, end: usize) {
        if self.one_strip() {
            return;
        }
        for (row, passed) in self.ratings.rows().zip(&mut self.passed) {
            *passed += row.indices[*passed as usize..].partition_point(|&item| (item as usize) < end) as u32;
        }
    }

    /// The terms of the model of everybody, by scikit-learn's names.
    fn terms(&self, basis: &Basis, tables: Vec<Vec<f64>>) -> Terms {
        let k = self.n_clusters;
        let prior = ("class_log_prior".to_string(), vec![k], basis.class_log_prior.clone());
        let shape = vec![k, self.ratings.n_cols];
        let tables = self.kind().tables().iter().zip(tables);
        std::iter::once(prior).chain(tables.map(|(name, table)| (name.to_string(), shape.clone(), table))).collect()
    }
}

/// Sums by class for each model, from those by fold and class: of all folds, then of all but each.
fn models_of<T: Copy + std::ops::Sub<Output = T> + std::iter::Sum<T>>(by_fold: &[T], k: usize) -> Vec<Vec<T>> {
    let all: Vec<T> = (0..k).map(|class| by_fold[class..].iter().step_by(k).copied().sum()).collect();
    let without = by_fold.chunks_exact(k).map(|fold| all.iter().zip(fold).map(|(a, f)| *a - *f).collect()).collect();
    [vec![all], without].concat()
}

/// Adds the constants of a strip, chunk by chunk in item order.
fn add_constants<C: Collective>(c: &mut C, own: &[f64], constants: &mut [Vec<f64>]) {
    let size = constants.iter().map(Vec::len).sum::<usize>();
    for part in c.all_gather(own) {
        for chunk in part.chunks_exact(size) {
            constants.iter_mut().flatten().zip(chunk).for_each(|(constant, absent)| *constant += absent);
        }
    }
}

/// Puts the owners' parts `(n_clusters, own items)` of a strip into the whole table `(n_clusters, n_items)`.
fn place(parts: &[Vec<u8>], owners: &Owners, first: usize, n_items: usize, table: &mut [f64]) {
    for (worker, part) in parts.iter().enumerate() {
        let own = owners.columns(worker);
        let mut values = part.chunks_exact(size_of::<f64>()).map(bytemuck::pod_read_unaligned::<f64>);
        for row in table.chunks_exact_mut(n_items) {
            row[first + own.start..first + own.end].iter_mut().zip(&mut values).for_each(|(to, value)| *to = value);
        }
    }
}

/// Scores of this worker's users on their way to answers.
struct Scores {
    lanes: usize,
    /// `(n_users, lanes)` in the order of passes; empty where one strip has all items, and users are answered at once.
    kept: Vec<f64>,
    /// For users at work where nothing is kept.
    passing: Vec<f64>,
    /// By user.
    answers: Vec<u32>,
}

impl Scores {
    fn new(trainer: &Trainer) -> Scores {
        let (n_users, lanes) = (trainer.order.len(), bayes::lanes(trainer.n_clusters));
        let kept = vec![0.0; if trainer.one_strip() { 0 } else { n_users * lanes }];
        Scores { lanes, kept, passing: vec![0.0; BATCH * lanes], answers: vec![0; n_users] }
    }

    /// Adds what a strip's entries of `users`, which begin at `at` in the order of passes, score in a model. With the
    /// constants of the model, which come with the last strip, also answers.
    fn add(
        &mut self,
        (weights, model): (&Weights, usize),
        (at, users): (usize, &[u32]),
        entries: &Entries<'_>,
        constants: Option<&[f64]>,
    ) {
        let size = users.len() * self.lanes;
        let scores = if self.kept.is_empty() {
            self.passing[..size].fill(0.0);
            &mut self.passing[..size]
        } else {
            &mut self.kept[at * self.lanes..][..size]
        };
        weights.add(model, entries, scores);
        if let Some(constants) = constants {
            for (&user, scores) in users.iter().zip(scores.chunks_exact(self.lanes)) {
                self.answers[user as usize] = bayes::best_class(scores, constants);
            }
        }
    }
}

fn confusion<C: Collective>(c: &mut C, n_clusters: usize, labels: &[u32], predicted: &[u32]) -> Confusion {
    let mut counts = vec![0u64; n_clusters * n_clusters];
    for (&label, &predicted) in labels.iter().zip(predicted) {
        counts[label as usize * n_clusters + predicted as usize] += 1;
    }
    c.sum(&mut counts);
    let counts = Array2::from_shape_vec((n_clusters, n_clusters), counts).expect("a square table");
    Confusion { counts }
}
#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;
    use crate::ingest::ids::Id;
    use std::sync::Arc;

    use crate::kernel::csr::{Rows, RowsRef, Source};

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

    /// A block that does not lie in the matrix's own memory.
    #[derive(Debug)]
    struct Lent(Rows);

    impl Source for Lent {
        fn rows(&self) -> RowsRef<'_> {
            self.0.view()
        }

        fn release(&self) {}
    }

    fn elsewhere(matrix: &Csr) -> Csr {
        let mut lent = Csr::empty(matrix.n_cols);
        matrix.blocks().for_each(|block| lent.push_source(Arc::new(Lent(block.rows.to_owned()))));
        lent
    }

    /// Where any worker's ratings lie in files, all workers question all models in one pass.
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
                    fit_in(c, &shard, &labels, 5, ValidateParams { model, folds: 3 }, 1, table_bytes)
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

    #[test]
    fn workers_blocks_and_strips_leave_no_trace() {
        let (shard, labels) = noisy(150, 300);
        for model in [BayesModel::Multinomial, BayesModel::Bernoulli, BayesModel::Gaussian] {
            let params = ValidateParams { model, folds: 3 };
            let (validation, fitted) = fit(&mut Solo, &shard, &labels, 5, params, 1);
            assert!(validation.in_sample.accuracy() > 0.5, "{model:?}");
            for (peers, block, table_bytes) in [(1, 7, 1), (2, 1000, 1 << 30), (3, 20, 100_000), (5, 1, 1)] {
                let found = run_workers(peers, |c| {
                    let (shard, labels) = part(&shard, &labels, c.index(), c.peers(), block);
                    fit_in(c, &shard, &labels, 5, params, 1, table_bytes)
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
            let (_, fitted) = fit(&mut Solo, &shard, &labels, 6, ValidateParams { model, folds: 3 }, 1);
            let [prior, tables @ ..] = &fitted.terms[..] else { panic!("no terms") };
            let tables: Vec<Vec<f64>> = tables.iter().map(|(_, _, values)| values.clone()).collect();
            let classifier = bayes::Classifier::new(model.into(), &prior.2, &tables, 300);
            let mut found = Vec::new();
            shard.matrix.blocks().for_each(|block| classifier.classes(block.rows, &mut found));
            assert_eq!(found, fitted.predicted, "{model:?}");
        }
    }

    /// Who is left out must not have been counted: the same as fitting without the fold, with labels of its users.
    #[test]
    fn out_of_fold_answers_do_not_depend_on_the_folds_own_labels() {
        let (shard, mut labels) = noisy(120, 80);
        let scales = scales(&mut Solo, Kind::Multinomial, &shard);
        let fold_of = |user: usize| keyed::bits(9, Stream::Fold, 0, shard.draw_keys[user]) % 4;
        let answers = |labels: &[u32]| {
            let mut trainer = Trainer::new(scales, &shard, labels, 5, 4, 9, TABLE_BYTES);
            trainer.train(&mut Solo).0[1].clone()
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
