//! What segments are called: a short label that says what sets each apart, for people.
//!
//! What members' taste says comes first, as far as metadata of items tells it ("Horror & Thriller"); where it hardly
//! differs from everybody's, how much they rate, where that differs a lot ("Light users"); then the items that they have
//! more often than everybody. Segments with the same label are told apart by what sets them apart next. The most
//! distinctive of them keeps the plain one. The same profiles always have the same names.

use std::collections::HashSet;

use crate::ingest::Items;
use crate::stages::profile::{Category, ItemShare, Profile, Summary, SummaryOf};

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
    let mut names = vec![String::new(); profiles.len()];
    let mut taken = HashSet::new();
    let mut first_free = |labels: Vec<String>, segment: usize| {
        let last_resort = numbered(&labels[0], segment);
        labels.into_iter().chain(last_resort).find(|label| taken.insert(key(label))).unwrap_or_default()
    };
    for (segment, (name, given)) in names.iter_mut().zip(given).enumerate() {
        if let Some(given) = given.as_deref().map(str::trim).filter(|given| !given.is_empty()) {
            *name = first_free(vec![given.to_string()], segment);
        }
    }
    let unnamed = (0..profiles.len()).filter(|&segment| names[segment].is_empty());
    let mut unnamed: Vec<(usize, Traits)> =
        unnamed.map(|segment| (segment, Traits::of(&profiles[segment], items))).collect();
    // Sorting keeps the order of numbers where traits say as much.
    unnamed.sort_by(|(_, a), (_, b)| b.strength().total_cmp(&a.strength()));
    for (segment, traits) in unnamed {
        names[segment] = first_free(traits.labels(), segment);
    }
    names
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
        let mut told = HashSet::new();
        tastes.retain(|(taste, _)| told.insert(taste.to_lowercase()));
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
            if effect * effect * n_ratings <= ERRORS * ERRORS {
                return Vec::new();
            }
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

/// Without what stands in parentheses at the end, such as a year; without a subtitle; with an article in front that
/// catalogues put last.
fn spoken(title: &str) -> String {
    const ARTICLES: [&str; 11] = ["The", "A", "An", "Le", "La", "Les", "Il", "El", "Der", "Die", "Das"];
    let mut short = title.trim();
    while let Some(open) = short.rfind('(').filter(|open| *open > 0 && short.ends_with(')')) {
        short = short[..open].trim_end();
    }
    let subtitled = short.split_once(": ").map(|(head, _)| head.strip_suffix(" or").unwrap_or(head));
    short = subtitled.filter(|head| !head.is_empty()).unwrap_or(short);
    match short.rsplit_once(", ") {
        Some((head, "L'")) => format!("L'{head}"),
        Some((head, article)) if ARTICLES.contains(&article) => format!("{article} {head}"),
        _ => short.to_string(),
    }
}

/// Cut at a word, if it is too long.
fn shortened(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= LONGEST_PART {
        return text;
    }
    let head: String = text.chars().take(LONGEST_PART).collect();
    let cut = head.rfind(' ').filter(|cut| *cut * 2 > head.len()).unwrap_or(head.len());
    let head = head[..cut].trim_end_matches(|c: char| !c.is_alphanumeric());
    format!("{head}…")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::ids::Id;
    use crate::stages::profile::Activity;

    fn items(titles: &[&str]) -> Items {
        let ids = (1..=titles.len() as u64).map(Id::Number).collect();
        let title = |title: &&str| Some(title.to_string()).filter(|title| !title.is_empty());
        Items { ids, titles: titles.iter().map(title).collect(), metadata: Vec::new() }
    }

    fn activity(median: f64) -> Activity {
        Activity { mean: median, lower_quartile: median, median, upper_quartile: median }
    }

    /// A hundred members who are as active as everybody and have no taste.
    fn plain(segment: u32) -> Profile {
        Profile {
            segment,
            size: 100,
            n_items: 9,
            distance_from_all: 0.1,
            top: Vec::new(),
            activity: activity(50.0),
            activity_all: activity(50.0),
            distinctive: Vec::new(),
            missing: Vec::new(),
            nearest: Vec::new(),
            metadata: Vec::new(),
        }
    }

    fn liking(segment: u32, genres: &[(&str, f64, f64)]) -> Profile {
        let genre = |&(value, share, share_all): &(&str, f64, f64)| Category { value: value.into(), share, share_all };
        let of = SummaryOf::Categories(genres.iter().map(genre).collect());
        Profile { metadata: vec![Summary { name: "genre".into(), of }], ..plain(segment) }
    }

    fn having(profile: Profile, items: &[u32]) -> Profile {
        let share = |(at, &item): (usize, &u32)| ItemShare { item, share: 0.9 - 0.1 * at as f64, share_all: 0.2 };
        Profile { distinctive: items.iter().enumerate().map(share).collect(), ..profile }
    }

    fn named(profiles: &[Profile], titles: &[&str]) -> Vec<String> {
        names(profiles, &items(titles), &[])
    }

    #[test]
    fn tastes_come_first_then_activity_then_items() {
        let titles = ["Alien (1979)", "Graduate, The (1967)", ""];
        let with_activity = |profile: Profile, median: f64| Profile { activity: activity(median), ..profile };
        let found = named(
            &[
                liking(0, &[("Horror", 0.36, 0.05), ("thriller", 0.36, 0.2), ("Drama", 0.3, 0.4)]),
                liking(1, &[("Drama", 0.42, 0.4), ("Horror", 0.02, 0.001)]),
                with_activity(plain(2), 20.0),
                with_activity(having(plain(3), &[0]), 400.0),
                having(plain(4), &[0, 1]),
                having(plain(5), &[2]),
                with_activity(having(plain(6), &[1]), 110.0),
            ],
            &titles,
        );
        let expected = [
            "Horror & Thriller",
            "Like everybody",
            "Light users",
            "Heavy users: Alien",
            "Alien & The Graduate",
            "item 3",
            "The Graduate",
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn the_most_distinctive_of_those_alike_has_the_plain_name() {
        let both = |horror: f64| vec![("Horror", horror, 0.05), ("War", 0.3, 0.1), ("Crime", 0.2, 0.06)];
        let reversed = liking(2, &[("Horror", 0.2, 0.05), ("War", 0.4, 0.1)]);
        let light = Profile { activity: activity(10.0), ..liking(3, &both(0.25)) };
        let found = named(
            &[liking(0, &both(0.3)), having(liking(1, &both(0.35)), &[0]), having(reversed, &[1]), light],
            &["Alien", "Ran"],
        );
        assert_eq!(found, ["Horror & Crime", "Horror & War", "War & Horror: Ran", "Horror & War: light users"]);
    }

    #[test]
    fn the_number_of_the_segment_is_the_last_resort() {
        assert_eq!(
            named(&[plain(0), plain(1), plain(2)], &[]),
            ["Like everybody", "Like everybody (1)", "Like everybody (2)"]
        );
    }

    #[test]
    fn numbers_bare_values_and_what_says_nothing() {
        let number = |mean: f64| {
            let of = SummaryOf::Number { mean: Some(mean), mean_all: Some(20.0), deviation_all: 10.0 };
            Profile { metadata: vec![Summary { name: "price".into(), of }], ..plain(0) }
        };
        assert_eq!(named(&[number(30.0)], &[]), ["High price"]);
        assert_eq!(named(&[number(10.0)], &[]), ["Low price"]);
        assert_eq!(named(&[number(21.0)], &[]), ["Like everybody"]);
        let stars = liking(0, &[("unknown", 0.6, 0.1), ("5", 0.5, 0.1), ("(no genres listed)", 0.5, 0.1)]);
        assert_eq!(named(&[stars], &[]), ["Genre 5"]);
    }

    #[test]
    fn titles_are_as_people_say_them() {
        for (title, said) in [
            ("Toy Story (1995)", "Toy Story"),
            ("Shanghai Triad (Yao a yao yao dao waipo qiao) (1995)", "Shanghai Triad"),
            ("Usual Suspects, The (1995)", "The Usual Suspects"),
            ("Misérables, Les (1995)", "Les Misérables"),
            ("Dr. Strangelove or: How I Learned to Stop Worrying (1963)", "Dr. Strangelove"),
            ("Star Trek VI: The Undiscovered Country (1991)", "Star Trek VI"),
            ("(1995)", "(1995)"),
            ("One Flew Over the Cuckoo's Nest (1975)", "One Flew Over the…"),
            ("Antidisestablishmentarianism_", "Antidisestablishmentaria…"),
            ("Up\u{1b}[2J\n", "Up [2J"),
        ] {
            assert_eq!(item_name(&items(&[title]), 0), said, "{title}");
        }
    }

    #[test]
    fn given_names_stay_and_the_others_make_room() {
        let profiles = [0, 1, 2, 3].map(|segment| liking(segment, &[("Horror", 0.3, 0.05)]));
        let given = ["HORROR", "", " Families ", "families"].map(|name| Some(name.to_string()));
        let found = names(&profiles, &items(&[]), &given);
        assert_eq!(found, ["HORROR", "Horror (1)", "Families", "families (3)"]);
        assert_eq!(names(&profiles, &items(&[]), &found.iter().cloned().map(Some).collect::<Vec<_>>()), found);
    }

    fn any_profile() -> impl Strategy<Value = Profile> {
        let genre = (
            prop::sample::select(vec!["Drama", "drama", "War", "a very long genre with many words"]),
            0.0..1.0,
            0.0..1.0,
        );
        let share = (0u32..6, 0.0..1.0, 0.0..1.0);
        (prop::collection::vec(genre, 0..4), prop::collection::vec(share, 0..5), 0.0..200.0).prop_map(
            |(genres, shares, median)| {
                let distinctive =
                    shares.into_iter().map(|(item, share, share_all)| ItemShare { item, share, share_all }).collect();
                Profile { distinctive, activity: activity(median), ..liking(0, &genres) }
            },
        )
    }

    proptest! {
        #[test]
        fn no_two_names_are_alike(
            mut profiles in prop::collection::vec(any_profile(), 1..30),
            given in prop::collection::vec(prop::option::of("[ab]{0,2}"), 0..10),
        ) {
            profiles.iter_mut().enumerate().for_each(|(segment, profile)| profile.segment = segment as u32);
            let items = items(&["A (1)", "A (2)", "B: c", "B", "", "Antidisestablishmentarianism or not at all"]);
            let found = names(&profiles, &items, &given);
            prop_assert_eq!(found.len(), profiles.len());
            let keys: HashSet<String> = found.iter().map(|name| key(name)).collect();
            prop_assert_eq!(keys.len(), found.len(), "{:?}", found);
            prop_assert!(found.iter().all(|name| !name.is_empty() && name.chars().count() <= LONGEST + 6));
            prop_assert_eq!(names(&profiles, &items, &given), found);
        }
    }
}
