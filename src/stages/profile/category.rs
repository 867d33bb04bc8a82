//! Categories of items, such as genres: how often members rate them, compared with all users.

use serde::{Deserialize, Serialize};

/// The number of categories of a column in a profile: the most distinctive ones, and those that members avoid.
const MOST_LIKED: usize = 8;
const MOST_AVOIDED: usize = 4;

/// A value of a column of metadata, over the ratings of the members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Category {
    pub value: String,
    /// Share of the members' ratings that fall on items of this category. Where an item may have several, these add up to
    /// more than 1.
    pub share: f64,
    /// The same for the ratings of all users.
    pub share_all: f64,
}

impl Category {
    /// How many times as often members rate it as all users.
    pub fn lift(&self) -> f64 {
        if self.share_all > 0.0 { self.share / self.share_all } else { 0.0 }
    }

    /// How much it says about the members: their share to the power of ¾, times log₂ of the lift. It needs both a share and a
    /// lift: neither what all users like is special, nor what hardly anyone does. Negative if members avoid it.
    pub fn distinctiveness(&self) -> f64 {
        if self.lift() == 0.0 {
            // Members have none of it: counted as a lift of a hundredth.
            return -self.share_all.sqrt() * self.share_all.sqrt().sqrt() * libm::log2(100.0);
        }
        let share = self.share.max(if self.lift() < 1.0 { self.share_all } else { 0.0 });
        share.sqrt() * share.sqrt().sqrt() * libm::log2(self.lift())
    }
}

/// The categories of a segment, from sums `(n_clusters, n_categories)`. The most distinctive come first, those that members
/// avoid last.
pub fn categories(names: &[String], sums: &[i64], segment: usize, n_ratings: &[i64]) -> Vec<Category> {
    let total = n_ratings.iter().sum::<i64>().max(1) as f64;
    let own = n_ratings[segment].max(1) as f64;
    let rows = || sums.chunks_exact(names.len().max(1));
    let category = |(at, name): (usize, &String)| Category {
        value: name.clone(),
        share: sums[segment * names.len() + at] as f64 / own,
        share_all: rows().map(|row| row[at]).sum::<i64>() as f64 / total,
    };
    let all = names.iter().enumerate().map(category).filter(|category| category.share_all > 0.0);
    let mut all: Vec<Category> = all.collect();
    // The sort is stable: equally distinctive ones stay in the order of names.
    all.sort_by(|a, b| b.distinctiveness().total_cmp(&a.distinctiveness()));
    if all.len() > MOST_LIKED + MOST_AVOIDED {
        all.drain(MOST_LIKED..all.len() - MOST_AVOIDED);
    }
    all
}
