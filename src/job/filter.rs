//! Which ratings take part.

use serde::{Deserialize, Serialize};

/// Which ratings take part. A filter that is absent leaves out nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Users with fewer ratings of the remaining items are left out.
    pub min_ratings_per_user: Option<u64>,
    /// Items rated by fewer of the remaining users are left out.
    pub min_users_per_item: Option<u64>,
    /// Only this many items take part: those with the most users; ties go to the lowest ids.
    pub top_items: Option<u64>,
    /// Rows with a rating outside these limits are left out.
    pub min_rating: Option<f64>,
    pub max_rating: Option<f64>,
    /// Rows at or after `after` and before `before` take part; microseconds since 1970 in UTC.
    pub after: Option<i64>,
    pub before: Option<i64>,
}

impl Filter {
    /// Whether rows are left out by their own rating or time.
    pub fn looks_at_rows(&self) -> bool {
        self.min_rating.is_some() || self.max_rating.is_some() || self.looks_at_time()
    }

    /// Whether rows are left out by their time.
    pub fn looks_at_time(&self) -> bool {
        self.after.is_some() || self.before.is_some()
    }

    /// Whether users or items are left out by their number of ratings.
    pub fn counts(&self) -> bool {
        self.min_ratings_per_user.is_some() || self.min_users_per_item.is_some() || self.top_items.is_some()
    }

    /// Whether a row with this rating and time takes part.
    #[inline]
    pub fn takes(&self, rating: f64, time: i64) -> bool {
        self.min_rating.is_none_or(|least| rating >= least)
            && self.max_rating.is_none_or(|most| rating <= most)
            && self.after.is_none_or(|first| time >= first)
            && self.before.is_none_or(|end| time < end)
    }

    /// The job keys that are set: the filters of rows, or those that count ratings.
    pub fn keys(&self, of_rows: bool) -> Vec<&'static str> {
        let given = [
            ("filter.min_rating", true, self.min_rating.is_some()),
            ("filter.max_rating", true, self.max_rating.is_some()),
            ("filter.after", true, self.after.is_some()),
            ("filter.before", true, self.before.is_some()),
            ("filter.min_ratings_per_user", false, self.min_ratings_per_user.is_some()),
            ("filter.min_users_per_item", false, self.min_users_per_item.is_some()),
            ("filter.top_items", false, self.top_items.is_some()),
        ];
        given.into_iter().filter(|&(_, rows, given)| given && rows == of_rows).map(|(key, ..)| key).collect()
    }
}
