//! The Python of its guide, as it stands there: every snippet runs over a finished run, and the one that opens the model
//! puts users where the run has put them.
//!
//! The packages come from an environment under `target`, made once. Without `python3`, or where packages cannot be had, the
//! tests are skipped on a desk, and fail in CI.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::util::outputs::{parquet_rows, segments};
use crate::util::{Sandbox, python};

/// The blocks of the guide that say they are Python.
fn snippets() -> Vec<String> {
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(python::GUIDE)).expect("the guide");
    let blocks = guide.split("\n```python\n").skip(1);
    blocks.map(|block| block.split("\n```\n").next().expect("the end of a block").to_string() + "\n").collect()
}

/// `export.rs` has the one with onnxruntime.
fn is_of_model(snippet: &str) -> bool {
    snippet.contains("safetensors") || snippet.contains("onnxruntime")
}

fn run_snippet(python: &Path, sandbox: &Sandbox, snippet: &str) -> String {
    let script = sandbox.write("snippet.py", snippet);
    let mut command = Command::new(python);
    let ran = command.arg(script).current_dir(sandbox.path("")).env("PYTHONIOENCODING", "utf-8").output();
    let ran = ran.expect("Python starts");
    assert!(ran.status.success(), "{snippet}\n{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).expect("UTF-8")
}

/// A finished run where the guide has one, over `ratings.csv`.
fn finished(normalize: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let words = ["generate", "--users", "600", "--items", "200", "--ratings-per-user", "25", "--segments", "5"];
    sandbox.segmill(&[&words[..], &["--seed", "3", "-o", "ratings.csv"]].concat()).succeeded();
    let job = format!(
        "[input]\nratings = ['ratings.csv']\n[input.items]\npath = 'ratings.items.csv'\n\
         [matrix]\nnormalize = '{normalize}'\n[pca]\ncomponents = 6\n[kmeans]\nclusters = 5\n[sweep]\nclusters = []\n"
    );
    sandbox.run_to("out/quickstart", &job, &["-q"]).succeeded();
    sandbox
}

#[test]
fn the_model_opens_with_numpy_and_puts_users_where_the_run_did() {
    let Some(python) = python::interpreter() else { return };
    let snippet =
        snippets().into_iter().find(|snippet| snippet.contains("safetensors")).expect("the guide opens the model");
    for normalize in ["l2", "none"] {
        let sandbox = finished(normalize);
        let mut ratings: BTreeMap<String, String> = BTreeMap::new();
        for line in std::fs::read_to_string(sandbox.path("ratings.csv")).expect("the ratings").lines().skip(1) {
            let (user, rest) = line.split_once(',').expect("user,item,rating");
            ratings.entry(user.to_string()).or_default().push_str(&format!("{rest}\n"));
        }
        for (user, segment) in segments(&sandbox.path("out/quickstart")).iter().step_by(60) {
            sandbox.write("one-user.csv", &ratings[user]);
            let said = run_snippet(&python, &sandbox, &snippet);
            assert_eq!(said, format!("segment {segment}\n"), "user {user}, {normalize}");
        }
    }
}

#[test]
fn pandas_polars_and_duckdb_read_the_tables() {
    let Some(python) = python::interpreter() else { return };
    let sandbox = finished("l2");
    let top = parquet_rows(&sandbox.path("out/quickstart/profiles.parquet"));
    let top: Vec<_> = top.iter().filter(|row| row["rank"] == "1").collect();
    assert_eq!(top.len(), 5);
    let tables: Vec<String> = snippets().into_iter().filter(|snippet| !is_of_model(snippet)).collect();
    for package in ["pandas", "polars", "duckdb"] {
        let of_package = tables.iter().filter(|snippet| snippet.contains(&format!("import {package}")));
        assert_eq!(of_package.count(), 1, "{package}");
    }
    for snippet in &tables {
        let said = run_snippet(&python, &sandbox, snippet);
        for row in &top {
            // A line has the segment, its users and the beginning of the title, however columns are drawn.
            let begins = row["title"].split_whitespace().next().expect("a title");
            let found = said.lines().any(|line| {
                let has = |text: &str| line.split_whitespace().any(|word| word.trim_matches('"') == text);
                has(&row["segment"]) && has(&row["size"]) && line.contains(begins)
            });
            assert!(found, "segment {} of {} users, {begins}:\n{said}", row["segment"], row["size"]);
        }
    }
}
