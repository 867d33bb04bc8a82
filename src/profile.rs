//! What makes each segment different: mean TF-IDF rows.

use serde::{Deserialize, Serialize};

/// What one segment likes more than others do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub segment: u32,
    /// Users in it.
    pub size: u64,
    /// Items with a score above 0: how many items its members touched at all.
    pub n_items: u64,
    /// 1 − cosine between this segment's mean TF-IDF row and that of all users: 0 is like everybody.
    pub distance_from_all: f64,
    /// The top items by score, falling; ties by item.
    pub top: Vec<ProfileItem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileItem {
    /// Index into the item dictionary.
    pub item: u32,
    /// Mean TF-IDF over the members.
    pub score: f64,
    /// Mean TF-IDF over all users.
    pub score_all: f64,
}
