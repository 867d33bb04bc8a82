//! Arrow files and streams, on a disk and through standard input, give the answer of the same rows as text.

use arrow_ipc::CompressionType;

use crate::util::data::{Row, SMALL_JOB, delimited, small_ratings};
use crate::util::files::{arrow_file, arrow_stream, parquet_of};
use crate::util::outputs::{assert_same_answer, csv_records, ledger};
use crate::util::{Sandbox, cluster};

fn job(ratings: &str, keys: &str) -> String {
    format!("[input]\nratings = '{ratings}'\n{keys}\n{SMALL_JOB}")
}

/// So many that a large record batch is read by several workers.
fn many_ratings() -> Vec<Row> {
    (0..300_000u32).map(|n| (n / 60 + 1, (n % 60) * (n / 60 % 7 + 1) + 1, f64::from(n * 7 % 9 + 2) / 2.0)).collect()
}

#[test]
fn files_and_streams_in_every_layout() {
    let sandbox = Sandbox::new();
    let rows = many_ratings();
    sandbox.write("r.csv", delimited(&rows, Some("user,item,rating"), ",", "\n"));
    sandbox.run_to("csv", &job("r.csv", ""), &["-w", "1"]).succeeded();
    let packings = [None, Some(CompressionType::LZ4_FRAME), Some(CompressionType::ZSTD)];
    let whole = rows.len();
    for (at, (size, packed)) in
        [(10_000, packings[0]), (whole, packings[0]), (65_536, packings[1]), (whole, packings[2])]
            .into_iter()
            .enumerate()
    {
        let (file, stream) = (arrow_file(&rows, size, packed), arrow_stream(&rows, size, packed));
        sandbox.write("r.arrow", &file);
        sandbox.write("r.arrows", &stream);
        for (name, workers) in [("r.arrow", "1"), ("r.arrow", "3"), ("r.arrows", "2")] {
            let out = format!("{name}-{at}-{workers}");
            sandbox.run_to(&out, &job(name, ""), &["-w", workers]).succeeded();
            assert_same_answer(&sandbox.path("csv"), &sandbox.path(&out), &out);
            assert_eq!(ledger(&sandbox.path(&out)), [300_000, 300_000, 0, 0], "{out}");
        }
        sandbox.write("job.toml", job("-", ""));
        for (name, bytes) in [("file", file), ("stream", stream)] {
            let out = format!("stdin-{name}-{at}");
            sandbox.segmill_fed(bytes, &["run", "job.toml", "-o", &out, "-w", "2"]).succeeded();
            assert_same_answer(&sandbox.path("csv"), &sandbox.path(&out), &out);
        }
    }
    sandbox.write("r.arrow", arrow_file(&rows, 65_536, None));
    sandbox.write("job.toml", job("r.arrow", ""));
    for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "processes"], 2, 2) {
        ran.succeeded();
    }
    assert_same_answer(&sandbox.path("csv"), &sandbox.path("processes"), "two processes");
    parquet_of(&rows, &sandbox.path("r.parquet"), 50_000);
    let parquet = std::fs::read(sandbox.path("r.parquet")).expect("the file is there");
    sandbox.write("job.toml", job("-", "format = 'parquet'"));
    sandbox.segmill_fed(parquet, &["run", "job.toml", "-o", "stdin-parquet", "-w", "2"]).succeeded();
    assert_same_answer(&sandbox.path("csv"), &sandbox.path("stdin-parquet"), "Parquet through a pipe");
}

#[test]
fn duplicates_have_their_rows_in_the_ledger() {
    let sandbox = Sandbox::new();
    let mut rows = small_ratings();
    rows.push(rows[7]);
    sandbox.write("r.csv", delimited(&rows, None, ",", "\n"));
    sandbox.write("r.arrows", arrow_stream(&rows, 9, None));
    let rejected = |out: &str, ratings: &str| {
        sandbox.run_to(out, &job(ratings, "on_bad = 'reject'\nmax_bad = 0.5"), &["-w", "2"]).succeeded();
        let found = csv_records_of(&sandbox, out);
        assert_eq!(found.len(), 1);
        ["line", "code", "raw"].map(|name| found[0][name].clone())
    };
    let text = rejected("text", "r.csv");
    assert_eq!(text[..2], [rows.len().to_string(), "DUPLICATE".into()]);
    assert_eq!(rejected("arrow", "r.arrows"), text);
    sandbox.run_to("refused", &job("r.arrows", ""), &[]).refused(3, &["user", "item"]);
}

fn csv_records_of(sandbox: &Sandbox, out: &str) -> Vec<std::collections::BTreeMap<String, String>> {
    let text = std::fs::read_to_string(sandbox.path(out).join("rejects.tsv")).expect("rejects");
    sandbox.write("rejects.csv", text.replace(',', "\u{1}").replace('\t', ","));
    let mut records = csv_records(&sandbox.path("rejects.csv"));
    records.iter_mut().flat_map(|record| record.values_mut()).for_each(|value| *value = value.replace('\u{1}', ","));
    records
}

#[test]
fn what_cannot_be_read_is_said_in_a_line() {
    let sandbox = Sandbox::new();
    let stream = arrow_stream(&small_ratings(), 9, None);
    sandbox.write("job.toml", job("-", ""));
    let run = ["run", "job.toml", "-o", "out"];
    let cut = stream[..stream.len() - 8].to_vec();
    sandbox
        .segmill_fed(cut, &run)
        .refused(3, &["-: these Arrow data cannot be read: the stream is cut off", "close the writer"]);
    sandbox.write("packed.arrows.zst", zstd::encode_all(&stream[..], 1).expect("memory takes it"));
    sandbox.run(&job("packed.arrows.zst", ""), &[]).refused(3, &["packed file of Arrow", "unpack it"]);
    sandbox.write("r.arrows", &stream);
    sandbox
        .run(&job("r.arrows", "user = 'who'"), &[])
        .refused(2, &["input.user", "the columns are user, item, rating"]);
    sandbox.run(&job("r.arrows", "format = 'delimited'"), &[]).refused(2, &["input.format", "this is an Arrow file"]);
    let seen = sandbox.segmill(&["run", "job.toml", "--dry-run", "--set", "input.format=arrow"]).succeeded().stdout;
    assert!(seen.contains("Arrow, 60 rows in 7 record batches"), "{seen}");
    let plan = sandbox.segmill(&["plan", "job.toml", "--set", "input.format=arrow"]).succeeded().stdout;
    assert!(!plan.is_empty());
}
