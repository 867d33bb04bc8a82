//! How ratings are read: how much each counts, and how high it is.
//!
//! That a user has an item always says something. What the rating itself says depends on what it is. Opinions are high or low
//! ([`Liking`]). Amounts, as of what was bought or played, are read in one of three ways ([`Amounts`]): not at all; as a weight, so
//! that a segment is a distribution of amounts over items; or like opinions, by their logarithm.

use serde::{Deserialize, Serialize};

use super::height::{Height, log, range};
use super::liking::Liking;
use crate::collective::Collective;
use crate::job::Amounts;
use crate::kernel::csr::{Csr, HeldRow, Row};
use crate::shard::sums::sum;

/// Ratings that are not below 0 may be amounts if they reach further than this factor, or from 0 to above this number.
const WIDE: f64 = 10.0;

/// The most units of a weight.
const MOST_UNITS: u32 = 64;

/// What is read of ratings.
pub struct Reading {
    pub weights: Weights,
    /// What is expected of each rating; absent where ratings say nothing.
    pub liking: Option<Liking>,
    /// Σ weights of each item over all workers, in units `(n_items)`.
    pub counts: Vec<i64>,
}

/// How much a rating x counts.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub enum Weights {
    /// All the same.
    #[default]
    Equal,
    /// As log(1 + x) is to its mean over all ratings; in whole units, of which a weight of 1 has `units`.
    Logs { mean: f64, units: u32 },
}

impl Reading {
    /// Of the ratings `seen` `(n_local_users, n_items)` of all workers.
    pub fn new<C: Collective>(c: &mut C, seen: &Csr, amounts: Amounts) -> Reading {
        let [least, most] = range(c, seen);
        let weights = match amounts {
            Amounts::Share => Weights::logs(c, seen, most),
            Amounts::None | Amounts::Level => Weights::Equal,
        };
        let mut counts = weights.column_sums(seen);
        c.sum(&mut counts);
        let height = match amounts {
            Amounts::Share => None,
            Amounts::Level => Some(Height::Log),
            // An opinion below 0, or 0, is one in any range.
            Amounts::None => (least <= 0.0 || most / least <= WIDE).then_some(Height::Plain),
        };
        let liking = height.and_then(|height| Liking::new(c, seen, &counts, height, [least, most]));
        Reading { weights, liking, counts }
    }
}

/// Whether the ratings of all workers may be amounts.
pub fn may_be_amounts<C: Collective>(c: &mut C, ratings: &Csr) -> bool {
    is_wide(range(c, ratings))
}

fn is_wide([least, most]: [f64; 2]) -> bool {
    least >= 0.0 && most > if least > 0.0 { WIDE * least } else { WIDE }
}

impl Weights {
    /// By the ratings `seen`, the highest of which is `most`; equal where these are 0 or less.
    fn logs<C: Collective>(c: &mut C, seen: &Csr, most: f64) -> Weights {
        let of = |row: HeldRow| {
            let mut sum = 0.0;
            row.for_each(|_, value| sum += log(value));
            sum
        };
        let sums: Vec<f64> = seen.rows().map(of).collect();
        let mut counts = [seen.nnz() as u64, sums.len() as u64];
        c.sum(&mut counts);
        let [n_ratings, n_users] = counts.map(|count| count.max(1) as f64);
        let mean = sum(c, sums.into_iter()) / n_ratings;
        if mean.is_nan() || mean <= 0.0 {
            return Weights::Equal;
        }
        // The sum over an item's users has room in 32 bits.
        let room = f64::from(u32::MAX) / (n_users * (log(most) / mean + 1.0));
        let fits = |units: &u32| f64::from(*units) <= room;
        let units = std::iter::successors(Some(MOST_UNITS), |units| Some(units / 2)).take_while(|units| *units > 0);
        Weights::Logs { mean, units: units.into_iter().find(fits).unwrap_or(1) }
    }

    /// Units of a weight of 1.
    pub fn units(self) -> u32 {
        match self {
            Weights::Equal => 1,
            Weights::Logs { units, .. } => units,
        }
    }

    /// The weight of a rating, in units.
    #[inline]
    pub fn units_of(self, value: f64) -> u32 {
        match self {
            Weights::Equal => 1,
            Weights::Logs { mean, units } => (log(value) / mean * f64::from(units) + 0.5) as u32,
        }
    }

    /// The weight of a rating.
    #[inline]
    pub fn of(self, value: f64) -> f64 {
        f64::from(self.units_of(value)) / f64::from(self.units())
    }

    /// The weight of all ratings of a user.
    pub fn of_row(self, row: Row<'_>) -> f64 {
        self.units_of_row(row) as f64 / f64::from(self.units())
    }

    pub fn units_of_row(self, row: Row<'_>) -> i64 {
        if self == Weights::Equal {
            return row.len() as i64;
        }
        let mut sum = 0;
        row.for_each(|_, value| sum += i64::from(self.units_of(value)));
        sum
    }

    /// Sums over this worker's users `(n_items)`, in units.
    fn column_sums(self, ratings: &Csr) -> Vec<i64> {
        if self == Weights::Equal {
            return ratings.column_counts();
        }
        let mut sums = vec![0i64; ratings.n_cols];
        ratings.rows().for_each(|row| row.for_each(|item, value| sums[item] += i64::from(self.units_of(value))));
        sums
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;

    fn matrix(rows: &[&[(u32, f64)]]) -> Csr {
        let mut seen = Csr::empty(3);
        rows.iter().for_each(|row| seen.push_row(row.iter().copied()));
        seen
    }

    #[test]
    fn amounts_are_told_by_their_reach() {
        assert!(may_be_amounts(&mut Solo, &matrix(&[&[(0, 1.0), (1, 40.0)], &[(2, 3.0)]])));
        assert!(!may_be_amounts(&mut Solo, &matrix(&[&[]])));
        assert!(is_wide([0.0, 11.0]) && is_wide([0.1, 1.1]));
        assert!(!is_wide([0.0, 10.0]) && !is_wide([1.0, 10.0]) && !is_wide([-1.0, 40.0]));
    }

    #[test]
    fn opinions_have_a_height_and_amounts_what_is_asked_for() {
        let opinions = matrix(&[&[(0, 1.0), (1, 5.0)], &[(0, 4.0)]]);
        let counts = matrix(&[&[(0, 1.0), (1, 40.0)], &[(0, 7.0), (2, 3.0)]]);
        let read = |matrix: &Csr, amounts| Reading::new(&mut Solo, matrix, amounts);
        assert!(read(&opinions, Amounts::None).liking.is_some());
        assert!(read(&counts, Amounts::None).liking.is_none());
        assert_eq!(read(&counts, Amounts::None).counts, [2, 1, 1]);
        let level = read(&counts, Amounts::Level);
        assert_eq!((level.weights, level.counts), (Weights::Equal, vec![2, 1, 1]));
        assert!(level.liking.is_some());
        let share = read(&counts, Amounts::Share);
        assert!(share.liking.is_none());
        let logs = [2f64, 41.0, 8.0, 4.0].map(f64::ln);
        let mean = logs.iter().sum::<f64>() / 4.0;
        let units = |at: usize| (logs[at] / mean * 64.0).round() as i64;
        assert_eq!(share.counts, [units(0) + units(2), units(1), units(3)]);
        assert_eq!(share.weights.units(), 64);
        assert!((share.weights.of(40.0) - logs[1] / mean).abs() <= 1.0 / 128.0);
        assert_eq!(share.weights.units_of(-3.0), 0);
    }

    #[test]
    fn nothing_but_zeros_weighs_the_same() {
        let zeros = matrix(&[&[(0, 0.0), (1, 0.0)]]);
        assert_eq!(Reading::new(&mut Solo, &zeros, Amounts::Share).weights, Weights::Equal);
        assert!(Reading::new(&mut Solo, &zeros, Amounts::Level).liking.is_none());
    }

    #[test]
    fn workers_leave_no_trace() {
        let found = |peers: usize, amounts: Amounts| {
            let mut all = run_workers(peers, |c| {
                let mut seen = Csr::empty(5);
                for user in (0..40u32).filter(|user| *user as usize % c.peers() == c.index()) {
                    seen.push_row(
                        (0..5).filter(|item| (user + item) % 3 > 0).map(|item| (item, f64::from(user * 7 % 31 + item))),
                    );
                }
                let Reading { weights, counts, .. } = Reading::new(c, &seen, amounts);
                (weights, counts)
            });
            all.remove(0)
        };
        for amounts in [Amounts::None, Amounts::Share, Amounts::Level] {
            assert_eq!(found(1, amounts), found(3, amounts));
        }
    }
}
