//! What is counted of the rows of each fold and class, in fixed point.

use std::ops::Range;

use super::kind::{Kind, presence};
use crate::kernel::csr::Row;
use crate::kernel::fixed::Scale;

/// The fixed-point scales of [`Counts`], from the largest |x| of any worker and the number of all rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    pub kind: Kind,
    pub(super) sum: Scale,
    pub(super) square: Scale,
}

impl Scales {
    pub fn new(kind: Kind, max_value: f64, n_rows: u64) -> Scales {
        let bound = if kind == Kind::Bernoulli { 1.0 } else { max_value };
        Scales { kind, sum: Scale::new(bound, n_rows), square: Scale::new(bound * bound, n_rows) }
    }

    /// Σx over all entries of a row, in fixed point: a term of [`Basis::new`]'s `sums`. 0 where no model needs it.
    pub fn row_sum(self, row: Row<'_>) -> i128 {
        let mut sum = 0;
        if self.kind == Kind::Multinomial {
            row.values.for_each(|x| sum += i128::from(self.sum.fix(x)));
        }
        sum
    }
}

/// The counts of some items, in fixed point, so that workers' counts add up exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    scales: Scales,
    pub(super) n_classes: usize,
    pub items: Range<usize>,
    /// Σx (Bernoulli: rows with x > 0), `(n_folds, n_classes, n_items)`.
    pub sum: Vec<i64>,
    /// Σx², `(n_folds, n_classes, n_items)`; empty but for Gaussian.
    pub sum_of_squares: Vec<i64>,
}

impl Counts {
    pub fn zeros(scales: Scales, n_folds: usize, n_classes: usize, items: Range<usize>) -> Counts {
        let size = n_folds * n_classes * items.len();
        let sum_of_squares = vec![0; if scales.kind.has_squares() { size } else { 0 }];
        Counts { scales, n_classes, items, sum: vec![0; size], sum_of_squares }
    }

    /// Counts a row of a fold and class; `row` has entries of these items only. Rows of one fold and class should come
    /// one after the other, so that what they are added to stays in the cache.
    pub fn add(&mut self, fold: usize, class: usize, row: Row<'_>) {
        let cells = (fold * self.n_classes + class) * self.items.len()..;
        let sum = &mut self.sum[cells.clone()][..self.items.len()];
        let (first, scales) = (self.items.start, self.scales);
        match scales.kind {
            Kind::Multinomial => row.for_each(|item, x| sum[item - first] += scales.sum.fix(x)),
            Kind::Bernoulli => row.for_each(|item, x| sum[item - first] += scales.sum.fix(presence(x))),
            Kind::Gaussian => {
                let squares = &mut self.sum_of_squares[cells][..self.items.len()];
                row.for_each(|item, x| {
                    sum[item - first] += scales.sum.fix(x);
                    squares[item - first] += scales.square.fix(x * x);
                });
            }
        }
    }

    /// Counts nothing of what was counted before.
    pub fn clear(&mut self) {
        self.sum.fill(0);
        self.sum_of_squares.fill(0);
    }

    /// Takes a fold over from `of_fold`, which has that fold alone of a strip that these items are in.
    pub fn take(&mut self, fold: usize, of_fold: &Counts) {
        let (n_classes, items) = (self.n_classes, self.items.clone());
        let first = items.start - of_fold.items.start;
        let copy = |to: &mut [i64], from: &[i64]| {
            if !from.is_empty() && !items.is_empty() {
                let to = to.chunks_exact_mut(items.len()).skip(fold * n_classes).take(n_classes);
                let from = from.chunks_exact(of_fold.items.len());
                to.zip(from).for_each(|(to, from)| to.copy_from_slice(&from[first..first + items.len()]));
            }
        };
        copy(&mut self.sum, &of_fold.sum);
        copy(&mut self.sum_of_squares, &of_fold.sum_of_squares);
    }

    /// For each model, the largest variance of one of these items over its `n_rows` rows; 0 where nothing is squared. Models are
    /// in the order of [`Basis::fit`].
    pub fn largest_variances(&self, n_rows: &[i64]) -> Vec<f64> {
        let mut largest = vec![0.0; n_rows.len()];
        if !self.scales.kind.has_squares() {
            return largest;
        }
        let n_folds = n_rows.len() - 1;
        let column = |table: &[i64], fold: usize, item: usize| -> i64 {
            let cell = |class: usize| table[(fold * self.n_classes + class) * self.items.len() + item];
            (0..self.n_classes).map(cell).sum()
        };
        for item in 0..self.items.len() {
            let folds: Vec<(i64, i64)> = (0..n_folds)
                .map(|fold| (column(&self.sum, fold, item), column(&self.sum_of_squares, fold, item)))
                .collect();
            let all = folds.iter().fold((0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
            let models = std::iter::once(all).chain(folds.iter().map(|fold| (all.0 - fold.0, all.1 - fold.1)));
            for ((sum, squares), (largest, &n)) in models.zip(largest.iter_mut().zip(n_rows)) {
                let of_item = variance(self.scales.sum.real(sum), self.scales.square.real(squares), n as f64);
                *largest = f64::max(*largest, of_item);
            }
        }
        largest
    }
}

/// Population variance; exact, and so exactly 0 where it should be, when the sums are whole numbers.
pub(super) fn variance(sum: f64, squares: f64, n: f64) -> f64 {
    ((n * squares - sum * sum) / (n * n)).max(0.0)
}
