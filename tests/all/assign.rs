//! `segmill assign`: users of the fit come back bit for bit, others go where their ratings say, and what cannot be read is
//! refused.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::util::Sandbox;
use crate::util::data::{SMALL_JOB, delimited, ml100k, quoted, shuffled, small_ratings};
use crate::util::outputs::parquet_rows;

const GENERATED: &str = "
[pca]
components = 10
[kmeans]
clusters = 6
n_init = 2
[sweep]
clusters = []
[validate]
folds = 2
";

/// Puts `ratings` into the segments of `out`, on so many workers, and returns the file's bytes.
#[track_caller]
fn assigned(sandbox: &Sandbox, ratings: &str, workers: &str, more: &[&str]) -> Vec<u8> {
    let words = [&["assign", "out", ratings, "-o", "found.parquet", "-w", workers], more].concat();
    sandbox.segmill(&words).succeeded();
    std::fs::read(sandbox.path("found.parquet")).expect("the file is there")
}

/// Asserts that `ratings`, those of the run in `out`, give its `segments.parquet` again, byte for byte.
#[track_caller]
fn assert_comes_back(sandbox: &Sandbox, ratings: &str, what: &str) {
    let fitted = std::fs::read(sandbox.path("out/segments.parquet")).expect("the run is there");
    for workers in ["1", "2", "3"] {
        assert!(assigned(sandbox, ratings, workers, &[]) == fitted, "{what} on {workers} workers");
    }
    assert!(assigned(sandbox, ratings, "2", &["--set", "memory=1MiB"]) == fitted, "{what} with little memory");
}

fn generate(sandbox: &Sandbox, implicit: bool) {
    let words = ["generate", "--users", "1200", "--items", "300", "--ratings-per-user", "30", "--segments", "6"];
    let feedback: &[&str] = if implicit { &["--implicit"] } else { &[] };
    sandbox.segmill(&[&words[..], feedback, &["--seed", "7", "-o", "ratings.csv"]].concat()).succeeded();
}

/// The columns of each user in a Parquet file, as text.
fn by_user(path: &Path) -> BTreeMap<String, BTreeMap<String, String>> {
    parquet_rows(path).into_iter().map(|mut row| (row.remove("user").expect("a user"), row)).collect()
}

/// A finished run over [`small_ratings`] in `r.csv`.
fn small_run(more: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    sandbox.run(&format!("[input]\nratings = ['r.csv']\n{more}{SMALL_JOB}"), &["-q"]).succeeded();
    sandbox
}

/// Asserts that the profiles of `ratings`, those of the run in `out`, are those of the run: sums of weights have room for
/// other numbers of users, so that scores agree to their last digits; all else is the same.
#[track_caller]
fn assert_profiles_come_back(sandbox: &Sandbox, ratings: &str, what: &str) {
    let profiles = |workers: &str, more: &[&str]| {
        let words = ["assign", "out", ratings, "-o", "found.parquet", "--profiles", "p.parquet", "-q", "-w", workers];
        sandbox.segmill(&[&words[..], more].concat()).succeeded();
        std::fs::read(sandbox.path("p.parquet")).expect("the profiles")
    };
    let first = profiles("1", &[]);
    let (mut fitted, mut found) =
        (parquet_rows(&sandbox.path("out/profiles.parquet")), parquet_rows(&sandbox.path("p.parquet")));
    assert!(!found.is_empty() && found.len() == fitted.len(), "{what}");
    for (found, fitted) in found.iter_mut().zip(&mut fitted) {
        let [score, of_fit] = [&mut *found, fitted].map(|row| row.remove("score").expect("a score"));
        let [score, of_fit] = [score, of_fit].map(|score| score.parse::<f64>().expect("a number"));
        assert!((score - of_fit).abs() <= 1e-9 * of_fit, "{what}: {score} and {of_fit} of {found:?}");
    }
    assert_eq!(found, fitted, "{what}");
    for (workers, more) in [("2", &[][..]), ("3", &[]), ("2", &["--set", "memory=1MiB"])] {
        assert!(profiles(workers, more) == first, "{what} on {workers} workers {more:?}");
    }
}

#[test]
fn users_of_movielens_come_back() {
    let Some(folder) = ml100k() else { return };
    let sandbox = Sandbox::new();
    let ratings = folder.join("u.data");
    for (weighting, normalize) in [("raw", "none"), ("tfidf", "l2")] {
        let job = format!(
            "[input]\nratings = [{}]\n[matrix]\nweighting = '{weighting}'\nnormalize = '{normalize}'\n\
             [kmeans]\nn_init = 2\n[sweep]\nclusters = []\n",
            quoted(&ratings)
        );
        sandbox.run(&job, &["-w", "2"]).succeeded();
        assert_comes_back(&sandbox, ratings.to_str().expect("UTF-8"), weighting);
        assert_profiles_come_back(&sandbox, ratings.to_str().expect("UTF-8"), weighting);
    }
}

#[test]
fn users_of_generated_ratings_come_back_under_every_weighting_and_classifier() {
    let sandbox = Sandbox::new();
    generate(&sandbox, false);
    for (weighting, normalize, model) in [
        ("raw", "none", "multinomial"),
        ("binary", "l2", "bernoulli"),
        ("log1p", "none", "gaussian"),
        ("tfidf", "none", "bernoulli"),
        ("bm25", "l2", "gaussian"),
    ] {
        let job = format!(
            "[input]\nratings = ['ratings.csv']\n{GENERATED}model = '{model}'\n\
             [matrix]\nweighting = '{weighting}'\nnormalize = '{normalize}'\n"
        );
        sandbox.run(&job, &["-w", "2"]).succeeded();
        assert_comes_back(&sandbox, "ratings.csv", weighting);
    }
}

#[test]
fn users_of_events_with_repeats_come_back() {
    let sandbox = Sandbox::new();
    generate(&sandbox, true);
    for weighting in ["bm25", "log1p"] {
        let job = format!(
            "[input]\nratings = ['ratings.csv']\nduplicates = 'sum'\n{GENERATED}[matrix]\nweighting = '{weighting}'\n"
        );
        sandbox.run(&job, &["-w", "3"]).succeeded();
        assert_comes_back(&sandbox, "ratings.csv", weighting);
        assert_profiles_come_back(&sandbox, "ratings.csv", weighting);
    }
}

#[test]
fn users_of_filtered_rows_come_back() {
    let sandbox = Sandbox::new();
    generate(&sandbox, false);
    let job = "[input]\nratings = ['ratings.csv']\n[kmeans]\nclusters = 6\nn_init = 2\n[sweep]\nclusters = []\n\
               [filter]\nmin_rating = 2\nmax_rating = 4.5\n";
    sandbox.run(job, &["-q"]).succeeded();
    assert_comes_back(&sandbox, "ratings.csv", "filtered rows");
}

#[test]
fn users_with_names_come_back_in_any_order_and_from_several_files() {
    let sandbox = Sandbox::new();
    let row = |(user, item, rating): &(u32, u32, f64)| format!("user-{user}\titem {item}\t{rating}\n");
    let rows: Vec<String> = small_ratings().iter().map(row).collect();
    sandbox.write("r.tsv", rows.concat());
    sandbox.run(&format!("[input]\nratings = ['r.tsv']\nheader = false\n{SMALL_JOB}"), &[]).succeeded();
    assert_comes_back(&sandbox, "r.tsv", "names");
    assert_profiles_come_back(&sandbox, "r.tsv", "names");
    let rows = shuffled(&rows, 3);
    let (left, right) = rows.split_at(20);
    sandbox.write("left.tsv", left.concat());
    sandbox.write("right.tsv", right.concat());
    let found = assigned(&sandbox, "left.tsv", "2", &["right.tsv"]);
    assert!(found == std::fs::read(sandbox.path("out/segments.parquet")).expect("the run is there"));
}

/// Three kinds of users on a line, two of them equally far from the one between: which is its second nearest segment is a
/// matter of the order in which the fit looked, and not of the numbers of the segments.
#[test]
fn ties_are_broken_as_in_the_fit() {
    let sandbox = Sandbox::new();
    let of_user = |user: u32| match user % 3 {
        0 => vec![(user, 1, 2.0)],
        1 => vec![(user, 2, 2.0)],
        _ => vec![(user, 1, 1.0), (user, 2, 1.0)],
    };
    let rows: Vec<_> = (1..=30).flat_map(of_user).collect();
    sandbox.write("r.csv", delimited(&rows, None, ",", "\n"));
    let mut told_apart = 0;
    for seed in 0..4 {
        let sections = "[pca]\ncomponents = 1\n[kmeans]\nclusters = 3\n[sweep]\nclusters = []\n[validate]\nfolds = 2\n";
        let job = format!("seed = {seed}\n[input]\nratings = ['r.csv']\n{sections}");
        sandbox.run(&job, &["-q"]).succeeded();
        assert_comes_back(&sandbox, "r.csv", "ties");
        let fitted = std::fs::read(sandbox.path("out/segments.parquet")).expect("the run is there");
        let path = sandbox.path("out/model/model.json");
        let json = std::fs::read_to_string(&path).expect("the manifest");
        std::fs::write(&path, json.replacen("\"tie_order\"", "\"forgotten\"", 1)).expect("the manifest is replaced");
        told_apart += u32::from(assigned(&sandbox, "r.csv", "1", &[]) != fitted);
    }
    assert!(told_apart > 0, "the numbers of the segments would have done");
}

#[test]
fn a_new_user_goes_where_one_of_the_same_ratings_is_and_a_changed_one_moves() {
    let sandbox = small_run("");
    let fitted = by_user(&sandbox.path("out/segments.parquet"));
    let mut rows = small_ratings();
    rows.extend(small_ratings().iter().filter(|row| row.0 == 3).map(|&(_, item, rating)| (900, item, rating)));
    // User 5 likes now what user 8 likes.
    rows.retain(|row| row.0 != 5);
    rows.extend(small_ratings().iter().filter(|row| row.0 == 8).map(|&(_, item, rating)| (5, item, rating)));
    sandbox.write("new.csv", delimited(&rows, Some("user,item,rating"), ",", "\n"));
    assigned(&sandbox, "new.csv", "2", &[]);
    let found = by_user(&sandbox.path("found.parquet"));
    assert_eq!(found.len(), 13);
    assert_eq!((&found["900"], &found["5"]), (&fitted["3"], &fitted["8"]));
    assert_ne!(found["5"]["segment"], fitted["5"]["segment"]);
    for user in fitted.keys().filter(|user| *user != "5") {
        assert_eq!(found[user], fitted[user], "{user}");
    }
}

#[test]
fn items_that_the_model_does_not_know_are_left_out_and_counted() {
    let sandbox = small_run("");
    let mut rows = small_ratings();
    rows.extend((1..=12).map(|user| (user, 700 + user % 2, 5.0)));
    // The same unknown item twice is no duplicate; it counts twice.
    rows.extend([(4, 701, 1.0), (50, 700, 3.0), (51, 1, 0.0)]);
    sandbox.write("new.csv", delimited(&rows, None, ",", "\n"));
    let ran = sandbox.segmill(&["assign", "out", "new.csv", "-o", "found.parquet", "-w", "3"]).succeeded();
    let warnings: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("warning")).collect();
    assert!(warnings[0].contains("2 items") && warnings[0].contains("14 ratings (18.7%)"), "{warnings:?}");
    assert!(warnings[1].contains("2 users") && warnings.len() == 2, "{warnings:?}");
    assert!(ran.stderr.contains("14 users with 60 ratings in 2 segments: found.parquet"), "{}", ran.stderr);
    let (fitted, found) = (by_user(&sandbox.path("out/segments.parquet")), by_user(&sandbox.path("found.parquet")));
    assert_eq!(found["50"], found["51"], "both are users without a rating");
    assert!(fitted.iter().all(|(user, row)| found[user] == *row));
    let text = delimited(&[(1, 800, 2.0)], None, ",", "\n");
    sandbox.write("none.csv", text);
    sandbox.segmill(&["assign", "out", "none.csv", "-o", "none.parquet", "-q"]).succeeded();
    assert_eq!(by_user(&sandbox.path("none.parquet"))["1"], found["50"]);
}

#[test]
fn the_input_is_read_as_in_the_run_but_for_what_is_set() {
    let sandbox = Sandbox::new();
    let with_header = |names: &str| delimited(&small_ratings(), Some(names), ";", "\n");
    sandbox.write("r.csv", with_header("who;what;stars"));
    let job = format!("[input]\nratings = ['r.csv']\nuser = 'who'\nitem = 'what'\nrating = 'stars'\n{SMALL_JOB}");
    sandbox.run(&job, &["-q"]).succeeded();
    assert_comes_back(&sandbox, "r.csv", "names of columns");
    sandbox.write("other.csv", with_header("customer;what;stars"));
    let words = ["assign", "out", "other.csv", "-o", "found.csv"];
    sandbox.segmill(&words).refused(2, &["other.csv", "who"]);
    sandbox.segmill(&[&words[..], &["--set", "input.user=customer"]].concat()).succeeded();
    sandbox.segmill(&[&words[..], &["--set", "kmeans.clusters=3"]].concat()).refused(2, &["--set kmeans.clusters"]);
}

#[test]
fn csv_on_disk_and_on_standard_output_are_the_same() {
    let sandbox = small_run("");
    sandbox.segmill(&["assign", "out", "r.csv", "-o", "found.csv"]).succeeded();
    let text = delimited(&small_ratings(), None, ",", "\n");
    sandbox.segmill_fed(text, &["assign", "out", "-", "-o", "fed.parquet"]).succeeded();
    let (fed, fitted) = ("fed.parquet", "out/segments.parquet");
    let [fed, fitted] = [fed, fitted].map(|name| std::fs::read(sandbox.path(name)).expect("the file is there"));
    assert!(fed == fitted, "from standard input");
    let printed = sandbox.segmill(&["assign", "out", "r.csv", "-o", "-", "-q"]).succeeded();
    let text = std::fs::read_to_string(sandbox.path("found.csv")).expect("the file is there");
    assert_eq!((&printed.stdout, &printed.stderr[..]), (&text, ""));
    let fitted = by_user(&sandbox.path("out/segments.parquet"));
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("user,segment,distance,second,second_distance,nb_segment"));
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let row = &fitted[fields[0]];
        let expected = ["segment", "distance", "second", "second_distance", "nb_segment"].map(|name| &row[name][..]);
        assert_eq!(fields[1..], expected);
    }
}

#[test]
fn rejected_rows_go_beside_the_file() {
    let sandbox = small_run("on_bad = 'reject'\n");
    let text = delimited(&small_ratings(), None, ",", "\n");
    sandbox.write("dirty.csv", format!("{text}3,4,abc\n"));
    let ran = sandbox.segmill(&["assign", "out", "dirty.csv", "-o", "found.parquet"]).succeeded();
    assert!(ran.stderr.contains("1 of 61 rows were rejected; found.parquet.rejects.tsv"), "{}", ran.stderr);
    let rejects = std::fs::read_to_string(sandbox.path("found.parquet.rejects.tsv")).expect("the rejects");
    assert!(rejects.lines().count() == 2 && rejects.contains("BAD_RATING"), "{rejects}");
    let fitted = std::fs::read(sandbox.path("out/segments.parquet")).expect("the run is there");
    assert!(std::fs::read(sandbox.path("found.parquet")).expect("the file") == fitted);
    assigned(&sandbox, "r.csv", "1", &[]);
    assert!(!sandbox.path("found.parquet.rejects.tsv").exists(), "those of the earlier file are gone");
    let strict = ["assign", "out", "dirty.csv", "-o", "found.parquet", "--set", "input.on_bad=fail"];
    sandbox.segmill(&strict).refused(3, &["dirty.csv:61"]);
}

#[test]
fn what_cannot_be_assigned_is_refused_and_leaves_nothing() {
    let sandbox = small_run("");
    sandbox.write("empty.csv", "");
    sandbox.write("header.csv", "user,item,rating\n");
    let before = sandbox.listing();
    let assign = |words: &[&str]| sandbox.segmill(&[&["assign"], words].concat());
    assign(&["out", "empty.csv", "-o", "found.csv"]).refused(3, &["empty"]);
    assign(&["out", "header.csv", "-o", "found.csv"]).refused(3, &["header.csv"]);
    assign(&["out", "missing.csv", "-o", "found.csv"]).refused(4, &["missing.csv"]);
    assign(&["nowhere", "r.csv", "-o", "found.csv"]).refused(4, &["nowhere/run.json", "finished run"]);
    assign(&["out", "r.csv", "-o", "found.txt"]).refused(2, &["found.txt", ".parquet"]);
    assign(&["out", "r.csv", "-o", "out"]).refused(2, &["out"]);
    assign(&["out", "r.csv", "-o", "-", "--profiles", "p.csv"]).refused(2, &["--profiles", "p.csv", ".parquet"]);
    assign(&["out", "r.csv", "-o", "p.parquet", "--profiles", "./p.parquet"]).refused(2, &["--profiles", "users go"]);
    assign(&["out", "missing.csv", "-o", "-", "--profiles", "p.parquet"]).refused(4, &["missing.csv"]);
    std::fs::create_dir(sandbox.path("taken.parquet")).expect("a folder");
    assign(&["out", "r.csv", "-o", "found.csv", "--profiles", "taken.parquet"]).refused(4, &["taken.parquet"]);
    std::fs::remove_dir(sandbox.path("taken.parquet")).expect("an empty folder");
    assert_eq!(sandbox.listing(), before);
}

/// Titles, names that a person has given, and only those segments and items that the users have something of.
#[test]
fn profiles_are_those_of_the_users_that_are_assigned() {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    let titles: String = (1..=10).map(|item| format!("{item}|Title {item}\n")).collect();
    sandbox.write("items.csv", titles);
    let items = "[input.items]\npath = 'items.csv'\ndelimiter = '|'\nheader = false\n";
    sandbox.run(&format!("[input]\nratings = ['r.csv']\n{items}{SMALL_JOB}"), &["-q"]).succeeded();
    assert_profiles_come_back(&sandbox, "r.csv", "titles");
    let path = sandbox.path("out/model/model.json");
    let mut model: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).expect("a model")).expect("JSON");
    let segment = by_user(&sandbox.path("out/segments.parquet"))["3"]["segment"].clone();
    model["segments"][segment.parse::<usize>().expect("a number")]["name"] = "Those like user 3".into();
    std::fs::write(&path, model.to_string()).expect("the names are edited");
    let of_one: Vec<_> = small_ratings().into_iter().filter(|row| row.0 == 3).collect();
    sandbox.write("one.csv", delimited(&of_one, Some("user,item,rating"), ",", "\n"));
    let words = ["assign", "out", "one.csv", "-o", "-", "--profiles", "below/p.parquet"];
    let ran = sandbox.segmill(&words).succeeded();
    assert_eq!(ran.stdout.lines().count(), 2, "users go to standard output: {}", ran.stdout);
    let rows = parquet_rows(&sandbox.path("below/p.parquet"));
    let items: BTreeSet<String> = of_one.iter().map(|row| row.1.to_string()).collect();
    assert_eq!(rows.iter().map(|row| row["item"].clone()).collect::<BTreeSet<_>>(), items);
    for (row, rank) in rows.iter().zip(1..) {
        let own = &of_one.iter().find(|rating| rating.1.to_string() == row["item"]).expect("a rating").2;
        assert_eq!((&row["segment"], &row["name"][..], &row["size"][..]), (&segment, "Those like user 3", "1"));
        assert_eq!((&row["rank"], &row["title"]), (&rank.to_string(), &format!("Title {}", row["item"])));
        assert_eq!((row["share"].parse(), row["mean_rating"].parse()), (Ok(1.0), Ok(*own)));
    }
}

#[test]
fn a_damaged_model_is_refused_in_one_line() {
    let sandbox = small_run("");
    let path = sandbox.path("out/model/model.safetensors");
    let (whole, before) = (std::fs::read(&path).expect("the model"), sandbox.listing());
    let refuse = |bytes: &[u8], parts: &[&str]| {
        std::fs::write(&path, bytes).expect("the model is replaced");
        sandbox.segmill(&["assign", "out", "r.csv", "-o", "found.csv"]).refused(3, parts);
        assert_eq!(sandbox.listing(), before);
    };
    refuse(&whole[..whole.len() / 2], &["out/model/model.safetensors", "run the job again"]);
    refuse(b"no tensors at all", &["not safetensors"]);
    let mut odd = whole.clone();
    let end = odd.len();
    odd[end - 8..].copy_from_slice(&f64::NAN.to_le_bytes());
    // Whichever tensor comes last, its last number is none any more.
    refuse(&odd, &["model.safetensors"]);
    std::fs::write(&path, &whole).expect("the model is back");
    assert_comes_back(&sandbox, "r.csv", "the whole model");
}
