//! What is refused, and how: one line that names cause and remedy, the exit code, and nothing left behind.

use std::time::{Duration, Instant};

use crate::util::data::{SMALL_JOB, delimited, small_ratings};
use crate::util::outputs::{csv_files, digests};
use crate::util::{Ran, Sandbox, cluster};

const JOB: &str = "[input]\nratings = ['r.csv']\n";

/// Runs the small job over `ratings`.
fn run_on(ratings: &str, overrides: &[&str]) -> (Sandbox, Ran) {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", ratings);
    let words: Vec<&str> = overrides.iter().flat_map(|&set| ["--set", set]).collect();
    let ran = sandbox.run(&format!("{JOB}{SMALL_JOB}"), &words);
    (sandbox, ran)
}

/// Asserts that the small job over `ratings` is refused, and that the folder is as it was.
#[track_caller]
fn assert_refused(ratings: &str, overrides: &[&str], code: i32, parts: &[&str]) {
    let (sandbox, ran) = run_on(ratings, overrides);
    ran.refused(code, parts);
    assert_eq!(sandbox.listing(), ["job.toml", "r.csv"], "something was left behind");
}

/// Asserts that a job file is refused.
#[track_caller]
fn assert_job_refused(job: &str, parts: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    sandbox.run(job, &[]).refused(2, parts);
    assert_eq!(sandbox.listing(), ["job.toml", "r.csv"], "something was left behind");
}

fn small() -> String {
    delimited(&small_ratings(), None, ",", "\n")
}

#[test]
fn help_and_version_say_what_there_is() {
    let sandbox = Sandbox::new();
    let help = sandbox.segmill(&["--help"]).succeeded().stdout;
    assert!(help.contains("run") && help.contains("generate"), "{help}");
    let run = sandbox.segmill(&["run", "--help"]).succeeded().stdout;
    for flag in [
        "--set",
        "--workers",
        "--output",
        "--processes",
        "--process",
        "--hosts",
        "--port",
        "--service",
        "--start-timeout",
        "--quiet",
    ] {
        assert!(run.contains(flag), "{flag} is not in {run}");
    }
    let generate = sandbox.segmill(&["generate", "--help"]).succeeded().stdout;
    for flag in ["--users", "--items", "--ratings-per-user", "--segments", "--implicit", "--affinity", "--seed"] {
        assert!(generate.contains(flag), "{flag} is not in {generate}");
    }
    assert!(sandbox.segmill(&["--version"]).succeeded().stdout.contains(env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_ends_with_two() {
    let sandbox = Sandbox::new();
    for words in
        [&[][..], &["fly"], &["run"], &["run", "job.toml", "-w", "0"], &["generate"], &["run", "j", "--set", "x"]]
    {
        let ran = sandbox.segmill(words);
        assert_eq!(ran.code, 2, "{words:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty(), "{words:?}");
    }
    assert!(sandbox.listing().is_empty());
}

#[test]
fn a_missing_job_file_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.segmill(&["run", "nowhere.toml"]).refused(2, &["nowhere.toml", "cannot read"]);
    assert!(sandbox.listing().is_empty());
}

#[test]
fn a_job_file_that_is_not_toml_is_refused_with_line_and_column() {
    assert_job_refused("seed = 1\n[input\nratings = ['r.csv']\n", &["job.toml:2:", "TOML"]);
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest_known() {
    assert_job_refused(&format!("{JOB}[pca]\ncomponets = 3\n"), &["job.toml:4:1", "pca.componets", "pca.components"]);
    let sandbox = Sandbox::new();
    sandbox.run(JOB, &["--set", "kmeans.cluster=3"]).refused(2, &["--set kmeans.cluster", "kmeans.clusters"]);
}

#[test]
fn a_wrong_type_is_refused() {
    assert_job_refused(&format!("{JOB}[kmeans]\nclusters = 'many'\n"), &["job.toml:4:1", "kmeans.clusters", "number"]);
}

#[test]
fn a_wrong_value_is_refused() {
    assert_job_refused(&format!("{JOB}[kmeans]\nclusters = 1\n"), &["kmeans.clusters", "2 or more"]);
    assert_job_refused(&format!("{JOB}[pca]\nsolver = 'magic'\n"), &["pca.solver", "\"gram\""]);
    assert_job_refused("seed = 1\n", &["input.ratings"]);
}

#[test]
fn a_missing_ratings_file_is_refused() {
    for ratings in ["nowhere.csv", "nowhere/*.csv"] {
        let sandbox = Sandbox::new();
        sandbox.run(&format!("[input]\nratings = ['{ratings}']\n{SMALL_JOB}"), &[]).refused(4, &[ratings]);
        assert_eq!(sandbox.listing(), ["job.toml"]);
    }
}

#[test]
fn a_missing_file_of_titles_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    let job = format!("{JOB}[input.items]\npath = 'titles.csv'\n{SMALL_JOB}");
    sandbox.run(&job, &[]).refused(4, &["titles.csv"]);
    assert_eq!(sandbox.listing(), ["job.toml", "r.csv"]);
}

#[test]
fn a_bad_row_is_refused_with_its_file_and_line() {
    let text = small().replacen("\n2,", "\n2,3,abc\n2,", 1);
    let line = text.lines().position(|line| line == "2,3,abc").expect("the bad row") + 1;
    assert_refused(&text, &["input.header=false"], 3, &[&format!("r.csv:{line}: "), "abc", "input.on_bad"]);
}

#[test]
fn more_clusters_than_users_are_refused() {
    assert_refused(&small(), &["kmeans.clusters=13"], 2, &["kmeans.clusters", "13", "12"]);
    assert_refused(&small(), &["sweep.clusters=[2, 13]"], 2, &["sweep.clusters", "13", "12"]);
}

#[test]
fn the_default_sweep_is_cut_to_the_users() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    sandbox.run(&format!("{JOB}[pca]\ncomponents = 3\n[kmeans]\nclusters = 2\n"), &[]).succeeded();
    let swept = crate::util::outputs::csv_records(&sandbox.path("out/inertia.csv"));
    let clusters: Vec<u32> = swept.iter().map(|row| row["clusters"].parse().expect("a number")).collect();
    assert!(!clusters.is_empty() && clusters.iter().all(|&k| k <= 12), "{clusters:?}");
}

#[test]
fn more_components_than_items_are_refused() {
    assert_refused(&small(), &["pca.components=9"], 2, &["pca.components", "9", "8"]);
}

#[test]
fn one_user_is_refused() {
    let rows: Vec<_> = small_ratings().into_iter().filter(|row| row.0 == 1).collect();
    assert_refused(&delimited(&rows, None, ",", "\n"), &[], 3, &["user"]);
}

#[test]
fn one_item_is_refused() {
    let rows: Vec<_> = small_ratings().into_iter().filter(|row| row.1 == 1).collect();
    assert!(rows.len() > 4);
    assert_refused(&delimited(&rows, None, ",", "\n"), &["pca.components=1"], 3, &["item"]);
}

#[test]
fn ratings_without_variance_are_refused() {
    let rows: Vec<_> = (1..=12).flat_map(|user| (1..=8).map(move |item| (user, item, 3.0))).collect();
    assert_refused(&delimited(&rows, None, ",", "\n"), &[], 3, &["same rating"]);
}

#[test]
fn an_empty_file_is_refused() {
    assert_refused("", &[], 3, &["r.csv"]);
    assert_refused("\n\n", &[], 3, &["r.csv"]);
}

#[test]
fn a_file_with_nothing_but_a_header_is_refused() {
    assert_refused("user,item,rating\n", &["input.header=true"], 3, &["r.csv"]);
}

#[test]
fn a_folder_of_somebody_else_is_refused_and_left_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    std::fs::create_dir(sandbox.path("out")).expect("a folder");
    sandbox.write("out/thesis.txt", "years of work");
    sandbox.run(&format!("{JOB}{SMALL_JOB}"), &[]).refused(4, &["out", "-o"]);
    assert_eq!(sandbox.listing(), ["job.toml", "out", "out/thesis.txt", "r.csv"]);
    assert_eq!(std::fs::read_to_string(sandbox.path("out/thesis.txt")).expect("it is there"), "years of work");
}

#[test]
fn what_somebody_put_into_an_output_is_not_lost() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    let job = format!("{JOB}{SMALL_JOB}");
    for notes in ["out/notes.txt", "out/model/notes.txt"] {
        sandbox.run(&job, &[]).succeeded();
        let note = sandbox.write(notes, "scribbled into the output");
        let before = sandbox.listing();
        sandbox.run(&job, &[]).refused(4, &["notes.txt", "-o"]);
        assert_eq!(sandbox.listing(), before);
        std::fs::remove_file(note).expect("it is there");
    }
}

#[test]
fn more_folds_than_users_are_refused() {
    assert_refused(&small(), &["validate.folds=13"], 2, &["validate.folds", "12"]);
}

#[test]
fn a_rating_too_large_to_square_is_refused() {
    assert_refused(&(small() + "13,1,1e200\n"), &[], 3, &["r.csv:", "1e200", "1e15"]);
}

#[test]
fn a_file_of_bad_rows_alone_is_refused_even_if_rows_may_be_rejected() {
    let overrides = ["input.on_bad=reject", "input.header=false"];
    assert_refused("1,1,x\n2,2,y\n", &overrides, 3, &["all 2 rows are bad", "line 1"]);
}

#[test]
fn an_empty_job_file_is_refused() {
    assert_job_refused("", &["input.ratings"]);
}

#[test]
fn a_second_run_replaces_the_first_whole() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    let job = format!("{JOB}{SMALL_JOB}");
    sandbox.run(&job, &[]).succeeded();
    let before = sandbox.listing();
    let (first, tables) = (digests(&sandbox.path("out")), csv_files(&sandbox.path("out")));

    sandbox.run(&job, &["--set", "seed=1", "--set", "sweep.clusters=[2, 4]"]).succeeded();
    assert_eq!(sandbox.listing(), before, "the old folder went whole, and nothing is left of the exchange");
    assert_ne!(digests(&sandbox.path("out")), first);

    sandbox.run(&job, &[]).succeeded();
    assert_eq!(digests(&sandbox.path("out")), first);
    assert_eq!(csv_files(&sandbox.path("out")), tables);
}

#[test]
fn a_failing_run_leaves_the_earlier_output_alone() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    let job = format!("{JOB}{SMALL_JOB}");
    sandbox.run(&job, &[]).succeeded();
    let (before, first) = (sandbox.listing(), digests(&sandbox.path("out")));
    sandbox.run(&job, &["--set", "kmeans.clusters=13"]).refused(2, &["kmeans.clusters"]);
    assert_eq!(sandbox.listing(), before);
    assert_eq!(digests(&sandbox.path("out")), first);
}

#[test]
fn the_segments_are_printed_unless_quiet() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    let job = format!("{JOB}{SMALL_JOB}");
    let ran = sandbox.run(&job, &[]).succeeded();
    assert!(ran.stdout.lines().any(|line| line.starts_with("0 (6, ")), "{}", ran.stdout);
    assert!(!ran.stdout.contains('\u{1b}') && !ran.stderr.contains('\u{1b}'), "colours where nobody looks");
    let quiet = sandbox.run(&job, &["--quiet"]).succeeded();
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""));
}

#[test]
fn without_o_the_output_is_named_after_the_job() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    sandbox.write("tiny.toml", format!("{JOB}{SMALL_JOB}"));
    sandbox.segmill(&["run", "tiny.toml"]).succeeded();
    assert!(sandbox.path("out/tiny/run.json").is_file());
}

#[test]
fn cluster_flags_that_disagree_are_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("hosts", "127.0.0.1:1\n127.0.0.1:2\n");
    sandbox.write("r.csv", small());
    let job = format!("{JOB}{SMALL_JOB}");
    for (words, part) in [
        (&["--processes", "2"][..], "--process"),
        (&["--processes", "2", "--process", "2", "--hosts", "hosts"], "--process"),
        (&["--processes", "2", "--process", "0"], "--hosts"),
        (&["--processes", "3", "--process", "0", "--hosts", "hosts"], "--hosts"),
        (&["--processes", "2", "--process", "0", "--hosts", "nowhere"], "nowhere"),
    ] {
        sandbox.run(&job, words).refused(2, &[part]);
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_missing_peer_ends_the_start_in_time_and_is_named() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", small());
    sandbox.write("job.toml", format!("{JOB}{SMALL_JOB}"));
    let addresses = cluster::free_addresses(2);
    let hosts = sandbox.write("hosts", addresses.join("\n"));
    for present in [0, 1] {
        let words = ["run", "job.toml", "-o", "out", "--start-timeout", "2"];
        let started = Instant::now();
        let member = cluster::start(&sandbox, &words, &hosts, 2, present, 1);
        let ran = cluster::finish(member, started + Duration::from_secs(60));
        let waited = started.elapsed();
        ran.refused(5, &[&addresses[1 - present]]);
        assert!(waited < Duration::from_secs(12), "a start time-out of 2 s took {waited:?}");
        assert!(!sandbox.path("out").exists());
    }
}
