//! Changes to differences of rows: what a change does depends on the rows that its user and item have.

use serde::{Deserialize, Serialize};

use crate::ingest::ids::Id;
use crate::job::Duplicates;

use super::change::Op;
use super::row::Row;

/// A change on its way to the worker of its user.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routed {
    pub op: Op,
    pub user: Id,
    pub item: u32,
    pub rating: Option<f64>,
    /// Its place in the batch.
    pub at: u32,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Refusal {
    /// The user has the item already, and `input.duplicates` allows one row.
    Duplicate,
    /// There is nothing to withdraw.
    NotThere,
}

impl Refusal {
    /// As `rejects.tsv` has it.
    pub fn code(self) -> &'static str {
        match self {
            Refusal::Duplicate => "DUPLICATE",
            Refusal::NotThere => "NOT_THERE",
        }
    }
}

/// The rows of one user and item, in order, each with how often it is there.
#[derive(Debug, Default)]
pub struct Pair {
    pub rows: Vec<(Row, i32)>,
}

impl Pair {
    /// Makes a change of the user's item `item`.
    pub fn change(&mut self, op: Op, item: u32, rating: Option<f64>, duplicates: Duplicates) -> Result<(), Refusal> {
        let row = Row::new(item, rating.unwrap_or(1.0));
        match op {
            Op::Put => self.rows = vec![(row, 1)],
            Op::Add => match duplicates {
                Duplicates::Error if !self.rows.is_empty() => return Err(Refusal::Duplicate),
                Duplicates::Error | Duplicates::Last => self.rows = vec![(row, 1)],
                Duplicates::Sum | Duplicates::Mean | Duplicates::Max => self.add(row),
            },
            Op::Withdraw if rating.is_some() => return self.take(row),
            Op::Withdraw if self.rows.is_empty() => return Err(Refusal::NotThere),
            Op::Withdraw => self.rows.clear(),
        }
        Ok(())
    }

    fn add(&mut self, row: Row) {
        match self.rows.binary_search_by_key(&row, |(row, _)| *row) {
            Ok(at) => self.rows[at].1 += 1,
            Err(at) => self.rows.insert(at, (row, 1)),
        }
    }

    fn take(&mut self, row: Row) -> Result<(), Refusal> {
        let at = self.rows.binary_search_by_key(&row, |(row, _)| *row).map_err(|_| Refusal::NotThere)?;
        self.rows[at].1 -= 1;
        if self.rows[at].1 == 0 {
            self.rows.remove(at);
        }
        Ok(())
    }

    /// Calls `each(row, difference)` for what there is now and was not in `before`, and the other way round.
    pub fn differences(&self, before: &Pair, mut each: impl FnMut(Row, i32)) {
        let count = |pair: &Pair, row: Row| {
            pair.rows.binary_search_by_key(&row, |(row, _)| *row).map_or(0, |at| pair.rows[at].1)
        };
        for &(row, n) in &before.rows {
            let difference = count(self, row) - n;
            if difference != 0 {
                each(row, difference);
            }
        }
        for &(row, n) in self.rows.iter().filter(|(row, _)| count(before, *row) == 0) {
            each(row, n);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Duplicates::{Error, Last, Max, Mean, Sum};

    fn ratings(pair: &Pair) -> Vec<(f64, i32)> {
        pair.rows.iter().map(|(row, n)| (row.rating(), *n)).collect()
    }

    #[test]
    fn a_put_replaces_and_an_add_follows_the_rule() {
        for rule in [Error, Last, Sum, Mean, Max] {
            let mut pair = Pair::default();
            pair.change(Op::Add, 3, Some(2.0), rule).unwrap();
            let second = pair.change(Op::Add, 3, None, rule);
            let expected: &[(f64, i32)] = match rule {
                Error => &[(2.0, 1)],
                Last => &[(1.0, 1)],
                _ => &[(1.0, 1), (2.0, 1)],
            };
            assert_eq!((ratings(&pair).as_slice(), second.is_err()), (expected, rule == Error));
            pair.change(Op::Put, 3, Some(5.0), rule).unwrap();
            assert_eq!(ratings(&pair), [(5.0, 1)]);
        }
    }

    #[test]
    fn rows_are_withdrawn_one_by_one_or_all_at_once() {
        let mut pair = Pair::default();
        for rating in [2.0, 1.0, 2.0] {
            pair.change(Op::Add, 0, Some(rating), Sum).unwrap();
        }
        pair.change(Op::Withdraw, 0, Some(2.0), Sum).unwrap();
        assert_eq!(ratings(&pair), [(1.0, 1), (2.0, 1)]);
        assert_eq!(pair.change(Op::Withdraw, 0, Some(7.0), Sum), Err(Refusal::NotThere));
        pair.change(Op::Withdraw, 0, None, Sum).unwrap();
        assert_eq!(pair.change(Op::Withdraw, 0, None, Sum), Err(Refusal::NotThere));
        assert!(pair.rows.is_empty());
    }

    #[test]
    fn differences_lead_from_what_was_to_what_is() {
        let pair = |rows: &[(f64, i32)]| Pair { rows: rows.iter().map(|&(x, n)| (Row::new(1, x), n)).collect() };
        let (before, now) = (pair(&[(1.0, 2), (2.0, 1), (4.0, 1)]), pair(&[(1.0, 3), (3.0, 1), (4.0, 1)]));
        let mut found = Vec::new();
        now.differences(&before, |row, n| found.push((row.rating(), n)));
        assert_eq!(found, [(1.0, 1), (2.0, -1), (3.0, 1)]);
    }
}
