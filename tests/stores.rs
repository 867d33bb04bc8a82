//! Ratings in an object store: a local server that speaks S3's protocol, started by the test.
#![cfg(feature = "stores")]

mod util;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use util::data::{Row, SMALL_JOB, delimited, ml100k, quoted, small_ratings};
use util::files::gzip;
use util::outputs::assert_same_answer;
use util::{Ran, Sandbox, cluster, python};

/// Longer than any server takes to start.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running S3 server with an empty bucket `logs`.
struct Store {
    server: Child,
    address: String,
}

impl Store {
    /// Nothing where it cannot be had.
    fn start() -> Option<Store> {
        let python = python::with_packages("moto", &["moto[server]"])?;
        let address = cluster::free_addresses(1).remove(0);
        let (host, port) = address.split_once(':').expect("host and port");
        let mut server = Command::new(python);
        server.args(["-m", "moto.server", "-H", host, "-p", port]).stdout(Stdio::null()).stderr(Stdio::null());
        let store = Store { server: server.spawn().expect("the server starts"), address };
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(&store.address).is_err() {
            assert!(Instant::now() < deadline, "the server does not listen");
            std::thread::sleep(Duration::from_millis(100));
        }
        store.put("logs", b"");
        Some(store)
    }

    /// Makes a bucket, or an object `bucket/key`.
    fn put(&self, path: &str, content: &[u8]) {
        let mut stream = TcpStream::connect(&self.address).expect("the server listens");
        let (address, length) = (&self.address, content.len());
        let head =
            format!("PUT /{path} HTTP/1.1\r\nHost: {address}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(content)).expect("the server listens");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    fn run(&self, sandbox: &Sandbox, out: &str, ratings: &str, keys: &str, workers: &str) -> Ran {
        sandbox.write("job.toml", format!("[input]\nratings = {ratings}\n{keys}\n{SMALL_JOB}"));
        let endpoint = format!("http://{}", self.address);
        let variables = [
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
        ];
        sandbox.segmill_with(&variables, &["run", "job.toml", "-o", out, "-w", workers])
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// More than one request brings.
fn many_ratings() -> Vec<Row> {
    (0..300_000u32).map(|n| (n / 60 + 1, (n % 60) * (n / 60 % 7 + 1) + 1, f64::from(n * 7 % 9 + 2) / 2.0)).collect()
}

#[test]
fn objects_prefixes_and_patterns_read_like_files() {
    let Some(store) = Store::start() else { return };
    let sandbox = Sandbox::new();
    let rows = many_ratings();
    let text = delimited(&rows, Some("user,item,rating"), ",", "\n");
    assert!(text.len() > 3 << 20);
    sandbox.write("r.csv", &text);
    store.run(&sandbox, "local", "'r.csv'", "", "1").succeeded();
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
        store.run(&sandbox, out, ratings, "", workers).succeeded();
        assert_same_answer(&sandbox.path("local"), &sandbox.path(out), ratings);
    }
}

#[test]
fn movielens_100k_in_a_store() {
    let (Some(folder), Some(store)) = (ml100k(), Store::start()) else { return };
    let sandbox = Sandbox::new();
    let text = std::fs::read(folder.join("u.data")).expect("u.data can be read");
    let packed = gzip(&text);
    store.run(&sandbox, "local", &quoted(&folder.join("u.data")), "", "1").succeeded();
    for (name, bytes) in [("u.data", &text), ("u.data.gz", &packed)] {
        store.put(&format!("logs/{name}"), bytes);
        store.run(&sandbox, name, &format!("'s3://logs/{name}'"), "", "2").succeeded();
        assert_same_answer(&sandbox.path("local"), &sandbox.path(name), name);
    }
}

#[test]
fn parquet_and_partitions_in_a_store() {
    let Some(store) = Store::start() else { return };
    let sandbox = Sandbox::new();
    let rows = small_ratings();
    sandbox.write("r.csv", delimited(&rows, None, ",", "\n"));
    store.run(&sandbox, "local", "'r.csv'", "", "1").succeeded();
    util::files::parquet_of(&rows, &sandbox.path("r.parquet"), 13);
    store.put("logs/r.parquet", &std::fs::read(sandbox.path("r.parquet")).expect("a file"));
    store.run(&sandbox, "parquet", "'s3://logs/r.parquet'", "", "2").succeeded();
    assert_same_answer(&sandbox.path("local"), &sandbox.path("parquet"), "Parquet in a store");
    for item in 1..=8 {
        let of_item = rows.iter().filter(|row| row.1 == item);
        let text: String = of_item.map(|(user, _, rating)| format!("{user},{rating}\n")).collect();
        store.put(&format!("logs/table/item={item}/part.csv"), text.as_bytes());
    }
    let keys = "user = 0\nitem = 'item'\nrating = 1";
    store.run(&sandbox, "table", "'s3://logs/table/'", keys, "2").succeeded();
    assert_same_answer(&sandbox.path("local"), &sandbox.path("table"), "partitions in a store");
}

#[test]
fn what_a_store_does_not_give_is_said_in_one_line() {
    let Some(store) = Store::start() else { return };
    let sandbox = Sandbox::new();
    store.run(&sandbox, "out", "'s3://logs/nothing.csv'", "", "1").refused(4, &["s3://logs/nothing.csv", "no object"]);
    store.run(&sandbox, "out", "'s3://elsewhere/x.csv'", "", "1").refused(4, &["s3://elsewhere/x.csv"]);
    let packed = zstd::encode_all(&b"1,2,3\n".repeat(1000)[..], 1).expect("memory takes it");
    store.put("logs/cut.zst", &packed[..packed.len() / 2]);
    store.run(&sandbox, "out", "'s3://logs/cut.zst'", "", "2").refused(3, &["s3://logs/cut.zst", "cut off"]);
}
