//! Whether the evidence tells planted segments from data without any.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use crate::util::data::{FEW_CLUSTERS, ml100k, quoted};
use crate::util::outputs::{adjusted_rand_index, assert_same_answer, csv_records, digests, run_json, segments};
use crate::util::{Sandbox, cluster};

const SEGMENTS: u32 = 6;

/// Planted data as a job of its own; `affinity` is how clear the segments are. 0 leaves users as active and items as
/// popular, and no segments.
fn job(affinity: f64, seed: u64, feedback: &str) -> String {
    format!(
        "seed = {seed}\n[input.generate]\nusers = 1200\nitems = 300\nratings_per_user = 30\nsegments = {SEGMENTS}\n\
         feedback = '{feedback}'\naffinity = {affinity}\nseed = {seed}\n[matrix]\nnormalize = 'l2'\n[kmeans]\n\
         clusters = {SEGMENTS}\nn_init = 3\n[sweep]\nclusters = [2, 4, 5, 6, 7, 8, 10]\nspaces = ['projected']\n"
    )
}

fn evidence(out: &Path) -> Value {
    run_json(out)["evidence"].clone()
}

fn evidence_of(job: &str) -> Value {
    let sandbox = Sandbox::new();
    sandbox.run(job, &["-w", "2"]).succeeded();
    evidence(&sandbox.path("out"))
}

fn real(value: &Value) -> f64 {
    value.as_f64().expect("a number")
}

#[test]
fn data_without_segments_have_none_twenty_times_of_twenty() {
    for seed in 0..20 {
        let feedback = if seed % 2 == 0 { "explicit" } else { "implicit" };
        let found = evidence_of(&job(0.0, seed, feedback));
        assert_eq!(found["verdict"], "none", "seed {seed}: {found}");
        assert!(found["suggested_clusters"].is_null(), "seed {seed}: {found}");
    }
}

#[test]
fn clear_segments_are_stable_twenty_times_of_twenty() {
    for seed in 0..20 {
        let feedback = if seed % 2 == 0 { "explicit" } else { "implicit" };
        let found = evidence_of(&job(0.8, seed, feedback));
        assert_eq!(found["verdict"], "stable", "seed {seed}: {found}");
        assert_eq!(found["suggested_clusters"], SEGMENTS, "seed {seed}: {found}");
        assert!(real(&found["held_out"]["recall_at_10"]) > real(&found["held_out"]["popularity_recall_at_10"]));
    }
}

/// Easy, middling, hard: the planted number is suggested, or the data is called weak.
#[test]
fn the_planted_number_is_suggested_or_the_data_is_called_weak() {
    for (affinity, least) in [(0.9, 0.95), (0.4, 0.85), (0.2, 0.3)] {
        let sandbox = Sandbox::new();
        let size = ["--users", "1200", "--items", "300", "--ratings-per-user", "30", "--segments", "6"];
        let affinity = affinity.to_string();
        let rest = ["--affinity", &affinity, "--seed", "4", "-o", "planted.csv"];
        sandbox.segmill(&[&["generate"], &size[..], &rest].concat()).succeeded();
        let sections = job(0.0, 4, "explicit");
        let (_, sections) = sections.split_once("[matrix]").expect("a section");
        sandbox.run(&format!("[input]\nratings = ['planted.csv']\n[matrix]{sections}"), &["-w", "2"]).succeeded();
        let out = sandbox.path("out");
        let found = evidence(&out);
        let is_suggested = found["suggested_clusters"] == SEGMENTS;
        assert!(is_suggested || found["verdict"] != "stable", "affinity {affinity}: {found}");
        let planted: BTreeMap<String, u32> = csv_records(&sandbox.path("planted.labels.csv"))
            .iter()
            .map(|record| (record["user"].clone(), record["segment"].parse().expect("a segment")))
            .collect();
        let (one, other): (Vec<u32>, Vec<u32>) =
            segments(&out).iter().map(|(user, &segment)| (segment, planted[user])).unzip();
        let ari = adjusted_rand_index(&one, &other);
        assert!(ari >= least, "affinity {affinity}: the adjusted Rand index is {ari}");
    }
}

/// More segments than there are are cut at random; the report says how many would do.
#[test]
fn too_many_segments_are_weak() {
    let found = evidence_of(&job(0.8, 1, "explicit").replace("clusters = 6\n", "clusters = 30\n"));
    assert_eq!(found["verdict"], "weak", "{found}");
    assert_eq!(found["suggested_clusters"], SEGMENTS, "{found}");
    assert!(found["summary"].as_str().expect("a text").contains("6 segments"), "{found}");
}

#[test]
fn evidence_has_the_same_bits_in_every_layout() {
    let Some(data) = ml100k() else { return };
    // So little memory that matrices lie in scratch files.
    let job = format!(
        "memory = '2MiB'\n[input]\nratings = [{}]\n{FEW_CLUSTERS}[matrix]\nmissing = 'user-mean'\n",
        quoted(&data.join("u.data"))
    );
    let sandbox = Sandbox::new();
    sandbox.run_to("one", &job, &["-w", "1"]).succeeded();
    sandbox.run_to("three", &job, &["-w", "3"]).succeeded();
    sandbox.write("job.toml", &job);
    for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "cluster"], 2, 2) {
        ran.succeeded();
    }
    let one = sandbox.path("one");
    assert!(evidence(&one)["held_out"]["ratings"].as_u64().expect("a count") > 9_000);
    for other in ["three", "cluster"] {
        assert_same_answer(&one, &sandbox.path(other), other);
    }
}

#[test]
fn evidence_can_be_switched_off_and_changes_nothing_else() {
    let sandbox = Sandbox::new();
    let job = job(0.8, 1, "explicit");
    sandbox.run_to("with", &job, &["-w", "2"]).succeeded();
    let without = format!("{job}[evidence]\nenabled = false\n");
    sandbox.run_to("without", &without, &["-w", "2"]).succeeded();
    assert!(evidence(&sandbox.path("without")).is_null());
    let with = digests(&sandbox.path("with"));
    assert!(digests(&sandbox.path("without")).iter().all(|(table, digest)| with.get(table) == Some(digest)));
}

/// So few users that a refit has fewer than there are segments.
#[test]
fn a_handful_of_users_has_evidence_too() {
    let sandbox = Sandbox::new();
    let rows: String = (1..=9).map(|user| format!("{user},{},4\n{user},{},2\n", user % 3, 3 + user % 4)).collect();
    sandbox.write("few.csv", rows);
    let job = "[input]\nratings = ['few.csv']\nheader = false\n[pca]\ncomponents = 2\n[kmeans]\nclusters = 8\n[validate]\nfolds = 2\n";
    sandbox.run(job, &["-w", "2"]).succeeded();
    assert_ne!(evidence(&sandbox.path("out"))["verdict"], "stable");
}

#[test]
fn a_first_component_of_activity_is_warned_of() {
    let sandbox = Sandbox::new();
    let raw = job(0.4, 2, "explicit").replace("'l2'", "'none'\nweighting = 'raw'\nmissing = 'zero'");
    let ran = sandbox.run(&raw, &["-w", "2"]).succeeded();
    assert!(ran.stderr.contains("set matrix.normalize = \"l2\""), "{}", ran.stderr);
    assert!(real(&run_json(&sandbox.path("out"))["activity_correlation"]).abs() > 0.9);
}
