//! What a file says of its columns.

use super::model::Kind;
use crate::job::TimeUnit;

/// A top-level column of a file.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: String,
    /// Nothing where it is a list or a group.
    pub held: Option<Held>,
}

/// A column that holds one value a row.
#[derive(Debug, Clone)]
pub struct Held {
    /// Its index among the columns that the format counts.
    pub leaf: usize,
    /// `None` where its values are neither ids nor numbers.
    pub kind: Option<Kind>,
    /// What the format calls its type.
    pub stored: String,
    pub clock: Clock,
}

/// What the numbers in a column of times count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Clock {
    Counts(TimeUnit),
    Days,
    /// Since midnight.
    OfDay,
    /// The column does not say.
    OfJob,
}
