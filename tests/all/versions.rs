//! What segmill 0.1.0 has left, read by this version: a run, its report, a checkpoint, the state of a follow session.
//! `deploy/versions.md` says what is promised; `tests/fixtures/0.1.0/README.md` says how the files were made.

use std::fs;
use std::path::Path;

use crate::util::Sandbox;
use crate::util::outputs::{assert_same_answer, digests, parquet_rows, run_json, segments};

const WARNING: &str = "warning: run.json is of segmill 0.1.0";

/// A copy of the fixture, to work in.
fn of_0_1_0() -> Sandbox {
    let sandbox = Sandbox::new();
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/0.1.0"), &sandbox.path(""));
    sandbox
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("the fixture") {
        let entry = entry.expect("an entry");
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &copied);
        } else {
            fs::copy(&path, &copied).expect("a copy");
        }
    }
}

#[test]
fn the_users_of_an_older_run_come_back_with_the_same_bits() {
    let sandbox = of_0_1_0();
    let ran = sandbox.segmill(&["assign", "run", "ratings.csv", "-o", "users.parquet"]).succeeded();
    assert!(ran.stderr.contains(WARNING), "{}", ran.stderr);
    let fitted = parquet_rows(&sandbox.path("run/segments.parquet"));
    assert_eq!(fitted.len(), 40);
    assert_eq!(parquet_rows(&sandbox.path("users.parquet")), fitted);
}

/// The digests of all tables but that of the evidence.
fn but_evidence(out: &Path) -> Vec<(String, String)> {
    digests(out).into_iter().filter(|(table, _)| table != "evidence").collect()
}

/// What the older version took where a job leaves it open.
const THEN: [&str; 4] = ["--set", "matrix.weighting=raw", "--set", "matrix.missing=zero"];

#[test]
fn an_older_run_is_verified_and_run_again() {
    let sandbox = of_0_1_0();
    let ran = sandbox.segmill(&["verify", "run", "-w", "1"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains(WARNING), "{}", ran.stderr);
    // Bits per hidden rating are counted in another way since.
    assert!(ran.stderr.contains("1 of 8 tables differ: evidence;"), "{}", ran.stderr);
    sandbox.segmill(&["run", "run/run.json", "-o", "again", "-q"]).succeeded();
    assert_eq!(but_evidence(&sandbox.path("again")), but_evidence(&sandbox.path("run")));
}

#[test]
fn the_report_of_an_older_run_is_rendered_again_with_new_names() {
    let sandbox = of_0_1_0();
    let manifest = sandbox.path("run/model/model.json");
    let text = fs::read_to_string(&manifest).expect("the manifest");
    assert!(text.contains("\"Like everybody\""), "{text}");
    fs::write(&manifest, text.replacen("\"Like everybody\"", "\"Stargazers\"", 1)).expect("the manifest is written");
    sandbox.segmill(&["report", "run"]).succeeded();
    let page = fs::read_to_string(sandbox.path("run/report.html")).expect("the page");
    assert!(page.contains("Stargazers") && page.contains("Midnight Station (space 2)"));
}

#[test]
fn a_run_is_compared_with_an_older_one() {
    let sandbox = of_0_1_0();
    let words = ["run", "job.toml", "-o", "next", "-q", "--set", "compare.previous=run"];
    sandbox.segmill(&[&words[..], &THEN].concat()).succeeded();
    assert_eq!(run_json(&sandbox.path("next"))["names"], run_json(&sandbox.path("run"))["names"]);
    assert_eq!(segments(&sandbox.path("next")), segments(&sandbox.path("run")));
}

#[test]
fn an_older_checkpoint_is_passed_over_and_cleared_away() {
    let sandbox = of_0_1_0();
    let checkpoints = sandbox.path(".again.checkpoint");
    fs::rename(sandbox.path("again.checkpoint"), &checkpoints).expect("it gets its name");
    let logged = [("RUST_LOG", "info")];
    let ran = sandbox.segmill_with(&logged, &[&["run", "job.toml", "-o", "again"], &THEN[..]].concat()).succeeded();
    assert!(!ran.stderr.contains("going on from a checkpoint"), "{}", ran.stderr);
    assert!(!checkpoints.exists());
    sandbox.segmill(&[&["run", "job.toml", "-o", "anew", "-q"], &THEN[..]].concat()).succeeded();
    assert_same_answer(&sandbox.path("again"), &sandbox.path("anew"), "beside an older checkpoint");
    assert_eq!(but_evidence(&sandbox.path("again")), but_evidence(&sandbox.path("run")));
}

/// Follows an older run with its state and more changes, into `last`.
fn follow(sandbox: &Sandbox, input: &str, last: &str) -> String {
    let words = ["follow", "run", "--input", input, "--stop-at-end", "-w", "2", "--final", last];
    let ran = sandbox.segmill(&words).succeeded();
    assert!(ran.stderr.contains(WARNING), "{}", ran.stderr);
    ran.stdout
}

#[test]
fn a_session_goes_on_from_an_older_state() {
    let sandbox = of_0_1_0();
    let told = follow(&sandbox, "more.jsonl", "followed-here");
    assert!(told.starts_with("{\"event\":\"start\",\"batch\":2,\"resumed\":true,"), "{told}");
    for table in ["segments.parquet", "profiles.parquet"] {
        let rows = |folder: &str| parquet_rows(&sandbox.path(folder).join(table));
        assert_eq!(rows("followed-here"), rows("followed"), "{table}");
    }
    // The next session finds what this one left.
    let withdrawn = [14, 15].map(|item| format!("{{\"op\":\"withdraw\",\"user\":42,\"item\":{item}}}\n"));
    sandbox.write("last.jsonl", withdrawn.concat());
    let told = follow(&sandbox, "last.jsonl", "followed-on");
    assert!(told.starts_with("{\"event\":\"start\",\"batch\":3,\"resumed\":true,"), "{told}");
    let rows = |folder: &str| parquet_rows(&sandbox.path(folder).join("segments.parquet"));
    let before = rows("followed-here").into_iter().filter(|row| row["user"] != "42").collect::<Vec<_>>();
    assert_eq!(rows("followed-on"), before);
}
