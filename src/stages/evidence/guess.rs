//! How well segments predict ratings that their fit has not seen.
//!
//! Segment s has N_s of the N ratings seen, c_si of them of item i; all users have c_i of item i. A rating of the segment is of
//! item i with the probability
//!
//! ```text
//! p(i | s) = q_i · r_si / Z_s     q_i = c_i / N     r_si = (c_si + κ) / (N_s q_i + κ)     Z_s = Σ_i q_i r_si
//! ```
//!
//! and so are the probabilities of the items that a user has not rated yet, among which the hidden ones are, but that Z and the sum
//! of q are taken over these items alone.
//!
//! This is a multinomial smoothed towards overall popularity q, the more the fewer ratings were seen (the gamma-Poisson
//! shrinkage of DuMouchel 1999, with κ pseudo-ratings of each item). A rating of item i by a user of segment s saves
//! log₂ p(i | s)/q_i bits.
//!
//! How high the rating is says something too. The segment shifts what is expected of it ([`Liking`]) by the mean of its residuals,
//! with κ more of 0: δ_si = Σ e / (c_si + κ).
//!
//! Where ratings are amounts that count by [weight](Weights), all counts are of weights, N and c as well as the hidden ratings.

use std::ops::Range;

use ndarray::{Array2, ArrayView1};

use super::hidden::Split;
use crate::collective::Collective;
use crate::job::Amounts;
use crate::kernel::csr::{Csr, HeldRow, Row};
use crate::shard::sums::sum;
use crate::stages::mixture::{Liking, PSEUDO_RATINGS, Reading, Weights};

/// The least probability of all items together that a user has not rated.
const LEAST_LEFT: f64 = 1e-9;

/// The most bytes of the table of a strip of items.
const TABLE_BYTES: usize = 64 << 20;

/// The number of items that a user is offered.
const OFFERED: usize = 10;

/// A mean over hidden ratings, and its standard error over users.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mean {
    pub mean: f64,
    pub standard_error: f64,
}

/// The ratings seen of each item, to predict those hidden.
pub struct Popularity<'a> {
    split: &'a Split,
    weights: Weights,
    /// The weight of the ratings seen of each item `(n_items)`, and of all, in units.
    counts: Vec<i64>,
    total: f64,
    /// For each local user, Σ q of the items without a rating seen.
    left: Vec<f64>,
    /// What is expected of each rating; absent where ratings say nothing.
    liking: Option<Liking>,
    /// For each local user, the weight of the hidden ratings; and of those over all workers.
    hidden: Vec<f64>,
    all_hidden: f64,
    /// Ratings hidden, over all workers, and users with a hidden rating.
    pub n_hidden: u64,
    pub n_users: u64,
}

impl<'a> Popularity<'a> {
    /// With ratings that are read so.
    pub fn new<C: Collective>(c: &mut C, split: &'a Split, amounts: Amounts) -> Popularity<'a> {
        let Reading { weights, liking, counts } = Reading::new(c, &split.seen, amounts);
        let units = |row: HeldRow| weights.units_of_row(row.view());
        let hidden_units: i64 = split.hidden.rows().map(units).sum();
        let n_users = split.hidden.lengths().into_iter().filter(|&n| n > 0).count();
        let mut sums = [split.hidden.nnz() as i64, n_users as i64, hidden_units];
        c.sum(&mut sums);
        let [n_hidden, n_users, hidden_units] = sums;
        let hidden: Vec<f64> = split.hidden.rows().map(|row| weights.of_row(row.view())).collect();
        let all_hidden = hidden_units as f64 / f64::from(weights.units());
        let total = counts.iter().sum::<i64>().max(1) as f64;
        let share = |item: &u32| counts[*item as usize] as f64 / total;
        let left = |row: HeldRow| (1.0 - row.indices().iter().map(share).sum::<f64>()).max(LEAST_LEFT);
        let left = split.asked.rows().map(left).collect();
        let (n_hidden, n_users) = (n_hidden as u64, n_users as u64);
        Popularity { split, weights, counts, total, left, liking, hidden, all_hidden, n_hidden, n_users }
    }

    /// For each local user, the bits that the distribution of the user's segment saves over the hidden ratings. `labels` are
    /// the segments of the users.
    pub fn bits<C: Collective>(&self, c: &mut C, labels: &[u32], n_clusters: usize) -> Vec<f64> {
        self.look(c, labels, n_clusters, |_| {})
    }

    /// [`Popularity::bits`], and the mean over users of the share of their hidden ratings among the ten most likely items
    /// without a rating seen: by the popularity in their segment, and by that among all users.
    pub fn bits_and_recall<C: Collective>(&self, c: &mut C, labels: &[u32], n_clusters: usize) -> (Vec<f64>, [f64; 2]) {
        let mut likeliest = Likeliest::new(c, &self.split.asked, n_clusters);
        let bits = self.look(c, labels, n_clusters, |strip| likeliest.add(strip));
        let everybody = vec![n_clusters as u32; labels.len()];
        let recall = [labels, &everybody].map(|labels| self.recall(c, labels, &likeliest));
        (bits, recall)
    }

    /// The bits of [`Popularity::bits`]; shows each strip to `see`.
    fn look<C: Collective>(
        &self,
        c: &mut C,
        labels: &[u32],
        n_clusters: usize,
        mut see: impl FnMut(&Strip),
    ) -> Vec<f64> {
        let mut saved = vec![0.0; labels.len()];
        let mut norms = vec![0.0; n_clusters];
        let mut had = vec![0.0; labels.len()];
        self.for_each_strip(c, labels, n_clusters, |strip| {
            norms.iter_mut().enumerate().for_each(|(segment, norm)| *norm += strip.norm(segment));
            each_row(&self.split.hidden, labels, &strip.items, |user, segment, row| {
                saved[user] += strip.saved(user, segment, row);
            });
            each_row(&self.split.asked, labels, &strip.items, |user, segment, row| {
                had[user] += row.indices.iter().map(|&item| strip.likelihood(segment, item as usize)).sum::<f64>();
            });
            see(strip);
        });
        for (user, (saved, hidden)) in saved.iter_mut().zip(&self.hidden).enumerate() {
            let left = norms[labels[user] as usize] - had[user];
            *saved -= hidden * libm::log2(left.max(LEAST_LEFT) / self.left[user]);
        }
        saved
    }

    /// The mean per hidden rating, each by its weight, from a sum for each local user.
    pub fn mean<C: Collective>(&self, c: &mut C, of_users: &[f64]) -> Mean {
        let all_hidden = if self.all_hidden > 0.0 { self.all_hidden } else { 1.0 };
        let mean = sum(c, of_users.iter().copied()) / all_hidden;
        let rest = |(&sum, &hidden): (&f64, &f64)| (sum - mean * hidden) * (sum - mean * hidden);
        let squares: Vec<f64> = of_users.iter().zip(&self.hidden).map(rest).collect();
        let n = self.n_users as f64;
        let standard_error = (sum(c, squares.into_iter()) * n / (n - 1.0).max(1.0)).sqrt() / all_hidden;
        Mean { mean, standard_error }
    }

    /// Mean over users of the share of their hidden ratings among the items of their list.
    fn recall<C: Collective>(&self, c: &mut C, lists: &[u32], likeliest: &Likeliest) -> f64 {
        let hits = |((seen, hidden), &list): ((HeldRow, HeldRow), &u32)| {
            hits(seen.view(), hidden.view(), &likeliest.lists[list as usize])
        };
        let rows = self.split.asked.rows().zip(self.split.hidden.rows());
        let shares: Vec<f64> = rows.zip(lists).map(hits).collect();
        sum(c, shares.into_iter()) / self.n_users.max(1) as f64
    }

    /// q
    fn share(&self, item: usize) -> f64 {
        self.counts[item] as f64 / self.total
    }

    /// Weighs the ratings seen over all workers, strip of items by strip, and calls `f` with each strip.
    fn for_each_strip<C: Collective>(&self, c: &mut C, labels: &[u32], n_clusters: usize, mut f: impl FnMut(&Strip)) {
        let n_items = self.split.seen.n_cols;
        let width = (TABLE_BYTES / self.cell_bytes() / n_clusters).max(1);
        let mut totals = (width < n_items).then(|| self.totals(c, labels, n_clusters));
        for start in (0..n_items).step_by(width) {
            let items = start..(start + width).min(n_items);
            let Tables { mut counts, mut residuals } = self.tables(labels, n_clusters, &items);
            c.sum(counts.as_slice_mut().expect("tables lie whole"));
            if let Some(sums) = &mut residuals {
                c.sum(sums.as_slice_mut().expect("tables lie whole"));
            }
            let of_segment = |row: ArrayView1<u32>| row.iter().map(|&units| i64::from(units)).sum();
            let totals = totals.get_or_insert_with(|| counts.rows().into_iter().map(of_segment).collect());
            f(&Strip { of: self, items, counts, residuals, totals });
        }
    }

    /// N_s over all workers, in units.
    fn totals<C: Collective>(&self, c: &mut C, labels: &[u32], n_clusters: usize) -> Vec<i64> {
        let mut totals = vec![0i64; n_clusters];
        self.split.seen.each_row(|user, row| totals[labels[user] as usize] += self.weights.units_of_row(row));
        c.sum(&mut totals);
        totals
    }

    /// Bytes of a segment and item in the tables of a strip.
    fn cell_bytes(&self) -> usize {
        size_of::<u32>() + if self.liking.is_some() { size_of::<i64>() } else { 0 }
    }

    /// Sums over this worker's users.
    fn tables(&self, labels: &[u32], n_clusters: usize, items: &Range<usize>) -> Tables {
        let shape = (n_clusters, items.len());
        let mut counts = Array2::<u32>::zeros(shape);
        let mut residuals = self.liking.is_some().then(|| Array2::<i64>::zeros(shape));
        each_row(&self.split.seen, labels, items, |user, segment, row| {
            let counts = of_segment(&mut counts, segment);
            match self.weights {
                Weights::Equal => row.indices.iter().for_each(|&item| counts[item as usize - items.start] += 1),
                weights => row.for_each(|item, value| counts[item - items.start] += weights.units_of(value)),
            }
            if let (Some(liking), Some(residuals)) = (&self.liking, &mut residuals) {
                let sums = of_segment(residuals, segment);
                row.for_each(|item, value| {
                    sums[item - items.start] += liking.scale.fix(liking.residual(user, item, value));
                });
            }
        });
        Tables { counts, residuals }
    }
}

/// A row of a table.
fn of_segment<T>(table: &mut Array2<T>, segment: usize) -> &mut [T] {
    let n_items = table.ncols();
    &mut table.as_slice_mut().expect("tables lie whole")[segment * n_items..][..n_items]
}

/// Of a strip: c, in units, and Σ e in fixed point, each `(n_clusters, n_strip_items)`.
struct Tables {
    counts: Array2<u32>,
    residuals: Option<Array2<i64>>,
}

/// The most likely items of each segment, then of all users, with their probabilities up to a factor: enough for the user
/// with the most ratings.
struct Likeliest {
    most: usize,
    lists: Vec<Vec<(f64, u32)>>,
}

impl Likeliest {
    fn new<C: Collective>(c: &mut C, asked: &Csr, n_clusters: usize) -> Likeliest {
        let mut longest = [asked.lengths().into_iter().max().map_or(0, u64::from)];
        c.max(&mut longest);
        let most = (longest[0] as usize + OFFERED).min(asked.n_cols);
        Likeliest { most, lists: vec![Vec::new(); n_clusters + 1] }
    }

    fn add(&mut self, strip: &Strip) {
        let n_clusters = self.lists.len() - 1;
        for (segment, best) in self.lists.iter_mut().enumerate() {
            let score = |item: usize| match segment < n_clusters {
                true => strip.likelihood(segment, item),
                false => strip.of.share(item),
            };
            best.extend(strip.items.clone().map(|item| (score(item), item as u32)));
            keep_best(best, self.most);
        }
    }
}

/// The counts of a strip of items.
struct Strip<'a> {
    of: &'a Popularity<'a>,
    items: Range<usize>,
    /// c `(n_clusters, n_strip_items)`, in units
    counts: Array2<u32>,
    /// Σ e in fixed point, of the same shape.
    residuals: Option<Array2<i64>>,
    /// N_s, in units
    totals: &'a [i64],
}

impl Strip<'_> {
    /// The bits that a segment saves over hidden ratings of a local user, but for its norm.
    fn saved(&self, user: usize, segment: usize, hidden: Row) -> f64 {
        let mut saved = 0.0;
        hidden.for_each(|item, value| {
            let weight = self.of.weights.of(value);
            saved += weight * libm::log2(self.ratio(segment, item)) + self.liked(user, segment, item, value);
        });
        saved
    }

    /// What a segment saves by how high it rates the item.
    fn liked(&self, user: usize, segment: usize, item: usize, value: f64) -> f64 {
        let (Some(liking), Some(residuals)) = (&self.of.liking, &self.residuals) else { return 0.0 };
        let at = [segment, item - self.items.start];
        let delta = liking.scale.real(residuals[at]) / (self.weight(f64::from(self.counts[at])) + PSEUDO_RATINGS);
        liking.saved(liking.residual(user, item, value), delta)
    }

    /// r
    #[inline]
    fn ratio(&self, segment: usize, item: usize) -> f64 {
        let expected = self.weight(self.totals[segment] as f64) * self.of.share(item);
        let counted = self.weight(f64::from(self.counts[[segment, item - self.items.start]]));
        (counted + PSEUDO_RATINGS) / (expected + PSEUDO_RATINGS)
    }

    /// Of so many units.
    fn weight(&self, units: f64) -> f64 {
        units / f64::from(self.of.weights.units())
    }

    /// q · r
    fn likelihood(&self, segment: usize, item: usize) -> f64 {
        self.of.share(item) * self.ratio(segment, item)
    }

    /// What these items add to Z.
    fn norm(&self, segment: usize) -> f64 {
        self.items.clone().map(|item| self.likelihood(segment, item)).sum()
    }
}

/// Calls `f(user, segment, entries)` with the entries of `items` of each row.
fn each_row(matrix: &Csr, labels: &[u32], items: &Range<usize>, mut f: impl FnMut(usize, usize, Row)) {
    let whole = *items == (0..matrix.n_cols);
    matrix.each_by_label(labels, |user, segment, entries| {
        let place = |item: usize| entries.indices.partition_point(|&i| (i as usize) < item);
        let entries = if whole { entries } else { entries.part(place(items.start)..place(items.end)) };
        f(user, segment, entries);
    });
}

/// Keeps the `most` highest scores, falling; ties go to the lower item.
fn keep_best(items: &mut Vec<(f64, u32)>, most: usize) {
    let order = |a: &(f64, u32), b: &(f64, u32)| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1));
    if items.len() > most {
        items.select_nth_unstable_by(most, order);
        items.truncate(most);
    }
    items.sort_unstable_by(order);
}

/// The share of the hidden entries among the first items of `list` that were not seen; 0 if none is hidden.
fn hits(seen: Row, hidden: Row, list: &[(f64, u32)]) -> f64 {
    if hidden.is_empty() {
        return 0.0;
    }
    let has = |row: Row, item: &u32| row.indices.binary_search(item).is_ok();
    let offered = list.iter().map(|(_, item)| item).filter(|item| !has(seen, item)).take(OFFERED);
    offered.filter(|item| has(hidden, item)).count() as f64 / hidden.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;
    use crate::kernel::keyed::{self, Stream};

    fn matrix(users: &[usize], purpose: u64) -> Csr {
        let mut x = Csr::empty(40);
        for &user in users {
            let takes = |item: u32| {
                let draw = keyed::uniform(3, Stream::Generate, user as u64, u64::from(item));
                if purpose == 0 { draw < 0.3 } else { (0.3..0.35).contains(&draw) }
            };
            x.push_row((0..40u32).filter(|&item| takes(item)).map(|item| (item, 1.0)));
        }
        x
    }

    /// The same items in other amounts.
    fn with_amounts(matrix: &Csr) -> Csr {
        let mut amounts = Csr::empty(40);
        for (user, row) in matrix.rows().enumerate() {
            amounts.push_row(row.iter().map(|(item, _)| (item as u32, 1.0 + ((user * 7 + item * 13) % 50) as f64)));
        }
        amounts
    }

    fn split_of(users: &[usize]) -> (Split, Vec<u32>) {
        let labels = users.iter().map(|user| (user % 3) as u32).collect();
        let seen = matrix(users, 0);
        (Split { asked: seen.clone(), seen, hidden: matrix(users, 1) }, labels)
    }

    /// By the formulas of the head of this file.
    #[test]
    fn bits_are_those_of_the_formulas() {
        [Amounts::None, Amounts::Share].into_iter().for_each(bits_of);
    }

    fn bits_of(amounts: Amounts) {
        let users: Vec<usize> = (0..50).collect();
        let (mut split, labels) = split_of(&users);
        if amounts == Amounts::Share {
            [&mut split.seen, &mut split.hidden].into_iter().for_each(|matrix| *matrix = with_amounts(matrix));
        }
        let popularity = Popularity::new(&mut Solo, &split, amounts);
        let weight = |value: f64| popularity.weights.of(value);
        let bits = popularity.bits(&mut Solo, &labels, 3);
        let mut c = vec![[0.0; 40]; 3];
        for (row, &label) in split.seen.rows().zip(&labels) {
            row.iter().for_each(|(item, x)| c[label as usize][item] += weight(x));
        }
        let total: f64 = c.iter().flatten().sum();
        let q: Vec<f64> = (0..40).map(|i| c.iter().map(|c| c[i]).sum::<f64>() / total).collect();
        let r = |s: usize, i: usize| (c[s][i] + 10.0) / (c[s].iter().sum::<f64>() * q[i] + 10.0);
        let z: Vec<f64> = (0..3).map(|s| (0..40).map(|i| q[i] * r(s, i)).sum()).collect();
        for (user, row) in split.hidden.rows().enumerate() {
            let s = labels[user] as usize;
            let seen: Vec<usize> = split.seen.row(user).iter().map(|(i, _)| i).collect();
            let left: f64 = 1.0 - seen.iter().map(|&i| q[i]).sum::<f64>();
            let left_in_segment = z[s] - seen.iter().map(|&i| q[i] * r(s, i)).sum::<f64>();
            let expected: f64 = row.iter().map(|(i, x)| weight(x) * (r(s, i) * left / left_in_segment).log2()).sum();
            assert!((bits[user] - expected).abs() < 1e-11);
        }
        let mean = popularity.mean(&mut Solo, &bits);
        let n: f64 = split.hidden.rows().flat_map(|row| row.iter().collect::<Vec<_>>()).map(|(_, x)| weight(x)).sum();
        assert!((mean.mean - bits.iter().sum::<f64>() / n).abs() < 1e-12);
        assert!(mean.standard_error > 0.0);
    }

    #[test]
    fn recall_counts_what_is_offered() {
        let users: Vec<usize> = (0..50).collect();
        let (split, labels) = split_of(&users);
        let popularity = Popularity::new(&mut Solo, &split, Amounts::None);
        let (_, [_, by_popularity]) = popularity.bits_and_recall(&mut Solo, &labels, 3);
        let counts = split.seen.column_counts();
        let mut order: Vec<usize> = (0..40).collect();
        order.sort_by_key(|&i| (-counts[i], i));
        let (mut sum, mut n) = (0.0, 0.0);
        for (seen, hidden) in split.seen.rows().zip(split.hidden.rows()).filter(|(_, hidden)| !hidden.is_empty()) {
            let has = |row: &HeldRow, i: usize| row.indices().contains(&(i as u32));
            let offered: Vec<usize> = order.iter().copied().filter(|&i| !has(&seen, i)).take(10).collect();
            sum += offered.iter().filter(|&&i| has(&hidden, i)).count() as f64 / hidden.len() as f64;
            n += 1.0;
        }
        assert!((by_popularity - sum / n).abs() < 1e-12);
    }

    /// Partial-sum-finish: the same bits for any workers.
    #[test]
    fn workers_leave_no_trace() {
        let found = |peers: usize| {
            let mut all = run_workers(peers, |c| {
                let mine: Vec<usize> = (0..50).filter(|user| user % c.peers() == c.index()).collect();
                let (split, labels) = split_of(&mine);
                let popularity = Popularity::new(c, &split, Amounts::None);
                let (bits, recall) = popularity.bits_and_recall(c, &labels, 3);
                assert_eq!(bits, popularity.bits(c, &labels, 3));
                (popularity.mean(c, &bits), recall)
            });
            assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
            all.remove(0)
        };
        assert_eq!(found(1), found(3));
        assert_eq!(found(1), found(4));
    }
}
