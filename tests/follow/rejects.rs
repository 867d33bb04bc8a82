//! Changes that cannot be made go to the rejects with their line, and the others are made.

use std::path::Path;

use super::following::{Names, QUICK, first_ratings, fitted, follow};
use super::reference::{Change, Rule, Tables, assert_exact};
use super::told::Told;
use crate::util::Sandbox;
use crate::util::draws::Draws;

/// A line, and the code it is rejected with.
fn lines() -> Vec<(String, Option<&'static str>)> {
    let json = |text: &str| text.to_string();
    vec![
        (json(r#"{"op":"put","user":"u1","item":"it1","rating":3,"color":"red","time":"2024-05-01"}"#), None),
        (json(r#"{"op":"put","user":"u1","item":"it2","rating":}"#), Some("BAD_JSON")),
        (json(r#"{"op":"put","user":"u1","user":"u2","item":"it2","rating":1}"#), Some("BAD_JSON")),
        (json(r#"{"op":"put","user":"u1","item":"it2","rating":1} and more"#), Some("BAD_JSON")),
        (json(r#"{"op":"upsert","user":"u1","item":"it2","rating":1}"#), Some("BAD_OP")),
        (json(r#"{"op":"put","user":"u1","item":"it2","rating":-1}"#), Some("NEGATIVE")),
        (json(r#"{"op":"put","user":"u1","item":"it2","rating":1e300}"#), Some("TOO_LARGE")),
        (json(r#"{"op":"put","user":"","item":"it2","rating":1}"#), Some("EMPTY_ID")),
        (json(r#"{"op":"put","user":"u1","item":"","rating":1}"#), Some("EMPTY_ID")),
        (format!(r#"{{"op":"put","user":"{}","item":"it2","rating":1}}"#, "u".repeat(257)), Some("LONG_ID")),
        (json("put,u1,it2,NaN"), Some("NOT_FINITE")),
        (json("put,u1,it2,inf"), Some("NOT_FINITE")),
        (json("put,u1,it2,abc"), Some("BAD_RATING")),
        (json("put,u1"), Some("SHORT_ROW")),
        (json("shove,u1,it2,3"), Some("BAD_OP")),
        (json("add,u1,it1,4"), Some("DUPLICATE")),
        (json(r#"{"op":"withdraw","user":"u1","item":"it1","rating":4}"#), Some("NOT_THERE")),
        (json("withdraw,nobody,it1"), Some("NOT_THERE")),
        (format!("put,u1,{},3", "x".repeat(1 << 20)), Some("LONG_LINE")),
        (json("put,new,unknown-1,3\r"), None),
        (json(r#"{"op":"put","user":"new","item":"unknown-2","rating":1}"#), None),
        (json(r#"  {"op":"add","user":"new","item":"it1"}"#), None),
        (json("withdraw,new,it1,1"), None),
        (json("withdraw,new,it1,1"), Some("NOT_THERE")),
    ]
}

fn made() -> Vec<Change> {
    vec![Change::put("u1", "it1", 3.0), Change::put("new", "unknown-1", 3.0), Change::put("new", "unknown-2", 1.0)]
}

/// Line, byte and code of each reject, with the text it was.
fn rejects(path: &Path) -> Vec<(u64, u64, String, String)> {
    let text = std::fs::read_to_string(path).expect("the rejects");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("file\tline\tbyte\tcode\tfield\traw"));
    let row = |line: &str| {
        let fields: Vec<&str> = line.splitn(6, '\t').collect();
        assert_eq!(fields[0], "changes.txt");
        let number = |at: usize| fields[at].parse().expect("a number");
        (number(1), number(2), fields[3].to_string(), fields[5].to_string())
    };
    lines.map(row).collect()
}

#[test]
fn each_bad_change_is_named_by_line_and_code_and_the_others_are_made() {
    let first = first_ratings(Rule::Error, Names::Texts, &mut Draws(60));
    let sandbox = fitted(&first, Rule::Error, "");
    let lines = lines();
    let mut text = String::new();
    let mut expected = Vec::new();
    for (n, (line, code)) in lines.iter().enumerate() {
        expected.extend(code.map(|code| (n as u64 + 1, text.len() as u64, code.to_string())));
        text += &(line.clone() + "\n");
    }
    sandbox.write("changes.txt", text);
    let words = ["--input", "changes.txt", "--state", "state", "--output", "told", "--every", "5", "--final", "final"];
    follow(&sandbox, &words);
    let found = rejects(&sandbox.path("state/rejects.tsv"));
    let places: Vec<_> = found.iter().map(|(line, byte, code, _)| (*line, *byte, code.clone())).collect();
    assert_eq!(places, expected);
    for (line, _, code, raw) in &found {
        let written = &lines[*line as usize - 1].0;
        assert!(code == "LONG_LINE" || raw == written, "{code}: {raw}");
    }
    let copied = std::fs::read(sandbox.path("final/rejects.tsv")).expect("a copy");
    assert!(copied == std::fs::read(sandbox.path("state/rejects.tsv")).expect("the rejects"));

    let mut ratings = first;
    made().iter().for_each(|change| _ = ratings.apply(change));
    assert_exact(&sandbox, "final", &ratings, "the changes that are none left out");
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    assert_eq!((told.changes, told.rejected), (lines.len() as u64, expected.len() as u64));
    assert_eq!((told.filtered, told.unknown), (0, 2));
    assert_eq!(told.last["acknowledged"]["changes.txt"]["lines"], lines.len());
}

/// Nothing is rejected, and nothing says otherwise.
#[test]
fn blank_lines_and_headers_are_no_changes() {
    let first = first_ratings(Rule::Error, Names::Texts, &mut Draws(61));
    let sandbox = fitted(&first, Rule::Error, "");
    sandbox.write("changes.csv", "op;user;item;rating\n\nput;u1;it1;2,5\nput;u1;it1;2.5\n   \n\r\nwithdraw;u2;it4");
    sandbox.write("more.csv", "user,item,rating\nu3,it1,4\nu3,it2,5\n");
    let mut ratings = first;
    let words = ["--state", "state", "--output", "told", "--final", "final"];
    follow(&sandbox, &[&["--input", "changes.csv"], &words[..]].concat());
    let _ = ratings.apply(&Change::put("u1", "it1", 2.5));
    let _ = ratings.apply(&Change::withdraw("u2", "it4"));
    assert_exact(&sandbox, "final", &ratings, "a header");
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    assert!(told.changes == 3 && (1..=2).contains(&told.rejected), "{}", told.last);
    std::fs::remove_dir_all(sandbox.path("final")).expect("the tables");

    follow(&sandbox, &[&["--input", "more.csv", "--op", "put"], &words[..]].concat());
    let _ = ratings.apply(&Change::put("u3", "it1", 4.0));
    let _ = ratings.apply(&Change::put("u3", "it2", 5.0));
    assert_exact(&sandbox, "final", &ratings, "lines without an op");
}

/// What the job's filters leave out by time is left out here too, and counted.
#[test]
fn changes_outside_the_window_of_the_job_are_filtered() {
    let first = first_ratings(Rule::Last, Names::Numbers, &mut Draws(62));
    let sandbox = Sandbox::new();
    let dated: String = first.csv().lines().map(|line| format!("{line},2024-05-02\n")).collect();
    sandbox.write("r.csv", dated);
    let job = "[input]\nratings = ['r.csv']\nheader = false\nduplicates = 'last'\ntime = 3\n\
               [filter]\nafter = '2024-05-01'\nbefore = '2024-06-01'\n";
    sandbox.run(&format!("{job}{QUICK}"), &["-q"]).succeeded();
    let put = |time: &str, rating: u32| {
        format!("{{\"op\":\"put\",\"user\":1,\"item\":1,\"rating\":{rating},\"time\":{time}}}\n")
    };
    let times = ["\"2024-05-03T10:00:00Z\"", "\"2024-04-30T23:59:59Z\"", "1717243200", "1714953600", "\"yesterday\""];
    let lines: String = times.iter().zip(1..).map(|(time, rating)| put(time, rating)).collect();
    sandbox.write("changes.jsonl", lines);
    follow(&sandbox, &["--input", "changes.jsonl", "--state", "state", "--output", "told", "--final", "final"]);
    let told = Told::from(Some(&Tables::of(&sandbox.path("out")))).read(&sandbox.path("told"));
    assert_eq!((told.changes, told.filtered, told.rejected), (5, 2, 1), "{}", told.last);
    let rejects = std::fs::read_to_string(sandbox.path("state/rejects.tsv")).expect("the rejects");
    assert!(rejects.lines().count() == 2 && rejects.contains("\t5\t") && rejects.contains("BAD_TIME"), "{rejects}");
}
