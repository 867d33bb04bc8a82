//! The first promise: the same bits for any workers × processes and any order of arrival.

use std::path::PathBuf;
use std::sync::OnceLock;

use crate::util::data::{SMALL_JOB, delimited, ml100k, quoted, shuffled, small_ratings};
use crate::util::outputs::{assert_same_answer, ledger, parquet_rows};
use crate::util::{Sandbox, cluster};

/// Enough of every stage to differ somewhere, at a fraction of the time of the defaults.
const REDUCED: &str = "
[pca]
solver = 'gram'
[kmeans]
clusters = 12
n_init = 3
[sweep]
clusters = [5, 20]
";

const EXPLICIT: &str = "
[input.generate]
users = 1500
items = 300
ratings_per_user = 25
segments = 6
seed = 3
[pca]
components = 8
[kmeans]
clusters = 6
n_init = 4
[sweep]
clusters = [3, 6, 9]
";

const IMPLICIT: &str = "
[input]
duplicates = 'sum'
[input.generate]
users = 1500
items = 300
ratings_per_user = 25
segments = 6
feedback = 'implicit'
seed = 3
[matrix]
weighting = 'tfidf'
normalize = 'l2'
[pca]
components = 8
[kmeans]
clusters = 6
n_init = 4
[sweep]
clusters = [3, 6, 9]
";

/// A job, and its answer on one worker.
struct Reference {
    job: String,
    sandbox: Sandbox,
}

impl Reference {
    fn new(job: String) -> Reference {
        let sandbox = Sandbox::new();
        sandbox.run(&job, &["-w", "1"]).succeeded();
        Reference { job, sandbox }
    }

    fn out(&self) -> PathBuf {
        self.sandbox.path("out")
    }

    /// Runs the job on `workers` threads and compares.
    fn holds_for_workers(&self, workers: usize) {
        let sandbox = Sandbox::new();
        sandbox.run(&self.job, &["-w", &workers.to_string()]).succeeded();
        assert_same_answer(&self.out(), &sandbox.path("out"), &format!("{workers} workers"));
    }

    /// Runs the job as a cluster and compares.
    fn holds_for_processes(&self, processes: usize, workers: usize) {
        let what = format!("{processes} processes of {workers} workers");
        let sandbox = Sandbox::new();
        sandbox.write("job.toml", &self.job);
        for (process, ran) in
            cluster::run(&sandbox, &["run", "job.toml", "-o", "out"], processes, workers).into_iter().enumerate()
        {
            assert_eq!(ran.code, 0, "{what}, process {process}: {}", ran.stderr);
        }
        assert_same_answer(&self.out(), &sandbox.path("out"), &what);
    }

    fn holds_everywhere(&self) {
        for workers in [2, 3, 5] {
            self.holds_for_workers(workers);
        }
        for (processes, workers) in [(2, 1), (2, 2), (3, 1), (3, 2)] {
            self.holds_for_processes(processes, workers);
        }
    }
}

fn movielens() -> Option<&'static Reference> {
    static REFERENCE: OnceLock<Option<Reference>> = OnceLock::new();
    REFERENCE.get_or_init(|| Some(Reference::new(movielens_job(&quoted(&ml100k()?.join("u.data")))))).as_ref()
}

fn movielens_job(ratings: &str) -> String {
    format!("[input]\nratings = [{ratings}]\n{REDUCED}")
}

#[test]
fn movielens_on_any_number_of_workers() {
    let Some(reference) = movielens() else { return };
    for workers in [2, 3, 5] {
        reference.holds_for_workers(workers);
    }
}

#[test]
fn movielens_on_two_processes() {
    let Some(reference) = movielens() else { return };
    for workers in [1, 2] {
        reference.holds_for_processes(2, workers);
    }
}

#[test]
fn movielens_on_three_processes() {
    let Some(reference) = movielens() else { return };
    for workers in [1, 2] {
        reference.holds_for_processes(3, workers);
    }
}

#[test]
fn movielens_shuffled_and_split_over_two_files() {
    let Some(reference) = movielens() else { return };
    let text = std::fs::read_to_string(ml100k().expect("it was there").join("u.data")).expect("u.data can be read");
    let lines: Vec<&str> = text.lines().collect();
    let (first, second) = (shuffled(&lines, 1), shuffled(&lines, 2));
    let sandbox = Sandbox::new();

    sandbox.write("whole.data", first.join("\n") + "\n");
    sandbox.run(&movielens_job("'whole.data'"), &["-w", "2"]).succeeded();
    assert_same_answer(&reference.out(), &sandbox.path("out"), "shuffled lines");

    let (left, right) = second.split_at(31_415);
    sandbox.write("left.data", left.join("\r\n"));
    sandbox.write("right.data", right.join("\n") + "\n");
    sandbox.run(&movielens_job("'left.data', 'right.data'"), &["-w", "3"]).succeeded();
    assert_same_answer(&reference.out(), &sandbox.path("out"), "two files, one with CRLF and no last line end");
    assert_eq!(ledger(&sandbox.path("out")), [100_000, 100_000, 0, 0]);
}

#[test]
fn planted_explicit_ratings_everywhere() {
    Reference::new(EXPLICIT.into()).holds_everywhere();
}

#[test]
fn planted_events_everywhere() {
    Reference::new(IMPLICIT.into()).holds_everywhere();
}

#[test]
fn the_krylov_solver_everywhere() {
    let job =
        EXPLICIT.replace("items = 300", "items = 500").replace("components = 8", "components = 8\nsolver = 'krylov'");
    let reference = Reference::new(job);
    assert_eq!(crate::util::outputs::run_json(&reference.out())["solver"]["solver"], "krylov");
    reference.holds_everywhere();
}

/// Little memory: k-means cannot copy the points to every worker and moves in lockstep, and PCA cannot afford the Gram
/// matrix, however many share it.
#[test]
fn little_memory_everywhere() {
    let wide = EXPLICIT.replace("items = 300", "items = 500");
    let reference = Reference::new(format!("memory = '1MiB'\n{wide}"));
    assert_eq!(crate::util::outputs::run_json(&reference.out())["solver"]["solver"], "krylov");
    reference.holds_everywhere();
}

#[test]
fn every_classifier_and_weighting_everywhere() {
    for (model, weighting) in [("gaussian", "bm25"), ("bernoulli", "log1p")] {
        let reference =
            Reference::new(format!("{EXPLICIT}[validate]\nmodel = '{model}'\n[matrix]\nweighting = '{weighting}'\n"));
        reference.holds_for_workers(3);
        reference.holds_for_processes(2, 2);
    }
}

#[test]
fn another_seed_gives_another_answer() {
    let reference = Reference::new(EXPLICIT.into());
    let other = Sandbox::new();
    other.run(EXPLICIT, &["-w", "1", "--set", "input.generate.seed=4"]).succeeded();
    assert_ne!(crate::util::outputs::digests(&reference.out()), crate::util::outputs::digests(&other.path("out")));
}

#[test]
fn ids_of_text_everywhere() {
    let named: Vec<String> =
        small_ratings().iter().map(|(user, item, rating)| format!("user-{user},item {item},{rating}\n")).collect();
    let folder = Sandbox::new();
    let path = folder.write("named.csv", named.concat());
    let reference = Reference::new(format!("[input]\nratings = [{}]\nheader = false\n{SMALL_JOB}", quoted(&path)));
    let users: Vec<String> =
        parquet_rows(&reference.out().join("segments.parquet")).iter().map(|row| row["user"].clone()).collect();
    assert!(users.is_sorted() && users.len() == 12 && users[1] == "user-10", "{users:?}");
    reference.holds_everywhere();

    folder.write("named.csv", shuffled(&named, 5).concat());
    reference.holds_for_workers(3);
}

#[test]
fn more_workers_than_users() {
    let folder = Sandbox::new();
    let path = folder.write("small.csv", delimited(&small_ratings(), None, ",", "\n"));
    let reference = Reference::new(format!("[input]\nratings = [{}]\n{SMALL_JOB}", quoted(&path)));
    reference.holds_for_workers(16);
    reference.holds_for_processes(3, 5);
}

#[test]
fn all_members_of_a_cluster_end_with_the_same_refusal() {
    let sandbox = Sandbox::new();
    sandbox.write("bad.csv", "1,1,3\n1,2,4\n2,1,abc\n2,2,5\n3,1,1\n3,2,2\n");
    sandbox.write("job.toml", format!("[input]\nratings = ['bad.csv']\nheader = false\n{SMALL_JOB}"));
    for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "out"], 3, 2) {
        assert_eq!(ran.code, 3, "{}", ran.stderr);
        assert!(ran.stderr.contains("bad.csv:3: "), "{}", ran.stderr);
    }
    assert!(!sandbox.path("out").exists());
}
