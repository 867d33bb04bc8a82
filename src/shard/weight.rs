//! The matrix that PCA and k-means see: weighted ratings, optionally relative to the user's mean and in rows of length 1.
//!
//! With `missing = "user-mean"` an item without a rating counts as the mean of the user's weights. If the row were filled with
//! the mean, users would differ mainly by how generous they are. So the whole row is taken relative to the mean: missing items
//! stay at 0 and the matrix stays sparse (the mean-centring of Herlocker et al. 1999).
//!
//! Naive Bayes and the profiles always see the raw ratings. What a weighting has learnt from the users of a fit ([`Weigher`])
//! stays the same for users who come later.

use std::sync::Arc;

use super::sums::sum;
use crate::collective::Collective;
use crate::job::{Matrix, Missing, Normalize, Weighting};
use crate::kernel::csr::{Csr, Lens, Row, Rows, RowsRef, Values, scale_to_unit_length, without_zeros};
use crate::kernel::tfidf;

/// BM25's usual constants (Robertson & Zaragoza 2009).
pub const K1: f64 = 1.2;
pub const B: f64 = 0.75;

/// Turns ratings into weights, with what it has learnt from the users of a fit.
#[derive(Debug, Clone, PartialEq)]
pub struct Weigher {
    weights: Weights,
    missing: Missing,
    normalize: Normalize,
}

impl Weigher {
    /// Learns from the `ratings` `(n_local_users, n_items)` of all workers.
    pub fn fit<C: Collective>(c: &mut C, ratings: &Csr, matrix: Matrix) -> Weigher {
        Weigher::new(Weights::fit(c, ratings, matrix.weighting), matrix)
    }

    /// The weigher of an earlier fit, from its `idf` `(n_items)` and its [`Weigher::mean_length`].
    pub fn of_model(matrix: Matrix, idf: &[f64], mean_length: Option<f64>) -> Weigher {
        let weights = match matrix.weighting {
            Weighting::Raw => Weights::Raw,
            Weighting::Binary => Weights::Binary,
            Weighting::Log1p => Weights::Log1p,
            Weighting::Tfidf => Weights::Tfidf { idf: idf.to_vec() },
            Weighting::Bm25 => Weights::Bm25 {
                idf: idf.to_vec(),
                mean_length: mean_length.expect("a fit by bm25 has left a mean length"),
            },
        };
        Weigher::new(weights, matrix)
    }

    fn new(weights: Weights, Matrix { missing, normalize, .. }: Matrix) -> Weigher {
        Weigher { weights, missing, normalize }
    }

    /// Whether the matrix is that of the ratings.
    fn changes_nothing(&self) -> bool {
        *self == Weigher { weights: Weights::Raw, missing: Missing::Zero, normalize: Normalize::None }
    }

    /// The mean over users of the sum of their ratings, if weights depend on it.
    pub fn mean_length(&self) -> Option<f64> {
        match self.weights {
            Weights::Bm25 { mean_length, .. } => Some(mean_length),
            _ => None,
        }
    }

    /// The weights of all `ratings` `(n_local_users, n_items)`. They are made again in each pass, so they take no memory.
    pub fn weigh(&self, ratings: &Csr) -> Csr {
        if self.changes_nothing() { ratings.clone() } else { ratings.through(Arc::new(self.clone())) }
    }

    /// The weights of a block of ratings.
    pub fn weigh_block(&self, rows: RowsRef<'_>) -> Rows {
        let mut values = Vec::with_capacity(rows.indices.len());
        let (mut indptr, mut indices) = (rows.indptr.to_vec(), rows.indices.to_vec());
        self.show(rows, &mut values);
        if self.may_show_zeros() {
            without_zeros(&mut indptr, &mut indices, &mut values);
        }
        Rows { indptr, indices, values: Values::Plain(values) }
    }
}

/// Weights in place of ratings.
impl Lens for Weigher {
    fn show(&self, rows: RowsRef<'_>, values: &mut Vec<f64>) {
        values.reserve(rows.indices.len());
        for row in rows.rows() {
            let first = values.len();
            self.weights.weigh(row, values);
            if self.missing == Missing::UserMean {
                take_mean(&mut values[first..]);
            }
            if self.normalize == Normalize::L2 {
                scale_to_unit_length(&mut values[first..]);
            }
        }
    }

    /// A rating equal to the user's mean is the same as none.
    fn may_show_zeros(&self) -> bool {
        self.missing == Missing::UserMean
    }
}

/// What turns a rating into a weight.
#[derive(Debug, Clone, PartialEq)]
enum Weights {
    Raw,
    Binary,
    Log1p,
    Tfidf {
        idf: Vec<f64>,
    },
    /// `mean_length` is that of a user's sum of ratings.
    Bm25 {
        idf: Vec<f64>,
        mean_length: f64,
    },
}

impl Weights {
    fn fit<C: Collective>(c: &mut C, ratings: &Csr, weighting: Weighting) -> Weights {
        match weighting {
            Weighting::Raw => Weights::Raw,
            Weighting::Binary => Weights::Binary,
            Weighting::Log1p => Weights::Log1p,
            Weighting::Tfidf => Weights::Tfidf { idf: idf(c, ratings) },
            Weighting::Bm25 => Weights::Bm25 { idf: idf(c, ratings), mean_length: mean_length(c, ratings) },
        }
    }

    /// Appends the weights of a row's entries.
    fn weigh(&self, row: Row<'_>, out: &mut Vec<f64>) {
        match self {
            Weights::Raw => row.for_each(|_, x| out.push(x)),
            Weights::Binary => row.for_each(|_, _| out.push(1.0)),
            Weights::Log1p => row.for_each(|_, x| out.push(libm::log1p(x))),
            Weights::Tfidf { idf } => row.for_each(|item, x| out.push(x * idf[item])),
            Weights::Bm25 { idf, mean_length } => {
                // idf · x(k₁ + 1) / (x + k₁(1 − b + b·length/mean length))
                let saturation = K1 * (1.0 - B + B * length(row) / mean_length);
                row.for_each(|item, x| out.push(idf[item] * (x * (K1 + 1.0)) / (x + saturation)));
            }
        }
    }
}

/// Makes values relative to their mean. Equal ones are 0 then, whatever rounding makes of their mean: in rows of length 1 its error would
/// be all there is.
fn take_mean(values: &mut [f64]) {
    if values.array_windows().all(|[a, b]| a == b) {
        values.fill(0.0);
        return;
    }
    let mean = values.iter().sum::<f64>() / values.len().max(1) as f64;
    values.iter_mut().for_each(|x| *x -= mean);
}

fn n_users<C: Collective>(c: &mut C, ratings: &Csr) -> u64 {
    let mut n = [ratings.n_rows() as u64];
    c.sum(&mut n);
    n[0]
}

/// Smoothed inverse document frequency of every item, over all workers' users.
fn idf<C: Collective>(c: &mut C, ratings: &Csr) -> Vec<f64> {
    let n = n_users(c, ratings);
    let mut document_frequency = ratings.column_counts();
    c.sum(&mut document_frequency);
    tfidf::idf(n, &document_frequency)
}

/// The sum of a user's ratings.
fn length(row: Row<'_>) -> f64 {
    let mut sum = 0.0;
    row.for_each(|_, x| sum += x);
    sum
}

/// The mean [`length`] over all workers' users.
fn mean_length<C: Collective>(c: &mut C, ratings: &Csr) -> f64 {
    let n = n_users(c, ratings);
    sum(c, ratings.rows().map(|row| length(row.view())).collect::<Vec<f64>>().into_iter()) / n as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;

    fn example() -> Csr {
        let mut x = Csr::empty(3);
        x.push_row([(0, 3.0), (1, 4.0)]);
        x.push_row([(0, 2.0)]);
        x.push_row([]);
        x
    }

    fn values(weighting: Weighting, normalize: Normalize) -> Vec<f64> {
        let weigher = Weigher::fit(&mut Solo, &example(), Matrix { weighting, normalize, missing: Missing::Zero });
        values_of(&weigher.weigh(&example()))
    }

    fn values_of(matrix: &Csr) -> Vec<f64> {
        matrix.rows().flat_map(|row| row.iter().map(|(_, x)| x).collect::<Vec<_>>()).collect()
    }

    #[test]
    fn raw_is_the_ratings_themselves() {
        let matrix = Matrix { weighting: Weighting::Raw, normalize: Normalize::None, missing: Missing::Zero };
        let weigher = Weigher::fit(&mut Solo, &example(), matrix);
        assert!(weigher.weigh(&example()) == example());
    }

    #[test]
    fn the_terms_of_a_fit_give_the_same_weigher_again() {
        let ratings = example();
        for weighting in [Weighting::Raw, Weighting::Binary, Weighting::Log1p, Weighting::Tfidf, Weighting::Bm25] {
            let matrix = Matrix { weighting, normalize: Normalize::L2, missing: Missing::UserMean };
            let fitted = Weigher::fit(&mut Solo, &ratings, matrix);
            let idf = tfidf::idf(ratings.n_rows() as u64, &ratings.column_counts());
            assert_eq!(Weigher::of_model(matrix, &idf, fitted.mean_length()), fitted);
        }
    }

    #[test]
    fn weightings_follow_their_formulas() {
        assert_eq!(values(Weighting::Binary, Normalize::None), [1.0; 3]);
        assert_eq!(values(Weighting::Raw, Normalize::L2), [0.6, 0.8, 1.0]);
        let idf = [(4.0f64 / 3.0).ln() + 1.0, 2.0f64.ln() + 1.0];
        let close =
            |a: Vec<f64>, b: [f64; 3]| assert!(a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-14), "{a:?} {b:?}");
        close(values(Weighting::Log1p, Normalize::None), [4.0f64.ln(), 5.0f64.ln(), 3.0f64.ln()]);
        close(values(Weighting::Tfidf, Normalize::None), [3.0 * idf[0], 4.0 * idf[1], 2.0 * idf[0]]);
        let bm25 = |x: f64, idf: f64, length: f64| idf * x * 2.2 / (x + 1.2 * (0.25 + 0.75 * length / 3.0));
        close(
            values(Weighting::Bm25, Normalize::None),
            [bm25(3.0, idf[0], 7.0), bm25(4.0, idf[1], 7.0), bm25(2.0, idf[0], 2.0)],
        );
    }

    #[test]
    fn what_is_missing_counts_as_the_mean_of_the_user() {
        let matrix = |normalize| Matrix { weighting: Weighting::Raw, normalize, missing: Missing::UserMean };
        let values = |normalize| {
            let weigher = Weigher::fit(&mut Solo, &example(), matrix(normalize));
            values_of(&weigher.weigh(&example()))
        };
        assert_eq!(values(Normalize::None), [-0.5, 0.5]);
        let half = 0.5f64.sqrt();
        assert!(values(Normalize::L2).iter().zip([-half, half]).all(|(a, b)| (a - b).abs() < 1e-15));
        let mut mixed = Csr::empty(4);
        mixed.push_row([(0, 1.0), (1, 2.0), (3, 3.0)]);
        mixed.push_row([(2, 2.0)]);
        mixed.push_row([(1, 4.0), (2, 5.0)]);
        let centred = Weigher::fit(&mut Solo, &mixed, matrix(Normalize::None)).weigh(&mixed);
        let mut expected = Csr::empty(4);
        expected.push_row([(0, -1.0), (3, 1.0)]);
        expected.push_row([]);
        expected.push_row([(1, -0.5), (2, 0.5)]);
        assert!(centred == expected);
    }
}
