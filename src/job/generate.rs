//! What data to generate: ratings with planted segments.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::refuse::{at_least, refuse};
use crate::error::Result;

/// `[input.generate]`: data with planted segments, generated instead of read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateSpec {
    /// Number of users.
    pub users: u64,
    /// Number of items.
    pub items: u64,
    /// Mean number of ratings of a user.
    pub ratings_per_user: f64,
    /// Number of planted segments.
    pub segments: u64,
    /// The kind of ratings: half stars, or an event log.
    pub feedback: Feedback,
    /// The difficulty: the share of a user's ratings drawn from the themes of their segment, in 0..=1. The rest follow overall
    /// popularity.
    pub affinity: f64,
    /// Seeds the data.
    pub seed: u64,
    /// The month: users and items are the same in all months, their ratings are drawn anew in each.
    pub month: u64,
    /// Share of the users who change taste from one month to the next.
    pub movers: f64,
    /// Segments that are empty before month 1; half of the users who change taste found them.
    pub born: u64,
}

/// The kind of ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Feedback {
    /// Half-star ratings, one per user and item.
    Explicit,
    /// An event log: rows repeat, each counts 1.
    Implicit,
}

/// Share of a user's ratings drawn from the themes of their segment, by default.
pub const DEFAULT_AFFINITY: f64 = 0.7;

/// Share of the users who change taste in a month, by default.
pub const DEFAULT_MOVERS: f64 = 0.1;

impl Default for GenerateSpec {
    fn default() -> Self {
        GenerateSpec {
            users: 5_000,
            items: 1_000,
            ratings_per_user: 40.0,
            segments: 8,
            feedback: Feedback::Explicit,
            affinity: DEFAULT_AFFINITY,
            seed: 0,
            month: 0,
            movers: DEFAULT_MOVERS,
            born: 0,
        }
    }
}

/// The generator's tables and keys have room for no more.
const MAX_GENERATED_USERS: u64 = 1 << 31;
const MAX_GENERATED_ITEMS: u64 = 1 << 31;
const MAX_GENERATED_MEAN: f64 = 1e6;
/// Ten years: what a user likes in a month follows from all months before.
const MAX_GENERATED_MONTH: u64 = 120;

impl GenerateSpec {
    /// Refuses parameters that no data can be generated from. `name` tells how the user spells a field: as a job key or as
    /// a flag.
    pub fn check(&self, name: impl Fn(&str) -> String) -> Result<()> {
        let name = &name;
        self.check_sizes(name)?;
        check_share(name("movers"), self.movers)?;
        at_most(name("month"), self.month, MAX_GENERATED_MONTH)?;
        self.check_segments(name)?;
        check_share(name("affinity"), self.affinity)?;
        self.check_ratings(name)
    }

    fn check_sizes(&self, name: impl Fn(&str) -> String) -> Result<()> {
        for (field, value) in [("users", self.users), ("items", self.items), ("segments", self.segments)] {
            at_least(&name(field), value, 1)?;
        }
        at_most(name("users"), self.users, MAX_GENERATED_USERS)?;
        at_most(name("items"), self.items, MAX_GENERATED_ITEMS)
    }

    /// Every segment needs a user and an item.
    fn check_segments(&self, name: impl Fn(&str) -> String) -> Result<()> {
        let (users, items, segments) = (self.users, self.items, self.segments);
        if self.born > items.saturating_sub(segments) && segments <= items {
            let problem = format!("{segments} segments and {} more do not fit {items} items", self.born);
            return refuse(name("born"), problem, format!("write {} or less", items - segments));
        }
        if segments > users.min(items) {
            let problem = format!("{segments} segments cannot be planted in {users} users and {items} items");
            return refuse(name("segments"), problem, format!("write {} or less", users.min(items)));
        }
        Ok(())
    }

    fn check_ratings(&self, name: impl Fn(&str) -> String) -> Result<()> {
        let (items, mean, place) = (self.items, self.ratings_per_user, name("ratings_per_user"));
        if !(1.0..=MAX_GENERATED_MEAN).contains(&mean) {
            let problem = format!("a mean of {mean} ratings is not possible");
            return refuse(place, problem, format!("write a number from 1 to {MAX_GENERATED_MEAN}"));
        }
        let available = if self.affinity == 1.0 { items / (self.segments + self.born) } else { items };
        if self.feedback == Feedback::Explicit && mean > available as f64 {
            let problem =
                format!("{mean} different items per user do not fit the {available} that a user chooses from");
            return refuse(place, problem, format!("write {available} or less, or make it implicit"));
        }
        Ok(())
    }
}

fn at_most(place: String, value: u64, most: u64) -> Result<()> {
    match value > most {
        true => refuse(place, format!("{value} is too large"), format!("write {most} or less")),
        false => Ok(()),
    }
}

fn check_share(place: String, value: f64) -> Result<()> {
    match (0.0..=1.0).contains(&value) {
        true => Ok(()),
        false => refuse(place, format!("{value} is not a share"), "write a number from 0 to 1"),
    }
}
