//! What segments are called: out of what members like, the same in every layout and every kind of file, wherever it shows.

use serde_json::Value;

use crate::util::Sandbox;
use crate::util::data::{ml100k, quoted};
use crate::util::outputs::{assert_same_answer, digests, parquet_rows, run_json};

/// 60 users in three groups of 30, 20 and 10, who rate nine of their theme's ten items and two of others.
fn ratings() -> String {
    let row = |user: u32, n: u32| {
        let theme = theme_of(user);
        let item = if n < 9 { 10 * theme + (n + user) % 10 } else { (10 * (theme + 1 + n % 2) + user % 10) % 30 };
        format!("{user},{item},{}\n", 1 + (user + item) % 5)
    };
    (0..60).flat_map(|user| (0..11).map(move |n| row(user, n))).collect()
}

fn theme_of(user: u32) -> u32 {
    match user {
        0..30 => 0,
        30..50 => 1,
        _ => 2,
    }
}

fn items() -> String {
    let themes = ["war|drama", "jazz", "cats|comedy"];
    let row = |item: u32| {
        format!("{item},\"Title {item}, The (1999)\",{},{}\n", themes[item as usize / 10], item % 10 * 7 + 5)
    };
    std::iter::once("item,title,themes,price\n".to_string()).chain((0..30).map(row)).collect()
}

const JOB: &str = "[input]\nratings = ['r.csv']\nheader = false\nduplicates = 'last'\n[matrix]\nnormalize = 'l2'\n[pca]\ncomponents = 3\n\
                   [kmeans]\nclusters = 3\n[sweep]\nclusters = []\n";

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", ratings());
    sandbox.write("items.csv", items());
    sandbox
}

fn names(run: &Value) -> Vec<&str> {
    run["names"].as_array().expect("a list").iter().map(|name| name.as_str().expect("a text")).collect()
}

#[test]
fn a_name_is_the_taste_of_the_members_wherever_it_shows() {
    let sandbox = sandbox();
    let metadata = "metadata = [{ column = 'themes', name = 'theme', separator = '|' }, 'price']";
    let job = format!("{JOB}[input.items]\npath = 'items.csv'\n{metadata}\n");
    let ran = sandbox.run(&job, &["-w", "2"]).succeeded();
    let run = run_json(&sandbox.path("out"));
    let expected = ["Drama & War", "Jazz", "Cats & Comedy"];
    assert_eq!(names(&run), expected);
    for (segment, (name, size)) in expected.iter().zip([30, 20, 10]).enumerate() {
        let line = format!("{segment} ({size}, 30)  {name}");
        assert!(ran.stdout.lines().any(|printed| printed == line), "{line} is not in {}", ran.stdout);
    }
    let model = std::fs::read(sandbox.path("out/model/model.json")).expect("model.json");
    let model: Value = serde_json::from_slice(&model).expect("JSON");
    let in_model = model["segments"].as_array().expect("a list").iter().map(|segment| segment["name"].as_str());
    assert!(in_model.eq(expected.map(Some)), "{}", model["segments"]);
    let report = std::fs::read_to_string(sandbox.path("out/report.html")).expect("a report");
    for (segment, name) in expected.iter().enumerate() {
        let heading = format!("</span>{segment} · {}</h3>", name.replace('&', "&amp;"));
        assert!(report.contains(&heading), "{heading}");
    }

    for row in parquet_rows(&sandbox.path("out/profiles.parquet")) {
        let number = |name: &str| row[name].parse::<f64>().expect("a number");
        assert_eq!(row["name"], expected[number("segment") as usize]);
        assert!(
            number("share") > 0.0 && number("share") <= 1.0 && (1.0..=5.0).contains(&number("mean_rating")),
            "{row:?}"
        );
        assert!(number("lift") <= 60.0 / number("size") + 1e-9, "{row:?}");
    }

    // Another layout; then without metadata, by titles and by ids.
    let (first, second) = (sandbox.path("out"), sandbox.path("again"));
    sandbox.segmill(&["run", "job.toml", "-q", "-w", "3", "-o", "again"]).succeeded();
    assert_same_answer(&first, &second, "three workers");
    assert_eq!(names(&run_json(&second)), expected);
    sandbox.run(&format!("{JOB}[input.items]\npath = 'items.csv'\n"), &[]).succeeded();
    let by_title = run_json(&first);
    assert!(names(&by_title).iter().all(|name| name.starts_with("The Title ")), "{:?}", names(&by_title));
    assert_ne!(digests(&first)["profiles"], digests(&second)["profiles"], "names are in the table");
    sandbox.run(JOB, &[]).succeeded();
    let by_id = run_json(&first);
    assert!(names(&by_id).iter().all(|name| name.starts_with("item ")), "{:?}", names(&by_id));
}

#[test]
fn the_segments_of_movielens_have_different_names() {
    let Some(folder) = ml100k() else { return };
    let sandbox = Sandbox::new();
    let job =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/jobs/movielens-100k.toml")).expect("the job");
    let place = |job: String, name: &str| {
        job.replace(&format!("\"../data/ml-100k/{name}\""), &quoted(&folder.join(name)).to_string())
    };
    let job = place(place(job, "u.data"), "u.item").replace("[5, 10, 25, 50, 100, 125, 150, 200]", "[]");
    sandbox.run(&job, &["-w", "2"]).succeeded();
    let run = run_json(&sandbox.path("out"));
    let mut found = names(&run);
    assert_eq!(found.len(), 25);
    assert!(found.iter().all(|name| name.chars().count() <= 40), "{found:?}");
    assert!(found.contains(&"Horror & Thriller") && found.contains(&"Action & Adventure"), "{found:?}");
    found.sort_unstable();
    found.dedup();
    assert_eq!(found.len(), 25, "{found:?}");
}
