//! Files to ratings.

pub mod dialect;
pub mod fields;
pub mod files;
pub mod generate;
pub mod ids;
pub mod rejects;
pub mod rows;
pub mod scan;
pub mod titles;
mod words;

use serde::{Deserialize, Serialize};

use ids::Id;

/// All items, sorted by id. The coordinator's copy; workers only know indices.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Items {
    pub ids: Vec<Id>,
    /// A title for each item, where there is one.
    pub titles: Vec<Option<String>>,
}

impl Items {
    /// The title, or the id where there is none.
    pub fn name(&self, item: usize) -> String {
        self.titles[item].clone().unwrap_or_else(|| self.ids[item].to_string())
    }
}

/// What became of every row: `read = accepted + rejected + merged`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    /// Rows merged into another row of the same user and item.
    pub merged: u64,
}
