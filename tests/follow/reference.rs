//! What should come out: a map from user and item to the rows they have, and the rules as a person would apply them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};

use crate::util::Sandbox;
use crate::util::draws::Draws;
use crate::util::outputs::parquet_rows;

/// `input.duplicates`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    Error,
    Last,
    Sum,
    Mean,
    Max,
}

impl Rule {
    pub fn name(self) -> &'static str {
        match self {
            Rule::Error => "error",
            Rule::Last => "last",
            Rule::Sum => "sum",
            Rule::Mean => "mean",
            Rule::Max => "max",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    Put,
    Add,
    Withdraw,
}

const OPS: [&str; 3] = ["put", "add", "withdraw"];

#[derive(Debug, Clone)]
pub struct Change {
    pub op: Op,
    pub user: String,
    pub item: String,
    pub rating: Option<f64>,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Made,
    Duplicate,
    NotThere,
}

impl Change {
    pub fn put(user: impl ToString, item: impl ToString, rating: f64) -> Change {
        Change { op: Op::Put, user: user.to_string(), item: item.to_string(), rating: Some(rating) }
    }

    pub fn withdraw(user: impl ToString, item: impl ToString) -> Change {
        Change { op: Op::Withdraw, user: user.to_string(), item: item.to_string(), rating: None }
    }

    /// As a line of JSON. Numbers among the ids are written as numbers or as text.
    pub fn json(&self, as_text: bool) -> String {
        let id = |id: &str| match id.parse::<u64>() {
            Ok(number) if !as_text && number.to_string() == id => json!(number),
            _ => json!(id),
        };
        let op = OPS[self.op as usize];
        let mut line = json!({ "op": op, "user": id(&self.user), "item": id(&self.item) });
        if let Some(rating) = self.rating {
            line["rating"] = json!(rating);
        }
        line.to_string()
    }

    /// As a line of delimited text, with the op in front.
    pub fn delimited(&self) -> String {
        let rating = self.rating.map(|rating| rating.to_string());
        let fields = [Some(OPS[self.op as usize]), Some(&self.user), Some(&self.item), rating.as_deref()];
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(fields.iter().flatten()).expect("memory takes it");
        String::from_utf8(writer.into_inner().expect("memory takes it")).expect("UTF-8")
    }
}

/// Rows by user and item.
#[derive(Debug, Clone)]
pub struct Ratings {
    rule: Rule,
    rows: BTreeMap<(String, String), Vec<f64>>,
}

impl Ratings {
    pub fn none(rule: Rule) -> Ratings {
        Ratings { rule, rows: BTreeMap::new() }
    }

    pub fn apply(&mut self, change: &Change) -> Verdict {
        let key = (change.user.clone(), change.item.clone());
        let rating = change.rating.unwrap_or(1.0);
        let rows = self.rows.entry(key.clone()).or_default();
        let verdict = match (change.op, self.rule) {
            (Op::Put, _) | (Op::Add, Rule::Last) => {
                *rows = vec![rating];
                Verdict::Made
            }
            (Op::Add, Rule::Error) if !rows.is_empty() => Verdict::Duplicate,
            (Op::Add, _) => {
                rows.push(rating);
                Verdict::Made
            }
            (Op::Withdraw, _) => withdrawn(rows, change.rating),
        };
        if rows.is_empty() {
            self.rows.remove(&key);
        }
        verdict
    }

    pub fn pairs(&self) -> u64 {
        self.rows.len() as u64
    }

    pub fn users(&self) -> BTreeSet<&str> {
        self.rows.keys().map(|(user, _)| user.as_str()).collect()
    }

    /// Some user and item that have rows, and one of these.
    pub fn any(&self, draws: &mut Draws) -> Option<(&str, &str, f64)> {
        let n = self.rows.len() as u64;
        let ((user, item), rows) = self.rows.iter().nth((n > 0).then(|| draws.below(n))? as usize)?;
        Some((user, item, *draws.of(rows)))
    }

    pub fn items_of(&self, user: &str) -> impl Iterator<Item = &str> {
        let user = user.to_string();
        self.rows.keys().filter(move |key| key.0 == user).map(|(_, item)| item.as_str())
    }

    /// Each row, as if it were put.
    pub fn changes(&self) -> impl Iterator<Item = Change> {
        self.rows.iter().flat_map(|((user, item), rows)| rows.iter().map(move |&row| Change::put(user, item, row)))
    }

    pub fn csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(Vec::new());
        for ((user, item), rows) in &self.rows {
            for rating in rows {
                writer.write_record([user, item, &rating.to_string()]).expect("memory takes it");
            }
        }
        String::from_utf8(writer.into_inner().expect("memory takes it")).expect("UTF-8")
    }
}

fn withdrawn(rows: &mut Vec<f64>, rating: Option<f64>) -> Verdict {
    let at = match rating {
        None if rows.is_empty() => None,
        None => {
            rows.clear();
            return Verdict::Made;
        }
        Some(rating) => rows.iter().position(|&row| row == rating),
    };
    match at {
        None => Verdict::NotThere,
        Some(at) => {
            rows.remove(at);
            Verdict::Made
        }
    }
}

/// Two tables, each row by its columns as text.
#[derive(Debug, PartialEq)]
pub struct Tables {
    pub segments: Vec<BTreeMap<String, String>>,
    pub profiles: Vec<BTreeMap<String, String>>,
}

impl Tables {
    pub fn of(folder: &Path) -> Tables {
        let [segments, profiles] =
            ["segments", "profiles"].map(|name| parquet_rows(&folder.join(name).with_extension("parquet")));
        Tables { segments, profiles }
    }

    /// What `segmill assign` makes of ratings with the model of the run in `run`.
    pub fn assigned(sandbox: &Sandbox, run: &str, ratings: &Path) -> Tables {
        let words = ["assign", run, ratings.to_str().expect("UTF-8"), "-o", "assigned.parquet"];
        let words = [&words[..], &["--profiles", "assigned-profiles.parquet", "-q"]].concat();
        sandbox.segmill(&words).succeeded();
        let [segments, profiles] =
            ["assigned.parquet", "assigned-profiles.parquet"].map(|name| parquet_rows(&sandbox.path(name)));
        Tables { segments, profiles }
    }

    /// The segment of each user.
    pub fn segment_of(&self) -> BTreeMap<String, u64> {
        self.segments.iter().map(|row| (row["user"].clone(), row["segment"].parse().expect("a segment"))).collect()
    }

    /// The items in each segment's profile.
    pub fn items_of(&self) -> BTreeMap<u64, BTreeSet<String>> {
        let mut items: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
        for row in self.profiles.iter().filter(|row| !row["item"].is_empty()) {
            items.entry(row["segment"].parse().expect("a segment")).or_default().insert(row["item"].clone());
        }
        items
    }
}

/// Asserts that the folder of `--final` has the tables that `assign` makes of these ratings with the model of the run in `out`.
#[track_caller]
pub fn assert_exact(sandbox: &Sandbox, folder: &str, ratings: &Ratings, what: &str) {
    assert_exact_by(sandbox, "out", folder, ratings, what);
}

/// The same with the model of the run in `run`.
#[track_caller]
pub fn assert_exact_by(sandbox: &Sandbox, run: &str, folder: &str, ratings: &Ratings, what: &str) {
    let found = Tables::of(&sandbox.path(folder));
    if ratings.pairs() == 0 {
        assert_eq!(found.segments, [], "{what}: users are left");
        return;
    }
    let path = sandbox.write("reference.csv", ratings.csv());
    let expected = Tables::assigned(sandbox, run, &path);
    assert_same(&found.segments, &expected.segments, &format!("{what}, segments"));
    assert_same(&found.profiles, &expected.profiles, &format!("{what}, profiles"));
}

/// Says which row is the first to differ.
#[track_caller]
fn assert_same(found: &[BTreeMap<String, String>], expected: &[BTreeMap<String, String>], what: &str) {
    for (n, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert_eq!(found, expected, "{what}, row {n}: found, and expected");
    }
    assert_eq!(found.len(), expected.len(), "{what}: rows");
}

/// An id as it is told: a number, or text.
pub fn id(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        other => panic!("{other} is no id"),
    }
}
