use std::fs;
use std::path::Path;

use super::*;
use crate::ingest::generate::Generator;
use crate::job::{Feedback, GenerateSpec};

fn spec(feedback: Feedback) -> GenerateSpec {
    GenerateSpec {
        users: 5000,
        items: 700,
        ratings_per_user: 60.0,
        segments: 5,
        feedback,
        affinity: 0.8,
        seed: 3,
        ..GenerateSpec::default()
    }
}

fn files(spec: &GenerateSpec, threads: usize) -> (Written, [String; 3]) {
    let dir = tempfile::tempdir().unwrap();
    let written = write_files(spec, &dir.path().join("r.csv"), threads).unwrap();
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 3, "no draft is left");
    let texts = ["r.csv", "r.items.csv", "r.labels.csv"].map(|f| fs::read_to_string(dir.path().join(f)).unwrap());
    (written, texts)
}

// arrival-blind.
#[test]
fn the_bytes_do_not_depend_on_threads() {
    for feedback in [Feedback::Explicit, Feedback::Implicit] {
        let (written, one) = files(&spec(feedback), 1);
        assert_eq!(written.n_rows + 1, one[0].lines().count() as u64);
        assert_eq!(written.bytes, one[0].len() as u64);
        for threads in [2, 5] {
            assert!(files(&spec(feedback), threads).1 == one, "{threads} threads");
        }
    }
}

#[test]
fn the_files_hold_what_the_generator_makes() {
    let spec = spec(Feedback::Explicit);
    let generator = Generator::new(&spec).unwrap();
    let (_, [ratings, items, labels]) = files(&spec, 2);
    let mut lines = ratings.lines();
    assert_eq!(lines.next(), Some("user,item,rating"));
    let mut rows = Vec::new();
    for user in 1..=spec.users {
        generator.user(user, &mut rows);
        for (item, rating) in &rows {
            assert_eq!(lines.next().unwrap(), format!("{user},{item},{rating:.1}"));
        }
    }
    assert_eq!(lines.next(), None);
    let theme = generator.theme_name(generator.theme(7));
    assert_eq!(items.lines().nth(7).unwrap(), format!("7,{},{theme}", generator.title(7)));
    assert_eq!(labels.lines().nth(9).unwrap(), format!("9,{}", generator.label(9)));
    assert_eq!((items.lines().count(), labels.lines().count()), (701, 5001));
}

#[test]
fn failures_name_the_file_and_leave_nothing() {
    let error = write_files(&spec(Feedback::Implicit), Path::new("/nonexistent/r.csv"), 1).unwrap_err();
    assert_eq!(error.exit_code(), 4);
    assert!(error.to_string().starts_with("/nonexistent/r.csv: cannot create"), "{error}");
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("r.csv/full")).unwrap();
    assert_eq!(write_files(&spec(Feedback::Implicit), &dir.path().join("r.csv"), 1).unwrap_err().exit_code(), 4);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
}
