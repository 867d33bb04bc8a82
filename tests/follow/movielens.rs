//! MovieLens 100K, replayed in time order.

use std::path::Path;

use super::following::follow;
use super::reference::{Change, Ratings, Rule, Tables, Verdict, assert_exact};
use super::told::Told;
use crate::util::Sandbox;
use crate::util::data::{ml100k, quoted};
use crate::util::draws::Draws;

fn fitted(folder: &Path) -> Sandbox {
    let sandbox = Sandbox::new();
    let job = format!(
        "[input]\nratings = [{}]\n[kmeans]\nn_init = 2\n[sweep]\nclusters = []\n[evidence]\nenabled = false\n",
        quoted(&folder.join("u.data"))
    );
    sandbox.run(&job, &["-q"]).succeeded();
    sandbox
}

/// The rows of `u.data` as puts, in the order of their times.
fn in_time_order(folder: &Path) -> Vec<Change> {
    let text = std::fs::read_to_string(folder.join("u.data")).expect("u.data can be read");
    let mut rows: Vec<(u64, Change)> = text.lines().map(row).collect();
    rows.sort_by_key(|(time, _)| *time);
    rows.into_iter().map(|(_, change)| change).collect()
}

fn row(line: &str) -> (u64, Change) {
    let fields: Vec<&str> = line.split('\t').collect();
    let rating = fields[2].parse().expect("a rating");
    (fields[3].parse().expect("a time"), Change::put(fields[0], fields[1], rating))
}

fn lines(changes: &[Change]) -> String {
    changes.iter().map(|change| change.json(false) + "\n").collect()
}

#[test]
fn a_replay_ends_where_the_run_did() {
    let Some(folder) = ml100k() else { return };
    let sandbox = fitted(&folder);
    sandbox.write("u.jsonl", lines(&in_time_order(&folder)));
    let expected = Tables::assigned(&sandbox, "out", &folder.join("u.data"));
    for workers in ["1", "2", "4"] {
        let [state, told, last] = ["state", "told", "final"].map(|name| format!("{name}-{workers}"));
        let words = ["--empty", "--input", "u.jsonl", "--every", "1000", "-w", workers, "--state", &state];
        follow(&sandbox, &[&words[..], &["--output", &told, "--final", &last]].concat());
        let found = Tables::of(&sandbox.path(&last));
        assert!(found == expected, "{workers} workers: the tables differ");
        let told = Told::from(None).read(&sandbox.path(&told));
        told.assert_ends_at(&found, workers);
        assert_eq!((told.batch, told.changes, told.rejected), (100, 100_000, 0), "{workers} workers");
    }
    let told = |workers: u32| std::fs::read(sandbox.path(&format!("told-{workers}"))).expect("what was told");
    assert!(told(1) == told(2) && told(1) == told(4), "what was told differs");
}

/// What the run itself says of its users is what a start without changes says.
#[test]
fn withdrawals_and_replacements_are_as_if_they_had_always_been() {
    let Some(folder) = ml100k() else { return };
    let sandbox = fitted(&folder);
    let mut ratings = Ratings::none(Rule::Error);
    let all = in_time_order(&folder);
    all.iter().for_each(|change| _ = ratings.apply(change));
    let mut draws = Draws(11);
    let mut changes = Vec::new();
    while changes.len() < 5_000 {
        let Change { user, item, .. } = draws.of(&all);
        let change = match draws.below(2) {
            0 => Change::withdraw(user, item),
            _ => Change::put(user, item, (draws.below(5) + 1) as f64),
        };
        if ratings.apply(&change) == Verdict::Made {
            changes.push(change);
        }
    }
    sandbox.write("changes.jsonl", lines(&changes));
    follow(
        &sandbox,
        &["--input", "changes.jsonl", "--output", "told", "--final", "final", "--every", "500", "-w", "2"],
    );
    assert_exact(&sandbox, "final", &ratings, "5,000 changes");
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    told.assert_ends_at(&Tables::of(&sandbox.path("final")), "5,000 changes");
    assert_eq!((told.changes, told.rejected, told.last["ratings"].as_u64()), (5_000, 0, Some(ratings.pairs())));
}
