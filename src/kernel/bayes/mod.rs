//! Naive Bayes over sparse rows: multinomial, Bernoulli and Gaussian, smoothed as in scikit-learn (α = 1; Gaussian
//! variances raised by 1e-9 of the largest feature variance).
//!
//! All three score a class as a constant plus a sum over the row's non-zero entries, so a row costs its entries times
//! the classes and nothing is made dense. Everything goes strip by strip: for a range of items, rows are counted
//! ([`Counts`]), weights of these items are fitted ([`Basis::fit`], into [`Weights`]), and what rows score for them is
//! added up ([`Weights::add`]). A score has the same bits however the items were cut into strips: its sum runs over the
//! row's entries in item order, the constant is added last.
//!
//! Rows are counted by fold, so that one counting serves several models: the model of all rows, and for each fold the
//! one fitted without it.

// Loops over lanes are written with an index, the same in several arrays: that is what becomes one vector instruction.
#![allow(clippy::needless_range_loop)]

mod classifier;
mod look;

use std::ops::Range;

pub use classifier::Classifier;
pub use look::{Desk, Outlook};

use super::csr::Row;
use super::fixed::Scale;
use super::simd::{apply, versions};

const ALPHA: f64 = 1.0;
const VAR_SMOOTHING: f64 = 1e-9;

/// Items whose constants are added up together: a sum over all items is one over chunks, in order.
pub const CHUNK: usize = 64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Multinomial,
    Bernoulli,
    Gaussian,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Multinomial => "multinomial",
            Kind::Bernoulli => "bernoulli",
            Kind::Gaussian => "gaussian",
        }
    }

    /// The tables `(n_classes, n_items)` of a model by scikit-learn's names; `feature_log_absent` is ln(1 − p) where
    /// `feature_log_prob` is ln p. They and the prior hold all that there is to know of a model ([`Classifier`]).
    pub fn tables(self) -> &'static [&'static str] {
        match self {
            Kind::Multinomial => &["feature_log_prob"],
            Kind::Bernoulli => &["feature_log_prob", "feature_log_absent"],
            Kind::Gaussian => &["theta", "var"],
        }
    }

    fn has_squares(self) -> bool {
        self == Kind::Gaussian
    }
}

/// The fixed-point scales of [`Counts`], from the largest |x| of any worker and the number of all rows.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scales {
    pub kind: Kind,
    sum: Scale,
    square: Scale,
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

/// 1 for what Bernoulli takes for present.
#[inline(always)]
fn presence(x: f64) -> f64 {
    f64::from(u8::from(x > 0.0))
}

/// What a strip of items is counted by, in fixed point, so that workers' counts add up exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    scales: Scales,
    n_classes: usize,
    items: Range<usize>,
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

    /// Counts a row of a fold and class; `row` has entries in the strip only. Rows of one fold and class should come
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

    /// For each model, the largest variance of one of the items `own` (counted from the strip's first) over its
    /// `n_rows` rows; 0 where nothing is squared. Models are in the order of [`Basis::fit`].
    pub fn largest_variances(&self, own: Range<usize>, n_rows: &[i64]) -> Vec<f64> {
        let mut largest = vec![0.0; n_rows.len()];
        if !self.scales.kind.has_squares() {
            return largest;
        }
        let n_folds = n_rows.len() - 1;
        let column = |table: &[i64], fold: usize, item: usize| -> i64 {
            let cell = |class: usize| table[(fold * self.n_classes + class) * self.items.len() + item];
            (0..self.n_classes).map(cell).sum()
        };
        for item in own {
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

/// What a model knows before it has seen an item: its classes.
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

/// A class's own terms for an item, as [`Kind::tables`] has them.
type Own = [f64; 2];

/// A class's weights for an item: a row's entry x adds x·`linear` + x²·`quadratic`, and the constant of the class has
/// `absent` of every item, present or not.
struct Cell {
    linear: f64,
    quadratic: f64,
    absent: f64,
}

impl Cell {
    /// From the terms of a class with rows or without.
    #[inline(always)]
    fn of(kind: Kind, own: Own, has_rows: bool) -> Cell {
        match kind {
            Kind::Multinomial => Cell { linear: own[0], quadratic: 0.0, absent: 0.0 },
            // An absent item scores ln(1 − p).
            Kind::Bernoulli => Cell { linear: own[0] - own[1], quadratic: 0.0, absent: own[1] },
            Kind::Gaussian if !has_rows => Cell { linear: 0.0, quadratic: 0.0, absent: 0.0 },
            // ln N(x; θ, σ²) for every item, zeros included: an entry adds −(x − θ)²/2σ² + θ²/2σ² = xθ/σ² − x²/2σ² to
            // what an absent item scores.
            Kind::Gaussian => {
                let [theta, var] = own;
                let absent = -0.5 * (libm::log(2.0 * std::f64::consts::PI * var) + theta * theta / var);
                Cell { linear: theta / var, quadratic: -0.5 / var, absent }
            }
        }
    }
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

    /// Fits the items `own` (counted from the strip's first, beginning with a chunk) of the models of `weights`:
    /// `bases[0]` has all rows, `bases[1 + f]` all but those of fold f.
    pub fn fit(bases: &[Basis], counts: &Counts, own: Range<usize>, weights: &mut Weights) -> Constants {
        let (n_classes, models) = (counts.n_classes, weights.models());
        let tables = if models.start == 0 { bases[0].scales.kind.tables() } else { &[] };
        let mut constants = Constants {
            absent: Vec::with_capacity(own.len().div_ceil(CHUNK) * models.len() * n_classes),
            own: tables.iter().map(|_| vec![0.0; n_classes * own.len()]).collect(),
        };
        let mut logs = Logs::default();
        for start in own.clone().step_by(CHUNK) {
            let chunk = start..(start + CHUNK).min(own.end);
            let mut absent = vec![0.0; models.len() * n_classes];
            for class in 0..n_classes {
                for item in chunk.clone() {
                    fit_item(bases, models.clone(), counts, class, item, &mut logs, |model, terms| {
                        let basis = &bases[model];
                        let cell = Cell::of(basis.scales.kind, terms, basis.rows[class] > 0.0);
                        absent[(model - models.start) * n_classes + class] += cell.absent;
                        weights.set(model, class, item, &cell);
                        if model == 0 {
                            let at = class * own.len() + item - own.start;
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

/// Calls `put(model, terms)` for the terms of a class and item in each of `models`.
#[inline(always)]
fn fit_item(
    bases: &[Basis],
    models: Range<usize>,
    counts: &Counts,
    class: usize,
    item: usize,
    logs: &mut Logs,
    mut put: impl FnMut(usize, Own),
) {
    let at = |fold: usize| (fold * counts.n_classes + class) * counts.items.len() + item;
    let square = |at: usize| counts.sum_of_squares.get(at).copied().unwrap_or(0);
    let folds = 0..bases.len() - 1;
    let sum: i64 = folds.clone().map(|fold| counts.sum[at(fold)]).sum();
    let has_squares = bases[0].scales.kind.has_squares();
    let squares: i64 = if has_squares { folds.map(|fold| square(at(fold))).sum() } else { 0 };
    for model in models {
        let left_out = match model {
            0 => (0, 0),
            _ => (counts.sum[at(model - 1)], square(at(model - 1))),
        };
        put(model, bases[model].own(class, sum - left_out.0, squares - left_out.1, logs));
    }
}

/// What fitting a range of items leaves beside their weights.
#[derive(Debug, Clone, PartialEq)]
pub struct Constants {
    /// Sums of `absent` over each chunk of items, in item order: `(n_chunks, n_models, n_classes)`.
    pub absent: Vec<f64>,
    /// The tables of the model of all rows, in the order of [`Kind::tables`], each `(n_classes, n_items)`; none where
    /// it is not among the models.
    pub own: Vec<Vec<f64>>,
}

/// Logarithms of sums, remembered: most cells of a table are one of few small sums.
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

/// Population variance; exact, and so exactly 0 where it should be, when the sums are whole numbers.
fn variance(sum: f64, squares: f64, n: f64) -> f64 {
    ((n * squares - sum * sum) / (n * n)).max(0.0)
}

/// The weights of a strip of items in some of the models, classes side by side in tiles.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    kind: Kind,
    models: Range<usize>,
    items: Range<usize>,
    /// Classes in a tile: what stays in registers while a row goes by.
    width: usize,
    n_tiles: usize,
    /// `(n_models, n_tiles, n_items, width)`.
    pub linear: Vec<f64>,
    /// As `linear`; empty but for Gaussian.
    pub quadratic: Vec<f64>,
}

/// Classes of a tile, for so many of them.
fn tile_width(n_classes: usize) -> usize {
    [8, 16].into_iter().find(|&width| n_classes <= width).unwrap_or(32)
}

/// Scores of a row: the classes, filled up to whole tiles.
pub fn lanes(n_classes: usize) -> usize {
    n_classes.next_multiple_of(tile_width(n_classes))
}

impl Weights {
    pub fn zeros(kind: Kind, models: Range<usize>, n_classes: usize, items: Range<usize>) -> Weights {
        let width = tile_width(n_classes);
        let n_tiles = n_classes.div_ceil(width);
        let size = models.len() * n_tiles * items.len() * width;
        let quadratic = vec![0.0; if kind.has_squares() { size } else { 0 }];
        Weights { kind, models, items, width, n_tiles, linear: vec![0.0; size], quadratic }
    }

    /// Bytes that an item of a strip takes in [`Weights`] of `n_models` and [`Counts`] together.
    pub fn bytes_per_item(kind: Kind, n_models: usize, n_folds: usize, n_classes: usize) -> usize {
        let tables = if kind.has_squares() { 2 } else { 1 };
        tables * size_of::<f64>() * (n_models * lanes(n_classes) + n_folds * n_classes)
    }

    /// Makes weights of one group of models into those of the next, of as many at most; they are to be fitted anew.
    pub fn turn_to(&mut self, models: Range<usize>) {
        let size = self.n_tiles * self.items.len() * self.width * models.len();
        self.linear.truncate(size);
        self.quadratic.truncate(size);
        self.models = models;
    }

    /// Which models these are, in the order of [`Basis::fit`].
    pub fn models(&self) -> Range<usize> {
        self.models.clone()
    }

    /// The items of the strip.
    pub fn items(&self) -> Range<usize> {
        self.items.clone()
    }

    /// Numbers of an item that lie together, in each model and tile.
    pub fn width(&self) -> usize {
        self.width
    }

    #[inline(always)]
    fn set(&mut self, model: usize, class: usize, item: usize, cell: &Cell) {
        let (tile, lane) = (class / self.width, class % self.width);
        let row = (model - self.models.start) * self.n_tiles + tile;
        let at = (row * self.items.len() + item) * self.width + lane;
        self.linear[at] = cell.linear;
        if let Some(quadratic) = self.quadratic.get_mut(at) {
            *quadratic = cell.quadratic;
        }
    }

    /// Adds what entries of rows score in a model to `scores` `(rows.len(), lanes)`. The entries are of the strip.
    pub fn add(&self, model: usize, entries: &Entries<'_>, scores: &mut [f64]) {
        match self.width {
            8 => self.add_tiles::<8>(model, entries, scores),
            16 => self.add_tiles::<16>(model, entries, scores),
            _ => self.add_tiles::<32>(model, entries, scores),
        }
    }

    fn add_tiles<const W: usize>(&self, model: usize, entries: &Entries<'_>, scores: &mut [f64]) {
        let size = self.items.len();
        let scores = scores.as_chunks_mut::<W>().0;
        for number in 0..self.n_tiles {
            let tile = ((model - self.models.start) * self.n_tiles + number) * size..;
            let linear = &self.linear.as_chunks::<W>().0[tile.clone()][..size];
            if self.kind.has_squares() {
                let quadratic = &self.quadratic.as_chunks::<W>().0[tile][..size];
                add_quadratic(linear, quadratic, self.items.start, entries, &mut scores[number..], self.n_tiles);
            } else {
                add_linear(linear, self.items.start, entries, &mut scores[number..], self.n_tiles);
            }
        }
    }
}

/// Entries of a handful of rows, their values as a kind of model takes them: for Bernoulli, 1 where an item is present.
#[derive(Debug, Clone, Default)]
pub struct Entries<'a> {
    indices: Vec<&'a [u32]>,
    /// Row after row.
    values: Vec<f64>,
}

impl<'a> Entries<'a> {
    pub fn clear(&mut self) {
        self.indices.clear();
        self.values.clear();
    }

    pub fn push(&mut self, kind: Kind, row: Row<'a>) {
        self.indices.push(row.indices);
        match kind {
            Kind::Bernoulli => row.values.for_each(|x| self.values.push(presence(x))),
            Kind::Multinomial | Kind::Gaussian => row.values.for_each(|x| self.values.push(x)),
        }
    }

    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (&[u32], &[f64])> {
        let mut values = &self.values[..];
        self.indices.iter().map(move |indices| {
            let (row, rest) = values.split_at(indices.len());
            values = rest;
            (*indices, row)
        })
    }
}

/// Adds to each row's scores, every `step`th of `scores`. The lanes of a vector are classes.
#[apply(versions!)]
fn add_linear<const W: usize>(
    weights: &[[f64; W]],
    first: usize,
    entries: &Entries<'_>,
    scores: &mut [[f64; W]],
    step: usize,
) {
    for ((indices, values), scores) in entries.rows().zip(scores.iter_mut().step_by(step)) {
        let mut sums = *scores;
        for (&item, &x) in indices.iter().zip(values) {
            let weights = &weights[item as usize - first];
            for lane in 0..W {
                sums[lane] += x * weights[lane];
            }
        }
        *scores = sums;
    }
}

/// [`add_linear`] with weights of x² too.
#[apply(versions!)]
fn add_quadratic<const W: usize>(
    linear: &[[f64; W]],
    quadratic: &[[f64; W]],
    first: usize,
    entries: &Entries<'_>,
    scores: &mut [[f64; W]],
    step: usize,
) {
    for ((indices, values), scores) in entries.rows().zip(scores.iter_mut().step_by(step)) {
        let mut sums = *scores;
        for (&item, &x) in indices.iter().zip(values) {
            let (linear, quadratic) = (&linear[item as usize - first], &quadratic[item as usize - first]);
            let square = x * x;
            for lane in 0..W {
                sums[lane] += x * linear[lane];
                sums[lane] += square * quadratic[lane];
            }
        }
        *scores = sums;
    }
}

/// The class of a row: the one of highest score + constant, the lowest of equals.
pub fn best_class(scores: &[f64], constants: &[f64]) -> u32 {
    let mut best = (0, f64::NAN);
    for (class, (score, constant)) in scores.iter().zip(constants).enumerate() {
        let score = score + constant;
        if class == 0 || score > best.1 {
            best = (class, score);
        }
    }
    best.0 as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::csr::Csr;

    const KINDS: [Kind; 3] = [Kind::Multinomial, Kind::Bernoulli, Kind::Gaussian];

    fn example() -> (Csr, Vec<u32>) {
        let mut x = Csr::empty(3);
        x.push_row([(0, 2.0), (1, 1.0)]);
        x.push_row([(0, 1.0)]);
        x.push_row([(1, 3.0), (2, 1.0)]);
        (x, vec![0, 0, 1])
    }

    /// The model of all rows: its weights, its constants by class, and its own tables.
    fn fitted(kind: Kind, x: &Csr, labels: &[u32], n_classes: usize) -> (Weights, Vec<f64>, Vec<Vec<f64>>) {
        let scales = Scales::new(kind, x.max_abs(), x.n_rows() as u64);
        let mut counts = Counts::zeros(scales, 1, n_classes, 0..x.n_cols);
        let (mut n_rows, mut sums) = (vec![0; n_classes], vec![0; n_classes]);
        for (row, &class) in x.rows().zip(labels) {
            counts.add(0, class as usize, row);
            n_rows[class as usize] += 1;
            sums[class as usize] += scales.row_sum(row);
        }
        let largest = counts.largest_variances(0..x.n_cols, &[x.n_rows() as i64, 0])[0];
        let bases = [
            Basis::new(scales, x.n_cols, &n_rows, &sums, largest),
            Basis::new(scales, x.n_cols, &vec![0; n_classes], &vec![0; n_classes], 1.0),
        ];
        let mut weights = Weights::zeros(kind, 0..2, n_classes, 0..x.n_cols);
        let constants = Basis::fit(&bases, &counts, 0..x.n_cols, &mut weights);
        let bias = bases[0].class_log_prior.iter().zip(&constants.absent).map(|(prior, absent)| prior + absent);
        (weights, bias.collect(), constants.own)
    }

    fn entries<'a>(kind: Kind, rows: impl IntoIterator<Item = Row<'a>>) -> Entries<'a> {
        let mut entries = Entries::default();
        rows.into_iter().for_each(|row| entries.push(kind, row));
        entries
    }

    /// Scores by the textbook formulas on dense rows.
    fn textbook(kind: Kind, x: &[[f64; 3]], labels: &[u32], row: &[f64; 3]) -> Vec<f64> {
        let n = x.len() as f64;
        let all_var = |j: usize| {
            let mean = x.iter().map(|r| r[j]).sum::<f64>() / n;
            x.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n
        };
        let epsilon = 1e-9 * (0..3).map(all_var).fold(0.0, f64::max);
        (0..2u32)
            .map(|class| {
                let members: Vec<&[f64; 3]> =
                    x.iter().zip(labels).filter(|(_, l)| **l == class).map(|(r, _)| r).collect();
                let m = members.len() as f64;
                let sum = |j: usize| members.iter().map(|r| r[j]).sum::<f64>();
                let total: f64 = (0..3).map(|j| sum(j) + 1.0).sum();
                let term = |j: usize| match kind {
                    Kind::Multinomial => row[j] * ((sum(j) + 1.0) / total).ln(),
                    Kind::Bernoulli => {
                        let p = (members.iter().filter(|r| r[j] > 0.0).count() as f64 + 1.0) / (m + 2.0);
                        if row[j] > 0.0 { p.ln() } else { (1.0 - p).ln() }
                    }
                    Kind::Gaussian => {
                        let mean = sum(j) / m;
                        let var = members.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / m + epsilon;
                        -0.5 * (2.0 * std::f64::consts::PI * var).ln() - (row[j] - mean).powi(2) / (2.0 * var)
                    }
                };
                (m / n).ln() + (0..3).map(term).sum::<f64>()
            })
            .collect()
    }

    #[test]
    fn scores_follow_the_textbook() {
        let (x, labels) = example();
        let dense = [[2.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 3.0, 1.0]];
        for kind in KINDS {
            let (weights, bias, _) = fitted(kind, &x, &labels, 2);
            for (r, row) in x.rows().enumerate() {
                let mut scores = vec![0.0; lanes(2)];
                weights.add(0, &entries(kind, [row]), &mut scores);
                let expected = textbook(kind, &dense, &labels, &dense[r]);
                // A class of one row has variance ε only: terms of 1e9 cancel in its score.
                let rounding = if kind == Kind::Gaussian { 1e-6 } else { 1e-12 };
                for ((score, bias), expected) in scores.iter().zip(&bias).zip(&expected) {
                    assert!((score + bias - expected).abs() < rounding * expected.abs().max(1.0), "{kind:?}");
                }
                assert_eq!(best_class(&scores, &bias), u32::from(expected[1] > expected[0]));
            }
        }
    }

    #[test]
    fn a_models_own_tables_are_scikit_learns() {
        let (x, labels) = example();
        let (_, _, multinomial) = fitted(Kind::Multinomial, &x, &labels, 2);
        assert!((multinomial[0][0] - (4.0f64 / 7.0).ln()).abs() < 1e-15);
        assert!((multinomial[0][3 + 2] - (2.0f64 / 7.0).ln()).abs() < 1e-15);
        let (_, _, bernoulli) = fitted(Kind::Bernoulli, &x, &labels, 2);
        assert!((bernoulli[0][0] - (3.0f64 / 4.0).ln()).abs() < 1e-15);
        let (_, _, gaussian) = fitted(Kind::Gaussian, &x, &labels, 2);
        assert_eq!((gaussian[0][0], gaussian[0][3 + 1]), (1.5, 3.0));
        // Variance of item 1 over all rows, (1, 0, 3), is 14/9: the largest.
        assert!((gaussian[1][0] - (0.25 + 14e-9 / 9.0)).abs() < 1e-15);
    }

    #[test]
    fn an_empty_class_is_never_predicted() {
        let (x, labels) = example();
        for kind in KINDS {
            let (weights, bias, _) = fitted(kind, &x, &labels, 4);
            for row in x.rows() {
                let mut scores = vec![0.0; lanes(4)];
                weights.add(0, &entries(kind, [row]), &mut scores);
                assert!(best_class(&scores, &bias) < 2, "{kind:?}");
            }
        }
    }

    #[test]
    fn scores_have_the_same_bits_in_tiles_of_every_width() {
        let n = 40;
        let mut x = Csr::empty(200);
        for r in 0..n {
            x.push_row((0..200u32).filter(|i| (i * 7 + r * 13) % 11 < 4).map(|i| (i, f64::from((i + r) % 5) + 0.5)));
        }
        let labels: Vec<u32> = (0..n).map(|r| r % 3).collect();
        for kind in KINDS {
            let scores = |n_classes: usize| -> Vec<u64> {
                let (weights, _, _) = fitted(kind, &x, &labels, n_classes);
                let mut scores = vec![0.0; x.n_rows() * lanes(n_classes)];
                weights.add(0, &entries(kind, x.rows()), &mut scores);
                scores.chunks_exact(lanes(n_classes)).flat_map(|row| row[..3].iter().map(|s| s.to_bits())).collect()
            };
            for n_classes in [9, 17, 33, 70] {
                assert_eq!(scores(n_classes), scores(3), "{kind:?} {n_classes}");
            }
        }
    }

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
