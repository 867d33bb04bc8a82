//! The items of a run.

use serde::{Deserialize, Serialize};

use super::ids::Id;
use super::metadata;

/// All items, sorted by id. Only the coordinator has them; workers know indices.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Items {
    pub ids: Vec<Id>,
    /// The title of each item, where there is one.
    pub titles: Vec<Option<String>>,
    /// What else is known of the items.
    #[serde(default)]
    pub metadata: Vec<metadata::Field>,
}

impl Items {
    /// Items of which nothing is known but their ids.
    pub fn without_titles(ids: Vec<Id>) -> Items {
        Items { titles: vec![None; ids.len()], ids, metadata: Vec::new() }
    }

    /// The title, or the id where there is none.
    pub fn name(&self, item: usize) -> String {
        self.titles[item].clone().unwrap_or_else(|| self.ids[item].to_string())
    }
}
