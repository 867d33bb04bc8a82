//! Data as the argument: from a raw file to a report in one command.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::util::data::{FEW_CLUSTERS, Row, delimited, ml100k, quoted, shuffled, small_ratings};
use crate::util::draws::Draws;
use crate::util::files::{gzip, parquet_of};
use crate::util::outputs::{assert_same_answer, ledger, run_json};
use crate::util::{Sandbox, cluster};

/// What keeps a run short.
const QUICK: [&str; 6] =
    ["--set", "kmeans.clusters=3", "--set", "sweep.clusters=[]", "--set", "evidence.enabled=false"];

fn quick<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [words, &QUICK, &["--set", "pca.components=3"]].concat()
}

/// The log of a shop: row numbers, orders, customers of three kinds, products with their names, amounts.
fn orders(header: &str, delimiter: &str) -> String {
    let mut draws = Draws(7);
    let mut text = format!("{}\n", header.replace(',', delimiter));
    for row in 0..1_200u64 {
        let order = row / 3;
        let customer = 100 + order * 7 % 60;
        let product = customer % 3 * 10 + draws.below(10);
        let quantity = 1 + draws.below(4);
        let fields = [
            row.to_string(),
            format!("2025-0{}-11", 1 + row / 200),
            format!("B{order:05}"),
            format!("K{customer}"),
            format!("A-{product}"),
            format!("Artikel {product}"),
            quantity.to_string(),
            format!("{product}.50"),
        ];
        text += &format!("{}\n", fields.join(delimiter));
    }
    text
}

fn columns(sandbox: &Sandbox, out: &str) -> [Value; 4] {
    let files = run_json(&sandbox.path(out))["job"]["input"]["source"].clone();
    let files = files.get("Files").cloned().unwrap_or(files);
    ["user", "item", "rating", "time"].map(|role| files[role].clone())
}

#[test]
fn one_command_from_a_log_of_orders_to_a_report() {
    let sandbox = Sandbox::new();
    let header = "Zeile,Datum,Bestellnummer,Kundennummer,Artikelnummer,Bezeichnung,Menge,Preis";
    sandbox.write("orders.csv", orders(header, ";"));
    let ran = sandbox.segmill(&quick(&["run", "orders.csv", "-w", "2"])).succeeded();
    for line in [
        "segmill: orders.csv: user: column \"Kundennummer\", by its name",
        "segmill: orders.csv: item: column \"Artikelnummer\", by its name",
        "segmill: orders.csv: rating: column \"Menge\", by its name",
        "segmill: orders.csv: repeats: the rows of one user and item are added up",
    ] {
        assert!(ran.stderr.lines().any(|said| said == line), "{line}\n{}", ran.stderr);
    }
    assert!(sandbox.path("out/orders/report.html").exists());
    assert_eq!(columns(&sandbox, "out/orders")[..2], ["Kundennummer", "Artikelnummer"]);
    let [read, accepted, rejected, merged] = ledger(&sandbox.path("out/orders"));
    assert!(read == 1_200 && rejected == 0 && merged > 0 && accepted + merged == read);
}

/// What was found is part of the record: it reads other files by these names, however their columns lie.
#[test]
fn what_was_found_holds_for_files_to_come() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.csv", orders("n,day,order,customer,sku,name,qty,price", ","));
    sandbox.segmill(&quick(&["run", "orders.csv", "-q"])).succeeded();
    sandbox.write("new.csv", "sku,qty,customer\nA-3,2,K900\nA-4,1,K900\n");
    let ran = sandbox.segmill(&["assign", "out/orders", "new.csv", "-o", "-"]).succeeded();
    assert!(ran.stdout.contains("K900"), "{}", ran.stdout);
    sandbox.segmill(&["verify", "out/orders"]).succeeded();
    sandbox.write("other.csv", "who,sku,qty\nK900,A-3,2\n");
    sandbox
        .segmill(&["assign", "out/orders", "other.csv", "-o", "-"])
        .refused(2, &["other.csv", "\"customer\"", "who"]);
}

// The same bits in every layout, from every kind of source.
#[test]
fn the_answer_is_that_of_a_job_that_names_the_columns() {
    let sandbox = Sandbox::new();
    let rows: Vec<Row> = small_ratings();
    let csv = delimited(&rows, Some("customer,sku,stars"), ",", "\n");
    sandbox.write("r.csv", &csv);
    sandbox.write("r.csv.gz", gzip(csv.as_bytes()));
    parquet_of(&rows, &sandbox.path("r.parquet"), 100);
    let job = "[input]\nratings = 'r.csv'\nuser = 'customer'\nitem = 'sku'\nrating = 'stars'\n[pca]\ncomponents = 3\n\
               [kmeans]\nclusters = 3\n[sweep]\nclusters = []\n[evidence]\nenabled = false\n";
    sandbox.run_to("named", job, &["-q"]).succeeded();
    for (out, words) in [
        ("one", vec!["run", "r.csv", "-w", "1"]),
        ("two", vec!["run", "r.csv", "-w", "2"]),
        ("gz", vec!["run", "r.csv.gz"]),
        ("parquet", vec!["run", "r.parquet"]),
        ("launched", vec!["launch", "r.csv", "--processes", "2", "-w", "1"]),
    ] {
        sandbox.segmill(&quick(&[&words[..], &["-o", out, "-q"]].concat())).succeeded();
        assert_same_answer(&sandbox.path("named"), &sandbox.path(out), out);
    }
    sandbox.segmill_fed(csv.into_bytes(), &quick(&["run", "-", "-o", "stdin", "-q"])).succeeded();
    assert_same_answer(&sandbox.path("named"), &sandbox.path("stdin"), "stdin");
    for member in cluster::run(&sandbox, &quick(&["run", "r.csv", "-o", "members", "-q"]), 2, 1) {
        member.succeeded();
    }
    assert_same_answer(&sandbox.path("named"), &sandbox.path("members"), "members");
}

#[test]
fn movielens_100k_needs_no_key() {
    let Some(folder) = ml100k() else { return };
    let sandbox = Sandbox::new();
    let path = folder.join("u.data");
    let job = format!("[input]\nratings = {}\nuser = 0\nitem = 1\nrating = 2\n{FEW_CLUSTERS}", quoted(&path));
    sandbox.run_to("named", &job, &["-q"]).succeeded();
    let job = format!("[input]\nratings = {}\n{FEW_CLUSTERS}", quoted(&path));
    sandbox.run_to("found", &job, &["-q"]).succeeded();
    assert_same_answer(&sandbox.path("named"), &sandbox.path("found"), "found");
    assert_eq!(columns(&sandbox, "found")[..2], [0, 1]);
}

#[test]
fn init_prints_a_job_that_runs_to_the_same_answer() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.csv", orders("n,day,order,customer,sku,name,qty,price", ","));
    sandbox.segmill(&quick(&["run", "orders.csv", "-q"])).succeeded();
    let printed = sandbox.segmill(&["init", "orders.csv", "-q"]).succeeded();
    for line in ["user = \"customer\"", "item = \"sku\"", "rating = \"qty\"", "duplicates = \"sum\""] {
        assert!(printed.stdout.lines().any(|printed| printed == line), "{line}\n{}", printed.stdout);
    }
    sandbox.write("mine.toml", &printed.stdout);
    let ran = sandbox.segmill(&quick(&["run", "mine.toml", "-o", "again"])).succeeded();
    assert!(!ran.stderr.contains("by its name"), "nothing is left to find: {}", ran.stderr);
    assert_same_answer(&sandbox.path("out/orders"), &sandbox.path("again"), "the job of init");
}

#[test]
fn a_question_is_one_line_with_the_options_that_answer_it() {
    let sandbox = Sandbox::new();
    let plays: String =
        (0..400u32).map(|i| format!("u{},a{},t{},{}\n", i % 40, i * 7 % 9, i * 13 % 50, 1 + i % 5)).collect();
    sandbox.write("plays.csv", format!("listener,artist,track,plays\n{plays}"));
    for command in [&["run"][..], &["run", "--dry-run"], &["plan"], &["init"]] {
        let ran = sandbox.segmill(&[command, &["plays.csv"]].concat());
        ran.refused(2, &["plays.csv", "artist and track", "--item artist or --item track"]);
    }
    assert!(sandbox.listing().iter().all(|name| !name.starts_with("out/")), "{:?}", sandbox.listing());
    sandbox.segmill(&quick(&["run", "plays.csv", "--item", "track", "-q"])).succeeded();
    assert_eq!(columns(&sandbox, "out/plays")[..2], ["listener", "track"]);
}

#[test]
fn data_and_jobs_do_not_mix() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", "1,2,3\n");
    sandbox.write("job.toml", "[input]\nratings = 'r.csv'\n");
    sandbox.segmill(&["run", "r.csv", "job.toml"]).refused(2, &["job.toml", "name one job, or data only"]);
    sandbox.segmill(&["run", "nowhere.csv"]).refused(4, &["nowhere.csv"]);
    sandbox.segmill(&["run", "nowhere.toml"]).refused(2, &["nowhere.toml", "cannot read the job file"]);
    sandbox.segmill(&["run", "r.csv", "--set", "input.ratings=r.csv"]).refused(2, &["named on the command line"]);
    sandbox.segmill(&["run", "r.csv", "--user", "0", "--item", "0"]).refused(2, &["input.item"]);
}

#[test]
fn a_filter_of_times_finds_its_column() {
    let sandbox = Sandbox::new();
    sandbox.write("orders.csv", orders("n,day,order,customer,sku,name,qty,price", ","));
    let words = quick(&["run", "orders.csv", "-q", "--set", "filter.after=2025-04-01"]);
    sandbox.segmill(&words).succeeded();
    assert_eq!(run_json(&sandbox.path("out/orders"))["ledger"]["filtered"], 600);
    sandbox.write("bare.csv", "user,item\na,b\na,c\nb,c\n");
    sandbox.segmill(&["run", "bare.csv", "--set", "filter.after=2025-04-01"]).refused(2, &["input.time", "--time"]);
}

/// Amounts in cents, written as `written` does; some are a thousand or more.
fn amounts(separator: &str, written: impl Fn(u64) -> String) -> String {
    let mut draws = Draws(5);
    let mut text = format!("customer{separator}sku{separator}amount\n");
    for row in 0..900u64 {
        let (customer, cents) = (row % 60, 1 + draws.below(400_000));
        let product = customer % 3 * 10 + row / 60;
        text += &format!("K{customer}{separator}A{product}{separator}{}\n", written(cents));
    }
    text
}

fn grouped(cents: u64, between: &str, point: &str) -> String {
    let (whole, rest) = (cents / 100, cents % 100);
    match whole {
        0..1_000 => format!("{whole}{point}{rest:02}"),
        _ => format!("{}{between}{:03}{point}{rest:02}", whole / 1_000, whole % 1_000),
    }
}

// However numbers are written, they are the same numbers.
#[test]
fn numbers_are_read_as_people_write_them() {
    let sandbox = Sandbox::new();
    sandbox.write("plain.csv", amounts(",", |cents| format!("{}.{:02}", cents / 100, cents % 100)));
    sandbox.segmill(&quick(&["run", "plain.csv", "-q"])).succeeded();
    for (name, text) in [
        ("german", amounts(";", |cents| grouped(cents, ".", ","))),
        ("french", amounts(";", |cents| format!("{} €", grouped(cents, "\u{202f}", ",")))),
        ("swiss", amounts(",", |cents| format!("CHF {}", grouped(cents, "'", ".")))),
        ("english", amounts("\t", |cents| format!("${}", grouped(cents, ",", ".")))),
        ("quoted", amounts(",", |cents| format!("\"{}\"", grouped(cents, ",", ".")))),
    ] {
        sandbox.write(&format!("{name}.csv"), text);
        let out = format!("out/{name}");
        let file = format!("{name}.csv");
        let ran = sandbox.segmill(&quick(&["run", &file, "-w", "2"])).succeeded();
        assert!(ran.stderr.contains(&format!("segmill: {file}: numbers: ")), "{}", ran.stderr);
        assert_same_answer(&sandbox.path("out/plain"), &sandbox.path(&out), name);
        sandbox.segmill(&["run", &format!("{out}/run.json"), "-o", "again", "-q"]).succeeded();
        assert_same_answer(&sandbox.path("out/plain"), &sandbox.path("again"), "the record");
        let printed = sandbox.segmill(&["init", &file, "-q"]).succeeded();
        sandbox.write("mine.toml", &printed.stdout);
        sandbox.segmill(&quick(&["run", "mine.toml", "-o", "mine", "-q"])).succeeded();
        assert_same_answer(&sandbox.path("out/plain"), &sandbox.path("mine"), "the job of init");
    }
    // Later ratings are read like those of the run, whatever they would look like alone.
    sandbox.write("new.csv", "customer;sku;amount\nK900;A3;1.500\n");
    let assigned = sandbox.segmill(&["assign", "out/german", "new.csv", "-o", "-"]).succeeded();
    sandbox.write("new.csv", "customer,sku,amount\nK900,A3,1500\n");
    assert_eq!(sandbox.segmill(&["assign", "out/plain", "new.csv", "-o", "-"]).succeeded().stdout, assigned.stdout);
}

#[test]
fn numbers_that_could_be_either_are_a_question() {
    let sandbox = Sandbox::new();
    let text = amounts(";", |cents| if cents.is_multiple_of(3) { "1,234".into() } else { (1 + cents % 9).to_string() });
    sandbox.write("a.csv", text);
    let asked = sandbox.segmill(&quick(&["run", "a.csv"]));
    asked.refused(
        2,
        &["input.decimal", "a.csv", "\"1,234\" in column \"amount\" may be 1234 or 1.234", "input.decimal=,"],
    );
    for (decimal, out) in [(".", "point"), (",", "comma")] {
        let words = ["run", "a.csv", "-q", "-o", out, "--set", &format!("input.decimal={decimal}")];
        sandbox.segmill(&quick(&words)).succeeded();
    }
    assert_ne!(run_json(&sandbox.path("point"))["digests"], run_json(&sandbox.path("comma"))["digests"]);
}

/// What does not agree with the rest of its column is a bad row.
#[test]
fn numbers_written_otherwise_are_bad_rows() {
    let sandbox = Sandbox::new();
    let text = amounts(";", |cents| grouped(cents, ".", ",")) + "K1;A1;12.5\nK2;A2;1,234.50\nK3;A3;2,00\n";
    sandbox.write("a.csv", text);
    sandbox.segmill(&quick(&["run", "a.csv", "-q", "--set", "input.on_bad=reject"])).succeeded();
    assert_eq!(ledger(&sandbox.path("out/a"))[2], 2);
    let rejects = std::fs::read_to_string(sandbox.path("out/a/rejects.tsv")).unwrap();
    assert!(rejects.lines().skip(1).all(|line| line.contains("BAD_RATING")), "{rejects}");
    sandbox.segmill(&quick(&["run", "a.csv", "-q"])).refused(3, &["a.csv:902", "rating \"12.5\" is not a number"]);
}

/// Sales and returns: each tenth sale comes with its return, elsewhere in the log, and each thirtieth with a part of one.
fn with_returns() -> Vec<String> {
    let mut draws = Draws(9);
    let mut rows = Vec::new();
    for row in 0..900u64 {
        let customer = row % 60;
        let product = customer % 3 * 10 + draws.below(10);
        let cents = 100 + draws.below(900);
        rows.push(format!("K{customer},A{product},{}.{:02}", cents / 100, cents % 100));
        if row % 10 == 0 {
            rows.push(format!("K{customer},A{product},-{}.{:02}", cents / 100, cents % 100));
        } else if row % 30 == 7 {
            rows.push(format!("K{customer},A{product},-0.50"));
        }
    }
    shuffled(&rows, 4)
}

fn log_of(rows: &[String]) -> String {
    format!("customer,sku,amount\n{}\n", rows.join("\n"))
}

/// The same log with the sums of cents in place of its rows.
fn netted(rows: &[String]) -> String {
    let mut sums: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for row in rows {
        let fields: Vec<&str> = row.split(',').collect();
        let cents: i64 = fields[2].replace('.', "").parse().unwrap();
        *sums.entry((fields[0], fields[1])).or_default() += cents;
    }
    let rows = sums.iter().filter(|(_, cents)| **cents > 0);
    let rows: Vec<String> =
        rows.map(|((user, item), cents)| format!("{user},{item},{}", *cents as f64 / 100.0)).collect();
    log_of(&rows)
}

fn segments_of(sandbox: &Sandbox, out: &str) -> Value {
    run_json(&sandbox.path(out))["digests"]["segments"].clone()
}

// Whatever the order of the rows, and in every layout.
#[test]
fn returns_are_taken_from_what_they_return() {
    let sandbox = Sandbox::new();
    let rows = with_returns();
    sandbox.write("log.csv", log_of(&rows));
    sandbox.write("mixed.csv", log_of(&shuffled(&rows, 8)));
    sandbox.segmill(&quick(&["run", "log.csv", "-q", "-w", "1"])).succeeded();
    let [read, accepted, rejected, merged] = ledger(&sandbox.path("out/log"));
    assert!(read == rows.len() as u64 && rejected == 0 && accepted + merged == read);
    sandbox.write("net.csv", netted(&rows));
    sandbox.segmill(&quick(&["run", "net.csv", "-q"])).succeeded();
    assert_eq!(run_json(&sandbox.path("out/net"))["ratings"], run_json(&sandbox.path("out/log"))["ratings"]);
    for (out, words) in [
        ("two", vec!["run", "log.csv", "-w", "2"]),
        ("mixed", vec!["run", "mixed.csv", "-w", "2"]),
        ("launched", vec!["launch", "mixed.csv", "--processes", "2", "-w", "1"]),
        ("little", vec!["run", "mixed.csv", "--set", "memory=64MiB"]),
    ] {
        sandbox.segmill(&quick(&[&words[..], &["-o", out, "-q"]].concat())).succeeded();
        assert_same_answer(&sandbox.path("out/log"), &sandbox.path(out), out);
    }
    sandbox.segmill(&["verify", "out/log"]).succeeded();
    let followed = sandbox.segmill_fed("op,user,item,rating\nadd,K901,A3,2\n", &["follow", "out/log", "--input", "-"]);
    assert!(followed.succeeded().stdout.contains("K901"));
}

#[test]
fn what_cannot_have_been_returned_is_rejected() {
    let sandbox = Sandbox::new();
    let good = with_returns();
    let bad = ["K1,A29,-3", "K1,A28,2", "K1,A28,-2.50", "K999,A3,-1"].map(String::from);
    let rows = shuffled(&[&good[..], &bad].concat(), 2);
    sandbox.write("log.csv", log_of(&rows));
    sandbox.write("good.csv", log_of(&rows.iter().filter(|row| !bad.contains(row)).cloned().collect::<Vec<_>>()));
    let refused = sandbox.segmill(&quick(&["run", "log.csv", "-q"]));
    refused.refused(3, &["log.csv:", "has returned more of item A", "set input.on_bad = \"reject\""]);
    sandbox.segmill(&quick(&["run", "good.csv", "-q"])).succeeded();
    let reject = ["run", "log.csv", "-q", "--set", "input.on_bad=reject"];
    for (out, words) in [("one", &["-w", "1"]), ("two", &["-w", "2"])] {
        sandbox.segmill(&quick(&[&reject[..], words, &["-o", out]].concat())).succeeded();
        assert_eq!(segments_of(&sandbox, out), segments_of(&sandbox, "out/good"));
        assert_eq!(ledger(&sandbox.path(out))[2], 4);
        let rejects = std::fs::read_to_string(sandbox.path(&format!("{out}/rejects.tsv"))).unwrap();
        for row in &bad {
            assert!(rejects.lines().any(|line| line.contains("RETURN") && line.ends_with(row)), "{row}\n{rejects}");
        }
    }
    // What people think of an item is not returned.
    sandbox.write("stars.csv", "user,item,stars\na,b,3\nb,b,-1\nc,b,2\n");
    sandbox
        .segmill(&["run", "stars.csv", "--rating", "stars"])
        .refused(3, &["stars.csv:3", "rating \"-1\" is negative"]);
    let most = quick(&[&reject[..], &["--set", "input.max_bad=0.1%", "-o", "few"]].concat());
    sandbox.segmill(&most).refused(3, &["4 of", "more than input.max_bad"]);
}
