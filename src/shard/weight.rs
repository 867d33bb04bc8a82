//! The matrix that PCA and k-means see: raw ratings under a weighting, rows of length 1 if asked for.
//!
//! Naive Bayes and the profiles always see the raw ratings.

use std::borrow::Cow;

use crate::collective::Collective;
use crate::job::{Matrix, Normalize, Weighting};
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::tfidf;

/// BM25's usual constants (Robertson & Zaragoza 2009).
const K1: f64 = 1.2;
const B: f64 = 0.75;

/// `ratings` `(n_local_users, n_items)` as `matrix` asks for them.
pub fn weighted<'a, C: Collective>(c: &mut C, ratings: &'a Csr, matrix: Matrix) -> Cow<'a, Csr> {
    if matrix.weighting == Weighting::Raw && matrix.normalize == Normalize::None {
        return Cow::Borrowed(ratings);
    }
    let mut weighted = ratings.clone();
    match matrix.weighting {
        Weighting::Raw => {}
        Weighting::Binary => weighted.values.fill(1.0),
        Weighting::Log1p => weighted.values.iter_mut().for_each(|x| *x = libm::log1p(*x)),
        Weighting::Tfidf => {
            let idf = idf(c, ratings);
            for (&item, x) in weighted.indices.iter().zip(&mut weighted.values) {
                *x *= idf[item as usize];
            }
        }
        Weighting::Bm25 => bm25(c, ratings, &mut weighted),
    }
    if matrix.normalize == Normalize::L2 {
        each_row(&mut weighted, |_, _, values| {
            let length = values.iter().map(|x| x * x).sum::<f64>().sqrt();
            if length > 0.0 {
                values.iter_mut().for_each(|x| *x /= length);
            }
        });
    }
    Cow::Owned(weighted)
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

/// idf · x(k₁ + 1) / (x + k₁(1 − b + b·length/mean length)), where a user's length is the sum of their ratings.
fn bm25<C: Collective>(c: &mut C, ratings: &Csr, weighted: &mut Csr) {
    let idf = idf(c, ratings);
    let n = n_users(c, ratings);
    let lengths: Vec<f64> = ratings.rows().map(|row| row.values.iter().sum()).collect();
    let mut longest = [lengths.iter().fold(0.0f64, |m, &l| m.max(l))];
    c.max(&mut longest);
    let scale = Scale::new(longest[0], n);
    let mut total = [lengths.iter().map(|&length| scale.fix(length)).sum::<i64>()];
    c.sum(&mut total);
    let mean = scale.real(total[0]) / n as f64;
    each_row(weighted, |user, indices, values| {
        let saturation = K1 * (1.0 - B + B * lengths[user] / mean);
        for (&item, x) in indices.iter().zip(values) {
            *x = idf[item as usize] * (*x * (K1 + 1.0)) / (*x + saturation);
        }
    });
}

fn each_row(matrix: &mut Csr, mut change: impl FnMut(usize, &[u32], &mut [f64])) {
    for row in 0..matrix.n_rows() {
        let range = matrix.indptr[row]..matrix.indptr[row + 1];
        change(row, &matrix.indices[range.clone()], &mut matrix.values[range]);
    }
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
        weighted(&mut Solo, &example(), Matrix { weighting, normalize }).values.clone()
    }

    #[test]
    fn raw_is_the_ratings_themselves() {
        assert!(matches!(
            weighted(&mut Solo, &example(), Matrix { weighting: Weighting::Raw, normalize: Normalize::None }),
            Cow::Borrowed(_)
        ));
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
}
