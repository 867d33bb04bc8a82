//! What sets a segment apart, and the labels that say so.

use std::collections::HashSet;

use super::words::{item_name, says_something, shortened, value_name};
use crate::ingest::Items;
use crate::stages::profile::{Category, ItemShare, Profile, Summary, SummaryOf};

/// The most characters of a name, apart from a number at its end.
pub const LONGEST: usize = 40;

/// The least distinctiveness of a taste that names a segment, and of a second one that joins it.
const LEADS: f64 = 0.14;
const JOINS: f64 = 0.08;

/// The share of the first taste's distinctiveness that a second one needs.
const BESIDE: f64 = 0.25;

/// The least of a taste: its share of the members' ratings, and its lift over all users.
const TASTE_SHARE: f64 = 0.03;
const TASTE_LIFT: f64 = 1.15;

/// The distinctiveness of a mean of numbers, per standard deviation from the mean of all users.
const NUMBER_WEIGHT: f64 = 0.5;

/// The median of members' numbers of ratings, as a multiple of that of all users: up to `LIGHT` and from `HEAVY` on they are
/// called so; from `VERY_HEAVY` on that alone names them.
const LIGHT: f64 = 0.5;
const HEAVY: f64 = 2.0;
const VERY_HEAVY: f64 = 3.0;

/// The least of an item that stands for a segment: members who have it, their share, and its lift over all users.
const ITEM_MEMBERS: f64 = 5.0;
const ITEM_SHARE: f64 = 0.02;
const ITEM_LIFT: f64 = 1.3;

/// The number of standard errors that is beyond chance.
const ERRORS: f64 = 3.0;

/// What sets a segment apart, in words.
pub struct Traits {
    /// Tastes by falling distinctiveness.
    tastes: Vec<(String, f64)>,
    /// How much members rate, if that is unusual, and whether this alone names the segment.
    activity: Option<(&'static str, bool)>,
    /// Items, the most distinctive first.
    items: Vec<String>,
}

impl Traits {
    pub fn of(profile: &Profile, items: &Items) -> Traits {
        let mut names: Vec<String> = Vec::new();
        for item in profile.distinctive.iter().filter(|item| stands_for(item, profile)) {
            let name = item_name(items, item.item as usize);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Traits { tastes: all_tastes(profile), activity: activity(profile), items: names }
    }

    /// How distinctive the first taste is.
    pub fn strength(&self) -> f64 {
        self.tastes.first().map_or(0.0, |(_, weight)| *weight)
    }

    /// Labels by falling preference; at least one.
    pub fn labels(&self) -> Vec<String> {
        let labels = match (&self.tastes[..], self.activity) {
            ([first, others @ ..], activity) => self.of_tastes(first, others, activity.map(|(activity, _)| activity)),
            ([], Some((activity, true))) => self.of_activity(activity),
            ([], activity) => self.of_items(activity.map(|(activity, _)| activity)),
        };
        if labels.is_empty() { vec!["Like everybody".into()] } else { labels }
    }

    /// Activity with an item, then activity alone.
    fn of_activity(&self, activity: &str) -> Vec<String> {
        let with_items = self.items.iter().map(|item| format!("{activity}: {item}")).filter(|label| fits(label));
        with_items.chain([activity.to_string()]).collect()
    }

    /// Pairs of tastes and the first taste alone, with what sets the segment apart next.
    fn of_tastes(
        &self,
        (first, weight): &(String, f64),
        others: &[(String, f64)],
        activity: Option<&'static str>,
    ) -> Vec<String> {
        let beside = |(_, other): &&(String, f64)| *other >= JOINS && *other >= BESIDE * weight;
        let pairs: Vec<String> = others
            .iter()
            .filter(beside)
            .map(|(other, _)| format!("{first} & {other}"))
            .filter(|label| fits(label))
            .collect();
        let plain = pairs.first().unwrap_or(first).clone();
        let activity = activity.map(str::to_lowercase);
        let further = activity.iter().chain(&self.items);
        let mut labels = vec![plain.clone()];
        labels.extend(pairs.iter().skip(1).take(1).cloned());
        labels.extend(further.clone().map(|what| format!("{plain}: {what}")).filter(|label| fits(label)));
        labels.extend(further.map(|what| format!("{first}: {what}")).filter(|label| fits(label)));
        labels.extend(pairs.into_iter().skip(2));
        labels
    }

    /// Pairs of items, items alone, then activity.
    fn of_items(&self, activity: Option<&'static str>) -> Vec<String> {
        let pairs = (1..self.items.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
        let pair = |(first, second): (usize, usize)| format!("{} & {}", self.items[first], self.items[second]);
        let mut labels: Vec<String> = pairs.map(pair).filter(|label| fits(label)).collect();
        labels.extend(self.items.iter().cloned());
        labels.extend(activity.map(str::to_string));
        labels
    }
}

fn fits(label: &str) -> bool {
    label.chars().count() <= LONGEST
}

/// The tastes of all columns by falling distinctiveness; none if the first is too weak to name a segment.
fn all_tastes(profile: &Profile) -> Vec<(String, f64)> {
    let n_ratings = profile.activity.mean * profile.size as f64;
    let mut tastes: Vec<(String, f64)> =
        profile.metadata.iter().flat_map(|summary| tastes(summary, n_ratings)).collect();
    // The sort is stable: equally distinctive ones stay in the order of the job.
    tastes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut told = HashSet::new();
    tastes.retain(|(taste, _)| told.insert(taste.to_lowercase()));
    if tastes.first().is_none_or(|(_, weight)| *weight < LEADS) {
        tastes.clear();
    }
    tastes
}

/// The values of a column that members like more than all users do, with their distinctiveness.
fn tastes(summary: &Summary, n_ratings: f64) -> Vec<(String, f64)> {
    match &summary.of {
        SummaryOf::Categories(categories) => {
            let taste = |category: &Category| (value_name(&summary.name, &category.value), category.distinctiveness());
            categories.iter().filter(|category| is_taste(category, n_ratings)).map(taste).collect()
        }
        SummaryOf::Number { mean: Some(mean), mean_all: Some(all), deviation_all } if *deviation_all > 0.0 => {
            let effect = (mean - all) / deviation_all;
            if effect * effect * n_ratings <= ERRORS * ERRORS {
                return Vec::new();
            }
            let side = if effect > 0.0 { "High" } else { "Low" };
            vec![(format!("{side} {}", shortened(&summary.name)), NUMBER_WEIGHT * effect.abs())]
        }
        SummaryOf::Number { .. } => Vec::new(),
    }
}

/// Whether members like a category more than all users do, beyond chance.
fn is_taste(category: &Category, n_ratings: f64) -> bool {
    let variance = category.share_all * (1.0 - category.share_all) / n_ratings.max(1.0);
    let excess = category.share - category.share_all;
    category.share >= TASTE_SHARE
        && category.lift() >= TASTE_LIFT
        && excess * excess > ERRORS * ERRORS * variance
        && says_something(&category.value)
}

/// How much members rate, if that is unusual, and whether this alone names the segment.
fn activity(profile: &Profile) -> Option<(&'static str, bool)> {
    let (own, all) = (profile.activity.median, profile.activity_all.median);
    if profile.size == 0 {
        return Some(("Nobody", true));
    }
    if own <= LIGHT * all {
        Some(("Light users", true))
    } else if own >= HEAVY * all {
        Some(("Heavy users", own >= VERY_HEAVY * all))
    } else {
        None
    }
}

/// Whether enough members have the item, and clearly more often than all users.
fn stands_for(item: &ItemShare, profile: &Profile) -> bool {
    item.share * profile.size as f64 >= ITEM_MEMBERS.min(0.5 * profile.size as f64)
        && item.share >= ITEM_SHARE
        && item.share >= ITEM_LIFT * item.share_all
}
