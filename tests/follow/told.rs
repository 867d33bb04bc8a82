//! What is told, checked line by line: batches without gaps, moves that chain up, sizes that follow from the moves, items
//! that enter where they were not and leave where they were, drift by who is elsewhere than at the fit, refits that were due.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use segmill::ingest::ids::Id;
use serde_json::Value;

use super::reference::{Tables, id};

/// How things stand by what was told so far.
#[derive(Debug, Default)]
pub struct Told {
    pub batch: u64,
    pub segment_of: BTreeMap<String, u64>,
    pub sizes: BTreeMap<u64, u64>,
    pub items_of: BTreeMap<u64, BTreeSet<String>>,
    /// Added up over all batches.
    pub changes: u64,
    pub rejected: u64,
    pub filtered: u64,
    pub unknown: u64,
    pub starts: u64,
    pub moves: u64,
    pub refit_due: bool,
    /// The lines that say so.
    pub drifts: Vec<Value>,
    pub refits: Vec<Value>,
    pub last: Value,
    /// The folder of the model, and where users were when it took over.
    model: Value,
    origins: BTreeMap<String, u64>,
    /// Since the last batch ended: the kind and place of the line before, what moves make of sizes, and who moved.
    place: (usize, Place),
    before: BTreeMap<u64, u64>,
    told_sizes: BTreeSet<u64>,
}

/// Where a line stands among others of its kind.
type Place = (u64, u64, Option<Id>);

const KINDS: [&str; 6] = ["move", "size", "top", "drift", "refit", "batch"];

impl Told {
    /// Of a process that begins with these tables; with none of a user's, if it begins `--empty`.
    pub fn from(tables: Option<&Tables>) -> Told {
        let segment_of = tables.map(Tables::segment_of).unwrap_or_default();
        let items_of = tables.map(Tables::items_of).unwrap_or_default();
        let mut sizes = BTreeMap::new();
        segment_of.values().for_each(|&segment| *sizes.entry(segment).or_insert(0) += 1);
        Told { origins: segment_of.clone(), segment_of, items_of, sizes, ..Told::default() }
    }

    /// Reads all of a file that only whole batches are in.
    #[track_caller]
    pub fn read(mut self, path: &Path) -> Told {
        let text = std::fs::read_to_string(path).expect("what was told");
        assert!(text.is_empty() || text.ends_with('\n'), "the last line is cut off");
        text.lines().for_each(|line| self.line(line));
        assert_eq!(self.place.0, 0, "the last batch is not whole");
        self
    }

    #[track_caller]
    pub fn line(&mut self, line: &str) {
        let value: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"));
        let event = value["event"].as_str().unwrap_or_else(|| panic!("{line}"));
        if event == "start" {
            return self.start(&value);
        }
        assert!(self.starts > 0, "before the start: {line}");
        let kind = KINDS.iter().position(|&kind| kind == event).unwrap_or_else(|| panic!("{line}"));
        self.keep_sizes();
        assert_eq!(number(&value, "batch"), self.batch + 1, "batches rise by one: {line}");
        let place = match event {
            "move" => self.moved(&value),
            "size" => self.sized(&value),
            "top" => self.entered_or_left(&value),
            "drift" => self.drifted(&value),
            "refit" => self.refitted(&value),
            "batch" => return self.ended(&value),
            _ => unreachable!("it is one of the kinds"),
        };
        // Kinds are counted from 1, so that 0 is the beginning of a batch.
        assert!(self.place < (kind + 1, place.clone()), "out of order: {line}");
        self.place = (kind + 1, place);
    }

    #[track_caller]
    fn start(&mut self, value: &Value) {
        assert_eq!(self.place.0, 0, "in the middle of a batch: {value}");
        // A start that no batch followed is gone again.
        assert!(value["resumed"] == true || self.starts == 0, "{value}");
        self.starts += 1;
        assert_eq!(number(value, "batch"), self.batch, "{value}");
        if self.model.is_null() {
            self.model = value["model"].clone();
        }
        assert_eq!(value["model"], self.model, "the model in use: {value}");
        for segment in value["segments"].as_array().expect("segments") {
            let (number, size) = (number(segment, "segment"), number(segment, "size"));
            assert_eq!(size, self.sizes.get(&number).copied().unwrap_or(0), "segment {number} at the start: {value}");
            self.sizes.insert(number, size);
        }
        assert_eq!(number(value, "users"), self.segment_of.len() as u64, "{value}");
    }

    #[track_caller]
    fn moved(&mut self, value: &Value) -> Place {
        let user = id(&value["user"]);
        let (from, to) = (value["from"].as_u64(), value["to"].as_u64());
        assert_ne!(from, to, "{value}");
        assert_eq!(self.segment_of.remove(&user), from, "where the user was: {value}");
        if let Some(from) = from {
            *self.sizes.get_mut(&from).expect("a segment") -= 1;
        }
        if let Some(to) = to {
            *self.sizes.get_mut(&to).expect("a segment of the start") += 1;
            self.segment_of.insert(user.clone(), to);
        }
        self.moves += 1;
        (0, 0, Some(Id::parse(&user)))
    }

    fn keep_sizes(&mut self) {
        if self.place.0 == 0 {
            self.before = self.sizes.clone();
        }
    }

    #[track_caller]
    fn sized(&mut self, value: &Value) -> Place {
        let segment = number(value, "segment");
        assert_eq!(number(value, "before"), self.before[&segment], "{value}");
        assert_eq!(number(value, "size"), self.sizes[&segment], "by the moves: {value}");
        assert_ne!(number(value, "before"), number(value, "size"), "{value}");
        self.told_sizes.insert(segment);
        (segment, 0, None)
    }

    #[track_caller]
    fn entered_or_left(&mut self, value: &Value) -> Place {
        let (segment, item) = (number(value, "segment"), id(&value["item"]));
        let items = self.items_of.entry(segment).or_default();
        match value["rank"].as_u64() {
            Some(rank) => {
                assert!((1..=10).contains(&rank) && items.insert(item), "it was there: {value}");
                (segment, rank, None)
            }
            None => {
                assert!(value["rank"].is_null() && items.remove(&item), "it was not there: {value}");
                (segment, u64::MAX, Some(Id::parse(&item)))
            }
        }
    }

    #[track_caller]
    fn drifted(&mut self, value: &Value) -> Place {
        let due = value["refit_due"].as_bool().expect("a flag");
        assert_ne!(due, self.refit_due, "told when it changes: {value}");
        assert_ne!(value["why"] == "", due, "{value}");
        for name in ["inertia_per_user", "inertia_per_user_fit", "moved_share", "idf_drift"] {
            assert!(value[name].as_f64().is_some_and(|number| number >= 0.0 && number.is_finite()), "{name}: {value}");
        }
        self.refit_due = due;
        self.drifts.push(value.clone());
        Place::default()
    }

    /// Moves before it in the batch lead to the segments of the new model.
    #[track_caller]
    fn refitted(&mut self, value: &Value) -> Place {
        assert!(self.refit_due, "no refit was due: {value}");
        let matched = value["matched"].as_array().expect("a list");
        assert!(matched.iter().map(|entry| number(entry, "to")).eq(self.sizes.keys().copied()), "{value}");
        for entry in matched {
            let from = &entry["from"];
            assert!(from.is_null() || from.as_u64().is_some_and(|from| self.sizes.contains_key(&from)), "{value}");
            assert!(entry["kept"].as_f64().is_some_and(|kept| (0.0..=1.0).contains(&kept)), "{value}");
        }
        assert_ne!(value["model"], self.model, "{value}");
        self.model = value["model"].clone();
        self.refits.push(value.clone());
        Place::default()
    }

    /// Of the users who were there when the model took over, the share who are in another segment.
    fn moved_share(&self) -> f64 {
        let there = self.origins.iter().filter_map(|(user, origin)| Some((origin, self.segment_of.get(user)?)));
        let there: Vec<_> = there.collect();
        let moved = there.iter().filter(|(origin, now)| origin != now).count();
        if there.is_empty() { 0.0 } else { moved as f64 / there.len() as f64 }
    }

    #[track_caller]
    fn ended(&mut self, value: &Value) {
        let of = |sizes: &BTreeMap<u64, u64>, segment| sizes.get(segment).copied().unwrap_or(0);
        let changed = self.sizes.keys().filter(|segment| of(&self.sizes, segment) != of(&self.before, segment));
        assert!(changed.eq(&self.told_sizes), "sizes that changed and were told: {value}");
        assert!(self.items_of.values().all(|items| items.len() <= 10), "more than ten: {value}");
        assert_eq!(number(value, "users"), self.segment_of.len() as u64, "{value}");
        self.batch += 1;
        let of_this = |line: &&Value| number(line, "batch") == self.batch;
        if self.refits.last().filter(of_this).is_some() {
            // Moves lead past what the drift was measured on.
            self.origins = self.segment_of.clone();
        } else if let Some(drift) = self.drifts.last().filter(of_this) {
            assert_eq!(drift["moved_share"], self.moved_share(), "by the moves: {drift}");
        }
        assert!(number(value, "changes") > 0, "a batch without changes: {value}");
        for (sum, name) in [
            (&mut self.changes, "changes"),
            (&mut self.rejected, "rejected"),
            (&mut self.filtered, "filtered"),
            (&mut self.unknown, "unknown"),
        ] {
            *sum += number(value, name);
        }
        self.last = value.clone();
        self.place = Default::default();
        self.told_sizes.clear();
    }

    /// What was told ends where the tables do.
    #[track_caller]
    pub fn assert_ends_at(&self, tables: &Tables, what: &str) {
        assert_eq!(self.segment_of, tables.segment_of(), "{what}: segments by the moves, and by the table");
        let named = |items: &BTreeMap<u64, BTreeSet<String>>| {
            items
                .iter()
                .filter(|(_, items)| !items.is_empty())
                .map(|(s, items)| (*s, items.clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            named(&self.items_of),
            named(&tables.items_of()),
            "{what}: items by what was told, and by the table"
        );
    }
}

#[track_caller]
fn number(value: &Value, name: &str) -> u64 {
    value[name].as_u64().unwrap_or_else(|| panic!("no {name} in {value}"))
}
