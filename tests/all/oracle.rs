//! MovieLens 100K with the settings of the prototype, against what scikit-learn computes.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;

use crate::util::Sandbox;
use crate::util::data::{ml100k, ml100k_ratings, oracle, quoted};
use crate::util::outputs::{csv_records, ledger, numbers, run_json, tensor, titles};

/// A finished run of the whole job, and what it is held against.
struct Fixture {
    _sandbox: Sandbox,
    out: PathBuf,
    data: PathBuf,
    oracle: Value,
}

/// Runs the job once for all tests; `None` where the data are not there.
fn fixture() -> Option<&'static Fixture> {
    static FIXTURE: OnceLock<Option<Fixture>> = OnceLock::new();
    FIXTURE.get_or_init(make).as_ref()
}

fn make() -> Option<Fixture> {
    let (data, oracle) = (ml100k()?, oracle()?);
    let sandbox = Sandbox::new();
    let job = format!(
        "[input]\nratings = [{}]\n[input.items]\npath = {}\ndelimiter = '|'\nencoding = 'latin1'\n\
         [matrix]\nweighting = 'raw'\nnormalize = 'none'\nmissing = 'zero'\n[pca]\ncomponents = 10\nsolver = 'gram'\n\
         [kmeans]\nclusters = 25\n",
        quoted(&data.join("u.data")),
        quoted(&data.join("u.item")),
    );
    sandbox.run(&job, &["-w", "2"]).succeeded();
    Some(Fixture { out: sandbox.path("out"), _sandbox: sandbox, data, oracle })
}

#[track_caller]
fn assert_near(actual: f64, expected: f64, tolerance: f64, what: &str) {
    assert!((actual - expected).abs() <= tolerance, "{what}: {actual} is not {expected} ± {tolerance}");
}

#[test]
fn explained_variance_ratios_are_the_oracles() {
    let Some(fixture) = fixture() else { return };
    let actual = numbers(&run_json(&fixture.out)["explained_variance_ratio"]);
    let expected = numbers(&fixture.oracle["explained_variance_ratio"]);
    assert_eq!(expected.len(), 20);
    assert!(actual.len() >= 20, "only {} components are reported", actual.len());
    for (i, (&a, &e)) in actual.iter().zip(&expected).enumerate() {
        assert_near(a, e, 1e-9, &format!("ratio {i}"));
        assert_near(a / e, 1.0, 1e-9, &format!("ratio {i}, relative"));
    }
}

#[test]
fn singular_values_and_total_variance_are_the_oracles() {
    let Some(fixture) = fixture() else { return };
    let run = run_json(&fixture.out);
    let actual = numbers(&run["singular_values"]);
    let expected = numbers(&fixture.oracle["singular_values"]);
    assert!(actual.len() >= expected.len(), "only {} singular values are reported", actual.len());
    for (i, (&a, &e)) in actual.iter().zip(&expected).enumerate() {
        assert_near(a / e, 1.0, 1e-9, &format!("singular value {i}"));
    }
    let total = run["total_variance"].as_f64().expect("a number");
    assert_near(total / fixture.oracle["total_variance"].as_f64().expect("a number"), 1.0, 1e-9, "total variance");
}

#[test]
fn loadings_are_the_oracles_signs_included() {
    let Some(fixture) = fixture() else { return };
    let (shape, components) = tensor(&fixture.out, "components");
    assert_eq!(shape, [10, 1682]);
    let expected = fixture.oracle["components_first5_loadings"].as_array().expect("a list");
    assert_eq!(expected.len(), 10);
    for (component, loadings) in expected.iter().enumerate() {
        for (item, loading) in numbers(loadings).into_iter().enumerate() {
            assert_near(components[component * 1682 + item], loading, 1e-7, &format!("loading {component}, {item}"));
        }
    }
}

#[test]
fn components_are_orthonormal_and_their_largest_loading_is_positive() {
    let Some(fixture) = fixture() else { return };
    let (_, components) = tensor(&fixture.out, "components");
    let rows: Vec<&[f64]> = components.chunks_exact(1682).collect();
    for (i, a) in rows.iter().enumerate() {
        let largest = a.iter().copied().max_by(|x, y| x.abs().total_cmp(&y.abs())).expect("loadings");
        assert!(largest > 0.0, "component {i}");
        for (j, b) in rows.iter().enumerate() {
            let dot: f64 = a.iter().zip(*b).map(|(x, y)| x * y).sum();
            assert_near(dot, f64::from(u8::from(i == j)), 1e-9, &format!("components {i} and {j}"));
        }
    }
}

#[test]
fn scores_are_the_oracles() {
    let Some(fixture) = fixture() else { return };
    let (_, components) = tensor(&fixture.out, "components");
    let (_, mean) = tensor(&fixture.out, "mean");
    let ratings = ml100k_ratings(&fixture.data);
    let expected = fixture.oracle["scores_user_1_10_100_943"].as_array().expect("a list");
    for (user, scores) in [1, 10, 100, 943].into_iter().zip(expected) {
        let mut row: Vec<f64> = mean.iter().map(|m| -m).collect();
        ratings.iter().filter(|r| r.user == user).for_each(|r| row[r.item - 1] += r.rating);
        for (component, (loadings, score)) in components.chunks_exact(1682).zip(numbers(scores)).enumerate() {
            let actual: f64 = loadings.iter().zip(&row).map(|(l, x)| l * x).sum();
            assert_near(actual, score, 1e-7, &format!("user {user}, component {component}"));
        }
    }
}

#[test]
fn inertia_is_near_the_best_known_for_every_number_of_clusters_in_both_spaces() {
    let Some(fixture) = fixture() else { return };
    let records = csv_records(&fixture.out.join("inertia.csv"));
    for space in ["projected", "full"] {
        let known = fixture.oracle["inertia"][space].as_object().expect("an object");
        assert_eq!(known.len(), 8);
        for (clusters, known) in known {
            let found = records.iter().find(|r| r["space"] == space && r["clusters"] == *clusters);
            let inertia: f64 = found.expect("a row of the sweep")["inertia"].parse().expect("a number");
            let best = known["best"].as_f64().expect("a number");
            assert!(inertia <= 1.02 * best, "{space}, {clusters} clusters: {inertia} is above 1.02 × {best}");
            assert!(inertia > 0.9 * best, "{space}, {clusters} clusters: {inertia} is too good beside {best}");
        }
    }
    let best = fixture.oracle["inertia"]["projected"]["25"]["best"].as_f64().expect("a number");
    let inertia = run_json(&fixture.out)["inertia"].as_f64().expect("a number");
    assert!(inertia <= 1.02 * best, "the segments: {inertia} is above 1.02 × {best}");
}

#[test]
fn the_segments_are_numbered_by_falling_size_and_hold_every_user() {
    let Some(fixture) = fixture() else { return };
    let segments = crate::util::outputs::segments(&fixture.out);
    assert_eq!(segments.len(), 943);
    let mut sizes = vec![0; 25];
    segments.values().for_each(|&segment| sizes[segment as usize] += 1);
    assert!(sizes.is_sorted_by(|a, b| a >= b), "{sizes:?}");
    assert!(sizes.iter().all(|&size| size > 0), "{sizes:?}");
}

#[test]
fn the_segments_are_the_nearest_centroids_to_the_scores() {
    let Some(fixture) = fixture() else { return };
    let (_, components) = tensor(&fixture.out, "components");
    let (_, mean) = tensor(&fixture.out, "mean");
    let (shape, centroids) = tensor(&fixture.out, "centroids");
    assert_eq!(shape, [25, 10]);
    let mut rows = vec![mean.iter().map(|m| -m).collect::<Vec<f64>>(); 943];
    ml100k_ratings(&fixture.data).iter().for_each(|r| rows[r.user - 1][r.item - 1] += r.rating);
    let mut inertia = 0.0;
    for segment in crate::util::outputs::parquet_rows(&fixture.out.join("segments.parquet")) {
        let number = |name: &str| segment[name].parse::<f64>().expect("a number");
        let row = &rows[number("user") as usize - 1];
        let scores = components.chunks_exact(1682).map(|c| c.iter().zip(row).map(|(l, x)| l * x).sum::<f64>());
        let scores: Vec<f64> = scores.collect();
        let squares = |c: &[f64]| c.iter().zip(&scores).map(|(a, b)| (a - b) * (a - b)).sum::<f64>();
        let distances: Vec<f64> = centroids.chunks_exact(10).map(|c| squares(c).sqrt()).collect();
        let own = distances[number("segment") as usize];
        assert_near(number("distance"), own, 1e-6, "distance");
        assert_near(number("second_distance"), distances[number("second") as usize], 1e-6, "second distance");
        assert!(distances.iter().all(|&d| d >= own - 1e-6), "user {} is nearer to another segment", segment["user"]);
        inertia += own * own;
    }
    let reported = run_json(&fixture.out)["inertia"].as_f64().expect("a number");
    assert_near(reported / inertia, 1.0, 1e-9, "inertia");
}

#[test]
fn every_row_is_accounted_for_and_every_item_has_its_title() {
    let Some(fixture) = fixture() else { return };
    assert_eq!(ledger(&fixture.out), [100_000, 100_000, 0, 0]);
    let titles = titles(&fixture.out);
    assert_eq!(titles.len(), 1682);
    assert_eq!(titles["1"], "Toy Story (1995)");
    // In Latin-1, byte E9 is é.
    assert!(titles.values().any(|title| title.contains("Misérables")), "no Latin-1 title came through");
}

#[test]
fn the_confusions_count_every_user_once() {
    let Some(fixture) = fixture() else { return };
    let run = run_json(&fixture.out);
    let records = csv_records(&fixture.out.join("confusion.csv"));
    for (kind, accuracy) in [("in_sample", "in_sample_accuracy"), ("out_of_fold", "out_of_fold_accuracy")] {
        let users = |r: &std::collections::BTreeMap<String, String>| r["users"].parse::<u64>().expect("a count");
        let cells = || records.iter().filter(|r| r["kind"] == kind);
        let all: u64 = cells().map(users).sum();
        let right: u64 = cells().filter(|r| r["segment"] == r["predicted"]).map(users).sum();
        assert_eq!(all, 943, "{kind}");
        let reported = run["validation"][accuracy].as_f64().expect("a number");
        assert_near(reported, right as f64 / all as f64, 1e-12, accuracy);
        assert!(reported > 0.3, "{kind}: {reported} is no better than guessing");
    }
}

#[test]
fn the_output_folder_is_complete() {
    let Some(fixture) = fixture() else { return };
    for name in [
        "run.json",
        "segments.parquet",
        "profiles.parquet",
        "explained_variance.csv",
        "inertia.csv",
        "confusion.csv",
        "model/model.json",
        "model/model.safetensors",
        "model/items.parquet",
        "report.html",
        "report.json",
    ] {
        assert!(fixture.out.join(name).is_file(), "{name} is missing");
    }
    assert!(!fixture.out.join("rejects.tsv").exists(), "no row was rejected");
    let html = std::fs::read_to_string(fixture.out.join("report.html")).expect("the report is UTF-8");
    for tag in ["<script src=", "<link rel=\"stylesheet\" href=\"http", "@import"] {
        assert!(!html.contains(tag), "the report needs the network: {tag}");
    }
}
