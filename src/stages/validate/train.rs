//! Fits the models, strip by strip, and asks them about all users.

use std::ops::Range;

use super::outcome::Terms;
use super::scores::Scores;
use super::users::Users;
use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::kernel::bayes::{Basis, CHUNK, Counts, Kind, Outlook, Scales, Weights};

/// Trains all models together: that of all users (0), and those without a fold (1 + the fold).
pub struct Trainer<'a> {
    users: Users<'a>,
    scales: Scales,
    n_folds: usize,
    n_clusters: usize,
}

/// What grows from strip to strip.
struct Course {
    /// What each model knows of its classes.
    bases: Vec<Basis>,
    /// The constants of each model, complete after the last strip.
    constants: Vec<Vec<f64>>,
    /// The tables of the model of all users `(n_clusters, n_items)`; on the coordinator only.
    tables: Vec<Vec<f64>>,
    scores: Scores,
}

impl<'a> Trainer<'a> {
    /// `size` is the number of folds and of clusters. A strip's tables take `table_bytes` bytes at most, if one chunk of items
    /// fits in them, and if keeping scores from strip to strip does not take more than wider strips would.
    pub fn new<C: Collective>(
        c: &mut C,
        mut users: Users<'a>,
        scales: Scales,
        size: (usize, usize),
        table_bytes: usize,
    ) -> Trainer<'a> {
        let (n_folds, n_clusters) = size;
        let [weights, of_fold] = Weights::bytes_per_item(scales.kind, n_clusters);
        let own = (n_folds * of_fold).div_ceil(c.peers());
        let per_item = weights + of_fold + own + Outlook::bytes_per_item(scales.kind, n_clusters);
        let mut n_users = [users.labels.len() as f64];
        c.max(&mut n_users);
        let kept = Scores::bytes_kept(n_users[0] as usize, n_clusters);
        let all = users.ratings.n_cols.saturating_mul(per_item);
        if all > table_bytes.saturating_add(kept) {
            users.cut((table_bytes / per_item / CHUNK * CHUNK).max(CHUNK));
        }
        Trainer { users, scales, n_folds, n_clusters }
    }

    /// For each of this worker's users, what the model of all users predicts and what the one without the user's fold does;
    /// and the terms of the model of all users, on the coordinator.
    pub fn train<C: Collective>(mut self, c: &mut C) -> ([Vec<u32>; 2], Terms) {
        let mut course = self.course(c);
        for items in self.users.strips() {
            self.train_strip(c, items.clone(), &mut course);
            self.users.pass(items.end);
        }
        let Course { bases, tables, scores, .. } = course;
        let terms = if c.is_coordinator() { self.terms(&bases[0], tables) } else { Vec::new() };
        (scores.into_answers(), terms)
    }

    fn course<C: Collective>(&mut self, c: &mut C) -> Course {
        let bases = self.bases(c);
        let size = if c.is_coordinator() { self.n_clusters * self.users.ratings.n_cols } else { 0 };
        Course {
            constants: bases.iter().map(|basis| basis.class_log_prior.clone()).collect(),
            bases,
            tables: self.kind().tables().iter().map(|_| vec![0.0; size]).collect(),
            scores: Scores::new(&self.users, self.kind(), self.n_clusters),
        }
    }

    /// Fits all models for the items of a strip, and asks them.
    fn train_strip<C: Collective>(&self, c: &mut C, items: Range<usize>, course: &mut Course) {
        let owners = Owners::even(c.peers(), items.len(), CHUNK);
        let counts = self.count(c, &owners, items.clone());
        let mut weights = Weights::zeros(self.kind(), 0..1, self.n_clusters, items.clone());
        let widened = owners.widened(weights.width());
        let mut outlook = None;
        for model in 0..1 + self.n_folds {
            weights.turn_to(model..model + 1);
            let fitted = Basis::fit(&course.bases, &counts, &mut weights);
            add_constants(c, &fitted.absent, &mut course.constants[model..model + 1]);
            for (table, own) in course.tables.iter_mut().zip(fitted.own) {
                let parts = c.gather(bytemuck::cast_slice(&own).to_vec());
                place(&parts, &owners, items.start, self.users.ratings.n_cols, table);
            }
            widened.share(c, &mut weights.linear);
            widened.share(c, &mut weights.quadratic);
            outlook = self.ask(&weights, outlook, course);
        }
    }

    /// Asks the models of `weights` about this worker's users. What is returned can be used for the next models.
    fn ask(&self, weights: &Weights, spare: Option<Outlook>, course: &mut Course) -> Option<Outlook> {
        let Course { constants, scores, .. } = course;
        let model = weights.models().start;
        let outlook =
            if self.users.one_strip() { Outlook::new(weights, model, &constants[model], spare) } else { None };
        match &outlook {
            Some(outlook) => scores.answer(&self.users, weights, outlook, constants),
            None => {
                let is_last = weights.items().end == self.users.ratings.n_cols;
                scores.question(&self.users, weights, is_last.then_some(&constants[..]));
            }
        }
        outlook
    }

    fn kind(&self) -> Kind {
        self.scales.kind
    }

    /// What each model knows of its classes.
    fn bases<C: Collective>(&mut self, c: &mut C) -> Vec<Basis> {
        let (k, ratings) = (self.n_clusters, self.users.ratings);
        let (mut rows, mut sums) = (vec![0i64; self.n_folds * k], vec![0i128; self.n_folds * k]);
        ratings.each_row(|user, row| {
            let (fold, class) = self.users.group_of(user as u32);
            rows[fold * k + class] += 1;
            sums[fold * k + class] += self.scales.row_sum(row);
        });
        c.sum(&mut rows);
        c.sum(&mut sums);
        let (rows, sums) = (models_of(&rows, k), models_of(&sums, k));
        let sizes: Vec<i64> = rows.iter().map(|rows| rows.iter().sum()).collect();
        let largest = self.largest_variances(c, &sizes);
        let models = rows.iter().zip(&sums).zip(largest);
        models.map(|((rows, sums), most)| Basis::new(self.scales, ratings.n_cols, rows, sums, most)).collect()
    }

    /// The largest variance of an item, for each model. Only Gaussian needs it, and an extra pass for it.
    fn largest_variances<C: Collective>(&mut self, c: &mut C, sizes: &[i64]) -> Vec<f64> {
        let mut largest = vec![0.0; sizes.len()];
        if self.kind() != Kind::Gaussian {
            return largest;
        }
        for items in self.users.strips() {
            let owners = Owners::even(c.peers(), items.len(), CHUNK);
            let counts = self.count(c, &owners, items.clone());
            let of_strip = counts.largest_variances(sizes);
            largest.iter_mut().zip(of_strip).for_each(|(most, v)| *most = f64::max(*most, v));
            self.users.pass(items.end);
        }
        self.users.rewind();
        c.max(&mut largest);
        largest
    }

    /// Counts what this worker owns of a strip, over all workers: fold by fold, since each worker has a table of the whole strip
    /// for it.
    fn count<C: Collective>(&self, c: &mut C, owners: &Owners, items: Range<usize>) -> Counts {
        let own = owners.columns(c.index());
        let own = items.start + own.start..items.start + own.end;
        let mut counts = Counts::zeros(self.scales, self.n_folds, self.n_clusters, own);
        let mut of_fold = Counts::zeros(self.scales, 1, self.n_clusters, items);
        for fold in 0..self.n_folds {
            of_fold.clear();
            self.count_fold(fold, &mut of_fold);
            owners.sum(c, &mut of_fold.sum);
            owners.sum(c, &mut of_fold.sum_of_squares);
            counts.take(fold, &of_fold);
        }
        counts
    }

    /// Counts this worker's users of a fold.
    fn count_fold(&self, fold: usize, counts: &mut Counts) {
        for block in self.users.ratings.blocks() {
            for &user in self.users.of_fold(&block, fold) {
                let row = block.rows().row(user as usize - block.first_row);
                let (_, class) = self.users.group_of(user);
                counts.add(0, class, self.users.in_strip(user, row, counts.items.end));
            }
        }
    }

    /// The terms of the model of all users, by the names of scikit-learn.
    fn terms(&self, basis: &Basis, tables: Vec<Vec<f64>>) -> Terms {
        let k = self.n_clusters;
        let prior = ("class_log_prior".to_string(), vec![k], basis.class_log_prior.clone());
        let shape = vec![k, self.users.ratings.n_cols];
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

/// Copies the owners' parts `(n_clusters, own items)` of a strip to the whole table `(n_clusters, n_items)`.
fn place(parts: &[Vec<u8>], owners: &Owners, first: usize, n_items: usize, table: &mut [f64]) {
    for (worker, part) in parts.iter().enumerate() {
        let own = owners.columns(worker);
        let mut values = part.chunks_exact(size_of::<f64>()).map(bytemuck::pod_read_unaligned::<f64>);
        for row in table.chunks_exact_mut(n_items) {
            row[first + own.start..first + own.end].iter_mut().zip(&mut values).for_each(|(to, value)| *to = value);
        }
    }
}
