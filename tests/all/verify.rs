//! `segmill verify`: a run gives the same again in another layout, and says what does not.

use crate::util::Sandbox;
use crate::util::data::{SMALL_JOB, delimited, small_ratings};
use crate::util::outputs::{assert_same_answer, digests, run_json};

fn small_run() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    sandbox.run(&format!("[input]\nratings = ['r.csv']\n{SMALL_JOB}"), &["-q", "-w", "1"]).succeeded();
    sandbox
}

/// Replaces a text of `run.json`.
fn tamper(sandbox: &Sandbox, from: &str, to: &str) {
    let path = sandbox.path("out/run.json");
    let text = std::fs::read_to_string(&path).expect("run.json");
    assert!(text.contains(from), "{from}");
    std::fs::write(&path, text.replacen(from, to, 1)).expect("run.json is replaced");
}

#[test]
fn another_layout_gives_the_same_tables() {
    let sandbox = small_run();
    let before = sandbox.listing();
    for (words, layout) in [
        (&[][..], "again as 1 × 2"),
        (&["-w", "3"], "again as 1 × 3"),
        (&["--processes", "2", "-w", "1"], "again as 2 × 1"),
    ] {
        let ran = sandbox.segmill(&[&["verify", "out"], words].concat()).succeeded();
        let lines: Vec<Vec<&str>> = ran.stdout.lines().map(|line| line.split_whitespace().collect()).collect();
        let expected: Vec<Vec<String>> =
            digests(&sandbox.path("out")).into_keys().map(|table| vec![table, "same".into()]).collect();
        assert_eq!(lines, expected, "{words:?}");
        assert!(ran.stderr.contains("ran as 1 × 1") && ran.stderr.contains(layout), "{}", ran.stderr);
        assert_eq!(sandbox.listing(), before, "{words:?}: nothing is left");
    }
    assert_eq!(sandbox.segmill(&["verify", "out", "-q"]).succeeded().stdout, "");
}

#[test]
fn a_digest_that_was_changed_is_found_out() {
    let sandbox = small_run();
    let digest = digests(&sandbox.path("out"))["segments"].clone();
    tamper(&sandbox, &digest, &digest.chars().rev().collect::<String>());
    let ran = sandbox.segmill(&["verify", "out"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let different: Vec<&str> = ran.stdout.lines().filter(|line| line.ends_with("DIFFERENT")).collect();
    assert!(different.len() == 1 && different[0].starts_with("segments "), "{}", ran.stdout);
    let tables = digests(&sandbox.path("out")).len();
    let same = ran.stdout.lines().filter(|line| line.ends_with(" same")).count();
    assert_eq!(same, tables - 1, "{}", ran.stdout);
    let said = format!("1 of {tables} tables differ: segments");
    sandbox.segmill(&["verify", "out", "-q"]).refused(1, &["out: ", &said]);
}

#[test]
fn input_that_has_changed_since_is_named() {
    let sandbox = small_run();
    let recorded = &run_json(&sandbox.path("out"))["inputs"];
    let bytes = std::fs::metadata(sandbox.path("r.csv")).expect("the file").len();
    assert_eq!((recorded[0]["path"].as_str(), recorded[0]["bytes"].as_u64()), (Some("r.csv"), Some(bytes)));
    let mut rows = small_ratings();
    rows[3].2 = 4.75;
    rows.push((12, 4, 5.0));
    sandbox.write("r.csv", delimited(&rows, None, ",", "\n"));
    let ran = sandbox.segmill(&["verify", "out"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("warning: r.csv has changed since the run"), "{}", ran.stderr);
    assert!(ran.stderr.lines().last().is_some_and(|line| line.contains("input has changed")), "{}", ran.stderr);
    let (at, word) = (sandbox.path("out/run.json"), "standard input");
    let record = std::fs::read_to_string(&at).expect("run.json");
    tamper(&sandbox, "\"path\": \"r.csv\"", "\"path\": \"-\"");
    sandbox.segmill(&["verify", "out"]).refused(4, &[word]);
    std::fs::write(at, record).expect("run.json is back");
    std::fs::remove_file(sandbox.path("r.csv")).expect("the file goes");
    sandbox.segmill(&["verify", "out"]).refused(4, &["r.csv, which is not there"]);
}

#[test]
fn a_record_of_another_version_is_said_to_be_and_tried() {
    let sandbox = small_run();
    tamper(&sandbox, &format!("\"segmill\": \"{}\"", env!("CARGO_PKG_VERSION")), "\"segmill\": \"0.0.7\"");
    let ran = sandbox.segmill(&["verify", "out"]).succeeded();
    assert!(ran.stderr.contains("warning: run.json is of segmill 0.0.7"), "{}", ran.stderr);
    tamper(&sandbox, "\"kmeans\": {", "\"means\": {");
    sandbox.segmill(&["verify", "out"]).refused(3, &["segmill 0.0.7 wrote it in another form"]);
    sandbox.segmill(&["verify", "nowhere"]).refused(4, &["nowhere/run.json"]);
}

#[test]
fn the_record_of_a_run_is_a_job() {
    let sandbox = small_run();
    sandbox.segmill(&["run", "out/run.json", "-o", "again", "-w", "2", "-q"]).succeeded();
    assert_same_answer(&sandbox.path("out"), &sandbox.path("again"), "from its record");
    let set = ["run", "out/run.json", "-o", "again", "--set", "kmeans.clusters=3"];
    sandbox.segmill(&set).refused(2, &["--set kmeans.clusters"]);
    tamper(&sandbox, "\"clusters\": 2", "\"clusters\": 0");
    sandbox.segmill(&["run", "out/run.json", "-o", "again"]).refused(2, &["kmeans.clusters"]);
    sandbox.write("other.json", "{}");
    sandbox.segmill(&["run", "other.json"]).refused(2, &["other.json", "no job"]);
}
