//! Ratings in an object store: a local server that speaks S3's protocol, started by the test.
#![cfg(feature = "stores")]

use crate::util::data::{Row, SMALL_JOB, delimited, ml100k, quoted, small_ratings};
use crate::util::files::gzip;
use crate::util::outputs::assert_same_answer;
use crate::util::store::Store;
use crate::util::{Ran, Sandbox};

/// Runs the job of small tests on ratings in the store.
fn run(store: &Store, sandbox: &Sandbox, out: &str, ratings: &str, keys: &str, workers: &str) -> Ran {
    sandbox.write("job.toml", format!("[input]\nratings = {ratings}\n{keys}\n{SMALL_JOB}"));
    store.segmill(sandbox, &["run", "job.toml", "-o", out, "-w", workers])
}

/// More than one request brings.
fn many_ratings() -> Vec<Row> {
    (0..300_000u32).map(|n| (n / 60 + 1, (n % 60) * (n / 60 % 7 + 1) + 1, f64::from(n * 7 % 9 + 2) / 2.0)).collect()
}

#[test]
fn objects_prefixes_and_patterns_read_like_files() {
    let Some(store) = Store::start("logs") else { return };
    let sandbox = Sandbox::new();
    let rows = many_ratings();
    let text = delimited(&rows, Some("user,item,rating"), ",", "\n");
    assert!(text.len() > 3 << 20);
    sandbox.write("r.csv", &text);
    run(&store, &sandbox, "local", "'r.csv'", "", "1").succeeded();
    store.put("logs/2024/all.csv", text.as_bytes());
    store.put("logs/packed/all.csv.zst", &zstd::encode_all(text.as_bytes(), 1).expect("memory takes it"));
    let halves = rows.split_at(rows.len() / 3);
    store.put("logs/parts/p0.csv", delimited(halves.0, None, ",", "\n").as_bytes());
    store.put("logs/parts/sub/p1.csv", delimited(halves.1, None, ";", "\n").as_bytes());
    store.put("logs/parts/_SUCCESS", b"no data");
    for (out, ratings, workers) in [
        ("one", "'s3://logs/2024/all.csv'", "1"),
        ("two", "'s3://logs/2024/all.csv'", "3"),
        ("zstd", "'s3://logs/packed/all.csv.zst'", "2"),
        ("prefix", "'s3://logs/parts/'", "2"),
        ("prefix-bare", "'s3://logs/parts'", "2"),
        ("pattern", "['s3://logs/parts/p*.csv', 's3://logs/parts/*/*.csv']", "2"),
    ] {
        run(&store, &sandbox, out, ratings, "", workers).succeeded();
        assert_same_answer(&sandbox.path("local"), &sandbox.path(out), ratings);
    }
}

#[test]
fn movielens_100k_in_a_store() {
    let (Some(folder), Some(store)) = (ml100k(), Store::start("logs")) else { return };
    let sandbox = Sandbox::new();
    let text = std::fs::read(folder.join("u.data")).expect("u.data can be read");
    let packed = gzip(&text);
    run(&store, &sandbox, "local", &quoted(&folder.join("u.data")), "", "1").succeeded();
    for (name, bytes) in [("u.data", &text), ("u.data.gz", &packed)] {
        store.put(&format!("logs/{name}"), bytes);
        run(&store, &sandbox, name, &format!("'s3://logs/{name}'"), "", "2").succeeded();
        assert_same_answer(&sandbox.path("local"), &sandbox.path(name), name);
    }
}

#[test]
fn parquet_and_partitions_in_a_store() {
    let Some(store) = Store::start("logs") else { return };
    let sandbox = Sandbox::new();
    let rows = small_ratings();
    sandbox.write("r.csv", delimited(&rows, None, ",", "\n"));
    run(&store, &sandbox, "local", "'r.csv'", "", "1").succeeded();
    crate::util::files::parquet_of(&rows, &sandbox.path("r.parquet"), 13);
    store.put("logs/r.parquet", &std::fs::read(sandbox.path("r.parquet")).expect("a file"));
    run(&store, &sandbox, "parquet", "'s3://logs/r.parquet'", "", "2").succeeded();
    assert_same_answer(&sandbox.path("local"), &sandbox.path("parquet"), "Parquet in a store");
    for item in 1..=8 {
        let of_item = rows.iter().filter(|row| row.1 == item);
        let text: String = of_item.map(|(user, _, rating)| format!("{user},{rating}\n")).collect();
        store.put(&format!("logs/table/item={item}/part.csv"), text.as_bytes());
    }
    let keys = "user = 0\nitem = 'item'\nrating = 1";
    run(&store, &sandbox, "table", "'s3://logs/table/'", keys, "2").succeeded();
    assert_same_answer(&sandbox.path("local"), &sandbox.path("table"), "partitions in a store");
}

#[test]
fn what_a_store_does_not_give_is_said_in_one_line() {
    let Some(store) = Store::start("logs") else { return };
    let sandbox = Sandbox::new();
    run(&store, &sandbox, "out", "'s3://logs/nothing.csv'", "", "1")
        .refused(4, &["s3://logs/nothing.csv", "no object"]);
    run(&store, &sandbox, "out", "'s3://elsewhere/x.csv'", "", "1").refused(4, &["s3://elsewhere/x.csv"]);
    let packed = zstd::encode_all(&b"1,2,3\n".repeat(1000)[..], 1).expect("memory takes it");
    store.put("logs/cut.zst", &packed[..packed.len() / 2]);
    run(&store, &sandbox, "out", "'s3://logs/cut.zst'", "", "2").refused(3, &["s3://logs/cut.zst", "cut off"]);
}
