use proptest::prelude::*;

use std::collections::HashSet;

use super::choose::{key, names};
use super::labels::LONGEST;
use super::words::item_name;
use crate::ingest::Items;
use crate::ingest::ids::Id;
use crate::stages::profile::{Activity, Category, ItemShare, Profile, Summary, SummaryOf};

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
    let genre =
        (prop::sample::select(vec!["Drama", "drama", "War", "a very long genre with many words"]), 0.0..1.0, 0.0..1.0);
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
