use std::fs;

use super::*;
use crate::results::fixture::{self, MOVIELENS, SMALL, Size, write};

fn digests(outcome: &Outcome) -> Digests {
    Tables::of(outcome).digests(outcome)
}

fn listing(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn the_folder_has_the_documented_files_and_nothing_else_is_left() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("a/b/out");
    let outcome = fixture::outcome(SMALL);
    check_output(&output).unwrap();
    assert!(listing(folder.path()).is_empty(), "the check leaves no trace");
    let written = write(&outcome, &output, &[]).unwrap();
    assert_eq!(
        listing(&output),
        [
            "confusion.csv",
            "evidence.csv",
            "explained_variance.csv",
            "inertia.csv",
            "model",
            "moves.parquet",
            "profiles.parquet",
            "report.html",
            "report.json",
            "run.json",
            "segments.parquet"
        ]
    );
    assert_eq!(listing(&output.join("model")), ["items.parquet", "model.json", "model.safetensors"]);
    assert_eq!(listing(&folder.path().join("a/b")), ["out"]);
    assert_eq!(written.report, output.join("report.html"));
}

#[test]
fn run_json_reads_back_and_has_the_documented_keys() {
    let folder = tempfile::tempdir().unwrap();
    let outcome = fixture::outcome(SMALL);
    let written = write(&outcome, &folder.path().join("out"), &[]).unwrap();
    let json = fs::read(folder.path().join("out/run.json")).unwrap();
    let record: RunRecord = serde_json::from_slice(&json).unwrap();
    assert_eq!(record, RunRecord::new(&outcome, written.digests));
    let value: serde_json::Value = serde_json::from_slice(&json).unwrap();
    for key in ["job", "versions", "ledger", "stages", "peak_memory", "iterations", "total_variance", "solver"] {
        assert!(!value[key].is_null(), "{key}");
    }
    assert_eq!(value["explained_variance_ratio"][0], 0.14);
    assert!(value["validation"]["in_sample_accuracy"].is_f64() && value["validation"]["out_of_fold_accuracy"].is_f64());
    assert_eq!(value["inertia"], 104_000.0);
    let tables: Vec<&String> = value["digests"].as_object().unwrap().keys().collect();
    assert_eq!(
        tables,
        ["confusion", "evidence", "explained_variance", "inertia", "items", "model", "moves", "profiles", "segments"]
    );
}

/// Invariant `digests-see-content`.
#[test]
fn digests_ignore_layout_times_and_paths_but_see_every_result() {
    let outcome = fixture::outcome(SMALL);
    let mut elsewhere = outcome.clone();
    elsewhere.measured.workers = 7;
    elsewhere.measured.processes = 3;
    elsewhere.measured.stages.clear();
    elsewhere.measured.peak_memory = 1;
    elsewhere.job.output = "elsewhere".into();
    elsewhere.warnings.clear();
    elsewhere.pca.solver.reason.clear();
    assert_eq!(digests(&elsewhere), digests(&outcome));
    let mut other = outcome.clone();
    other.profiles[0].top[0].score += 1e-12;
    other.pca.explained_variance[0] += 1e-9;
    other.sweep.as_mut().unwrap().full.as_mut().unwrap().knee = None;
    other.validation.out_of_fold.counts[(0, 0)] += 1;
    other.items.titles[0] = None;
    other.evidence.as_mut().unwrap().by_clusters[2].davies_bouldin += 1e-12;
    other.names[0] = "Other".into();
    let (was, is) = (digests(&outcome), digests(&other));
    assert!(was.iter().all(|(table, digest)| is[table] != *digest), "{was:?} {is:?}");
}

#[test]
fn an_earlier_output_is_replaced_whole() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let line = RejectLine {
        file: "u.data".into(),
        line: 1,
        byte: 0,
        code: "rating".into(),
        field: "rating".into(),
        raw: "x".into(),
    };
    write(&fixture::outcome(SMALL), &output, &[line]).unwrap();
    assert!(output.join("rejects.tsv").exists());
    check_output(&output).unwrap();
    fs::write(output.join(".report.html.new-7-0"), "half a page").unwrap();
    write(&Outcome { evidence: None, ..fixture::outcome(SMALL) }, &output, &[]).unwrap();
    assert!(!output.join("rejects.tsv").exists() && !output.join("evidence.csv").exists());
    assert_eq!(listing(folder.path()), ["out"]);
}

#[test]
fn an_empty_folder_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    fs::create_dir(&output).unwrap();
    write(&fixture::outcome(SMALL), &output, &[]).unwrap();
    assert!(output.join("run.json").exists());
    assert_eq!(listing(folder.path()), ["out"]);
}

#[cfg(unix)]
#[test]
fn a_link_to_an_earlier_output_stays_a_link() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real"), folder.path().join("link"));
    write(&fixture::outcome(SMALL), &real, &[]).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    write(&fixture::outcome(SMALL), &link, &[]).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(real.join("run.json").exists());
}

#[test]
fn what_is_not_ours_is_refused_and_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (photos, file, foreign) =
        (folder.path().join("photos"), folder.path().join("file"), folder.path().join("foreign"));
    fs::create_dir(&photos).unwrap();
    fs::write(photos.join("cat.jpg"), "cat").unwrap();
    fs::write(&file, "text").unwrap();
    fs::create_dir(&foreign).unwrap();
    fs::write(foreign.join("run.json"), "{\"run\": 1}").unwrap();
    let mixed = folder.path().join("mixed");
    write(&fixture::outcome(SMALL), &mixed, &[]).unwrap();
    fs::write(mixed.join("notes.txt"), "mine").unwrap();
    let parts = folder.path().join("parts");
    write(&fixture::outcome(SMALL), &parts, &[]).unwrap();
    fs::remove_file(parts.join(files::SEGMENTS)).unwrap();
    fs::create_dir(parts.join(files::SEGMENTS)).unwrap();
    fs::write(parts.join(files::SEGMENTS).join(files::part(0)), "rows").unwrap();
    check_output(&parts).unwrap();
    fs::write(parts.join(files::SEGMENTS).join("part.parquet"), "mine").unwrap();
    for (output, problem) in [
        (photos.clone(), "segmill did not write"),
        (file.clone(), "is a file"),
        (foreign.clone(), "segmill did not write"),
        (mixed.clone(), "\"notes.txt\""),
        (parts.clone(), "\"part.parquet\""),
        (file.join("below"), "cannot"),
    ] {
        let errors = [check_output(&output).unwrap_err(), write(&fixture::outcome(SMALL), &output, &[]).unwrap_err()];
        for error in errors {
            assert_eq!(error.exit_code(), 4);
            let message = error.to_string();
            assert!(message.contains(problem) && message.contains("-o") && !message.contains('\n'), "{message}");
        }
    }
    assert_eq!(listing(folder.path()), ["file", "foreign", "mixed", "parts", "photos"]);
    assert!(mixed.join("notes.txt").exists() && mixed.join("report.html").exists());
    assert_eq!((listing(&photos), listing(&foreign)), (vec!["cat.jpg".to_string()], vec!["run.json".to_string()]));
}

/// An item number past 2⁶³ cannot be written to Parquet: the tables before it are already there by then.
#[test]
fn a_failure_half_way_leaves_nothing_and_keeps_the_earlier_output() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("deep/out");
    let mut broken = fixture::outcome(SMALL);
    broken.items.ids[0] = crate::ingest::ids::Id::Number(u64::MAX);
    assert_eq!(write(&broken, &output, &[]).unwrap_err().exit_code(), 4);
    assert!(listing(folder.path()).is_empty(), "the parents made for it are gone too");
    let before = write(&fixture::outcome(SMALL), &output, &[]).unwrap();
    assert!(write(&broken, &output, &[]).is_err());
    assert_eq!(listing(&folder.path().join("deep")), ["out"]);
    let record: RunRecord = serde_json::from_slice(&fs::read(output.join(files::RUN)).unwrap()).unwrap();
    assert_eq!(record.digests, before.digests);
}

/// Reports to look at, in a folder of the system's temporary one, and how long each takes to write:
/// `cargo test --release --lib reports_to_look_at -- --ignored --nocapture`.
#[test]
#[ignore = "writes pages for a person to look at"]
fn reports_to_look_at() {
    let folder = std::env::temp_dir().join("segmill-reports");
    let many = Size { users: 30_000, items: 500, clusters: 200, components: 12, top: 10 };
    let one = Size { users: 1, items: 1, clusters: 1, components: 1, top: 10 };
    let million = Size { users: 1_000_000, items: 2_000, clusters: 12, components: 10, top: 10 };
    for (name, size) in [("movielens", MOVIELENS), ("small", SMALL), ("many", many), ("one", one), ("million", million)]
    {
        let mut outcome = fixture::outcome(size);
        outcome.job.output = name.into();
        let start = std::time::Instant::now();
        outcome.measured.n_users = size.users as u64;
        let written = write(&outcome, &folder.join(name), &[]).unwrap();
        eprintln!("{:?} {}", start.elapsed(), written.report.display());
    }
}
