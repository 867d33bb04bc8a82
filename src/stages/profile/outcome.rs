//! The profile of a segment.

use serde::{Deserialize, Serialize};

use super::activity::Activity;
use super::members::ItemShare;
use super::summary::Summary;

/// What is special about one segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub segment: u32,
    /// Users in it.
    pub size: u64,
    /// Items with a score above 0: all items that any member rated.
    pub n_items: u64,
    /// 1 − cosine between this segment's mean TF-IDF row and that of all users: 0 is the same as all users.
    pub distance_from_all: f64,
    /// The top items by score, falling; ties by item.
    pub top: Vec<ProfileItem>,
    /// How many ratings its members have.
    pub activity: Activity,
    /// The same of all users.
    pub activity_all: Activity,
    /// Items that members have more often than all users, by the difference of shares, falling; ties by item. Only
    /// differences beyond chance.
    pub distinctive: Vec<ItemShare>,
    /// Items that members lack, by the difference of shares, the largest first: all users have them at least twice as often.
    pub missing: Vec<ItemShare>,
    /// The segments with the nearest centroids, where members would go next; ties by number.
    pub nearest: Vec<Near>,
    /// Metadata of the items that members rated.
    pub metadata: Vec<Summary>,
}

/// A top item of a segment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileItem {
    /// Index into the item dictionary.
    pub item: u32,
    /// Mean TF-IDF over the members.
    pub score: f64,
    /// Mean TF-IDF over all users.
    pub score_all: f64,
    /// Share of the members who have it.
    pub share: f64,
    /// Share of all users who have it.
    pub share_all: f64,
    /// Mean of its ratings by members.
    pub mean_rating: f64,
    /// Mean of its ratings by all users.
    pub mean_rating_all: f64,
}

impl ProfileItem {
    /// How many times as often members have it as all users.
    pub fn lift(&self) -> f64 {
        if self.share_all > 0.0 { self.share / self.share_all } else { 0.0 }
    }
}

/// Another segment, and how far its centroid is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Near {
    pub segment: u32,
    /// Between the centroids, in the space of the components.
    pub distance: f64,
}
