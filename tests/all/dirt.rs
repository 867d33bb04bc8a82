//! MovieLens 100K with every fault that a row can have, at known places: what is rejected, what is counted, and what is left.

use std::path::PathBuf;

use crate::util::data::{FEW_CLUSTERS, ml100k, quoted};
use crate::util::outputs::{assert_same_answer, ledger};
use crate::util::{Sandbox, cluster};

/// A row that is wrong, and what is said of it.
struct Fault {
    /// The line that it becomes, from 1.
    line: usize,
    text: Vec<u8>,
    code: &'static str,
    field: &'static str,
}

/// Every code, at the beginning, in the middle and at the end. `clean` are the lines without faults, from which duplicates are
/// made: they come after the row that they repeat.
fn faults(clean: &[&str]) -> Vec<Fault> {
    let fault = |line, text: &[u8], code, field| Fault { line, text: text.to_vec(), code, field };
    let repeated = |of: usize, rating: &str| {
        let fields: Vec<&str> = clean[of].split('\t').collect();
        [fields[0], fields[1], rating, "0"].join("\t").into_bytes()
    };
    let long = [&b"x".repeat(257)[..], b"\t8\t3\t1"].concat();
    vec![
        fault(1, b"\t8\t3\t881250949", "EMPTY_ID", "user"),
        fault(2, b"7\t8\tgood\t881250949", "BAD_RATING", "rating"),
        fault(20, b"7\t8", "SHORT_ROW", "row"),
        fault(21, b"7\t8\t3\t881250949\tmore", "LONG_ROW", "row"),
        fault(22, b"7\t \t3\t881250949", "EMPTY_ID", "item"),
        fault(300, b"7\t8\tinf\t881250949", "NOT_FINITE", "rating"),
        fault(301, b"7\t8\tNaN\t881250949", "NOT_FINITE", "rating"),
        fault(4_000, b"7\t8\t-1\t881250949", "NEGATIVE", "rating"),
        fault(50_000, b"7\t8\t2e15\t881250949", "TOO_LARGE", "rating"),
        fault(50_001, b"7\t\xff\xfe\t3\t881250949", "BAD_UTF8", "item"),
        fault(50_002, &long, "LONG_ID", "user"),
        fault(50_003, b"7\t\"open\t3\t881250949", "BAD_QUOTE", "row"),
        fault(50_004, b"7\t8\t\\\t881250949\r", "BAD_RATING", "rating"),
        fault(60_000, &repeated(0, "1"), "DUPLICATE", "row"),
        fault(60_001, &repeated(59_000, "2"), "DUPLICATE", "row"),
        fault(99_999, &repeated(0, "5"), "DUPLICATE", "row"),
        fault(100_017, &repeated(99_999, "4.5"), "DUPLICATE", "row"),
    ]
}

/// What a folder holds: the clean file, and the dirty one with the line where each fault begins.
struct Dirt {
    sandbox: Sandbox,
    clean: PathBuf,
    rejects: String,
    n_faults: u64,
}

impl Dirt {
    fn new() -> Option<Dirt> {
        let clean = ml100k()?.join("u.data");
        let text = std::fs::read_to_string(&clean).expect("u.data can be read");
        let clean_lines: Vec<&str> = text.lines().collect();
        let faults = faults(&clean_lines);
        let mut lines: Vec<Vec<u8>> = clean_lines.iter().map(|line| line.as_bytes().to_vec()).collect();
        faults.iter().for_each(|fault| lines.insert(fault.line - 1, fault.text.clone()));
        let mut rejects = "file\tline\tbyte\tcode\tfield\traw\n".to_string();
        for fault in &faults {
            let byte: usize = lines[..fault.line - 1].iter().map(|line| line.len() + 1).sum();
            let raw = String::from_utf8_lossy(&fault.text);
            let raw = raw.trim_end_matches('\r').replace('\\', "\\\\").replace('\t', "\\t");
            let Fault { line, code, field, .. } = fault;
            rejects += &format!("dirty.data\t{line}\t{byte}\t{code}\t{field}\t{raw}\n");
        }
        let sandbox = Sandbox::new();
        sandbox.write("dirty.data", lines.join(&b'\n'));
        Some(Dirt { sandbox, clean, rejects, n_faults: faults.len() as u64 })
    }

    fn job(&self, keys: &str) -> String {
        format!("[input]\nratings = ['dirty.data']\n{keys}\n{FEW_CLUSTERS}")
    }
}

const REJECT: &str = "on_bad = 'reject'";

#[test]
fn every_fault_is_rejected_where_it_is_and_the_rest_is_as_if_it_had_never_been() {
    let Some(dirt) = Dirt::new() else { return };
    let sandbox = &dirt.sandbox;
    let clean = format!("[input]\nratings = [{}]\n{FEW_CLUSTERS}", quoted(&dirt.clean));
    sandbox.run_to("clean", &clean, &["-w", "2"]).succeeded();
    let holds = |out: &str| {
        assert_same_answer(&sandbox.path("clean"), &sandbox.path(out), out);
        let n = dirt.n_faults;
        assert_eq!(ledger(&sandbox.path(out)), [100_000 + n, 100_000, n, 0], "{out}");
        let rejects = std::fs::read_to_string(sandbox.path(out).join("rejects.tsv")).expect("rejects.tsv is there");
        let differ = rejects.lines().zip(dirt.rejects.lines()).find(|(left, right)| left != right);
        assert!(rejects == dirt.rejects, "{out}: {differ:?}");
    };
    for workers in ["1", "2"] {
        sandbox.run_to(workers, &dirt.job(REJECT), &["-w", workers]).succeeded();
        holds(workers);
    }
    sandbox.write("job.toml", dirt.job(REJECT));
    for ran in cluster::run(sandbox, &["run", "job.toml", "-o", "cluster"], 2, 2) {
        ran.succeeded();
    }
    holds("cluster");
}

#[test]
fn packed_dirt_is_dirt_at_the_same_places() {
    let Some(dirt) = Dirt::new() else { return };
    let sandbox = &dirt.sandbox;
    let text = std::fs::read(sandbox.path("dirty.data")).expect("the dirty file");
    sandbox.write("dirty.data", crate::util::files::gzip(&text));
    sandbox.run(&dirt.job(REJECT), &["-w", "2"]).succeeded();
    let rejects = std::fs::read_to_string(sandbox.path("out/rejects.tsv")).expect("rejects.tsv is there");
    assert_eq!(rejects, dirt.rejects);
}

#[test]
fn dirt_past_the_limit_ends_the_run() {
    let Some(dirt) = Dirt::new() else { return };
    let n = dirt.n_faults;
    let bad = |n: u64| format!("{n} of {} rows are bad", 100_000 + dirt.n_faults);
    for workers in ["1", "2"] {
        let job = dirt.job("on_bad = 'reject'\nmax_bad = 0.0001");
        let parts = [&bad(n - 4), "input.max_bad", "dirty.data:1: user is empty"];
        dirt.sandbox.run(&job, &["-w", workers]).refused(3, &parts);
    }
    // The duplicates, the last faults to be found, are too many.
    let job = dirt.job(&format!("on_bad = 'reject'\nmax_bad = {}", (n - 1) as f64 / 1e5));
    dirt.sandbox.run(&job, &["-w", "2"]).refused(3, &[&bad(n), "dirty.data:1: user is empty"]);
    assert!(!dirt.sandbox.path("out").exists());
    dirt.sandbox.run(&dirt.job(""), &["-w", "2"]).refused(3, &["dirty.data:1: user is empty", "input.on_bad"]);
}

/// Of the same pair in several files the row of the first file counts, in any layout and kind of file.
#[test]
fn the_first_of_several_rows_counts_and_the_others_are_rejected() {
    let rows = crate::util::data::small_ratings();
    let sandbox = Sandbox::new();
    sandbox.write("plain.csv", crate::util::data::delimited(&rows, None, ",", "\n"));
    let job = |files: &str, keys: &str| {
        format!("[input]\nratings = [{files}]\nheader = false\n{keys}\n{}", crate::util::data::SMALL_JOB)
    };
    sandbox.run_to("clean", &job("'plain.csv'", ""), &["-w", "1"]).succeeded();
    let again: Vec<crate::util::data::Row> = rows[10..13].iter().map(|&(user, item, _)| (user, item, 0.5)).collect();
    sandbox.write("a.csv", crate::util::data::delimited(&rows, None, ",", "\r\n"));
    sandbox
        .write("b.csv.zst", crate::util::files::zstd(crate::util::data::delimited(&again, None, ",", "\n").as_bytes()));
    crate::util::files::parquet_of(&again, &sandbox.path("c.parquet"), 2);
    let files = "'c.parquet', 'b.csv.zst', 'a.csv'";
    let mut expected = "file\tline\tbyte\tcode\tfield\traw\n".to_string();
    for (file, in_lines) in [("b.csv.zst", true), ("c.parquet", false)] {
        let mut byte = 0;
        for (at, (user, item, rating)) in again.iter().enumerate() {
            let raw = format!("{user},{item},{rating}");
            let place = if in_lines { byte } else { at };
            expected += &format!("{file}\t{}\t{place}\tDUPLICATE\trow\t{raw}\n", at + 1);
            byte += raw.len() + 1;
        }
    }
    for workers in ["1", "3"] {
        sandbox.run(&job(files, REJECT), &["-w", workers]).succeeded();
        assert_same_answer(&sandbox.path("clean"), &sandbox.path("out"), workers);
        let n = rows.len() as u64;
        assert_eq!(ledger(&sandbox.path("out")), [n + 6, n, 6, 0]);
        let rejects = std::fs::read_to_string(sandbox.path("out/rejects.tsv")).expect("rejects.tsv is there");
        assert_eq!(rejects, expected);
    }
    sandbox.run(&job(files, ""), &[]).refused(3, &["b.csv.zst:1: ", "already in a.csv:11", "input.duplicates"]);
}
