//! What becomes of rows before the formula, and what is left to who brings them.

use crate::ingest::scan::MAX_RATING;
use crate::job::{Duplicates, Filter, Input, Job};

/// How the run has read its ratings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reading {
    pub duplicates: Duplicates,
    /// The filters of rows; those that count ratings have chosen the users and items of the model, and play no part later.
    filter: Filter,
}

impl Reading {
    pub fn of(job: &Job) -> Reading {
        let Job { input: Input { duplicates, .. }, filter, .. } = job;
        Reading { duplicates: *duplicates, filter: *filter }
    }

    /// Ratings outside are left out, row by row.
    pub fn range(&self) -> [f64; 2] {
        let least = if self.takes_returns() { -MAX_RATING } else { 0.0 };
        [self.filter.min_rating.unwrap_or(least), self.filter.max_rating.unwrap_or(MAX_RATING).min(MAX_RATING)]
    }

    /// Whether a rating may be below 0: what was returned.
    pub fn takes_returns(&self) -> bool {
        self.duplicates == Duplicates::Sum
    }

    /// The filter of rows by their time, in words; none where there is none.
    pub fn window(&self) -> Option<String> {
        let moment =
            |micros: i64| jiff::Timestamp::from_microsecond(micros).map_or(micros.to_string(), |t| t.to_string());
        let after = self.filter.after.map(|after| format!("at or after {}", moment(after)));
        let before = self.filter.before.map(|before| format!("before {}", moment(before)));
        let sides: Vec<String> = after.into_iter().chain(before).collect();
        (!sides.is_empty()).then(|| sides.join(" and "))
    }

    /// What several rows of one user and item come to, in words.
    pub fn several(&self) -> &'static str {
        match self.duplicates {
            Duplicates::Error => "an error",
            Duplicates::Last => "an error: bring the last alone",
            Duplicates::Sum => "their sum",
            Duplicates::Mean => "their mean",
            Duplicates::Max => "the highest",
        }
    }
}
