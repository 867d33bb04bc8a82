//! How high a user would rate an item, before anything is known of segments.
//!
//! What is expected of user u and item i is the mean of the item, shifted by how generous the user is:
//!
//! ```text
//! x̂_ui = m_i + b_u     m_i: the mean of x over the users of i     b_u = Σ_i (x_ui − m_i) / (n_u + λ)
//! ```
//!
//! (the baseline of Koren 2008, "Factorization meets the neighborhood", in two steps). The residual e = x − x̂ is taken as normal
//! with the variance σ² that it has among the ratings seen. A segment that shifts its mean by δ then saves
//! (e² − (e − δ)²) / (2σ² ln 2) bits.
//!
//! The logarithm of an amount is read likewise ([`Height`]): amounts themselves are far from normal.

use super::height::{Height, range};
use crate::collective::Collective;
use crate::kernel::csr::{Csr, Row};
use crate::kernel::fixed::Scale;
use crate::shard::sums::sum;

/// λ: ratings of a user who is neither generous nor strict.
pub const USER_PRIOR: f64 = 5.0;

/// What is expected of each rating.
pub struct Liking {
    pub height: Height,
    /// m `(n_items)`
    pub of_items: Vec<f64>,
    /// b `(n_local_users)`
    of_users: Vec<f64>,
    /// 1 / (2σ² ln 2)
    pub bits: f64,
    /// No residual is larger.
    pub bound: f64,
    /// For sums of residuals over all ratings.
    pub scale: Scale,
}

impl Liking {
    /// Learns from the ratings `seen` `(n_local_users, n_items)` of all workers, which are in `range`; `counts` has the ratings of each
    /// item. None where all are equal, or as expected.
    pub fn new<C: Collective>(
        c: &mut C,
        seen: &Csr,
        counts: &[i64],
        height: Height,
        range: [f64; 2],
    ) -> Option<Liking> {
        let [least, most] = range.map(|value| height.of(value));
        // It is not less where there is no rating.
        if least >= most || least.is_nan() {
            return None;
        }
        let reach = most.max(-least);
        let n_ratings = counts.iter().sum::<i64>() as u64;
        let bound = 4.0 * reach;
        let scale = Scale::new(bound, n_ratings);
        let mut sums = vec![0i64; seen.n_cols];
        seen.each_row(|_, row| row.for_each(|item, value| sums[item] += scale.fix(height.of(value))));
        c.sum(&mut sums);
        let of_items = sums.iter().zip(counts).map(|(&sum, &n)| scale.real(sum) / n.max(1) as f64).collect();
        let mut liking = Liking { height, of_items, of_users: Vec::new(), bits: 0.0, bound, scale };
        let (mut of_users, mut squares) = (Vec::with_capacity(seen.n_rows()), Vec::with_capacity(seen.n_rows()));
        seen.each_row(|_, row| {
            let generosity = liking.generosity(row);
            of_users.push(generosity);
            squares.push(liking.squares(generosity, row));
        });
        liking.of_users = of_users;
        let variance = sum(c, squares.into_iter()) / n_ratings.max(1) as f64;
        liking.bits = 1.0 / (2.0 * variance * std::f64::consts::LN_2);
        (variance > 1e-12 * reach * reach).then_some(liking)
    }

    /// Of amounts, by their logarithm.
    pub fn of_amounts<C: Collective>(c: &mut C, seen: &Csr, counts: &[i64]) -> Option<Liking> {
        let range = range(c, seen);
        Liking::new(c, seen, counts, Height::Log, range)
    }

    /// σ
    pub fn deviation(&self) -> f64 {
        (1.0 / (2.0 * self.bits * std::f64::consts::LN_2)).sqrt()
    }

    /// e of a rating of a local user.
    #[inline]
    pub fn residual(&self, user: usize, item: usize, value: f64) -> f64 {
        self.beyond(item, value, self.of_users[user])
    }

    /// The bits that a shift of `delta` saves over a rating with this residual.
    #[inline]
    pub fn saved(&self, residual: f64, delta: f64) -> f64 {
        delta * (2.0 * residual - delta) * self.bits
    }

    /// b of a user with these ratings.
    pub fn generosity(&self, row: Row<'_>) -> f64 {
        generosity(self.height, &self.of_items, row)
    }

    /// e of a rating of a user with this b.
    #[inline]
    pub fn beyond(&self, item: usize, value: f64, generosity: f64) -> f64 {
        self.height.of(value) - self.of_items[item] - generosity
    }

    /// Σ e² of a user with this b.
    fn squares(&self, generosity: f64, row: Row<'_>) -> f64 {
        let mut sum = 0.0;
        row.for_each(|item, value| {
            let residual = self.beyond(item, value, generosity);
            sum += residual * residual;
        });
        sum
    }
}

/// b of a user with these ratings, where `of_items` is m.
pub fn generosity(height: Height, of_items: &[f64], row: Row<'_>) -> f64 {
    let mut sum = 0.0;
    row.for_each(|item, value| sum += height.of(value) - of_items[item]);
    sum / (row.len() as f64 + USER_PRIOR)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;

    fn liking(rows: &[&[(u32, f64)]], height: Height) -> Option<Liking> {
        let mut seen = Csr::empty(3);
        rows.iter().for_each(|row| seen.push_row(row.iter().copied()));
        let (least, most) = seen.value_range().unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
        Liking::new(&mut Solo, &seen, &seen.column_counts(), height, [least, most])
    }

    #[test]
    fn residuals_and_bits_are_those_of_the_formulas() {
        let found = liking(&[&[(0, 5.0), (1, 3.0)], &[(0, 1.0)], &[(0, 3.0), (1, 1.0)]], Height::Plain).unwrap();
        // m = (3, 2); b = ((2 + 1)/7, -2/6, (0 - 1)/7).
        let b = [3.0 / 7.0, -2.0 / 6.0, -1.0 / 7.0];
        assert!((found.residual(0, 0, 5.0) - (2.0 - b[0])).abs() < 1e-12);
        assert!((found.residual(2, 1, 1.0) - (-1.0 - b[2])).abs() < 1e-12);
        let squares: f64 = [2.0 - b[0], 1.0 - b[0], -2.0 - b[1], -b[2], -1.0 - b[2]].iter().map(|e: &f64| e * e).sum();
        let (e, delta, variance) = (0.8f64, 0.5, squares / 5.0);
        let expected = (e * e - (e - delta) * (e - delta)) / (2.0 * variance * std::f64::consts::LN_2);
        assert!((found.saved(e, delta) - expected).abs() < 1e-12);
    }

    #[test]
    fn equal_ratings_say_nothing_and_amounts_are_read_by_their_logarithm() {
        assert!(liking(&[&[(0, 1.0), (1, 1.0)], &[(2, 1.0)]], Height::Plain).is_none());
        assert!(liking(&[&[]], Height::Log).is_none());
        let amounts: &[&[(u32, f64)]] = &[&[(0, 2.0), (1, 40.0)], &[(0, 7.0), (1, 1.0)]];
        let logs = amounts.iter().map(|row| row.iter().map(|&(item, x)| (item, f64::ln_1p(x))).collect::<Vec<_>>());
        let logs: Vec<Vec<(u32, f64)>> = logs.collect();
        let logs: Vec<&[(u32, f64)]> = logs.iter().map(|row| &row[..]).collect();
        let (found, same) = (liking(amounts, Height::Log).unwrap(), liking(&logs, Height::Plain).unwrap());
        assert!((found.residual(0, 1, 40.0) - same.residual(0, 1, f64::ln_1p(40.0))).abs() < 1e-12);
        assert!((found.bits - same.bits).abs() < 1e-9 * same.bits);
    }
}
