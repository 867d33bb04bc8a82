//! Rows on their way to the worker of their user.

use serde::{Deserialize, Serialize};

/// A rating, its ids by their keys ([`super::ids`]).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Row {
    pub user: u64,
    pub item: u64,
    pub value: f64,
    /// Where the row stands in the whole input; later rows have larger numbers.
    pub order: u64,
}

/// What a key stands for that is no number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Name {
    pub key: u64,
    pub text: Box<str>,
}
