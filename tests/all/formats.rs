//! The same ratings in every kind of file give the same answer.

use std::path::Path;

use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::WriterProperties;

use crate::util::data::{FEW_CLUSTERS, Row, SMALL_JOB, delimited, ml100k, ml100k_ratings, shuffled, small_ratings};
use crate::util::files::{Values, gzip, parquet_of, properties, write_parquet, zstd};
use crate::util::outputs::{assert_same_answer, ledger, titles};
use crate::util::{Sandbox, cluster};

fn job(ratings: &str, keys: &str) -> String {
    format!("[input]\nratings = {ratings}\n{keys}\n")
}

/// Users 1 to 12 by another name, so that text ids keep the order of the numbers.
fn name(id: u32) -> String {
    format!("id-{id:03}")
}

#[test]
fn movielens_100k_in_every_kind_of_file() {
    let Some(folder) = ml100k() else { return };
    let rows: Vec<Row> = ml100k_ratings(&folder).iter().map(|r| (r.user as u32, r.item as u32, r.rating)).collect();
    let sandbox = Sandbox::new();
    let data = crate::util::data::quoted(&folder.join("u.data"));
    let run = |out: &str, ratings: &str, words: &[&str]| {
        sandbox.run_to(out, &format!("{}{FEW_CLUSTERS}", job(ratings, "")), words).succeeded();
        if out != "tsv" {
            assert_same_answer(&sandbox.path("tsv"), &sandbox.path(out), out);
        }
        assert_eq!(ledger(&sandbox.path(out)), [100_000, 100_000, 0, 0], "{out}");
    };
    run("tsv", &data, &["-w", "1"]);

    let csv = delimited(&rows, Some("user,item,rating"), ",", "\n");
    sandbox.write("r.csv.gz", gzip(csv.as_bytes()));
    sandbox.write("r.csv.zst", zstd(csv.as_bytes()));
    run("gz", "'r.csv.gz'", &["-w", "2"]);
    run("zst", "'r.csv.zst'", &["-w", "3"]);

    parquet_of(&rows, &sandbox.path("r.parquet"), 30_000);
    run("parquet", "'r.parquet'", &["-w", "2"]);

    // A table by rating, in which folders give the ratings, with what Spark leaves in its folders.
    for stars in 1..=5 {
        let part = sandbox.path(&format!("table/rating={stars}/half=0"));
        std::fs::create_dir_all(&part).expect("a folder");
        let of_rating: Vec<Row> = rows.iter().copied().filter(|row| row.2 == f64::from(stars)).collect();
        let text: String = of_rating.iter().map(|(user, item, _)| format!("{item},{user}\n")).collect();
        std::fs::write(part.join("part-0.csv"), text).expect("a file");
        std::fs::write(part.join("_SUCCESS"), "not data").expect("a file");
    }
    let keys = "user = 1\nitem = 0\nrating = 'rating'";
    sandbox.run_to("hive", &format!("{}{FEW_CLUSTERS}", job("'table'", keys)), &["-w", "2"]).succeeded();
    assert_same_answer(&sandbox.path("tsv"), &sandbox.path("hive"), "partitioned folder");

    let file = format!("['file://{}']", sandbox.path("r.csv.gz").display());
    run("file", &file, &["-w", "2"]);
    sandbox.write("job.toml", format!("{}{FEW_CLUSTERS}", job("'-'", "")));
    for (out, bytes) in [("stdin", csv.clone().into_bytes()), ("stdin-zst", zstd(csv.as_bytes()))] {
        sandbox.segmill_fed(bytes, &["run", "job.toml", "-o", out, "-w", "2"]).succeeded();
        assert_same_answer(&sandbox.path("tsv"), &sandbox.path(out), out);
    }
}

#[test]
fn a_mixed_list_of_files_is_one_log() {
    let sandbox = Sandbox::new();
    let rows = small_ratings();
    sandbox.write("all.csv", delimited(&rows, None, ",", "\n"));
    sandbox.run(&format!("{}{SMALL_JOB}", job("'all.csv'", "")), &["-w", "1"]).succeeded();
    let parts: Vec<&[Row]> = rows.chunks(rows.len().div_ceil(4)).collect();
    sandbox.write("p0.csv", delimited(parts[0], Some("user;item;rating"), ";", "\r\n"));
    sandbox.write("p1.tsv.gz", gzip(delimited(parts[1], None, "\t", "\n").as_bytes()));
    // A file of several members, and one with a misleading name.
    let halves = parts[2].split_at(parts[2].len() / 2);
    let members = [halves.0, halves.1].map(|half| gzip(delimited(half, None, ",", "\n").as_bytes())).concat();
    sandbox.write("p2.txt", members);
    parquet_of(parts[3], &sandbox.path("p3.bin"), 5);
    for workers in ["1", "2", "5"] {
        let job = format!("{}{SMALL_JOB}", job("'p*'", ""));
        sandbox.run_to("joined", &job, &["-w", workers]).succeeded();
        assert_same_answer(&sandbox.path("out"), &sandbox.path("joined"), workers);
    }
    for ran in cluster::run(&sandbox, &["run", "job.toml", "-o", "cluster"], 2, 2) {
        ran.succeeded();
    }
    assert_same_answer(&sandbox.path("out"), &sandbox.path("cluster"), "two processes");
}

#[test]
fn columns_of_a_parquet_file_may_be_of_any_kind() {
    let sandbox = Sandbox::new();
    let rows = shuffled(&small_ratings(), 3);
    let named: String = rows.iter().map(|(u, i, r)| format!("{},{},{r}\n", name(*u), name(*i))).collect();
    sandbox.write("named.csv", named);
    sandbox.run(&format!("{}{SMALL_JOB}", job("'named.csv'", "")), &["-w", "1"]).succeeded();
    let texts = |of: fn(&Row) -> u32| rows.iter().map(|row| Some(name(of(row)))).collect();
    let columns = [
        Values::Double(rows.iter().map(|row| Some(row.2)).collect()),
        Values::Text(texts(|row| row.1)),
        Values::Text(texts(|row| row.0)),
    ];
    let schema =
        "message m { optional double stars; optional byte_array item (UTF8); optional byte_array who (UTF8); }";
    let keys = "user = 'who'\nitem = 1\nrating = 'stars'\nformat = 'parquet'";
    for (compression, dictionary) in [
        (Compression::UNCOMPRESSED, true),
        (Compression::UNCOMPRESSED, false),
        (Compression::ZSTD(ZstdLevel::default()), true),
        (Compression::GZIP(Default::default()), false),
        (Compression::LZ4_RAW, true),
    ] {
        let properties =
            WriterProperties::builder().set_compression(compression).set_dictionary_enabled(dictionary).build();
        write_parquet(&sandbox.path("t.parquet"), schema, &columns, 7, properties);
        sandbox.run_to("t", &format!("{}{SMALL_JOB}", job("'t.parquet'", keys)), &["-w", "2"]).succeeded();
        assert_same_answer(&sandbox.path("out"), &sandbox.path("t"), &format!("{compression:?} {dictionary}"));
    }
}

#[test]
fn nulls_and_bad_values_are_bad_rows_by_their_number() {
    let sandbox = Sandbox::new();
    let rows = small_ratings();
    sandbox.write("plain.csv", delimited(&rows, None, ",", "\n"));
    sandbox.run(&format!("{}{SMALL_JOB}", job("'plain.csv'", "")), &["-w", "1"]).succeeded();
    let mut users: Vec<Option<i64>> = rows.iter().map(|row| Some(i64::from(row.0))).collect();
    let mut items: Vec<Option<i32>> = rows.iter().map(|row| Some(row.1 as i32)).collect();
    let mut ratings: Vec<Option<f32>> = rows.iter().map(|row| Some(row.2 as f32)).collect();
    let planted = [
        (3, None, Some(1), Some(1.0)),
        (9, Some(1), None, Some(1.0)),
        (10, Some(1), Some(1), None),
        (21, Some(1), Some(1), Some(f32::NAN)),
        (22, Some(1), Some(1), Some(-2.0)),
    ];
    for (at, user, item, rating) in planted {
        users.insert(at, user);
        items.insert(at, item);
        ratings.insert(at, rating);
    }
    let columns = [Values::Int64(users), Values::Int32(items), Values::Float(ratings)];
    let schema = "message m { optional int64 user; optional int32 item; optional float rating; }";
    write_parquet(&sandbox.path("t.parquet"), schema, &columns, 8, properties(Compression::SNAPPY));
    let failing = format!("{}{SMALL_JOB}", job("'t.parquet'", ""));
    sandbox.run_to("t", &failing, &["-w", "2"]).refused(3, &["t.parquet:4:", "user is empty"]);
    for workers in ["1", "3"] {
        let job = format!("{}{SMALL_JOB}", job("'t.parquet'", "on_bad = 'reject'"));
        sandbox.run_to("t", &job, &["-w", workers]).succeeded();
        assert_same_answer(&sandbox.path("out"), &sandbox.path("t"), workers);
        assert_eq!(ledger(&sandbox.path("t")), [rows.len() as u64 + 5, rows.len() as u64, 5, 0]);
        let rejects = std::fs::read_to_string(sandbox.path("t/rejects.tsv")).expect("rejects");
        let found: Vec<Vec<&str>> = rejects.lines().skip(1).map(|line| line.split('\t').skip(1).collect()).collect();
        let expected = [
            ["4", "3", "EMPTY_ID", "user", ",1,1"],
            ["10", "9", "EMPTY_ID", "item", "1,,1"],
            ["11", "10", "BAD_RATING", "rating", "1,1,"],
            ["22", "21", "NOT_FINITE", "rating", "1,1,NaN"],
            ["23", "22", "NEGATIVE", "rating", "1,1,-2"],
        ];
        assert_eq!(found, expected);
    }
}

#[test]
fn lines_of_packed_files_are_counted_in_the_text() {
    let sandbox = Sandbox::new();
    let text = delimited(&small_ratings(), Some("user,item,rating"), ",", "\n") + "1,2,x\n1,1,4\n";
    sandbox.write("r.csv.gz", gzip(text.as_bytes()));
    let lines = text.lines().count();
    let bad = format!("r.csv.gz:{}:", lines - 1);
    sandbox.run(&format!("{}{SMALL_JOB}", job("'r.csv.gz'", "")), &[]).refused(3, &[&bad, "not a number"]);
    sandbox.write("r.csv.gz", gzip(text.replace("1,2,x\n", "").as_bytes()));
    let twice = format!("r.csv.gz:{}:", lines - 1);
    let job = format!("{}{SMALL_JOB}", job("'r.csv.gz'", ""));
    sandbox.run(&job, &[]).refused(3, &[&twice, "user 1 and item 1 are already in line 2"]);
}

#[test]
fn what_is_cut_or_damaged_is_fatal_whatever_the_job_says() {
    let sandbox = Sandbox::new();
    let text = delimited(&small_ratings(), None, ",", "\n").repeat(400);
    let on_bad = "on_bad = 'reject'\nduplicates = 'max'";
    for (name, packed) in [("r.gz", gzip(text.as_bytes())), ("r.zst", zstd(text.as_bytes()))] {
        for cut in [packed.len() - 1, packed.len() / 2, 12] {
            sandbox.write(name, &packed[..cut]);
            let ran = sandbox.run(&format!("{}{SMALL_JOB}", job(&format!("'{name}'"), on_bad)), &["-w", "2"]);
            ran.refused(3, &[name, "cut off"]);
        }
    }
    let rows: Vec<Row> = small_ratings();
    parquet_of(&rows, &sandbox.path("whole.parquet"), 10);
    let whole = std::fs::read(sandbox.path("whole.parquet")).expect("a file");
    for cut in [whole.len() - 1, whole.len() / 2, 4] {
        sandbox.write("r.parquet", &whole[..cut]);
        let ran = sandbox.run(&format!("{}{SMALL_JOB}", job("'r.parquet'", on_bad)), &["-w", "2"]);
        ran.refused(3, &["r.parquet", "cannot be read"]);
    }
}

#[test]
fn a_parquet_page_that_cannot_be_decoded_is_an_error_in_one_line() {
    let sandbox = Sandbox::new();
    let rows = small_ratings();
    let columns = [
        Values::Text(rows.iter().map(|row| Some(format!("user {}", row.0))).collect()),
        Values::Text(rows.iter().map(|row| Some(format!("item {}", row.1))).collect()),
        Values::Float(rows.iter().map(|row| Some(row.2 as f32)).collect()),
    ];
    let schema = "message m { optional binary user (UTF8); optional binary item (UTF8); optional float rating; }";
    write_parquet(&sandbox.path("r.parquet"), schema, &columns, 1000, properties(Compression::UNCOMPRESSED));
    let whole = std::fs::read(sandbox.path("r.parquet")).expect("a file");
    let job = format!("{}{SMALL_JOB}", job("'r.parquet'", ""));
    sandbox.run(&job, &["-w", "2"]).succeeded();
    // In a dictionary each text comes after its length.
    let name = format!("item {}", rows[0].1).into_bytes();
    let at = whole.windows(name.len()).position(|bytes| bytes == name).expect("the item") - 4;
    assert_eq!(whole[at..at + 4], (name.len() as u32).to_le_bytes());
    for length in [name.len() as u32 + 1, u32::MAX] {
        let mut damaged = whole.clone();
        damaged[at..at + 4].copy_from_slice(&length.to_le_bytes());
        sandbox.write("r.parquet", damaged);
        sandbox.run(&job, &["-w", "2"]).refused(3, &["r.parquet", "cannot be read"]);
    }
}

#[test]
fn titles_may_be_packed_or_parquet() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    let text: String = (1..=7).map(|item| format!("{item},The {item}th  item\n")).collect();
    sandbox.write("titles.csv", &text);
    sandbox.write("titles.csv.gz", gzip(text.as_bytes()));
    let columns = [
        Values::Text((1..=7).map(|item| Some(format!("The {item}th  item"))).chain([None]).collect()),
        Values::Int64((1..=8).map(Some).collect()),
    ];
    let schema = "message m { optional byte_array title (UTF8); optional int64 id; }";
    write_parquet(&sandbox.path("titles.parquet"), schema, &columns, 3, properties(Compression::SNAPPY));
    let run = |out: &str, keys: &str| {
        let job = format!("[input]\nratings = 'r.csv'\n[input.items]\n{keys}\n{SMALL_JOB}");
        sandbox.run_to(out, &job, &["-w", "2"])
    };
    run("out", "path = 'titles.csv'").succeeded();
    assert_eq!(titles(&sandbox.path("out"))["7"], "The 7th item");
    run("gz", "path = 'titles.csv.gz'").succeeded();
    run("parquet", "path = 'titles.parquet'\nid = 'id'\ntitle = 0").succeeded();
    for out in ["gz", "parquet"] {
        assert_same_answer(&sandbox.path("out"), &sandbox.path(out), out);
    }
    run("gz", "path = 'titles.parquet'\nid = 'sku'").refused(2, &["input.items.id", "title, id"]);
    let metadata = "metadata = ['kind']";
    run("gz", &format!("path = 'titles.parquet'\nid = 'id'\ntitle = 0\n{metadata}"))
        .refused(2, &["input.items.metadata", "\"kind\"", "title, id"]);
}

/// What a card says of metadata.
fn tastes(out: &Path) -> Vec<String> {
    let report = std::fs::read_to_string(out.join("report.html")).expect("a report");
    let facts = report.split("<dt>").skip(1).map(|fact| fact.split("</div>").next().unwrap_or_default().to_string());
    facts.filter(|fact| fact.starts_with("kind<") || fact.starts_with("colour<")).collect()
}

#[test]
fn metadata_of_parquet_are_those_of_text() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    let kind = |item: i64| if item % 2 == 0 { "even" } else { "odd|strange" };
    let is_red = |item: i64| item < 3;
    let rows = (1..=7).map(|item| format!("{item},t{item},{},{}\n", kind(item), is_red(item)));
    sandbox.write("items.csv", std::iter::once("id,title,kind,red\n".to_string()).chain(rows).collect::<String>());
    let columns = [
        Values::Int64((1..=7).map(|item| Some(i64::from(is_red(item)))).collect()),
        Values::Text((1..=7).map(|item| Some(kind(item).to_string())).collect()),
        Values::Text((1..=7).map(|item| Some(format!("t{item}"))).collect()),
        Values::Int64((1..=7).map(Some).collect()),
    ];
    let schema = "message m { optional int64 red; optional byte_array kind (UTF8); optional byte_array title (UTF8); optional int64 id; }";
    write_parquet(&sandbox.path("items.parquet"), schema, &columns, 3, properties(Compression::SNAPPY));
    let metadata = "[{ column = 'kind', separator = '|' }, { name = 'colour', flags = { red = 'red' } }]";
    for (out, file) in [("text", "items.csv"), ("parquet", "items.parquet")] {
        let keys = format!("path = '{file}'\nid = 'id'\ntitle = 'title'\nmetadata = {metadata}\n");
        let job = format!("[input]\nratings = 'r.csv'\n[input.items]\n{keys}{SMALL_JOB}");
        sandbox.run_to(out, &job, &["-w", "2"]).succeeded();
    }
    assert_same_answer(&sandbox.path("text"), &sandbox.path("parquet"), "parquet");
    let found = tastes(&sandbox.path("text"));
    assert!(
        found.iter().any(|taste| taste.contains("odd")) && found.iter().any(|taste| taste.contains("red")),
        "{found:?}"
    );
    assert_eq!(tastes(&sandbox.path("parquet")), found);
}

#[test]
fn standard_input_is_of_one_process() {
    let sandbox = Sandbox::new();
    let rows = small_ratings();
    sandbox.write("r.csv", delimited(&rows, None, ",", "\n"));
    sandbox.run(&format!("{}{SMALL_JOB}", job("'r.csv'", "")), &["-w", "1"]).succeeded();
    sandbox.write("job.toml", format!("{}{SMALL_JOB}", job("'-'", "")));
    let words = ["launch", "job.toml", "--processes", "2", "-w", "1", "-o", "launched"];
    sandbox.segmill_fed("1,2,3\n", &words).refused(2, &["input.ratings", "launch has no standard input"]);
}

#[test]
fn keys_that_do_not_fit_the_files_are_named() {
    let sandbox = Sandbox::new();
    parquet_of(&small_ratings(), &sandbox.path("r.parquet"), 10);
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    let run = |file: &str, keys: &str| sandbox.run(&format!("{}{SMALL_JOB}", job(&format!("'{file}'"), keys)), &[]);
    run("r.parquet", "user = 'who'").refused(2, &["input.user", "\"who\"", "user, item, rating"]);
    run("r.parquet", "user = 5").refused(2, &["input.user", "no column 5", "user, item, rating"]);
    run("r.parquet", "user = 0\nitem = 'user'").refused(2, &["input.item", "same column"]);
    run("r.parquet", "format = 'delimited'").refused(2, &["input.format", "this is a Parquet file"]);
    run("r.csv", "format = 'parquet'").refused(2, &["input.format", "no Parquet file"]);
    run("https://example.org/r.csv", "").refused(2, &["input.ratings", "https://"]);
    sandbox.write("job.toml", format!("{}{SMALL_JOB}", job("'-'", "")));
    sandbox.segmill_fed(Vec::new(), &["run", "job.toml", "-o", "out"]).refused(3, &["standard input", "nothing"]);
}
