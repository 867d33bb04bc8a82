//! What a job would take, before it is run: `segmill plan`.

use serde_json::Value;

use crate::util::data::{SMALL_JOB, delimited, ml100k, quoted, small_ratings};
use crate::util::outputs::run_json;
use crate::util::{Ran, Sandbox};

const GENERATED: &str = "
[input.generate]
users = 600
items = 200
ratings_per_user = 20
segments = 4
[kmeans]
clusters = 4
n_init = 2
[sweep]
clusters = []
";

fn plan(sandbox: &Sandbox, job: &str, words: &[&str]) -> Ran {
    sandbox.write("job.toml", job);
    sandbox.segmill(&[&["plan", "job.toml"], words].concat())
}

fn planned(job: &str, words: &[&str]) -> Value {
    let ran = plan(&Sandbox::new(), job, &[&["--format", "json"], words].concat()).succeeded();
    serde_json::from_str(&ran.stdout).expect("JSON")
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[test]
fn movielens_is_counted_exactly() {
    let Some(folder) = ml100k() else { return };
    let job = format!("[input]\nratings = [{}]\n", quoted(&folder.join("u.data")));
    let found = planned(&job, &["-w", "2"]);
    let input = &found["input"];
    assert_eq!((&input["users"], &input["items"], &input["ratings"]), (&943.into(), &1682.into(), &100_000.into()));
    assert!(input["exact"] == true && input["duplicates"] == 0.0 && input["bad"] == 0.0, "{input}");
    assert!(number(&input["top_items"]) > 0.05 && number(&input["top_users"]) > 0.02, "{input}");
    assert_eq!(found["solver"]["solver"], "gram");
    assert!(found["solver"]["reason"].as_str().is_some_and(|why| why.contains("1682 items")), "{}", found["solver"]);
    assert!(found["fits"] == true, "{}", found["problems"]);
}

/// The solver that is named is the one that runs, for the same reason.
#[test]
fn what_is_planned_is_what_runs() {
    let sandbox = Sandbox::new();
    for solver in ["auto", "krylov", "gram"] {
        let words = ["--set", &format!("pca.solver={solver}"), "-w", "1"];
        let found: Value = serde_json::from_str(
            &plan(&sandbox, GENERATED, &[&words[..], &["--format", "json"]].concat()).succeeded().stdout,
        )
        .expect("JSON");
        sandbox.run(GENERATED, &words).succeeded();
        let run = run_json(&sandbox.path("out"));
        assert_eq!(found["solver"]["solver"], run["solver"]["solver"]);
        assert_eq!(found["solver"]["reason"], run["solver"]["reason"]);
        assert_eq!(found["input"]["users"], run["users"]);
        assert_eq!(found["input"]["items"], run["items"]);
        assert_eq!(found["input"]["ratings"], run["ratings"]);
        let stages = |stages: &Value| -> Vec<String> {
            let all = stages.as_array().expect("stages").iter();
            all.map(|stage| stage["stage"].as_str().expect("a name").to_string())
                .filter(|name| name != "write")
                .collect()
        };
        assert_eq!(stages(&found["prediction"]["stages"]), stages(&run["stages"]));
    }
    assert!(!sandbox.listing().iter().any(|name| name.contains("checkpoint")));
}

#[test]
fn planning_leaves_no_trace() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    let said = plan(&sandbox, &format!("[input]\nratings = ['r.csv']\n{SMALL_JOB}"), &[]).succeeded();
    assert_eq!(sandbox.listing(), ["job.toml", "r.csv"]);
    assert!(said.stderr.is_empty(), "{}", said.stderr);
    for part in ["12 users, 8 items, 60 ratings", "solver", "ingest", "in all", "memory", "fits"] {
        assert!(said.stdout.contains(part), "{part:?} is not in\n{}", said.stdout);
    }
    let widest = said.stdout.lines().map(|line| line.chars().count()).max();
    assert!(said.stdout.lines().count() <= 30 && widest < Some(200), "{}", said.stdout);
}

#[test]
fn what_does_not_fit_is_said_with_the_key_to_change() {
    let small = plan(&Sandbox::new(), GENERATED, &["--ratings", "1e9", "--set", "memory=256MiB"]).succeeded().stdout;
    assert!(small.contains("does not fit: memory: ") && small.contains("raise memory to"), "{small}");
    let found = planned(GENERATED, &["--set", "pca.solver=gram", "--ratings", "1e10", "--items", "1e6"]);
    let places: Vec<&str> = found["problems"]
        .as_array()
        .expect("problems")
        .iter()
        .filter_map(|problem| problem["place"].as_str())
        .collect();
    assert!(found["fits"] == false && places.contains(&"pca.solver"), "{places:?}");
    let found = planned(GENERATED, &["--set", "kmeans.clusters=5000"]);
    assert_eq!(found["problems"][0]["place"], "kmeans.clusters");
}

#[test]
fn rows_that_would_end_the_run_are_said() {
    let sandbox = Sandbox::new();
    let mut rows = delimited(&small_ratings(), None, ",", "\n");
    rows.push_str("1,1,4\n1,2,many\n");
    sandbox.write("r.csv", rows);
    let said = plan(&sandbox, &format!("[input]\nratings = ['r.csv']\n{SMALL_JOB}"), &[]).succeeded().stdout;
    assert!(
        said.contains("does not fit: input.on_bad: ") && said.contains("does not fit: input.duplicates: "),
        "{said}"
    );
}

#[test]
fn a_cluster_that_is_not_at_hand_gets_an_answer() {
    let words = ["--processes", "256", "-w", "8", "--ratings", "1e11", "--users", "5e8", "--items", "1e6"];
    let found = planned(GENERATED, &[&words[..], &["--network", "10Gbit"]].concat());
    let stages = found["prediction"]["stages"].as_array().expect("stages");
    let ingest = stages.iter().find(|stage| stage["stage"] == "ingest").expect("ingest");
    // All rows but those that stay in their process cross, at 12 bytes.
    assert!((1.1e12..1.3e12).contains(&number(&ingest["bytes_sent"])), "{ingest}");
    assert!(number(&ingest["seconds"]) > 1.2e12 / 256.0 / 1.25e9, "{ingest}");
    assert!(number(&found["prediction"]["seconds"]) > 1.0 && number(&found["prediction"]["memory"]) > 1e9);
    let limits = found["bottlenecks"].as_array().expect("bottlenecks");
    assert!(!limits.is_empty() && limits[0]["limit"].is_string() && limits[0]["remedy"].is_string(), "{limits:?}");
    let text = plan(&Sandbox::new(), GENERATED, &words).succeeded().stdout;
    assert!(text.contains("100 billion ratings") && text.contains("limit"), "{text}");
    let scaled = plan(&Sandbox::new(), GENERATED, &["--ratings", "1e9"]).succeeded().stdout;
    assert!(scaled.contains("users: as active as in the input"), "{scaled}");
}

#[test]
fn a_command_line_that_cannot_be_is_refused() {
    let sandbox = Sandbox::new();
    for (words, part) in [
        (&["--network", "fast"][..], "--network"),
        (&["--processes", "100000"], "--processes"),
        (&["--users", "10", "--items", "10", "--ratings", "1000"], "--ratings"),
        (&["--users", "1e9", "--ratings", "1e6"], "--ratings"),
        (&["--set", "kmeans.clusters=0"], "kmeans.clusters"),
    ] {
        plan(&sandbox, GENERATED, words).refused(2, &[part]);
    }
    for words in [&["--ratings", "many"][..], &["--processes", "0"], &["--format", "xml"], &["--fly"]] {
        assert_eq!(plan(&sandbox, GENERATED, words).code, 2, "{words:?}");
    }
    plan(&sandbox, "[input]\nratings = ['nowhere.csv']\n", &[]).refused(4, &["nowhere.csv"]);
}
