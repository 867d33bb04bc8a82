//! Naive Bayes over sparse rows: multinomial, Bernoulli and Gaussian, smoothed as in scikit-learn (α = 1; Gaussian
//! variances raised by 1e-9 of the largest feature variance).
//!
//! All three score a class as a constant plus a sum over the row's non-zero entries, so a row costs its entries times
//! the classes and nothing is made dense. Tables are `(n_items, n_classes)`: lanes run across classes.

use super::csr::{Csr, Row};
use super::fixed::Scale;

const ALPHA: f64 = 1.0;
const VAR_SMOOTHING: f64 = 1e-9;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Multinomial,
    Bernoulli,
    Gaussian,
}

/// What a class is counted by, in fixed point, so that workers' counts add up exactly.
#[derive(Debug, Clone, PartialEq)]
pub struct Counts {
    pub n_classes: usize,
    /// Rows of each class `(n_classes)`.
    pub rows: Vec<i64>,
    /// Σx (Bernoulli: rows with x > 0), `(n_items, n_classes)`.
    pub sum: Vec<i64>,
    /// Σx², `(n_items, n_classes)`; empty but for Gaussian.
    pub sum_of_squares: Vec<i64>,
}

/// The fixed-point scales of [`Counts`], from the largest |x| of any worker and the number of all rows.
#[derive(Debug, Clone, Copy)]
pub struct Scales {
    sum: Scale,
    square: Scale,
}

impl Scales {
    pub fn new(kind: Kind, max_value: f64, n_rows: u64) -> Scales {
        let bound = if kind == Kind::Bernoulli { 1.0 } else { max_value };
        Scales { sum: Scale::new(bound, n_rows), square: Scale::new(bound * bound, n_rows) }
    }
}

impl Counts {
    /// Counts the rows whose index `keep` accepts. `labels` are classes by row.
    pub fn of(
        kind: Kind,
        rows: &Csr,
        labels: &[u32],
        n_classes: usize,
        scales: Scales,
        keep: impl Fn(usize) -> bool,
    ) -> Counts {
        let table = rows.n_cols * n_classes;
        let mut counts = Counts {
            n_classes,
            rows: vec![0; n_classes],
            sum: vec![0; table],
            sum_of_squares: vec![0; if kind == Kind::Gaussian { table } else { 0 }],
        };
        for (r, row) in rows.rows().enumerate().filter(|(r, _)| keep(*r)) {
            let class = labels[r] as usize;
            counts.rows[class] += 1;
            for (item, x) in row.iter() {
                let at = item * n_classes + class;
                match kind {
                    Kind::Multinomial => counts.sum[at] += scales.sum.fix(x),
                    Kind::Bernoulli => counts.sum[at] += scales.sum.fix(f64::from(u8::from(x > 0.0))),
                    Kind::Gaussian => {
                        counts.sum[at] += scales.sum.fix(x);
                        counts.sum_of_squares[at] += scales.square.fix(x * x);
                    }
                }
            }
        }
        counts
    }

    /// All numbers in one array, and back: what a collective sums.
    pub fn pack(&self) -> Vec<i64> {
        [&self.rows[..], &self.sum, &self.sum_of_squares].concat()
    }

    pub fn unpack(&mut self, packed: &[i64]) {
        let (rows, rest) = packed.split_at(self.rows.len());
        let (sum, squares) = rest.split_at(self.sum.len());
        self.rows.copy_from_slice(rows);
        self.sum.copy_from_slice(sum);
        self.sum_of_squares.copy_from_slice(squares);
    }

    /// Takes the counts of a fold out.
    pub fn subtract(&mut self, fold: &Counts) {
        let take = |from: &mut [i64], part: &[i64]| from.iter_mut().zip(part).for_each(|(a, b)| *a -= b);
        take(&mut self.rows, &fold.rows);
        take(&mut self.sum, &fold.sum);
        take(&mut self.sum_of_squares, &fold.sum_of_squares);
    }
}

/// A fitted classifier. Score of class c: `bias[c]` + Σ over entries of x·`linear` + x²·`quadratic`.
#[derive(Debug, Clone, PartialEq)]
pub struct Classifier {
    pub kind: Kind,
    pub n_classes: usize,
    bias: Vec<f64>,
    linear: Vec<f64>,
    quadratic: Vec<f64>,
    class_log_prior: Vec<f64>,
    /// The model's own tables by scikit-learn's names, each `(n_items, n_classes)`.
    tables: Vec<(&'static str, Vec<f64>)>,
}

impl Classifier {
    pub fn fit(kind: Kind, counts: &Counts, scales: Scales) -> Classifier {
        let n_rows: i64 = counts.rows.iter().sum();
        let prior: Vec<f64> = counts.rows.iter().map(|&n| libm::log(n as f64) - libm::log(n_rows as f64)).collect();
        match kind {
            Kind::Multinomial => multinomial(counts, scales, prior),
            Kind::Bernoulli => bernoulli(counts, scales, prior),
            Kind::Gaussian => gaussian(counts, scales, prior),
        }
    }

    /// The model's own terms by scikit-learn's names, with their shapes: `(n_classes)` or `(n_classes, n_items)`.
    pub fn terms(&self) -> Vec<(&'static str, Vec<usize>, Vec<f64>)> {
        let k = self.n_classes;
        let prior = ("class_log_prior", vec![k], self.class_log_prior.clone());
        let table = |(name, table): &(&'static str, Vec<f64>)| (*name, vec![k, table.len() / k], by_class(table, k));
        std::iter::once(prior).chain(self.tables.iter().map(table)).collect()
    }

    /// The class of a row: the one of highest score, the lowest of equals.
    pub fn predict(&self, row: Row<'_>, scores: &mut Vec<f64>) -> u32 {
        let k = self.n_classes;
        scores.clear();
        scores.extend_from_slice(&self.bias);
        for (item, x) in row.iter() {
            let x = if self.kind == Kind::Bernoulli { f64::from(u8::from(x > 0.0)) } else { x };
            let linear = &self.linear[item * k..(item + 1) * k];
            scores.iter_mut().zip(linear).for_each(|(s, w)| *s += x * w);
            if self.kind == Kind::Gaussian {
                let quadratic = &self.quadratic[item * k..(item + 1) * k];
                scores.iter_mut().zip(quadratic).for_each(|(s, w)| *s += x * x * w);
            }
        }
        let mut best = 0;
        for (class, score) in scores.iter().enumerate() {
            if *score > scores[best] {
                best = class;
            }
        }
        best as u32
    }
}

/// McCallum & Nigam 1998; feature_log_prob = ln((Σx + α) / Σ over items of the same).
fn multinomial(counts: &Counts, scales: Scales, prior: Vec<f64>) -> Classifier {
    let k = counts.n_classes;
    let smoothed: Vec<f64> = counts.sum.iter().map(|&s| scales.sum.real(s) + ALPHA).collect();
    let mut totals = vec![0.0; k];
    smoothed.chunks_exact(k).for_each(|row| totals.iter_mut().zip(row).for_each(|(t, s)| *t += s));
    let log_totals: Vec<f64> = totals.iter().map(|&t| libm::log(t)).collect();
    let linear: Vec<f64> = smoothed.iter().enumerate().map(|(at, &s)| libm::log(s) - log_totals[at % k]).collect();
    Classifier {
        kind: Kind::Multinomial,
        n_classes: k,
        bias: prior.clone(),
        tables: vec![("feature_log_prob", linear.clone())],
        linear,
        quadratic: Vec::new(),
        class_log_prior: prior,
    }
}

/// p = (rows with the item + α) / (rows + 2α); an absent item scores ln(1 − p), moved into the bias.
fn bernoulli(counts: &Counts, scales: Scales, prior: Vec<f64>) -> Classifier {
    let k = counts.n_classes;
    let mut bias = prior.clone();
    let mut linear = vec![0.0; counts.sum.len()];
    let mut log_prob = vec![0.0; counts.sum.len()];
    for (at, &sum) in counts.sum.iter().enumerate() {
        let class = at % k;
        let p = (scales.sum.real(sum) + ALPHA) / (counts.rows[class] as f64 + 2.0 * ALPHA);
        let (present, absent) = (libm::log(p), libm::log(1.0 - p));
        bias[class] += absent;
        linear[at] = present - absent;
        log_prob[at] = present;
    }
    let tables = vec![("feature_log_prob", log_prob)];
    let quadratic = Vec::new();
    Classifier { kind: Kind::Bernoulli, n_classes: k, bias, linear, quadratic, class_log_prior: prior, tables }
}

/// ln N(x; θ, σ²) for every item, zeros included: what an absent item scores is in the bias, and an entry adds
/// −(x − θ)²/2σ² + θ²/2σ² = xθ/σ² − x²/2σ².
fn gaussian(counts: &Counts, scales: Scales, prior: Vec<f64>) -> Classifier {
    let k = counts.n_classes;
    let epsilon = VAR_SMOOTHING * largest_variance(counts, scales);
    let mut bias = prior.clone();
    let size = counts.sum.len();
    let (mut theta, mut var) = (vec![0.0; size], vec![epsilon; size]);
    let (mut linear, mut quadratic) = (vec![0.0; size], vec![0.0; size]);
    for at in 0..size {
        let class = at % k;
        let n = counts.rows[class] as f64;
        if n == 0.0 {
            continue;
        }
        let (sum, squares) = (scales.sum.real(counts.sum[at]), scales.square.real(counts.sum_of_squares[at]));
        theta[at] = sum / n;
        var[at] = variance(sum, squares, n) + epsilon;
        linear[at] = theta[at] / var[at];
        quadratic[at] = -0.5 / var[at];
        bias[class] -= 0.5 * (libm::log(2.0 * std::f64::consts::PI * var[at]) + theta[at] * theta[at] / var[at]);
    }
    let tables = vec![("theta", theta), ("var", var)];
    Classifier { kind: Kind::Gaussian, n_classes: k, bias, linear, quadratic, class_log_prior: prior, tables }
}

fn largest_variance(counts: &Counts, scales: Scales) -> f64 {
    let k = counts.n_classes;
    let n: i64 = counts.rows.iter().sum();
    let item = |sums: &[i64], squares: &[i64]| {
        let (sum, squares) = (sums.iter().sum::<i64>(), squares.iter().sum::<i64>());
        variance(scales.sum.real(sum), scales.square.real(squares), n as f64)
    };
    counts.sum.chunks_exact(k).zip(counts.sum_of_squares.chunks_exact(k)).map(|(s, q)| item(s, q)).fold(0.0, f64::max)
}

/// Population variance; exact, and so exactly 0 where it should be, when the sums are whole numbers.
fn variance(sum: f64, squares: f64, n: f64) -> f64 {
    ((n * squares - sum * sum) / (n * n)).max(0.0)
}

/// `(n_items, n_classes)` to `(n_classes, n_items)`.
fn by_class(table: &[f64], k: usize) -> Vec<f64> {
    (0..k).flat_map(|class| table.iter().skip(class).step_by(k).copied()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> (Csr, Vec<u32>) {
        let mut x = Csr::empty(3);
        x.push_row([(0, 2.0), (1, 1.0)]);
        x.push_row([(0, 1.0)]);
        x.push_row([(1, 3.0), (2, 1.0)]);
        (x, vec![0, 0, 1])
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
        for kind in [Kind::Multinomial, Kind::Bernoulli, Kind::Gaussian] {
            let scales = Scales::new(kind, 3.0, 3);
            let counts = Counts::of(kind, &x, &labels, 2, scales, |_| true);
            let classifier = Classifier::fit(kind, &counts, scales);
            for (r, row) in x.rows().enumerate() {
                let mut scores = Vec::new();
                let predicted = classifier.predict(row, &mut scores);
                let expected = textbook(kind, &dense, &labels, &dense[r]);
                // A class of one row has variance ε only: terms of 1e9 cancel in its score.
                let rounding = if kind == Kind::Gaussian { 1e-6 } else { 1e-12 };
                for (a, b) in scores.iter().zip(&expected) {
                    assert!((a - b).abs() < rounding * b.abs().max(1.0), "{kind:?} {scores:?} {expected:?}");
                }
                assert_eq!(predicted, u32::from(expected[1] > expected[0]));
            }
        }
    }

    #[test]
    fn counts_of_the_parts_make_the_whole() {
        let (x, labels) = example();
        let scales = Scales::new(Kind::Gaussian, 3.0, 3);
        let of = |keep: fn(usize) -> bool| Counts::of(Kind::Gaussian, &x, &labels, 2, scales, keep);
        let mut rest = of(|_| true);
        rest.subtract(&of(|r| r == 1));
        assert_eq!(rest, of(|r| r != 1));
        let mut copy = of(|_| false);
        copy.unpack(&rest.pack());
        assert_eq!(copy, rest);
    }

    #[test]
    fn an_empty_class_is_never_predicted() {
        let (x, labels) = example();
        for kind in [Kind::Multinomial, Kind::Bernoulli, Kind::Gaussian] {
            let scales = Scales::new(kind, 3.0, 3);
            let counts = Counts::of(kind, &x, &labels, 4, scales, |_| true);
            let classifier = Classifier::fit(kind, &counts, scales);
            assert!(x.rows().all(|row| classifier.predict(row, &mut Vec::new()) < 2));
        }
    }
}
