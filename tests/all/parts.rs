//! Tables of users in parts: the same rows and digests as in one file, whoever writes them; and users assigned by several processes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::util::outputs::{digests, parquet_rows};
use crate::util::{Sandbox, cluster};

pub const JOB: &str = "
[input.generate]
users = 1000
items = 200
ratings_per_user = 20
segments = 5
seed = 9
[matrix]
normalize = 'l2'
[pca]
components = 5
[kmeans]
clusters = 5
n_init = 2
[sweep]
clusters = []
[evidence]
enabled = false
";

/// The files of a table, by name.
fn parts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder of parts");
    let read = |path: std::path::PathBuf| {
        (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read(&path).expect("a part"))
    };
    entries.map(|entry| read(entry.expect("an entry").path())).collect()
}

fn rows_of_parts(folder: &Path) -> Vec<BTreeMap<String, String>> {
    parts(folder).keys().flat_map(|part| parquet_rows(&folder.join(part))).collect()
}

#[test]
fn parts_have_the_rows_of_the_whole_in_every_layout() {
    let sandbox = Sandbox::new();
    sandbox.run_to("whole", JOB, &["-w", "2", "-q"]).succeeded();
    let in_parts = format!("users_per_file = 300\n{JOB}");
    sandbox.run_to("one", &in_parts, &["-w", "1", "-q"]).succeeded();
    sandbox.run_to("three", &in_parts, &["-w", "3", "-q"]).succeeded();
    sandbox.write("job.toml", &in_parts);
    for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "several"], 2, 2) {
        ran.succeeded();
    }
    let table = |out: &str| sandbox.path(out).join("segments.parquet");
    let first = parts(&table("one"));
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    assert_eq!(names, ["part-000000.parquet", "part-000001.parquet", "part-000002.parquet", "part-000003.parquet"]);
    for out in ["three", "several"] {
        assert!(parts(&table(out)) == first, "{out}");
    }
    for out in ["one", "three", "several"] {
        assert_eq!(digests(&sandbox.path(out)), digests(&sandbox.path("whole")), "{out}");
    }
    assert_eq!(rows_of_parts(&table("one")), parquet_rows(&table("whole")));
    // An output in parts is replaced like any other, and verified.
    sandbox.segmill(&["verify", "one", "-q"]).succeeded();
    sandbox.run_to("one", JOB, &["-q"]).succeeded();
    assert!(table("one").is_file());
    sandbox.run(&format!("users_per_file = 0\n{JOB}"), &[]).refused(2, &["users_per_file", "1 or more"]);
}

#[test]
fn a_run_in_parts_is_compared_with_like_any_other() {
    let sandbox = Sandbox::new();
    let month = |month: u32| {
        let of_month = format!("seed = 9\nmonth = {month}\nmovers = 0.1");
        JOB.replace("seed = 9", &of_month)
    };
    sandbox.run_to("whole", &month(1), &["-q"]).succeeded();
    sandbox.run_to("parts", &format!("users_per_file = 128\n{}", month(1)), &["-q"]).succeeded();
    for (previous, out, per_file) in [("whole", "a", 1 << 24), ("parts", "b", 20)] {
        let job = format!("users_per_file = {per_file}\n{}[compare]\nprevious = '{previous}'\n", month(2));
        sandbox.run_to(out, &job, &["-w", "2", "-q"]).succeeded();
    }
    let [a, b] = ["a", "b"].map(|out| sandbox.path(out).join("moves.parquet"));
    assert!(b.is_dir() && parts(&b).len() > 1);
    assert_eq!(rows_of_parts(&b), parquet_rows(&a));
    assert_eq!(digests(&sandbox.path("a"))["moves"], digests(&sandbox.path("b"))["moves"]);
    let lost = sandbox.path("parts/segments.parquet/part-000003.parquet");
    fs::remove_file(lost).unwrap();
    let job = format!("{}[compare]\nprevious = 'parts'\n", month(2));
    sandbox.run_to("c", &job, &[]).refused(2, &["compare.previous", "segments.parquet has 872 users"]);
}

#[test]
fn several_processes_assign_what_one_does() {
    let sandbox = Sandbox::new();
    let generate = ["generate", "--users", "1000", "--items", "200", "--ratings-per-user", "20", "--segments", "5"];
    sandbox.segmill(&[&generate[..], &["--seed", "9", "-o", "r.csv"]].concat()).succeeded();
    let (_, stages) = JOB.split_once("[matrix]").unwrap();
    sandbox.run(&format!("[input]\nratings = ['r.csv']\n[matrix]{stages}"), &["-q"]).succeeded();
    for file in ["found.parquet", "found.csv"] {
        sandbox.segmill(&["assign", "out", "r.csv", "-o", file, "--profiles", "p.parquet", "-w", "1"]).succeeded();
        let alone = [file, "p.parquet"].map(|file| fs::read(sandbox.path(file)).unwrap());
        fs::remove_file(sandbox.path(file)).unwrap();
        let words = ["assign", "out", "r.csv", "-o", file, "--profiles", "p.parquet"];
        let said: Vec<String> =
            cluster::run(&sandbox, &words, 2, 2).into_iter().map(|ran| ran.succeeded().stderr).collect();
        assert!(said[0].contains("1,000 users") && said[1].is_empty(), "{said:?}");
        assert!([file, "p.parquet"].map(|file| fs::read(sandbox.path(file)).unwrap()) == alone, "{file}");
    }
    let fitted = fs::read(sandbox.path("out/segments.parquet")).unwrap();
    sandbox.segmill(&["assign", "out", "r.csv", "-o", "again.parquet"]).succeeded();
    assert!(fs::read(sandbox.path("again.parquet")).unwrap() == fitted);
}
