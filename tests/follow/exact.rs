//! Random sequences of changes under every rule, weighting and kind of id, against the map.

use super::following::{N_ITEMS, N_USERS, Names, REFINED, first_ratings, fitted, follow};
use super::reference::{Change, Op, Ratings, Rule, Tables, Verdict, assert_exact};
use super::told::Told;
use crate::util::Sandbox;
use crate::util::draws::Draws;

/// Sequences for each job.
fn runs() -> u64 {
    std::env::var("SEGMILL_FOLLOW_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(8)
}

const RATINGS: [f64; 12] = [0.1, 0.3, 0.5, 1.0, 2.0, 2.5, 3.0, 4.0, 5.0, 7.25, 0.0, 1e6];

/// Changes drawn so that they meet each other: few users and items, some of them new, mostly pairs that have rows.
pub struct Drawn {
    pub lines: String,
    n_changes: u64,
    n_rejected: u64,
}

pub fn drawn(ratings: &mut Ratings, names: Names, draws: &mut Draws) -> Drawn {
    let mut drawn = Drawn { lines: String::new(), n_changes: 0, n_rejected: 0 };
    for _ in 0..50 + draws.below(250) {
        let changes = match draws.below(40) {
            0 => departure(ratings, draws),
            _ => vec![change(ratings, names, draws)],
        };
        for change in changes {
            drawn.n_rejected += u64::from(ratings.apply(&change) != Verdict::Made);
            drawn.n_changes += 1;
            drawn.lines.push_str(&line(&change, draws));
        }
    }
    drawn
}

/// A user takes back everything, pair by pair.
fn departure(ratings: &Ratings, draws: &mut Draws) -> Vec<Change> {
    let Some(user) = ratings.any(draws).map(|(user, _, _)| user.to_string()) else { return Vec::new() };
    ratings.items_of(&user).map(|item| Change::withdraw(&user, item)).collect()
}

fn change(ratings: &Ratings, names: Names, draws: &mut Draws) -> Change {
    let op = *draws.of(&[Op::Put, Op::Put, Op::Put, Op::Add, Op::Add, Op::Withdraw, Op::Withdraw]);
    let known = if draws.below(10) < 7 { ratings.any(draws) } else { None };
    let known = known.map(|(user, item, row)| (user.to_string(), item.to_string(), row));
    let row = known.as_ref().map(|known| known.2);
    let (user, item) = match known {
        Some((user, item, _)) => (user, item),
        None => (names.user(draws.below(N_USERS + 8)), names.item(draws.below(N_ITEMS + 3))),
    };
    let rating = match (op, draws.below(3)) {
        (Op::Withdraw, 0) => None,
        (Op::Withdraw, 1) if row.is_some() => row,
        (Op::Put | Op::Add, 0) if draws.below(4) == 0 => None,
        _ => Some(*draws.of(&RATINGS)),
    };
    Change { op, user, item, rating }
}

/// As JSON or as delimited text.
fn line(change: &Change, draws: &mut Draws) -> String {
    match draws.below(3) {
        0 => change.delimited(),
        n => change.json(n == 1) + "\n",
    }
}

/// So many sequences over one job; each is checked at its end, and half of them go on from the state of the one before.
fn check(rule: Rule, matrix: &str, names: Names, seed: u64) {
    let mut draws = Draws(seed);
    let first = first_ratings(rule, names, &mut draws);
    let sandbox = fitted(&first, rule, matrix);
    let fit = Tables::of(&sandbox.path("out"));
    let (mut ratings, mut empty) = (first.clone(), false);
    let (mut n_changes, mut n_rejected) = (0, 0);
    for run in 0..runs() {
        let mut words = Vec::new();
        if run == 0 || draws.below(2) == 0 {
            forget(&sandbox);
            empty = draws.below(3) == 0;
            ratings = if empty { Ratings::none(rule) } else { first.clone() };
            (n_changes, n_rejected) = (0, 0);
            words.extend(empty.then_some("--empty"));
        }
        let changes = drawn(&mut ratings, names, &mut draws);
        (n_changes, n_rejected) = (n_changes + changes.n_changes, n_rejected + changes.n_rejected);
        let input = format!("changes-{run}.txt");
        sandbox.write(&input, &changes.lines);
        words.extend(["--input", &input, "--state", "state", "--output", "told.jsonl", "--final", "final"]);
        words.extend(["--every", *draws.of(&["batch", "1", "7", "1000"]), "-w", *draws.of(&["1", "2", "3"])]);
        follow(&sandbox, &words);
        let what = format!("{rule:?}, {matrix:?}, {names:?}, seed {seed}, run {run}, {words:?}");
        assert_exact(&sandbox, "final", &ratings, &what);
        let told = Told::from((!empty).then_some(&fit)).read(&sandbox.path("told.jsonl"));
        told.assert_ends_at(&Tables::of(&sandbox.path("final")), &what);
        assert_eq!((told.changes, told.rejected), (n_changes, n_rejected), "{what}: changes, and rejected ones");
        assert_eq!(told.segment_of.len(), ratings.users().len(), "{what}: users");
        std::fs::remove_dir_all(sandbox.path("final")).expect("the tables");
    }
}

/// The state and what was told, if anything.
fn forget(sandbox: &Sandbox) {
    std::fs::remove_dir_all(sandbox.path("state")).ok();
    std::fs::remove_file(sandbox.path("told.jsonl")).ok();
}

const RAW: &str = "";

#[test]
fn rows_that_may_not_repeat() {
    check(Rule::Error, RAW, Names::Numbers, 1);
    check(Rule::Error, "weighting = 'log1p'\nnormalize = 'l2'\nmissing = 'user-mean'", Names::Texts, 2);
    check(Rule::Error, "weighting = 'tfidf'\nnormalize = 'l2'", Names::Both, 3);
}

#[test]
fn rows_of_which_the_last_counts() {
    check(Rule::Last, "weighting = 'binary'\nnormalize = 'l2'", Names::Texts, 4);
    check(Rule::Last, "weighting = 'bm25'", Names::Numbers, 5);
    check(Rule::Last, "missing = 'user-mean'", Names::Both, 6);
}

#[test]
fn rows_that_are_added_up() {
    check(Rule::Sum, "weighting = 'log1p'", Names::Both, 7);
    check(Rule::Sum, "weighting = 'bm25'\nnormalize = 'l2'\nmissing = 'user-mean'", Names::Numbers, 8);
    check(Rule::Sum, RAW, Names::Texts, 9);
}

#[test]
fn rows_of_which_the_mean_counts() {
    check(Rule::Mean, "weighting = 'tfidf'\nmissing = 'user-mean'", Names::Numbers, 10);
    check(Rule::Mean, "normalize = 'l2'", Names::Both, 11);
    check(Rule::Mean, "weighting = 'bm25'\nmissing = 'user-mean'", Names::Texts, 12);
}

#[test]
fn rows_of_which_the_highest_counts() {
    check(Rule::Max, "weighting = 'bm25'\nnormalize = 'l2'", Names::Texts, 13);
    check(Rule::Max, "weighting = 'binary'", Names::Numbers, 14);
    check(Rule::Max, "weighting = 'log1p'\nmissing = 'user-mean'", Names::Both, 15);
}

/// All ratings go, and come again in another order.
#[test]
fn nothing_is_left_of_ratings_that_were_taken_back() {
    let first = first_ratings(Rule::Sum, Names::Numbers, &mut Draws(16));
    let sandbox = fitted(&first, Rule::Sum, "weighting = 'tfidf'");
    let mut ratings = first.clone();
    let rows: Vec<Change> = first.changes().collect();
    let back: Vec<Change> = rows.iter().map(|row| Change { op: Op::Withdraw, ..row.clone() }).collect();
    let again: Vec<Change> = rows.iter().rev().map(|row| Change { op: Op::Add, ..row.clone() }).collect();
    for (name, changes) in [("back", back), ("again", again)] {
        let lines: String = changes.iter().map(|change| change.json(false) + "\n").collect();
        sandbox.write(name, lines);
        follow(&sandbox, &["--input", name, "--state", "state", "--every", "20", "--final", &format!("final-{name}")]);
        changes.iter().for_each(|change| assert_eq!(ratings.apply(change), Verdict::Made));
        assert_exact(&sandbox, &format!("final-{name}"), &ratings, name);
    }
    assert_eq!(Tables::of(&sandbox.path("final-again")).segments, Tables::of(&sandbox.path("out")).segments);
}

/// Users go to the likeliest segment, with opinions and with counts.
#[test]
fn rows_of_a_mixture() {
    check(Rule::Last, &format!("weighting = 'bm25'\nnormalize = 'l2'\n{REFINED}"), Names::Texts, 16);
    check(Rule::Sum, REFINED, Names::Numbers, 17);
    check(Rule::Error, &format!("weighting = 'tfidf'\n{REFINED}"), Names::Both, 18);
}
