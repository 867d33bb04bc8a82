//! How far two clusterings of the same users agree, and which cluster of one matches which of the other.
//!
//! Everything here is counted in integers, so the answer does not depend on the order of the users.

use ndarray::{Array2, ArrayView2};
use pathfinding::kuhn_munkres::kuhn_munkres;
use pathfinding::matrix::Matrix;

/// Users by their cluster in one clustering and in another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contingency {
    /// `(n_a, n_b)`: users in cluster a of the first clustering and b of the second.
    pub counts: Array2<u64>,
}

impl Contingency {
    /// Counts the labels of users, `a` below `n_a` and `b` below `n_b`, in the same order.
    ///
    /// # Panics
    /// If the labels are not as many in both, or one is too large.
    pub fn from_labels(a: &[u32], n_a: usize, b: &[u32], n_b: usize) -> Contingency {
        assert_eq!(a.len(), b.len(), "each user has a label in both divisions");
        let mut counts = Array2::zeros((n_a, n_b));
        for (&a, &b) in a.iter().zip(b) {
            counts[[a as usize, b as usize]] += 1;
        }
        Contingency { counts }
    }

    /// The adjusted Rand index (Hubert & Arabie 1985): 1 where both clusterings are the same up to the numbering of their
    /// clusters, 0 on average where they are independent. Exact for up to 2³² users.
    pub fn adjusted_rand(&self) -> f64 {
        let pairs = |n: u64| (n as i128) * (n as i128 - 1) / 2;
        let together: i128 = self.counts.iter().map(|&n| pairs(n)).sum();
        let in_a: i128 = self.rows().into_iter().map(pairs).sum();
        let in_b: i128 = self.columns().into_iter().map(pairs).sum();
        let all = pairs(self.counts.sum());
        // Both sides of the fraction are multiplied by twice the number of pairs, which leaves integers.
        let most = all * (in_a + in_b) - 2 * in_a * in_b;
        if most == 0 { 1.0 } else { (2 * (all * together - in_a * in_b)) as f64 / most as f64 }
    }

    /// The Jaccard index of two clusters, users in both over users in either, from 0 to 1; 0 where both are empty.
    pub fn jaccard(&self, row: usize, column: usize) -> f64 {
        let both = self.counts[[row, column]];
        let either = self.counts.row(row).sum() + self.counts.column(column).sum() - both;
        if either == 0 { 0.0 } else { both as f64 / either as f64 }
    }

    /// The column matched to each row. Each column is matched at most once, so that the sum of the Jaccard indices, in
    /// parts of 2⁴⁰, is the largest possible. A row has no column where there are more rows than columns, or where it would
    /// share no user with its column.
    pub fn matched(&self) -> Vec<Option<usize>> {
        let (rows, columns) = (self.rows(), self.columns());
        let scores = Array2::from_shape_fn(self.counts.dim(), |(row, column)| {
            let both = self.counts[[row, column]];
            share_of(both, rows[row] + columns[column] - both)
        });
        assignment(scores.view())
    }

    fn rows(&self) -> Vec<u64> {
        self.counts.rows().into_iter().map(|row| row.sum()).collect()
    }

    fn columns(&self) -> Vec<u64> {
        self.counts.columns().into_iter().map(|column| column.sum()).collect()
    }
}

/// The number of parts of a whole that [`share_of`] counts in.
pub const WHOLE: u64 = 1 << 40;

/// `part` of `whole` in parts of [`WHOLE`], rounded down; 0 of nothing.
pub fn share_of(part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { (part as u128 * WHOLE as u128 / whole as u128) as u64 }
}

/// A column for each row, each column at most once, so that the sum of the scores is the largest possible (Kuhn 1955,
/// Munkres 1957). A row has no column where there are more rows than columns, or where its score would be 0. Of several
/// best answers, always the same one is given.
pub fn assignment(scores: ArrayView2<u64>) -> Vec<Option<usize>> {
    let (n_rows, n_columns) = scores.dim();
    if n_rows == 0 || n_columns == 0 {
        return vec![None; n_rows];
    }
    let mut column_of = vec![None; n_rows];
    if n_rows <= n_columns {
        for (row, column) in wide(scores).into_iter().enumerate() {
            column_of[row] = Some(column);
        }
    } else {
        for (column, row) in wide(scores.t()).into_iter().enumerate() {
            column_of[row] = Some(column);
        }
    }
    let worth = |(row, column): (usize, Option<usize>)| column.filter(|&column| scores[[row, column]] > 0);
    column_of.into_iter().enumerate().map(worth).collect()
}

/// The column of every row, where there are at least as many columns as rows.
fn wide(scores: ArrayView2<u64>) -> Vec<usize> {
    let (n_rows, n_columns) = scores.dim();
    let weights = scores.iter().map(|&score| score as i128).collect();
    let weights = Matrix::from_vec(n_rows, n_columns, weights).expect("a table has all its cells");
    kuhn_munkres(&weights).1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(labels: impl Iterator<Item = usize>) -> Vec<u32> {
        labels.map(|label| label as u32).collect()
    }

    fn rand_of(a: &[u32], b: &[u32]) -> f64 {
        Contingency::from_labels(a, 7, b, 7).adjusted_rand()
    }

    /// `sklearn.metrics.adjusted_rand_score`, 1.9.
    #[test]
    fn the_adjusted_rand_index_is_that_of_scikit_learn() {
        let a = labels((0..500).map(|i| (i * i + 3 * i) / 5 % 7));
        let b = labels((0..500).map(|i| if i % 3 == 0 { i * 11 % 5 } else { (i * i + 3 * i) / 5 % 7 }));
        let cases: [(&[u32], &[u32], f64); 6] = [
            (&[0, 0, 1, 1], &[0, 0, 1, 2], 0.571_428_571_428_571_4),
            (&[0, 0, 0, 0], &[0, 1, 2, 3], 0.0),
            (&[0, 0, 1, 1], &[1, 1, 0, 0], 1.0),
            (&[0, 0, 1, 1, 2, 2], &[0, 0, 1, 2, 2, 2], 0.444_444_444_444_444_4),
            (&[0, 1, 0, 1], &[0, 0, 1, 1], -0.5),
            (&a, &b, 0.485_548_525_683_250_1),
        ];
        for (a, b, expected) in cases {
            assert!((rand_of(a, b) - expected).abs() < 1e-12, "{} for {expected}", rand_of(a, b));
            assert!((rand_of(b, a) - expected).abs() < 1e-12);
        }
        assert_eq!(rand_of(&[], &[]), 1.0);
        assert_eq!(rand_of(&[3], &[1]), 1.0);
    }

    #[test]
    fn as_many_users_as_fit_do_not_overflow() {
        let half = 1 << 31;
        let same = Contingency { counts: ndarray::array![[half, 0], [0, half]] };
        assert_eq!(same.adjusted_rand(), 1.0);
        let one = Contingency { counts: ndarray::array![[2 * half]] };
        assert_eq!(one.adjusted_rand(), 1.0);
        assert_eq!(same.matched(), [Some(0), Some(1)]);
    }

    #[test]
    fn clusters_are_matched_by_the_jaccard_index_and_not_by_their_size() {
        // The large column shares more users with row 0 than its own does, but is row 1's.
        let counts = ndarray::array![[60, 100], [0, 1000], [0, 0]];
        let contingency = Contingency { counts };
        assert_eq!(contingency.matched(), [Some(0), Some(1), None]);
        assert_eq!(contingency.jaccard(1, 1), 1000.0 / 1100.0);
        assert_eq!(contingency.jaccard(2, 0), 0.0);
    }

    /// The best sum over all ways to give each of the first rows a free column or none.
    fn best(scores: ArrayView2<u64>, row: usize, free: &mut Vec<bool>) -> u64 {
        if row == scores.nrows() {
            return 0;
        }
        let mut most = best(scores, row + 1, free);
        for column in 0..free.len() {
            if std::mem::replace(&mut free[column], false) {
                most = most.max(scores[[row, column]] + best(scores, row + 1, free));
                free[column] = true;
            }
        }
        most
    }

    proptest! {
        #[test]
        fn no_other_assignment_is_worth_more(
            n_rows in 0usize..5,
            n_columns in 0usize..6,
            values in prop::collection::vec(prop_oneof![0u64..4, any::<u64>().prop_map(|x| x >> 8)], 30),
        ) {
            let scores = Array2::from_shape_fn((n_rows, n_columns), |(r, c)| values[r * n_columns + c]);
            let columns = assignment(scores.view());
            let chosen: Vec<(usize, usize)> =
                columns.iter().enumerate().filter_map(|(row, column)| Some((row, (*column)?))).collect();
            prop_assert!(chosen.iter().all(|&(row, column)| scores[[row, column]] > 0));
            let mut once: Vec<usize> = chosen.iter().map(|&(_, column)| column).collect();
            once.sort_unstable();
            once.dedup();
            prop_assert_eq!(once.len(), chosen.len());
            let sum: u64 = chosen.iter().map(|&(row, column)| scores[[row, column]]).sum();
            prop_assert_eq!(sum, best(scores.view(), 0, &mut vec![true; n_columns]));
        }

        /// Renumbered clusters are found again, and agree in full.
        #[test]
        fn a_division_matches_itself_under_other_numbers(users in prop::collection::vec(0u32..6, 1..60), turn in 0u32..6) {
            let other: Vec<u32> = users.iter().map(|label| (label + turn) % 6).collect();
            let contingency = Contingency::from_labels(&users, 6, &other, 6);
            prop_assert_eq!(contingency.adjusted_rand(), 1.0);
            for (row, column) in contingency.matched().into_iter().enumerate() {
                let expected = users.contains(&(row as u32)).then_some((row + turn as usize) % 6);
                prop_assert_eq!(column, expected);
            }
        }
    }
}
