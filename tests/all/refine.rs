//! Segments refined by a mixture: the same in every layout, and for all who come later.

use std::collections::BTreeMap;

use crate::util::outputs::{
    adjusted_rand_index, assert_same_answer, csv_records, parquet_rows, run_json, segments, tensor,
};
use crate::util::{Sandbox, cluster};

const JOB: &str = "
[input]
ratings = ['planted.csv']
[matrix]
weighting = 'raw'
normalize = 'none'
missing = 'zero'
[pca]
components = 6
solver = 'krylov'
[kmeans]
clusters = 6
n_init = 2
refine = 'mixture'
[sweep]
clusters = [4, 6, 8]
spaces = ['projected']
[validate]
folds = 2
[evidence]
refits = 3
";

/// Ratings of planted segments, and a job for them.
fn planted(feedback: &[&str]) -> Sandbox {
    let sandbox = Sandbox::new();
    let size = ["--users", "900", "--items", "250", "--ratings-per-user", "30", "--segments", "6"];
    let rest = ["--affinity", "0.6", "--seed", "4", "-o", "planted.csv"];
    sandbox.segmill(&[&["generate"], &size[..], feedback, &rest].concat()).succeeded();
    sandbox.write("job.toml", JOB);
    sandbox
}

/// The same as counts in place of ratings, from 1 to 81.
fn planted_amounts(amounts: &str) -> Sandbox {
    let sandbox = planted(&[]);
    let rows = csv_records(&sandbox.path("planted.csv"));
    let amount = |rating: &str| (rating.parse::<f64>().expect("a rating") - 1.0).powi(2).mul_add(5.0, 1.0).round();
    let line = |row: &BTreeMap<String, String>| format!("{},{},{}\n", row["user"], row["item"], amount(&row["rating"]));
    let lines: String = rows.iter().map(line).collect();
    sandbox.write("planted.csv", format!("user,item,count\n{lines}"));
    sandbox.write("job.toml", JOB.replace("refine =", &format!("amounts = '{amounts}'\nrefine =")));
    sandbox
}

/// How well the segments of a run agree with those that were planted.
fn agreement(sandbox: &Sandbox, out: &str) -> f64 {
    let labels: BTreeMap<String, u32> = csv_records(&sandbox.path("planted.labels.csv"))
        .iter()
        .map(|record| (record["user"].clone(), record["segment"].parse().expect("a segment")))
        .collect();
    let (found, there): (Vec<u32>, Vec<u32>) =
        segments(&sandbox.path(out)).iter().map(|(user, &segment)| (segment, labels[user])).unzip();
    adjusted_rand_index(&found, &there)
}

#[test]
fn refined_segments_are_better_and_the_same_in_every_layout() {
    for feedback in [&[][..], &["--implicit"]] {
        let sandbox = planted(feedback);
        sandbox.segmill(&["run", "job.toml", "-o", "one", "-w", "1", "-q"]).succeeded();
        sandbox.segmill(&["run", "job.toml", "-o", "plain", "-q", "--set", "kmeans.refine=none"]).succeeded();
        let (refined, plain) = (agreement(&sandbox, "one"), agreement(&sandbox, "plain"));
        assert!(refined > plain && refined > 0.9, "{feedback:?}: {plain} refined to {refined}");
        let bits = |out: &str| run_json(&sandbox.path(out))["evidence"]["held_out"]["bits"].as_f64().expect("bits");
        assert!(bits("one") > bits("plain"), "{feedback:?}");

        sandbox.segmill(&["run", "job.toml", "-o", "three", "-w", "3", "-q"]).succeeded();
        sandbox.segmill(&["run", "job.toml", "-o", "little", "-w", "2", "-q", "--set", "memory=1MiB"]).succeeded();
        for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "cluster"], 2, 2) {
            ran.succeeded();
        }
        for other in ["three", "little", "cluster"] {
            assert_same_answer(&sandbox.path("one"), &sandbox.path(other), other);
        }
        sandbox.segmill(&["verify", "one", "-w", "2"]).succeeded();
    }
}

#[test]
fn users_come_back_to_their_segments() {
    let sandbox = planted(&[]);
    sandbox.segmill(&["run", "job.toml", "-o", "out", "-q", "--set", "evidence.enabled=false"]).succeeded();
    let fitted = std::fs::read(sandbox.path("out/segments.parquet")).expect("the run");
    for more in [&["-w", "1"][..], &["-w", "3"], &["-w", "2", "--set", "memory=1MiB"]] {
        let words = [&["assign", "out", "planted.csv", "-o", "found.parquet", "-q"], more].concat();
        sandbox.segmill(&words).succeeded();
        assert!(std::fs::read(sandbox.path("found.parquet")).expect("the users") == fitted, "{more:?}");
    }
    // The model has what it takes, and sizes are those of the users.
    let (shape, _) = tensor(&sandbox.path("out"), "mixture.terms");
    assert_eq!(shape[1], 6);
    let run = run_json(&sandbox.path("out"));
    let mut sizes = vec![0; 6];
    for row in parquet_rows(&sandbox.path("out/segments.parquet")) {
        sizes[row["segment"].parse::<usize>().expect("a segment")] += 1;
    }
    assert_eq!(run["sizes"], serde_json::json!(sizes));
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    let squares: f64 = parquet_rows(&sandbox.path("out/segments.parquet"))
        .iter()
        .map(|row| row["distance"].parse::<f64>().expect("a distance").powi(2))
        .sum();
    assert!((run["inertia"].as_f64().expect("an inertia") / squares - 1.0).abs() < 1e-9);
}

#[test]
fn amounts_are_read_in_the_same_way_in_every_layout_and_for_all_who_come_later() {
    for (amounts, tensor_name) in [("share", "mixture.weights"), ("level", "mixture.item_log_means")] {
        let sandbox = planted_amounts(amounts);
        sandbox.segmill(&["run", "job.toml", "-o", "one", "-w", "1", "-q"]).succeeded();
        sandbox.segmill(&["run", "job.toml", "-o", "none", "-q", "--set", "kmeans.amounts=none"]).succeeded();
        let bits = |out: &str| run_json(&sandbox.path(out))["evidence"]["held_out"]["bits"].as_f64().expect("bits");
        assert!(bits("one") > 0.0 && bits("one") != bits("none"), "{amounts}");
        assert!(!tensor(&sandbox.path("one"), tensor_name).1.is_empty());
        sandbox.segmill(&["run", "job.toml", "-o", "three", "-w", "3", "-q", "--set", "memory=1MiB"]).succeeded();
        for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "cluster"], 2, 2) {
            ran.succeeded();
        }
        for other in ["three", "cluster"] {
            assert_same_answer(&sandbox.path("one"), &sandbox.path(other), other);
        }
        sandbox.segmill(&["verify", "one", "-w", "2"]).succeeded();
        sandbox.segmill(&["assign", "one", "planted.csv", "-o", "found.parquet", "-q", "-w", "2"]).succeeded();
        let fitted = std::fs::read(sandbox.path("one/segments.parquet")).expect("the run");
        assert!(std::fs::read(sandbox.path("found.parquet")).expect("the users") == fitted, "{amounts}");
    }
}

#[test]
fn an_unknown_refinement_is_refused() {
    let sandbox = planted(&[]);
    sandbox
        .segmill(&["run", "job.toml", "-o", "out", "--set", "kmeans.refine=em"])
        .refused(2, &["kmeans.refine", "mixture"]);
    sandbox
        .segmill(&["run", "job.toml", "-o", "out", "--set", "kmeans.amounts=log"])
        .refused(2, &["kmeans.amounts", "share"]);
}
