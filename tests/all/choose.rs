//! Settings that a run chooses: from a raw file to the planted segments, with no key.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::util::outputs::{adjusted_rand_index, assert_same_answer, csv_records, digests, run_json, segments};
use crate::util::{Sandbox, cluster};

const SEGMENTS: u64 = 5;

/// A file with planted segments; there are none with an affinity of 0.
fn planted(sandbox: &Sandbox, affinity: f64) {
    let size = ["--users", "900", "--items", "250", "--ratings-per-user", "30", "--segments", "5"];
    let affinity = affinity.to_string();
    let rest = ["--affinity", &affinity, "--seed", "8", "-o", "planted.csv"];
    sandbox.segmill(&[&["generate"], &size[..], &rest].concat()).succeeded();
}

/// What was chosen, without the time that it took.
fn chosen(out: &Path) -> Value {
    let mut chosen = run_json(out)["chosen"].clone();
    for candidate in chosen["candidates"].as_array_mut().expect("candidates") {
        candidate.as_object_mut().expect("a candidate").remove("seconds").expect("seconds");
    }
    chosen
}

#[test]
fn one_command_finds_the_planted_segments_and_all_that_follows_keeps_the_choice() {
    let sandbox = Sandbox::new();
    planted(&sandbox, 0.6);
    let ran = sandbox.segmill(&["run", "planted.csv", "-o", "one", "-w", "1"]).succeeded();
    let one = sandbox.path("one");
    let run = run_json(&one);
    assert_eq!((&run["evidence"]["verdict"], run["chosen"]["clusters"].as_u64()), (&"stable".into(), Some(SEGMENTS)));
    assert!(run["evidence"]["suggested_clusters"].as_u64() == Some(SEGMENTS));
    let line = ran.stdout.lines().find(|line| line.starts_with("chosen: ")).expect("a line on the choice");
    assert!(line.contains("5 segments"), "{line}");
    let labels: BTreeMap<String, u32> = csv_records(&sandbox.path("planted.labels.csv"))
        .iter()
        .map(|record| (record["user"].clone(), record["segment"].parse().expect("a segment")))
        .collect();
    let (found, there): (Vec<u32>, Vec<u32>) =
        segments(&one).iter().map(|(user, &segment)| (segment, labels[user])).unzip();
    assert!(adjusted_rand_index(&found, &there) > 0.9);

    // Every layout.
    sandbox.segmill(&["run", "planted.csv", "-o", "three", "-w", "3"]).succeeded();
    for ran in cluster::run(&sandbox, &["run", "planted.csv", "-o", "cluster"], 2, 2) {
        ran.succeeded();
    }
    for other in ["three", "cluster"] {
        assert_same_answer(&one, &sandbox.path(other), other);
        assert_eq!(chosen(&one), chosen(&sandbox.path(other)), "{other}");
    }

    // The record has what was chosen, so nothing is chosen again.
    sandbox.segmill(&["run", "one/run.json", "-o", "again", "-q"]).succeeded();
    let again = run_json(&sandbox.path("again"));
    assert!(again["chosen"].is_null() && again["evidence"] == run["evidence"]);
    assert_eq!(digests(&sandbox.path("again")), digests(&one));
    sandbox.segmill(&["verify", "one", "-w", "2"]).succeeded();
    sandbox.segmill(&["assign", "one", "planted.csv", "-o", "users.parquet"]).succeeded();
}

#[test]
fn what_is_given_is_kept() {
    let sandbox = Sandbox::new();
    planted(&sandbox, 0.6);
    let words =
        ["run", "planted.csv", "-o", "out", "-q", "--set", "kmeans.clusters=7", "--set", "matrix.weighting=raw"];
    sandbox.segmill(&words).succeeded();
    let run = run_json(&sandbox.path("out"));
    assert_eq!((run["chosen"]["clusters"].as_u64(), &run["chosen"]["weighting"]), (Some(7), &"raw".into()));
    assert_eq!(run["chosen"]["open"], serde_json::json!(["matrix.normalize", "matrix.missing", "pca.components"]));
    assert_eq!(
        (&run["job"]["choices"]["clusters"], &run["job"]["choices"]["components"]),
        (&"given".into(), &"chosen".into())
    );
}

#[test]
fn without_segments_the_verdict_leads() {
    let sandbox = Sandbox::new();
    planted(&sandbox, 0.0);
    let ran = sandbox.segmill(&["run", "planted.csv", "-o", "out"]).succeeded();
    assert_eq!(run_json(&sandbox.path("out"))["evidence"]["verdict"], "none");
    let verdict = ran.stdout.find("verdict: none").expect("the verdict");
    assert!(verdict < ran.stdout.find("chosen: ").expect("the choice"), "{}", ran.stdout);
    assert!(ran.stdout.contains("What could be tried"), "{}", ran.stdout);
}

#[test]
fn a_handful_of_users_gets_the_usual_settings() {
    let sandbox = Sandbox::new();
    let rows: String = (1..=9).map(|user| format!("{user},{},4\n{user},{},2\n", user % 3, 3 + user % 4)).collect();
    sandbox.write("few.csv", rows);
    sandbox.segmill(&["run", "few.csv", "-o", "out", "-q"]).succeeded();
    let chosen = &run_json(&sandbox.path("out"))["chosen"];
    assert!(chosen["why"].as_str().expect("a text").contains("too few users"), "{chosen}");
}
