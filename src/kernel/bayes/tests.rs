//! Scores, tables and classes against the textbook and scikit-learn.

use super::*;
use crate::kernel::csr::{Csr, HeldRow, Row};

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
        counts.add(0, class as usize, row.view());
        n_rows[class as usize] += 1;
        sums[class as usize] += scales.row_sum(row.view());
    }
    let largest = counts.largest_variances(&[x.n_rows() as i64, 0])[0];
    let bases = [
        Basis::new(scales, x.n_cols, &n_rows, &sums, largest),
        Basis::new(scales, x.n_cols, &vec![0; n_classes], &vec![0; n_classes], 1.0),
    ];
    let mut weights = Weights::zeros(kind, 0..2, n_classes, 0..x.n_cols);
    let constants = Basis::fit(&bases, &counts, &mut weights);
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
            let members: Vec<&[f64; 3]> = x.iter().zip(labels).filter(|(_, l)| **l == class).map(|(r, _)| r).collect();
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
            weights.add(0, &entries(kind, [row.view()]), &mut scores);
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
            weights.add(0, &entries(kind, [row.view()]), &mut scores);
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
            let rows: Vec<HeldRow> = x.rows().collect();
            weights.add(0, &entries(kind, rows.iter().map(HeldRow::view)), &mut scores);
            scores.chunks_exact(lanes(n_classes)).flat_map(|row| row[..3].iter().map(|s| s.to_bits())).collect()
        };
        for n_classes in [9, 17, 33, 70] {
            assert_eq!(scores(n_classes), scores(3), "{kind:?} {n_classes}");
        }
    }
}
