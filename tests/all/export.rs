//! `segmill export`: DuckDB, PostgreSQL and onnxruntime put users where `segmill assign` does.
//!
//! Each case fits a model, assigns users with few, many, unknown and no ratings, and holds what the exported files say in the real programs
//! against it. Users whose two nearest segments differ by less than 1e-6 of the distance may fall out otherwise; they are counted.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use parquet::basic::Compression;

use crate::util::data::{SMALL_JOB, delimited, ml100k, quoted, small_ratings};
use crate::util::files::{Values, properties, write_parquet};
use crate::util::outputs::segments;
use crate::util::postgres::Postgres;
use crate::util::{Ran, Sandbox, python};

/// Below it, which of two segments is the nearest is a matter of the last digits.
const MARGIN: f64 = 1e-6;

/// Distances agree to so many of themselves.
const TOLERANCE: f64 = 1e-9;

/// Where a user was put.
#[derive(Debug, Clone)]
struct Place {
    segment: u32,
    distance: f64,
    /// The next segment and the distance to it.
    second: Option<(u32, f64)>,
}

type Places = BTreeMap<String, Place>;

/// The programs that run what is exported.
struct Programs {
    python: PathBuf,
    postgres: Postgres,
}

impl Programs {
    /// Nothing where one is missing.
    fn find() -> Option<Programs> {
        Some(Programs { python: python::interpreter()?, postgres: Postgres::start()? })
    }

    /// Runs scripts in a database file of the sandbox, as the guide says. Stops at the first error.
    fn duckdb(&self, sandbox: &Sandbox, script: &str) -> Ran {
        let script = sandbox.write("duckdb-input.sql", script);
        let mut duckdb = Command::new(self.python.with_file_name("duckdb"));
        duckdb.args(["-bail", "-csv", "-noheader"]).arg(sandbox.path("model.duckdb"));
        duckdb.stdin(Stdio::from(std::fs::File::open(script).expect("the script")));
        Ran::from(duckdb.output().expect("DuckDB starts"))
    }

    fn onnx(&self, model: &Path, ratings: &Path, words: &[&str]) -> Ran {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/all/export.py");
        let mut python = Command::new(&self.python);
        Ran::from(python.arg(script).arg(model).arg(ratings).args(words).output().expect("Python starts"))
    }
}

/// Users, items and ratings as they stand in a file.
type Rows = Vec<(String, String, String)>;

fn rows_of(text: &str, delimiter: char) -> Rows {
    let row = |line: &str| {
        let mut fields = line.split(delimiter).map(str::to_string);
        let mut next = || fields.next().expect("user, item, rating");
        (next(), next(), next())
    };
    text.lines().map(row).collect()
}

/// Users to put into segments: those of the `fitted`, some of them with few of their ratings, and others who are odd.
fn newcomers(fitted: &Rows) -> Rows {
    let mut rows = fitted.clone();
    let mut of_users: BTreeMap<&str, Rows> = BTreeMap::new();
    fitted.iter().for_each(|row| of_users.entry(&row.0).or_default().push(row.clone()));
    for (at, (user, own)) in of_users.into_iter().enumerate() {
        // Of every user a part: one rating, two, three …
        let part = own.into_iter().take(1 + at % 7).map(|(_, item, rating)| (format!("part-{user}"), item, rating));
        rows.extend(part);
    }
    let known = fitted[0].1.clone();
    let of = |user: &str, item: &str, rating: &str| (user.to_string(), item.to_string(), rating.to_string());
    rows.extend([
        of("unknown only", "never seen", "3"),
        of("unknown too", "never seen", "3"),
        of("unknown too", &known, "2"),
        of("nothing but 0", &known, "0"),
        of("0042", &known, "1"),
        of("it's \"quoted\"", &known, "2.5"),
    ]);
    rows
}

fn write_rows(rows: &Rows, path: &Path) {
    let text = |of: fn(&(String, String, String)) -> &String| {
        Values::Text(rows.iter().map(|row| Some(of(row).clone())).collect())
    };
    let ratings = Values::Double(rows.iter().map(|row| row.2.parse().ok()).collect());
    let schema = "message m { optional binary user (UTF8); optional binary item (UTF8); optional double rating; }";
    write_parquet(
        path,
        schema,
        &[text(|row| &row.0), text(|row| &row.1), ratings],
        1000,
        properties(Compression::SNAPPY),
    );
}

fn csv(rows: &Rows) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    rows.iter().for_each(|(user, item, rating)| writer.write_record([user, item, rating]).expect("it is written"));
    String::from_utf8(writer.into_inner().expect("all of it")).expect("UTF-8")
}

/// Columns user, segment, distance and, if they are there, second and its distance.
fn places(text: &str) -> Places {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    let place = |record: csv::StringRecord| {
        let number = |at: usize| record[at].parse::<f64>().unwrap_or_else(|_| panic!("{record:?}"));
        let second = (record.len() > 4).then(|| (number(3) as u32, number(4)));
        (record[0].to_string(), Place { segment: number(1) as u32, distance: number(2), second })
    };
    reader.records().map(|record| place(record.expect("a record"))).collect()
}

/// The users of `new.csv` by `segmill assign`.
fn assigned(sandbox: &Sandbox) -> Places {
    let is_parquet = sandbox.path("new.parquet").exists();
    let ratings: &[&str] = if is_parquet { &["new.parquet"] } else { &["new.csv", "--set", "input.header=false"] };
    sandbox.segmill(&[&["assign", "out", "-o", "found.csv", "-q"], ratings].concat()).succeeded();
    let text = std::fs::read_to_string(sandbox.path("found.csv")).expect("the file is there");
    let (head, rest) = text.split_once('\n').expect("a head");
    assert!(head.starts_with("user,segment,distance,second,second_distance"), "{head}");
    places(rest)
}

const ASK: &str = "SELECT \"user\", segment, distance, second, second_distance FROM segmill_assigned ORDER BY 1;";

fn in_duckdb(programs: &Programs, sandbox: &Sandbox) -> Places {
    sandbox.segmill(&["export", "out", "--to", "sql", "--dialect", "duckdb"]).succeeded();
    let exported = std::fs::read_to_string(sandbox.path("out.duckdb.sql")).expect("the script");
    let ratings = sandbox.path("new.csv");
    let table = format!(
        "CREATE OR REPLACE TABLE new_ratings AS SELECT * FROM read_csv('{}', header = false, quote = '\"', escape = '\"',
         columns = {{'user': 'TEXT', 'item': 'TEXT', 'rating': 'DOUBLE'}});\n",
        ratings.display()
    );
    places(&programs.duckdb(sandbox, &format!("{table}{exported}{ASK}\n")).succeeded().stdout)
}

fn in_postgres(programs: &Programs, sandbox: &Sandbox) -> Places {
    sandbox.segmill(&["export", "out", "--to", "sql", "--dialect", "postgres"]).succeeded();
    let script = format!(
        "CREATE TABLE IF NOT EXISTS new_ratings (\"user\" TEXT, item TEXT, rating DOUBLE PRECISION);\nTRUNCATE new_ratings;\n\
         \\copy new_ratings FROM '{}' WITH (FORMAT csv)\n\\i {}\n\\copy ({}) TO stdout WITH (FORMAT csv)\n",
        sandbox.path("new.csv").display(),
        sandbox.path("out.postgres.sql").display(),
        ASK.trim_end_matches(';')
    );
    places(&programs.postgres.psql(&script).succeeded().stdout)
}

/// By ONNX, with by how much each user's segment is before the next.
fn in_onnx(programs: &Programs, sandbox: &Sandbox, words: &[&str]) -> (Places, BTreeMap<String, f64>) {
    sandbox.segmill(&["export", "out", "--to", "onnx"]).succeeded();
    let ran = programs.onnx(&sandbox.path("out.onnx"), &sandbox.path("new.csv"), words).succeeded();
    let margins = places(&ran.stdout);
    let cut = |text: &str| text.rsplit_once(',').map(|(before, _)| before.to_string()).expect("a margin");
    let places = places(&ran.stdout.lines().map(|line| cut(line) + "\n").collect::<String>());
    let margin = |line: csv::StringRecord| (line[0].to_string(), line[3].parse().expect("a number"));
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(ran.stdout.as_bytes());
    assert_eq!(margins.len(), places.len());
    (places, reader.records().map(|record| margin(record.expect("a record"))).collect())
}

/// Asserts that users are where `assign` has put them; `told` says whose segment is beyond doubt.
#[track_caller]
fn assert_same(found: &Places, expected: &Places, told: impl Fn(&str) -> bool, what: &str) {
    assert_eq!(found.keys().collect::<Vec<_>>(), expected.keys().collect::<Vec<_>>(), "{what}");
    let near = |a: f64, b: f64| (a - b).abs() <= TOLERANCE * b.abs().max(1e-3);
    for (user, place) in expected {
        let own = &found[user];
        if told(user) {
            assert_eq!(own.segment, place.segment, "{what}: {user}: {own:?} {place:?}");
            assert!(near(own.distance, place.distance), "{what}: {user}: {own:?} {place:?}");
            if let (Some((of, distance)), Some((second, second_distance))) = (own.second, place.second) {
                assert!(of != second || near(distance, second_distance), "{what}: {user}: {own:?} {place:?}");
            }
        }
    }
    let seconds = |places: &Places| places.values().filter_map(|place| Some(place.second?.0)).collect::<Vec<_>>();
    let (own, others) = (seconds(found), seconds(expected));
    let differ = own.iter().zip(&others).filter(|(a, b)| a != b).count();
    assert!(own.is_empty() || differ * 100 <= others.len(), "{what}: {differ} of {} seconds differ", others.len());
}

/// Asserts that all programs say of the users of `new.csv` what `assign` says; `words` say how rows are merged for ONNX.
#[track_caller]
fn assert_parity(programs: &Programs, sandbox: &Sandbox, words: &[&str], what: &str) {
    let expected = assigned(sandbox);
    let (by_onnx, margins) = in_onnx(programs, sandbox, words);
    let told = |user: &str| margins[user] > MARGIN;
    let untold = expected.keys().filter(|user| !told(user)).count();
    assert!(untold * 200 <= expected.len(), "{what}: {untold} of {} users are within the margin", expected.len());
    assert_same(&by_onnx, &expected, told, &format!("{what}, onnx"));
    assert_same(&in_duckdb(programs, sandbox), &expected, told, &format!("{what}, duckdb"));
    assert_same(&in_postgres(programs, sandbox), &expected, told, &format!("{what}, postgres"));
    eprintln!("{what}: {} users, {untold} within the margin", expected.len());
}

const REST: &str = "[sweep]\nclusters = []\n[validate]\nfolds = 2\n[evidence]\nrefits = 2\n";

const MATRICES: [[&str; 3]; 8] = [
    ["raw", "none", "zero"],
    ["raw", "l2", "user-mean"],
    ["binary", "l2", "zero"],
    ["log1p", "none", "user-mean"],
    ["log1p", "l2", "user-mean"],
    ["tfidf", "l2", "zero"],
    ["bm25", "none", "zero"],
    ["bm25", "l2", "user-mean"],
];

fn matrix([weighting, normalize, missing]: [&str; 3]) -> String {
    format!("[matrix]\nweighting = '{weighting}'\nnormalize = '{normalize}'\nmissing = '{missing}'\n")
}

#[test]
fn movielens_is_scored_alike_under_every_weighting() {
    let Some(folder) = ml100k() else { return };
    let Some(programs) = Programs::find() else { return };
    let sandbox = Sandbox::new();
    let ratings = folder.join("u.data");
    let fitted = rows_of(&std::fs::read_to_string(&ratings).expect("u.data"), '\t');
    sandbox.write("new.csv", csv(&newcomers(&fitted)));
    for of in MATRICES {
        let job = format!(
            "[input]\nratings = [{}]\n{}[pca]\ncomponents = 10\n[kmeans]\nclusters = 25\nn_init = 2\nrefine = 'none'\n{REST}",
            quoted(&ratings),
            matrix(of)
        );
        sandbox.run(&job, &["-w", "2", "-q"]).succeeded();
        assert_parity(&programs, &sandbox, &["max"], &format!("MovieLens, {of:?}"));
    }
}

/// Plays and no ratings: rows repeat, and each counts 1.
#[test]
fn plays_are_scored_alike_under_every_weighting() {
    let Some(programs) = Programs::find() else { return };
    let sandbox = Sandbox::new();
    let words = ["generate", "--users", "600", "--items", "200", "--ratings-per-user", "25", "--segments", "6"];
    sandbox.segmill(&[&words[..], &["--implicit", "--seed", "7", "-o", "plays.csv"]].concat()).succeeded();
    let text = std::fs::read_to_string(sandbox.path("plays.csv")).expect("the plays");
    let (head, rest) = text.split_once('\n').expect("a head");
    let n_columns = head.split(',').count();
    let plays: Rows = rest
        .lines()
        .map(|line| {
            let mut fields = line.split(',').map(str::to_string);
            let (user, item) = (fields.next().expect("a user"), fields.next().expect("an item"));
            (user, item, if n_columns > 2 { fields.next().expect("a rating") } else { "1".into() })
        })
        .collect();
    sandbox.write("new.csv", csv(&newcomers(&plays)));
    for of in MATRICES {
        let job = format!(
            "[input]\nratings = ['plays.csv']\nduplicates = 'sum'\n{}[pca]\ncomponents = 8\n\
             [kmeans]\nclusters = 6\nn_init = 2\nrefine = 'none'\n{REST}",
            matrix(of)
        );
        sandbox.run(&job, &["-w", "2", "-q"]).succeeded();
        assert_parity(&programs, &sandbox, &["sum"], &format!("plays, {of:?}"));
    }
}

/// A mixture reads that there is a rating, how much it is, how high it is, or how high its logarithm is.
#[test]
fn refined_segments_are_scored_alike() {
    let Some(programs) = Programs::find() else { return };
    let sandbox = Sandbox::new();
    let words = ["generate", "--users", "500", "--items", "150", "--ratings-per-user", "25", "--segments", "5"];
    sandbox.segmill(&[&words[..], &["--seed", "4", "-o", "opinions.csv"]].concat()).succeeded();
    let opinions = std::fs::read_to_string(sandbox.path("opinions.csv")).expect("the ratings");
    let opinions = rows_of(opinions.split_once('\n').expect("a head").1, ',');
    let with = |of: &dyn Fn(f64) -> f64| -> Rows {
        let changed = |(user, item, rating): &(String, String, String)| {
            (user.clone(), item.clone(), of(rating.parse().expect("a number")).to_string())
        };
        opinions.iter().map(changed).collect()
    };
    let amount = |x: f64| ((x - 1.0).powi(2) * 5.0 + 1.0).round();
    for (what, rows, amounts) in [
        ("opinions", with(&|x| x), "none"),
        ("likes", with(&|_| 1.0), "none"),
        ("shares", with(&amount), "share"),
        ("levels", with(&amount), "level"),
    ] {
        sandbox.write("r.csv", csv(&rows));
        sandbox.write("new.csv", csv(&newcomers(&rows)));
        let job = format!(
            "[input]\nratings = ['r.csv']\nheader = false\n{}[pca]\ncomponents = 5\n\
             [kmeans]\nclusters = 5\nn_init = 2\nrefine = 'mixture'\namounts = '{amounts}'\n{REST}",
            matrix(["raw", "none", "zero"])
        );
        sandbox.run(&job, &["-w", "2", "-q"]).succeeded();
        let json = std::fs::read_to_string(sandbox.path("out/model/model.json")).expect("the manifest");
        assert!(json.contains("mixture.terms"), "{what} were not refined");
        assert_parity(&programs, &sandbox, &["max"], what);
    }
}

/// Rows are filtered and merged, and what was returned is taken away, as the run does it.
#[test]
fn rows_are_filtered_and_merged_alike() {
    let Some(programs) = Programs::find() else { return };
    let sandbox = Sandbox::new();
    let text = delimited(&small_ratings(), None, ",", "\n");
    sandbox.write("r.csv", &text);
    let more = "1,1,4\n1,1,2\n1,5,5\n13,2,1\n13,2,4.5\n13,9,3\n14,3,0.5\n14,3,0.25\n15,6,9\n15,6,1\n16,4,1\n";
    let several = rows_of(&(text.clone() + more), ',');
    let run = |input: &str| {
        let job = format!("[input]\nratings = ['r.csv']\nheader = false\n{input}{SMALL_JOB}");
        sandbox.run(&job, &["-q"]).succeeded();
    };
    for merge in ["sum", "mean", "max"] {
        run(&format!("duplicates = '{merge}'\n[filter]\nmin_rating = 0.5\nmax_rating = 8\n"));
        sandbox.write("new.csv", csv(&several));
        assert_parity(&programs, &sandbox, &[merge, "0.5", "8"], merge);
    }
    // 17 returned part of what they have, 18 all of it, 19 more, 20 more of one item than they have but not of another, and 21 of an unknown one.
    let returns = "17,1,5\n17,1,-2\n18,1,0.1\n18,1,0.2\n18,1,-0.3\n19,2,1\n19,2,-3\n20,2,1\n20,2,-3\n20,3,4\n21,99,-3\n22,5,-1\n22,99,1\n";
    run("duplicates = 'sum'\non_bad = 'reject'\nmax_bad = '100%'\n");
    sandbox.write("new.csv", csv(&rows_of(&(text + more + returns), ',')));
    let expected = assigned(&sandbox);
    assert!(["17", "18", "20", "21"].iter().all(|user| expected.contains_key(*user)), "{expected:?}");
    assert!(["19", "22"].iter().all(|user| !expected.contains_key(*user)), "{expected:?}");
    let told = |user: &str| expected[user].second.is_some_and(|(_, d)| d > expected[user].distance * (1.0 + MARGIN));
    assert_same(&in_duckdb(&programs, &sandbox), &expected, told, "returns, duckdb");
    assert_same(&in_postgres(&programs, &sandbox), &expected, told, "returns, postgres");
}

/// Where the run takes one row of a user and item, several are an error, and it says whose.
#[test]
fn several_rows_are_an_error_where_they_are_one_in_the_run() {
    let Some(programs) = Programs::find() else { return };
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    for duplicates in ["error", "last"] {
        let job = format!("[input]\nratings = ['r.csv']\nheader = false\nduplicates = '{duplicates}'\n{SMALL_JOB}");
        sandbox.run(&job, &["-q"]).succeeded();
        for dialect in ["duckdb", "postgres"] {
            sandbox
                .segmill(&["export", "out", "--to", "sql", "--dialect", dialect, "-o", "model.sql", "-q"])
                .succeeded();
            let exported = std::fs::read_to_string(sandbox.path("model.sql")).expect("the script");
            let table = "DROP VIEW IF EXISTS segmill_assigned;\nDROP TABLE IF EXISTS new_ratings;\n\
                 CREATE TABLE new_ratings (\"user\" INTEGER, item INTEGER, rating REAL);\n\
                 INSERT INTO new_ratings VALUES (1, 1, 4), (1, 2, 3), (7, 99, 1), (7, 99, 2);\n";
            let twice = "INSERT INTO new_ratings VALUES (1, 2, 5);\n";
            let run = |more: &str| {
                let script = format!("{table}{more}{exported}\n{ASK}\n");
                if dialect == "duckdb" { programs.duckdb(&sandbox, &script) } else { programs.postgres.psql(&script) }
            };
            assert_eq!(run("").succeeded().stdout.lines().count(), 2, "rows of an unknown item do not count");
            let refused = run(twice);
            assert!(refused.code != 0 && refused.stderr.contains("several rows of one item and user 1"), "{refused:?}");
        }
    }
}

/// Ids of any text, tables and columns of any name.
#[test]
fn odd_names_stay_what_they_are() {
    let Some(programs) = Programs::find() else { return };
    let sandbox = Sandbox::new();
    let odd = |item: u32| match item {
        1 => "it's; DROP TABLE x; --".to_string(),
        2 => "two\nlines\r\nand a\ttab".to_string(),
        3 => "\"quoted\" \\n $$ :name ?".to_string(),
        4 => "Zoë 日本 \u{85}\u{2028}".to_string(),
        5 => "007".to_string(),
        6 => "\\.".to_string(),
        other => other.to_string(),
    };
    let mut fitted: Rows =
        small_ratings().iter().map(|&(user, item, rating)| (user.to_string(), odd(item), rating.to_string())).collect();
    let of = |user: &str, item: &str| (user.to_string(), item.to_string(), "4".to_string());
    let nul = of("1", "nul\0");
    fitted.push(nul.clone());
    write_rows(&fitted, &sandbox.path("r.parquet"));
    // What PostgreSQL cannot have is not asked for.
    let mut new: Rows = newcomers(&fitted).into_iter().filter(|row| row.1 != nul.1).collect();
    new.extend([of("seven", "7"), of("james", "007")]);
    sandbox.write("new.csv", csv(&new));
    write_rows(&new, &sandbox.path("new.parquet"));
    sandbox.run(&format!("[input]\nratings = ['r.parquet']\n{SMALL_JOB}"), &["-q"]).succeeded();
    let path = sandbox.path("out/model/model.json");
    let mut model: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("a model")).expect("JSON");
    let name = "Those who like 'x'; --\u{7}\"";
    model["segments"][0]["name"] = name.into();
    std::fs::write(&path, model.to_string()).expect("the name is edited");
    assert_parity(&programs, &sandbox, &["max"], "odd names");
    let named = "SELECT count(*) FROM \"Of us\".\"x'\"\"items\";\n\
         SELECT count(*) FROM \"Of us\".\"x'\"\"segments\" WHERE name = 'Those who like ''x''; --' || chr(7) || '\"';\n\
         SELECT count(*), count(DISTINCT \"user\") FROM \"Of us\".\"x'\"\"assigned\";\n";
    let table = "CREATE SCHEMA IF NOT EXISTS \"Shop.a\";\nDROP VIEW IF EXISTS \"Of us\".\"x'\"\"assigned\";\n\
         DROP TABLE IF EXISTS \"Shop.a\".\"Ra\"\"tings\";\nCREATE TABLE \"Shop.a\".\"Ra\"\"tings\" (\"select\" TEXT, \"Item no.\" INTEGER);\n\
         INSERT INTO \"Shop.a\".\"Ra\"\"tings\" VALUES ('a', 7), ('a', 7), ('b', 8), (NULL, 7), ('', 7), ('c', NULL);\n";
    for dialect in ["duckdb", "postgres"] {
        let words = [
            ["export", "out", "--to", "sql", "--dialect", dialect],
            ["--ratings-table", "\"Shop.a\".\"Ra\"\"tings\"", "--user", "select", "--item", "Item no."],
            ["--rating", "false", "--schema", "Of us", "--prefix", "x'\""],
        ];
        sandbox.run(&format!("[input]\nratings = ['r.parquet']\nduplicates = 'sum'\n{SMALL_JOB}"), &["-q"]).succeeded();
        std::fs::write(&path, model.to_string()).expect("the name is edited");
        let exported = sandbox.segmill(&[&words.concat()[..], &["-o", "-"]].concat()).succeeded().stdout;
        // Twice: the script makes its tables anew.
        let schema = "CREATE SCHEMA IF NOT EXISTS \"Of us\";\n";
        let script = format!("{schema}{table}{exported}{exported}{named}");
        let ran =
            if dialect == "duckdb" { programs.duckdb(&sandbox, &script) } else { programs.postgres.psql(&script) };
        let said = ran.succeeded().stdout.replace('\t', ",");
        let n_items = if dialect == "duckdb" { 9 } else { 8 };
        assert_eq!(said, format!("{n_items}\n1\n2,2\n"), "{dialect}");
    }
}

/// The script is whole or not at all, in the database too.
#[test]
fn a_script_without_its_ratings_leaves_the_database_as_it_was() {
    let Some(programs) = Programs::find() else { return };
    let sandbox = small_run();
    sandbox.segmill(&["export", "out", "--to", "sql", "--dialect", "postgres"]).succeeded();
    let ran = programs.postgres.psql_file(&sandbox.path("out.postgres.sql"));
    assert!(ran.code != 0 && ran.stderr.contains("new_ratings"), "{ran:?}");
    let tables = programs.postgres.psql("SELECT count(*) FROM pg_tables WHERE tablename LIKE 'segmill%';").succeeded();
    assert_eq!(tables.stdout, "0\n");
    sandbox.segmill(&["export", "out", "--to", "sql", "--dialect", "duckdb"]).succeeded();
    let exported = std::fs::read_to_string(sandbox.path("out.duckdb.sql")).expect("the script");
    let ran = programs.duckdb(&sandbox, &exported);
    assert!(ran.code != 0 && ran.stderr.contains("new_ratings"), "{ran:?}");
    let ran = programs.duckdb(&sandbox, "SELECT count(*) FROM duckdb_tables();\n").succeeded();
    assert_eq!(ran.stdout, "0\n");
}

fn small_run() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    sandbox.run(&format!("[input]\nratings = ['r.csv']\nheader = false\n{SMALL_JOB}"), &["-q"]).succeeded();
    sandbox
}

#[test]
fn files_are_replaced_whole_and_say_where_they_are() {
    let sandbox = small_run();
    let sql = ["export", "out", "--to", "sql", "--dialect", "duckdb"];
    let said = sandbox.segmill(&sql).succeeded().stdout;
    assert!(
        said.contains("out.duckdb.sql") && said.contains("segmill_assigned") && said.lines().count() == 1,
        "{said}"
    );
    let first = std::fs::read(sandbox.path("out.duckdb.sql")).expect("the script");
    sandbox.segmill(&["export", "out/", "--to", "onnx", "-q"]).succeeded();
    assert!(sandbox.path("out.onnx").is_file());
    let printed = sandbox.segmill(&[&sql[..], &["-o", "-"]].concat()).succeeded();
    assert_eq!(printed.stdout.as_bytes(), first, "the same script each time");
    let before = sandbox.listing();
    sandbox.segmill(&[&sql[..], &["-o", "out"]].concat()).refused(4, &["out", "not a regular file"]);
    sandbox.segmill(&[&sql[..], &["-o", "s3://made/x.sql"]].concat()).refused(4, &["object store"]);
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn what_cannot_be_exported_is_refused_in_one_line() {
    let sandbox = small_run();
    let before = sandbox.listing();
    let export = |words: &[&str]| sandbox.segmill(&[&["export", "out"], words].concat());
    let missing = export(&["--to", "sql"]);
    assert!(missing.code == 2 && missing.stderr.contains("--dialect"), "{missing:?}");
    export(&["--to", "onnx", "--dialect", "duckdb"]).refused(2, &["--dialect", "ONNX"]);
    export(&["--to", "onnx", "--prefix", "a"]).refused(2, &["--prefix", "ONNX"]);
    let sql = |words: &[&str]| export(&[&["--to", "sql", "--dialect", "postgres"], words].concat());
    sql(&["--ratings-table", "segmill_items"]).refused(2, &["--ratings-table", "segmill_items"]);
    sql(&["--ratings-table", "a.b.c.d"]).refused(2, &["--ratings-table"]);
    sql(&["--user", ""]).refused(2, &["--user", "empty"]);
    sql(&["--prefix", "a\nb"]).refused(2, &["--prefix", "control character"]);
    sql(&["--schema", &"x".repeat(64)]).refused(2, &["--schema", "63"]);
    sandbox.segmill(&["export", "nowhere", "--to", "onnx"]).refused(4, &["nowhere"]);
    sandbox.segmill(&["export", ".", "--to", "onnx"]).refused(2, &["--output", "-o"]);
    assert_eq!(sandbox.listing(), before);
    let path = sandbox.path("out/model/model.safetensors");
    let whole = std::fs::read(&path).expect("the model");
    std::fs::write(&path, &whole[..whole.len() / 2]).expect("it is damaged");
    sql(&[]).refused(3, &["model.safetensors", "run the job again"]);
    assert_eq!(sandbox.listing(), before);
}

/// Times are not in the view: who brings the rows is told.
#[test]
fn a_filter_of_times_is_said() {
    let sandbox = Sandbox::new();
    let rows = delimited(&small_ratings(), None, ",", "\n");
    let timed: String = rows.lines().map(|line| format!("{line},2024-03-05\n")).collect();
    sandbox.write("r.csv", format!("user,item,rating,time\n{timed}"));
    let job = format!("[input]\nratings = ['r.csv']\ntime = 'time'\n[filter]\nafter = 2024-01-01\n{SMALL_JOB}");
    sandbox.run(&job, &["-q"]).succeeded();
    let ran = sandbox.segmill(&["export", "out", "--to", "sql", "--dialect", "duckdb", "-o", "m.sql"]).succeeded();
    assert!(ran.stderr.contains("2024-01-01T00:00:00Z"), "{ran:?}");
    let script = std::fs::read_to_string(sandbox.path("m.sql")).expect("the script");
    assert!(script.contains("-- ") && script.contains("at or after 2024-01-01T00:00:00Z"), "{script}");
}

#[cfg(feature = "stores")]
#[test]
fn a_run_in_a_store_is_exported_to_a_disk() {
    let Some(store) = crate::util::store::Store::start("made") else { return };
    let sandbox = small_run();
    store.segmill(&sandbox, &["run", "job.toml", "-o", "s3://made/out", "-q"]).succeeded();
    sandbox.segmill(&["export", "out", "--to", "onnx", "-o", "here.onnx"]).succeeded();
    let words = ["export", "s3://made/out", "--to", "onnx"];
    store.segmill(&sandbox, &words).refused(2, &["--output"]);
    store.segmill(&sandbox, &[&words[..], &["-o", "there.onnx"]].concat()).succeeded();
    let file = |name: &str| std::fs::read(sandbox.path(name)).expect("the model");
    assert!(file("there.onnx") == file("here.onnx"));
}

/// The snippet of the guide.
#[test]
fn one_user_is_scored_as_the_guide_says() {
    let Some(python) = python::interpreter() else { return };
    let guide = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(python::GUIDE)).expect("the guide");
    let snippets = guide.split("\n```python\n").skip(1).map(|rest| rest.split("\n```\n").next().expect("its end"));
    let snippet = snippets.into_iter().find(|snippet| snippet.contains("onnxruntime")).expect("the guide has one");
    let sandbox = small_run();
    sandbox.segmill(&["export", "out", "--to", "onnx", "-o", "out/quickstart.onnx", "-q"]).succeeded();
    let script = sandbox.write("snippet.py", snippet);
    for (user, segment) in segments(&sandbox.path("out")) {
        let own = small_ratings().into_iter().filter(|row| row.0.to_string() == user);
        sandbox.write("one-user.csv", own.map(|(_, item, rating)| format!("{item},{rating}\n")).collect::<String>());
        let ran = Command::new(&python).arg(&script).current_dir(sandbox.path("")).output().expect("Python starts");
        assert_eq!(Ran::from(ran).succeeded().stdout, format!("segment {segment}\n"), "user {user}");
    }
}
