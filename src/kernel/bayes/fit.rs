//! Weights and constants from counts.

use std::ops::Range;

use super::cell::{Cell, Own};
use super::counts::{Counts, Scales, variance};
use super::kind::Kind;
use super::weights::Weights;

const ALPHA: f64 = 1.0;
const VAR_SMOOTHING: f64 = 1e-9;

/// Items whose constants are added up together: a sum over all items is one over chunks, in order.
pub const CHUNK: usize = 64;

/// What a model needs for every item: its classes, and sums over all items.
#[derive(Debug, Clone, PartialEq)]
pub struct Basis {
    scales: Scales,
    /// Rows of each class.
    rows: Vec<f64>,
    /// ln(share of the rows) of each class.
    pub class_log_prior: Vec<f64>,
    /// Multinomial: ln(Σx + α over all items) of each class.
    log_totals: Vec<f64>,
    /// Gaussian: what is added to variances.
    epsilon: f64,
}

impl Basis {
    /// From each class's rows and Σx over all items ([`Scales::row_sum`]). `largest_variance` is that of the items.
    pub fn new(scales: Scales, n_items: usize, rows: &[i64], sums: &[i128], largest_variance: f64) -> Basis {
        let n_rows: i64 = rows.iter().sum();
        let prior = |&n: &i64| libm::log(n as f64) - libm::log(n_rows as f64);
        let log_total = |&sum: &i128| libm::log(sum as f64 / scales.sum.factor() + n_items as f64 * ALPHA);
        Basis {
            scales,
            rows: rows.iter().map(|&n| n as f64).collect(),
            class_log_prior: rows.iter().map(prior).collect(),
            log_totals: sums.iter().map(log_total).collect(),
            epsilon: VAR_SMOOTHING * largest_variance,
        }
    }

    /// Fits the items of `counts`, which begin with a chunk of the strip of `weights`, in the models of `weights`: `bases[0]` has
    /// all rows, `bases[1 + f]` all but those of fold f.
    pub fn fit(bases: &[Basis], counts: &Counts, weights: &mut Weights) -> Constants {
        let (n_classes, models) = (counts.n_classes, weights.models());
        let (own, first) = (0..counts.items.len(), counts.items.start - weights.items().start);
        let tables = if models.start == 0 { bases[0].scales.kind.tables() } else { &[] };
        let mut constants = Constants {
            absent: Vec::with_capacity(own.len().div_ceil(CHUNK) * models.len() * n_classes),
            own: tables.iter().map(|_| vec![0.0; n_classes * own.len()]).collect(),
        };
        let mut fitting = Fitting { bases, counts, models: models.clone(), logs: Logs::default() };
        for start in own.clone().step_by(CHUNK) {
            let chunk = start..(start + CHUNK).min(own.end);
            let mut absent = vec![0.0; models.len() * n_classes];
            for class in 0..n_classes {
                for item in chunk.clone() {
                    fitting.each_model(class, item, |model, terms| {
                        let basis = &bases[model];
                        let cell = Cell::of(basis.scales.kind, terms, basis.rows[class] > 0.0);
                        absent[(model - models.start) * n_classes + class] += cell.absent;
                        weights.set(model, class, first + item, &cell);
                        if model == 0 {
                            let at = class * own.len() + item;
                            constants.own.iter_mut().zip(terms).for_each(|(table, value)| table[at] = value);
                        }
                    });
                }
            }
            constants.absent.append(&mut absent);
        }
        constants
    }

    #[inline(always)]
    fn own(&self, class: usize, sum: i64, squares: i64, logs: &mut Logs) -> Own {
        match self.scales.kind {
            Kind::Multinomial => self.multinomial(class, sum, logs),
            Kind::Bernoulli => self.bernoulli(class, sum),
            Kind::Gaussian => self.gaussian(class, sum, squares),
        }
    }

    /// McCallum & Nigam 1998; feature_log_prob = ln((Σx + α) / Σ over items of the same).
    #[inline(always)]
    fn multinomial(&self, class: usize, sum: i64, logs: &mut Logs) -> Own {
        let log_prob = logs.of(sum, || libm::log(self.scales.sum.real(sum) + ALPHA)) - self.log_totals[class];
        [log_prob, 0.0]
    }

    /// p = (rows with the item + α) / (rows + 2α).
    fn bernoulli(&self, class: usize, sum: i64) -> Own {
        let p = (self.scales.sum.real(sum) + ALPHA) / (self.rows[class] + 2.0 * ALPHA);
        [libm::log(p), libm::log(1.0 - p)]
    }

    /// θ and σ² of the item over the class's rows, zeros included.
    fn gaussian(&self, class: usize, sum: i64, squares: i64) -> Own {
        let n = self.rows[class];
        if n == 0.0 {
            return [0.0, self.epsilon];
        }
        let (sum, squares) = (self.scales.sum.real(sum), self.scales.square.real(squares));
        [sum / n, variance(sum, squares, n) + self.epsilon]
    }
}

/// Models being fitted to one strip of counts.
struct Fitting<'a> {
    bases: &'a [Basis],
    counts: &'a Counts,
    models: Range<usize>,
    logs: Logs,
}

impl Fitting<'_> {
    /// Calls `put(model, terms)` for the terms of a class and item in each model.
    #[inline(always)]
    fn each_model(&mut self, class: usize, item: usize, mut put: impl FnMut(usize, Own)) {
        let Fitting { bases, counts, models, logs } = self;
        let at = |fold: usize| (fold * counts.n_classes + class) * counts.items.len() + item;
        let square = |at: usize| counts.sum_of_squares.get(at).copied().unwrap_or(0);
        let folds = 0..bases.len() - 1;
        let sum: i64 = folds.clone().map(|fold| counts.sum[at(fold)]).sum();
        let has_squares = bases[0].scales.kind.has_squares();
        let squares: i64 = if has_squares { folds.map(|fold| square(at(fold))).sum() } else { 0 };
        for model in models.clone() {
            let left_out = match model {
                0 => (0, 0),
                _ => (counts.sum[at(model - 1)], square(at(model - 1))),
            };
            put(model, bases[model].own(class, sum - left_out.0, squares - left_out.1, logs));
        }
    }
}

/// What a fit of a range of items finds besides their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Constants {
    /// Sums of `absent` over each chunk of items, in item order: `(n_chunks, n_models, n_classes)`.
    pub absent: Vec<f64>,
    /// The tables of the model of all rows, in the order of [`Kind::tables`], each `(n_classes, n_items)`; none where
    /// it is not among the models.
    pub own: Vec<Vec<f64>>,
}

/// Logarithms of sums, cached: most cells of a table are one of few small sums.
struct Logs {
    known: Vec<(i64, f64)>,
}

impl Default for Logs {
    fn default() -> Logs {
        // No sum in fixed point is as large as this.
        Logs { known: vec![(i64::MIN, f64::NAN); 1 << Logs::BITS] }
    }
}

impl Logs {
    const BITS: u32 = 12;

    #[inline(always)]
    fn of(&mut self, sum: i64, log: impl Fn() -> f64) -> f64 {
        let slot = (sum as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - Logs::BITS);
        let known = &mut self.known[slot as usize];
        if known.0 != sum {
            *known = (sum, log());
        }
        known.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_remembered_logarithm_is_that_of_its_sum() {
        let mut logs = Logs::default();
        for _ in 0..2 {
            for sum in (0..40_000i64).map(|m| m << 30) {
                assert_eq!(logs.of(sum, || libm::log(sum as f64 + 1.0)), libm::log(sum as f64 + 1.0));
            }
        }
    }
}
