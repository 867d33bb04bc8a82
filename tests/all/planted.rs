//! The generator, and whether the segments it plants are found again.

use std::collections::{BTreeMap, BTreeSet};

use crate::util::Sandbox;
use crate::util::outputs::{adjusted_rand_index, assert_same_answer, csv_records, segments};

/// The size of the issue.
const PLANTED: [&str; 8] = ["--users", "20000", "--items", "1500", "--ratings-per-user", "50", "--segments", "12"];

/// Planted segments differ in taste, not in activity: rows are scaled to one length.
const STAGES: &str = "
[matrix]
normalize = 'l2'
[pca]
components = 15
[kmeans]
clusters = 12
n_init = 10
[sweep]
clusters = []
";

const SMALL: [&str; 8] = ["--users", "3000", "--items", "400", "--ratings-per-user", "30", "--segments", "6"];

fn generate(sandbox: &Sandbox, size: &[&str], rest: &[&str]) {
    sandbox.segmill(&[&["generate"], size, rest].concat()).succeeded();
}

fn files(sandbox: &Sandbox, stem: &str) -> [Vec<u8>; 3] {
    ["csv", "items.csv", "labels.csv"]
        .map(|ending| std::fs::read(sandbox.path(&format!("{stem}.{ending}"))).expect("the generator wrote it"))
}

#[test]
fn twelve_planted_segments_are_found_again() {
    let sandbox = Sandbox::new();
    generate(&sandbox, &PLANTED, &["--seed", "5", "-o", "planted.csv"]);
    sandbox.run(&format!("[input]\nratings = ['planted.csv']\n{STAGES}"), &["-w", "2"]).succeeded();
    let found = segments(&sandbox.path("out"));
    let planted: BTreeMap<String, u32> = csv_records(&sandbox.path("planted.labels.csv"))
        .iter()
        .map(|record| (record["user"].clone(), record["segment"].parse().expect("a segment")))
        .collect();
    assert_eq!(planted.len(), 20_000);
    assert_eq!(planted.values().collect::<BTreeSet<_>>().len(), 12);
    let both: Vec<(u32, u32)> = found.iter().map(|(user, &segment)| (segment, planted[user])).collect();
    assert!(both.len() > 19_900, "only {} users have a segment", both.len());
    let (one, other): (Vec<u32>, Vec<u32>) = both.into_iter().unzip();
    let ari = adjusted_rand_index(&one, &other);
    assert!(ari >= 0.9, "the adjusted Rand index is {ari}");
}

#[test]
fn the_generator_in_the_job_makes_the_same_data() {
    let sandbox = Sandbox::new();
    for (feedback, flags, input) in [
        ("explicit", &["--seed", "5", "-o", "planted.csv"][..], ""),
        ("implicit", &["--seed", "5", "-o", "planted.csv", "--implicit"][..], "duplicates = 'sum'\n"),
    ] {
        generate(&sandbox, &SMALL, flags);
        let stages = STAGES.replace("clusters = 12", "clusters = 6");
        let titles = "[input.items]\npath = 'planted.items.csv'\nid = 'item'\ntitle = 'title'\nheader = true\nmetadata = ['theme']\n";
        let from_files = format!("[input]\nratings = ['planted.csv']\n{input}{titles}{stages}");
        sandbox.run_to("files", &from_files, &["-w", "2"]).succeeded();
        let made = format!(
            "[input]\n{input}[input.generate]\nusers = 3000\nitems = 400\nratings_per_user = 30\nsegments = 6\nseed = 5\n\
             feedback = '{feedback}'\n{stages}"
        );
        sandbox.run_to("made", &made, &["-w", "2"]).succeeded();
        assert_same_answer(&sandbox.path("files"), &sandbox.path("made"), feedback);
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_does_not() {
    let sandbox = Sandbox::new();
    for kind in [&[][..], &["--implicit"]] {
        let make = |stem: &str, seed: &str, workers: &str| {
            let rest = ["--seed", seed, "-o", &format!("{stem}.csv"), "-w", workers];
            generate(&sandbox, &SMALL, &[&rest, kind].concat());
            files(&sandbox, stem)
        };
        let first = make("a", "1", "1");
        assert!(first == make("b", "1", "1"), "the same seed gave other bytes");
        assert!(first == make("c", "1", "3"), "three threads gave other bytes");
        assert!(first[0] != make("d", "2", "1")[0], "another seed gave the same ratings");
    }
}

#[test]
fn explicit_ratings_are_half_stars_one_per_user_and_item() {
    let sandbox = Sandbox::new();
    generate(&sandbox, &SMALL, &["--seed", "1", "-o", "r.csv"]);
    let text = std::fs::read_to_string(sandbox.path("r.csv")).expect("it is text");
    assert_eq!(text.lines().next(), Some("user,item,rating"));
    let records = csv_records(&sandbox.path("r.csv"));
    let pairs: BTreeSet<_> = records.iter().map(|r| (&r["user"], &r["item"])).collect();
    assert_eq!(pairs.len(), records.len(), "a user rated an item twice");
    for record in &records {
        let stars: f64 = record["rating"].parse().expect("a number");
        assert!((0.5..=5.0).contains(&stars) && (2.0 * stars).fract() == 0.0, "{stars}");
    }
    assert_activity_and_popularity(&records);
}

#[test]
fn events_repeat_and_have_no_rating() {
    let sandbox = Sandbox::new();
    generate(&sandbox, &SMALL, &["--seed", "1", "-o", "r.csv", "--implicit"]);
    let text = std::fs::read_to_string(sandbox.path("r.csv")).expect("it is text");
    assert_eq!(text.lines().next(), Some("user,item"));
    let records = csv_records(&sandbox.path("r.csv"));
    let pairs: BTreeSet<_> = records.iter().map(|r| (&r["user"], &r["item"])).collect();
    assert!(pairs.len() < records.len(), "no event repeats");
    assert_activity_and_popularity(&records);
}

/// About 30 ratings a user, some users far above; the top tenth of the items far above its share.
fn assert_activity_and_popularity(records: &[BTreeMap<String, String>]) {
    let count = |name: &str| {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        records.iter().for_each(|record| *counts.entry(&record[name]).or_default() += 1);
        let mut counts: Vec<u32> = counts.into_values().collect();
        counts.sort_unstable_by(|a, b| b.cmp(a));
        counts
    };
    let mean = records.len() as f64 / 3000.0;
    assert!((27.0..=33.0).contains(&mean), "{mean} ratings a user, not 30");
    let users = count("user");
    assert!(f64::from(users[0]) > 3.0 * mean, "the busiest user has {} ratings", users[0]);
    let items = count("item");
    assert!(items.len() <= 400);
    let top: u32 = items[..40].iter().sum();
    assert!(f64::from(top) > 0.2 * records.len() as f64, "the top tenth has {top} of {}", records.len());
}

#[test]
fn titles_carry_their_theme_and_every_user_has_a_label() {
    let sandbox = Sandbox::new();
    generate(&sandbox, &SMALL, &["--seed", "1", "-o", "r.csv"]);
    let items = csv_records(&sandbox.path("r.items.csv"));
    assert_eq!(items.len(), 400);
    for item in &items {
        assert!(item["title"].contains(&item["theme"]), "{item:?}");
    }
    let labels = csv_records(&sandbox.path("r.labels.csv"));
    assert_eq!(labels.len(), 3000);
    assert_eq!(labels.iter().map(|label| &label["segment"]).collect::<BTreeSet<_>>().len(), 6);
}

#[test]
fn a_generator_that_cannot_run_is_refused() {
    let sandbox = Sandbox::new();
    let with =
        |size: [&str; 8], out: &str| sandbox.segmill(&[&["generate"], &size[..], &["--seed", "1", "-o", out]].concat());
    let mut too_many = SMALL;
    too_many[5] = "401";
    with(too_many, "r.csv").refused(2, &["--ratings-per-user", "400"]);
    with(SMALL, "nowhere/r.csv").refused(4, &["nowhere"]);
    assert!(sandbox.listing().is_empty());
    std::fs::create_dir(sandbox.path("r.csv")).expect("a folder");
    with(SMALL, "r.csv").refused(4, &["r.csv", "no plain file"]);
    assert_eq!(sandbox.listing(), ["r.csv"]);
}

#[test]
fn the_index_of_equal_partitions_is_one_and_of_crossed_ones_about_zero() {
    assert_eq!(adjusted_rand_index(&[0, 0, 1, 1], &[5, 5, 2, 2]), 1.0);
    let (one, other): (Vec<u32>, Vec<u32>) = (0..10_000).map(|i| (i % 10, i / 10 % 10)).unzip();
    assert!(adjusted_rand_index(&one, &other).abs() < 0.01);
    // Pairs together in both 2, in the first 4, in the second 2, of 10.
    let index = adjusted_rand_index(&[0, 0, 0, 1, 1], &[0, 0, 1, 2, 2]);
    assert!((index - (2.0 - 4.0 * 2.0 / 10.0) / (3.0 - 4.0 * 2.0 / 10.0)).abs() < 1e-12, "{index}");
}
