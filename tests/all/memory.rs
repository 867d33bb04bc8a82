//! `memory` is kept: what does not fit goes to files, the answer is the same, and no file stays.

use crate::util::outputs::{assert_same_answer, parquet_rows, run_json};
use crate::util::{Sandbox, cluster};

/// The ratings do not fit 6 MiB and lie in several partitions. A Krylov basis of 900 items does fit: it would be restarted
/// sooner with less, and end on other last digits.
const JOB: &str = "
[input.generate]
users = 20_000
items = 900
ratings_per_user = 120
segments = 6
affinity = 0.6
seed = 4
[pca]
components = 6
solver = 'krylov'
[kmeans]
clusters = 6
n_init = 2
[sweep]
clusters = [4]
";

#[test]
fn little_memory_gives_the_same_answer_from_files() {
    let sandbox = Sandbox::new();
    for (weighting, normalize) in [("raw", "none"), ("bm25", "l2")] {
        let job = |memory: &str| {
            format!("memory = '{memory}'\n{JOB}[matrix]\nweighting = '{weighting}'\nnormalize = '{normalize}'\n")
        };
        sandbox.run_to("roomy", &job("4GiB"), &["-w", "1"]).succeeded();
        sandbox.run_to("tight", &job("6MiB"), &["-w", "2"]).succeeded();
        let spilled = |out: &str| run_json(&sandbox.path(out))["spilled"].as_u64().unwrap();
        assert_eq!(spilled("roomy"), 0);
        assert!(spilled("tight") > 6 << 20, "{} bytes", spilled("tight"));
        assert_same_answer(&sandbox.path("roomy"), &sandbox.path("tight"), weighting);
    }
    let segments = parquet_rows(&sandbox.path("tight").join("segments.parquet"));
    let users: Vec<u64> = segments.iter().map(|row| row["user"].parse().expect("a number")).collect();
    assert_eq!(users.len(), 20_000);
    assert!(users.is_sorted(), "users are not sorted by id");
    assert_eq!(top(&sandbox), ["job.toml", "roomy", "tight"]);
}

#[test]
fn every_member_of_a_cluster_spills_its_own() {
    let sandbox = Sandbox::new();
    sandbox.run_to("roomy", &format!("memory = '4GiB'\n{JOB}"), &["-w", "1"]).succeeded();
    sandbox.write("tight.toml", format!("memory = '6MiB'\n{JOB}"));
    for member in cluster::run(&sandbox, &["run", "tight.toml", "-o", "tight"], 2, 2) {
        member.succeeded();
    }
    assert!(run_json(&sandbox.path("tight"))["spilled"].as_u64().unwrap() > 4 << 20);
    assert_same_answer(&sandbox.path("roomy"), &sandbox.path("tight"), "two processes");
}

#[test]
fn a_scratch_folder_that_cannot_be_written_is_refused_with_its_name() {
    let sandbox = Sandbox::new();
    let job = format!("memory = '6MiB'\nscratch = 'not/there'\n{JOB}");
    sandbox.run(&job, &["-w", "2"]).refused(4, &["not/there", "scratch"]);
    assert_eq!(sandbox.listing(), ["job.toml"]);
}

#[test]
fn the_scratch_folder_is_where_the_job_says() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(sandbox.path("elsewhere")).unwrap();
    let job = format!("memory = '6MiB'\nscratch = 'elsewhere'\n{JOB}");
    sandbox.run(&job, &["-w", "2"]).succeeded();
    assert!(std::fs::read_dir(sandbox.path("elsewhere")).unwrap().next().is_none(), "a scratch file stayed");
}

/// The names at the top of the sandbox.
fn top(sandbox: &Sandbox) -> Vec<String> {
    sandbox.listing().into_iter().filter(|name| !name.contains('/')).collect()
}

/// Nothing is made or read: the refusal comes from a sample.
#[test]
fn what_cannot_fit_is_refused_before_the_first_row_with_what_would() {
    let sandbox = Sandbox::new();
    let job = |memory: &str| {
        format!(
            "memory = '{memory}'\n[input.generate]\nusers = 3_000_000\nitems = 300_000\nratings_per_user = 30\nseed = 4\n\
             [pca]\ncomponents = 6\n[kmeans]\nclusters = 400\nn_init = 1\n[sweep]\nclusters = []\n"
        )
    };
    let refused =
        sandbox.run(&job("300MiB"), &["-w", "2"]).refused(2, &["memory: ", "besides their ratings", "set it to"]);
    assert_eq!(sandbox.listing(), ["job.toml"]);
    let (_, enough) = refused.stderr.split_once("set it to \"").expect("a remedy");
    let enough = enough.split_once('"').expect("a size").0;
    assert!(
        enough.strip_suffix("MiB").is_some_and(|size| size.parse::<u64>().is_ok_and(|size| size > 512)),
        "{enough}"
    );
    // With a few items and users, little memory is only slower.
    sandbox.run(&format!("memory = '1MiB'\n{JOB}"), &["-w", "2"]).succeeded();
}
