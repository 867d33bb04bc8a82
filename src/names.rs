//! What segments are called: a short label that says what sets each apart, for people.
//!
//! What members' taste says comes first, as far as metadata of items tells it ("Horror & Thriller"); where it hardly
//! differs from everybody's, how much they rate, where that differs a lot ("Light users"); then the items that they have
//! more often than everybody. Segments with the same label are told apart by what sets them apart next. The most
//! distinctive of them keeps the plain one. The same profiles always have the same names.

use std::collections::HashSet;

use crate::ingest::Items;
use crate::profile::{Category, ItemShare, Profile, Summary, SummaryOf};

/// Characters of a name at most, but for what tells it from another at last.
pub const LONGEST: usize = 40;

/// Characters of a value or a title within a name.
const LONGEST_PART: usize = 24;

/// From so much distinctiveness on a taste names a segment, and a second one joins it.
const LEADS: f64 = 0.14;
const JOINS: f64 = 0.08;

/// Of the first taste's distinctiveness, what a second one needs.
const BESIDE: f64 = 0.25;

/// What a taste needs to be one: share of the members' ratings, and times everybody's.
const TASTE_SHARE: f64 = 0.03;
const TASTE_LIFT: f64 = 1.15;

/// A mean of numbers so many standard deviations from everybody's is as distinctive as twice its half.
const NUMBER_WEIGHT: f64 = 0.5;

/// The median of members' ratings, as a multiple of everybody's, up to or from which they are called light or heavy; and
/// where that alone names them.
const LIGHT: f64 = 0.5;
const HEAVY: f64 = 2.0;
const VERY_HEAVY: f64 = 3.0;

/// What an item needs to stand for a segment: members who have it, their share, and times that of everybody.
const ITEM_MEMBERS: f64 = 5.0;
const ITEM_SHARE: f64 = 0.02;
const ITEM_LIFT: f64 = 1.3;

/// Standard errors that a share differs by, if not by chance.
const ERRORS: f64 = 3.0;

/// A name for each segment, no two alike. Names that are `given`, by segment, stay as they are; of two alike the
/// later one gets a number.
pub fn names(profiles: &[Profile], items: &Items, given: &[Option<String>]) -> Vec<String> {
    let mut names = vec![None; profiles.len()];
    let mut taken = HashSet::new();
    for ((segment, name), given) in names.iter_mut().enumerate().zip(given) {
        let given = given.as_deref().map(str::trim).filter(|name| !name.is_empty());
        *name = given.map(|given| {
            let numbered = || numbered(given, segment);
            std::iter::once(given.to_string())
                .chain(numbered())
                .find(|name| taken.insert(key(name)))
                .unwrap_or_default()
        });
    }
    let mut left: Vec<(usize, Traits)> = (0..profiles.len())
        .filter(|&segment| names[segment].is_none())
        .map(|segment| (segment, Traits::of(&profiles[segment], items)))
        .collect();
    // Sorting keeps the order of numbers where traits say as much.
    left.sort_by(|(_, a), (_, b)| b.strength().total_cmp(&a.strength()));
    for (segment, traits) in left {
        let mut labels = traits.labels();
        let last_resort = numbered(&labels[0], segment);
        labels.extend(last_resort.take(2));
        let free = labels.into_iter().find(|label| taken.insert(key(label)));
        names[segment] = free;
    }
    names.into_iter().enumerate().map(|(segment, name)| name.unwrap_or_else(|| segment.to_string())).collect()
}

/// The label with the number of the segment, and if need be others.
fn numbered(label: &str, segment: usize) -> impl Iterator<Item = String> + use<> {
    let label = label.to_string();
    std::iter::once(segment).chain(2..).map(move |number| format!("{label} ({number})"))
}

/// Names with the same key are alike: in another order or in other letters.
fn key(name: &str) -> String {
    let lower = name.to_lowercase();
    let mut parts: Vec<&str> = lower.split(" & ").flat_map(|part| part.split(": ")).collect();
    parts.sort_unstable();
    parts.join("\n")
}

/// What sets a segment apart, in words.
struct Traits {
    /// Tastes by falling distinctiveness.
    tastes: Vec<(String, f64)>,
    /// How much members rate, where that is far from what everybody does; whether it names the segment alone.
    activity: Option<(&'static str, bool)>,
    /// Items, the most distinctive first.
    items: Vec<String>,
}

impl Traits {
    fn of(profile: &Profile, items: &Items) -> Traits {
        let n_ratings = profile.activity.mean * profile.size as f64;
        let mut tastes: Vec<(String, f64)> =
            profile.metadata.iter().flat_map(|summary| tastes(summary, n_ratings)).collect();
        // Sorting keeps the order of the job where tastes say as much.
        tastes.sort_by(|(_, a), (_, b)| b.total_cmp(a));
        if tastes.first().is_none_or(|(_, weight)| *weight < LEADS) {
            tastes.clear();
        }
        let mut names: Vec<String> = Vec::new();
        for item in profile.distinctive.iter().filter(|item| stands_for(item, profile)) {
            let name = item_name(items, item.item as usize);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        Traits { tastes, activity: activity(profile), items: names }
    }

    fn strength(&self) -> f64 {
        self.tastes.first().map_or(0.0, |(_, weight)| *weight)
    }

    /// Labels by falling preference; at least one.
    fn labels(&self) -> Vec<String> {
        let mut labels = Vec::new();
        let fits = |label: &String| label.chars().count() <= LONGEST;
        match (&self.tastes[..], self.activity) {
            ([(first, weight), others @ ..], activity) => {
                let beside = |(_, other): &&(String, f64)| *other >= JOINS && *other >= BESIDE * weight;
                let pairs: Vec<String> =
                    others.iter().filter(beside).map(|(other, _)| format!("{first} & {other}")).filter(fits).collect();
                let plain = pairs.first().unwrap_or(first).clone();
                let activity = activity.map(|(activity, _)| activity.to_lowercase());
                let further = activity.iter().chain(&self.items);
                labels.push(plain.clone());
                labels.extend(pairs.iter().skip(1).take(1).cloned());
                labels.extend(further.clone().map(|what| format!("{plain}: {what}")).filter(fits));
                labels.extend(further.map(|what| format!("{first}: {what}")).filter(fits));
                labels.extend(pairs.into_iter().skip(2));
            }
            ([], Some((activity, true))) => {
                labels.extend(self.items.iter().map(|item| format!("{activity}: {item}")).filter(fits));
                labels.push(activity.to_string());
            }
            ([], activity) => {
                let pairs = (1..self.items.len()).flat_map(|second| (0..second).map(move |first| (first, second)));
                let pair = |(first, second): (usize, usize)| format!("{} & {}", self.items[first], self.items[second]);
                labels.extend(pairs.map(pair).filter(fits));
                labels.extend(self.items.iter().cloned());
                labels.extend(activity.map(|(activity, _)| activity.to_string()));
            }
        }
        if labels.is_empty() {
            labels.push("Like everybody".into());
        }
        labels
    }
}

/// The values of a column that members like more than everybody does, with how distinctive they are.
fn tastes(summary: &Summary, n_ratings: f64) -> Vec<(String, f64)> {
    match &summary.of {
        SummaryOf::Categories(categories) => {
            let is_taste = |category: &&Category| {
                let variance = category.share_all * (1.0 - category.share_all) / n_ratings.max(1.0);
                let excess = category.share - category.share_all;
                category.share >= TASTE_SHARE
                    && category.lift() >= TASTE_LIFT
                    && excess * excess > ERRORS * ERRORS * variance
                    && says_something(&category.value)
            };
            let taste = |category: &Category| (value_name(&summary.name, &category.value), category.distinctiveness());
            categories.iter().filter(is_taste).map(taste).collect()
        }
        SummaryOf::Number { mean: Some(mean), mean_all: Some(all), deviation_all } if *deviation_all > 0.0 => {
            let effect = (mean - all) / deviation_all;
            let side = if effect > 0.0 { "High" } else { "Low" };
            vec![(format!("{side} {}", shortened(&summary.name)), NUMBER_WEIGHT * effect.abs())]
        }
        SummaryOf::Number { .. } => Vec::new(),
    }
}

/// Values that stand for none.
fn says_something(value: &str) -> bool {
    let words: String = value.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect();
    let nothing =
        ["", "unknown", "none", "null", "na", "nan", "other", "others", "misc", "miscellaneous", "no genres listed"];
    !nothing.contains(&words.trim())
}

/// A bare number or flag says nothing without its column.
fn value_name(column: &str, value: &str) -> String {
    let bare = value.parse::<f64>().is_ok() || ["true", "false", "yes", "no"].contains(&value.to_lowercase().as_str());
    let name = if bare { format!("{column} {value}") } else { value.to_string() };
    shortened(&capitalised(&name))
}

/// With a capital where all letters are small: names that are written in their own way stay so.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if text.chars().all(|c| !c.is_uppercase()) => first.to_uppercase().chain(chars).collect(),
        _ => text.to_string(),
    }
}

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

/// Not an item that a few happen to have.
fn stands_for(item: &ItemShare, profile: &Profile) -> bool {
    item.share * profile.size as f64 >= ITEM_MEMBERS.min(0.5 * profile.size as f64)
        && item.share >= ITEM_SHARE
        && item.share >= ITEM_LIFT * item.share_all
}

/// The title as people say it, or the id.
fn item_name(items: &Items, item: usize) -> String {
    match &items.titles[item] {
        Some(title) => shortened(&spoken(title)),
        None => shortened(&format!("item {}", items.ids[item])),
    }
}

/// Without what stands in parentheses at the end, such as a year; without a subtitle; without an article put last, as in
/// catalogues.
fn spoken(title: &str) -> String {
    const ARTICLES: [&str; 12] = ["The", "A", "An", "Le", "La", "Les", "L'", "Il", "El", "Der", "Die", "Das"];
    let mut short = title.trim();
    while let Some(open) = short.rfind('(').filter(|open| *open > 0 && short.ends_with(')')) {
        short = short[..open].trim_end();
    }
    short = short.split(": ").next().unwrap_or(short).trim_end();
    if let Some((head, last)) = short.rsplit_once(", ")
        && ARTICLES.contains(&last)
    {
        short = head;
    }
    if short.is_empty() { title.to_string() } else { short.to_string() }
}

/// Cut at a word, if it is too long.
fn shortened(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.chars().count() <= LONGEST_PART {
        return text.trim().to_string();
    }
    let head: String = text.chars().take(LONGEST_PART).collect();
    let cut = head.rfind(' ').filter(|cut| *cut * 2 > head.len()).unwrap_or(head.len());
    let head = head[..cut].trim_end_matches(|c: char| !c.is_alphanumeric());
    format!("{head}…")
}
