//! Outputs in an object store: the same bytes as on a disk, whole or not at all, and read again from there.
#![cfg(feature = "stores")]

use std::fs;

use super::parts::JOB;
use crate::util::Sandbox;
use crate::util::outputs::{digests, run_json};
use crate::util::store::Store;

/// The job with its users in parts of so many.
fn job(per_file: u64) -> String {
    format!("users_per_file = {per_file}\n{JOB}")
}

/// The objects of an output, all but those that say when it was made and where.
const SAME: [&str; 8] = [
    "explained_variance.csv",
    "inertia.csv",
    "model/items.parquet",
    "model/model.safetensors",
    "profiles.parquet",
    "segments.parquet/part-000000.parquet",
    "segments.parquet/part-000003.parquet",
    "confusion.csv",
];

/// Copies an output to the folder `to`.
fn fetch(store: &Store, sandbox: &Sandbox, prefix: &str, to: &str) {
    for name in store.names("made", prefix) {
        let place = sandbox.path(to).join(&name);
        fs::create_dir_all(place.parent().expect("a folder")).expect("it can be made");
        fs::write(place, store.get(&format!("made/{prefix}{name}"))).expect("it can be written");
    }
}

#[test]
fn an_output_in_a_store_has_the_bytes_of_one_on_a_disk() {
    let Some(store) = Store::start("made") else { return };
    let sandbox = Sandbox::new();
    sandbox.run_to("local", &job(300), &["-w", "2", "-q"]).succeeded();
    let runs: [(&str, &[&str]); 3] = [
        ("one", &["run", "job.toml", "-w", "1"]),
        ("two", &["run", "job.toml", "-w", "2"]),
        ("several", &["launch", "job.toml", "--processes", "2", "-w", "2"]),
    ];
    for (out, words) in runs {
        let address = format!("s3://made/outputs/{out}");
        store.segmill(&sandbox, &[words, &["-o", &address, "-q"]].concat()).succeeded();
        let names = store.names("made", &format!("outputs/{out}/"));
        assert!(names.iter().any(|name| name == "run.json") && names.iter().all(|name| !name.starts_with('.')));
        assert_eq!(names.iter().filter(|name| name.starts_with("segments.parquet/")).count(), 4, "{names:?}");
        for name in SAME {
            let here = fs::read(sandbox.path("local").join(name)).expect("a file of the output");
            assert!(store.get(&format!("made/outputs/{out}/{name}")) == here, "{out}: {name}");
        }
        fetch(&store, &sandbox, &format!("outputs/{out}/"), out);
        assert_eq!(digests(&sandbox.path(out)), digests(&sandbox.path("local")), "{out}");
        assert_eq!(run_json(&sandbox.path(out))["job"]["output"], address.as_str());
    }
    // Nothing is left here.
    let here: Vec<String> =
        sandbox.listing().into_iter().filter(|name| name.starts_with('.') || name.contains("s3:")).collect();
    assert!(here.is_empty(), "{here:?}");
}

#[test]
fn an_earlier_output_is_replaced_and_nothing_else_is() {
    let Some(store) = Store::start("made") else { return };
    let sandbox = Sandbox::new();
    sandbox.write("parts.toml", job(300).replace("enabled = false", "enabled = true"));
    sandbox.write("whole.toml", job(3000));
    let run = |job: &str| store.segmill(&sandbox, &["run", job, "-o", "s3://made/out", "-w", "2", "-q"]);
    run("parts.toml").succeeded();
    let parts = store.names("made", "out/");
    run("whole.toml").succeeded();
    let whole = store.names("made", "out/");
    assert!(!parts.contains(&"segments.parquet".to_string()));
    assert!(
        !whole.contains(&"segments.parquet/part-000000.parquet".to_string())
            && whole.contains(&"segments.parquet".to_string())
    );
    // A writer that was killed: the record is not in place yet.
    let record = store.get("made/out/run.json");
    store.put("made/other/.run.json.new", &record);
    store.put("made/other/profiles.parquet", b"half of it");
    store.segmill(&sandbox, &["run", "whole.toml", "-o", "s3://made/other/", "-w", "1", "-q"]).succeeded();
    assert_eq!(store.names("made", "other/"), whole);
    // What others have put there.
    store.put("made/out/notes.txt", b"mine");
    run("parts.toml").refused(4, &["s3://made/out", "\"notes.txt\"", "-o"]);
    store.put("made/photos/cat.jpg", b"cat");
    let photos = ["run", "parts.toml", "-o", "s3://made/photos", "-w", "2"];
    store.segmill(&sandbox, &photos).refused(4, &["s3://made/photos", "segmill did not write"]);
    store.segmill(&sandbox, &[&photos[..], &["--dry-run"]].concat()).refused(4, &["segmill did not write"]);
    assert_eq!(store.names("made", "photos/"), ["cat.jpg"]);
    assert!(store.get("made/out/run.json") == record);
    store.segmill(&sandbox, &["run", "parts.toml", "-o", "s3://elsewhere/out"]).refused(4, &["s3://elsewhere/out"]);
}

#[test]
fn an_output_in_a_store_is_read_again_from_there() {
    let Some(store) = Store::start("made") else { return };
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", job(300));
    store.segmill(&sandbox, &["run", "job.toml", "-o", "s3://made/out", "-w", "2", "-q"]).succeeded();
    fetch(&store, &sandbox, "out/", "out");
    store.segmill(&sandbox, &["verify", "s3://made/out"]).succeeded();
    let others = "generate --users 50 --items 200 --ratings-per-user 20 --segments 5 --seed 4 -o others.csv";
    sandbox.segmill(&others.split(' ').collect::<Vec<_>>()).succeeded();
    let ratings = "others.csv";
    store.segmill(&sandbox, &["assign", "s3://made/out", ratings, "-o", "there.csv"]).succeeded();
    store.segmill(&sandbox, &["assign", "out", ratings, "-o", "here.csv"]).succeeded();
    store
        .segmill(&sandbox, &["assign", "out", ratings, "-o", "s3://made/x.csv"])
        .refused(4, &["s3://made/x.csv", "-o"]);
    let read = |name: &str| fs::read(sandbox.path(name)).expect("a file");
    assert!(read("there.csv") == read("here.csv"));
    for previous in ["out", "s3://made/out"] {
        let set = format!("compare.previous={previous:?}");
        let words = ["run", "job.toml", "-o", "next", "--set", &set, "-w", "2", "-q"];
        store.segmill(&sandbox, &words).succeeded();
        let moved = run_json(&sandbox.path("next"))["continuity"].clone();
        assert!(moved.is_object(), "{previous}");
    }
    let own = ["run", "job.toml", "-o", "s3://made/out/", "--set", "compare.previous='s3://made/out'"];
    store.segmill(&sandbox, &own).refused(2, &["compare.previous", "this very run"]);
    let page = store.get("made/out/report.html");
    store.put("made/out/report.html", b"old");
    store.segmill(&sandbox, &["report", "s3://made/out"]).succeeded();
    assert!(store.get("made/out/report.html") == page);
    store.segmill(&sandbox, &["verify", "s3://made/nothing"]).refused(4, &["s3://made/nothing", "no finished run"]);
    store.segmill(&sandbox, &["follow", "s3://made/out"]).refused(2, &["OUT", "copy the output"]);
}
