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
    /// Whether rows must keep their place in the input.
    pub fn needs_order(self) -> bool {
        matches!(self, Several::First | Several::Merge(Duplicates::Last))
    }
}

/// One rating from the sorted ratings of one user and item.
pub fn merge(values: &[f64], duplicates: Duplicates) -> f64 {
    match duplicates {
        Duplicates::Error | Duplicates::Last | Duplicates::Max => values.last().copied().unwrap_or(0.0),
        Duplicates::Sum => values.iter().sum(),
        Duplicates::Mean => values.iter().sum::<f64>() / values.len() as f64,
    }
}
