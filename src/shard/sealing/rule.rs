//! What becomes of several rows of one user and item.

use crate::job::Duplicates;

/// What becomes of several rows of one user and item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Several {
    Merge(Duplicates),
    /// The first in the order of the input counts; the others are reported.
    First,
    /// All are kept, in the order of their values.
    Every,
}

/// What becomes of rows when they are sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    pub several: Several,
    /// Whether rows with a rating of 0 are kept. Otherwise they are dropped: a rating of 0 is the same as none.
    pub whole: bool,
}

impl From<Several> for Rule {
    fn from(several: Several) -> Rule {
        Rule { several, whole: false }
    }
}

impl Several {
    /// Whether a rating may be below 0, as a return.
    pub fn takes_returns(self) -> bool {
        self == Several::Merge(Duplicates::Sum)
    }

    /// Whether rows must keep their place in the input.
    pub fn needs_order(self) -> bool {
        matches!(self, Several::First | Several::Merge(Duplicates::Last))
    }
}

/// One rating from the sorted ratings of one user and item. It is below 0 only where more was returned than is there.
pub fn merge(values: &[f64], duplicates: Duplicates) -> f64 {
    match duplicates {
        Duplicates::Error | Duplicates::Last | Duplicates::Max => values.last().copied().unwrap_or(0.0),
        Duplicates::Sum => added(values),
        Duplicates::Mean => values.iter().sum::<f64>() / values.len() as f64,
    }
}

/// A sum that is a smaller share of what was added, without signs, is what rounding leaves of nothing.
pub const NOTHING: f64 = 1e-12;

/// The sum; 0 where returns leave nothing but what rounding does.
fn added(values: &[f64]) -> f64 {
    let (sum, all): (f64, f64) = (values.iter().sum(), values.iter().map(|value| value.abs()).sum());
    if sum.abs() <= NOTHING * all { 0.0 } else { sum }
}
