//! What is told of a batch, as JSON lines. The same for the same batch in every layout.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Serialize, Serializer};

use crate::ingest::ids::Id;

use super::change::{Position, Positions};

/// An id as JSON has it: a number, or a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JsonId<'a>(pub &'a Id);

impl Serialize for JsonId<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Id::Number(value) => serializer.serialize_u64(*value),
            Id::Text(text) => serializer.serialize_str(text),
        }
    }
}

/// One line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    /// A session begins: how things stand after batch `batch`.
    Start { batch: u64, resumed: bool, model: &'a Path, users: u64, ratings: u64, segments: Vec<Standing<'a>> },
    /// A user is in another segment, came (`from` is null) or went (`to` is).
    Move { batch: u64, user: JsonId<'a>, from: Option<u32>, to: Option<u32> },
    /// A segment has more or fewer users.
    Size { batch: u64, segment: u32, size: u64, before: u64 },
    /// An item is among the top of a segment now (`rank` from 1), or no longer (`rank` is null).
    Top { batch: u64, segment: u32, item: JsonId<'a>, title: Option<&'a str>, rank: Option<usize>, score: Option<f64> },
    /// A refit has become due, or is no longer.
    Drift {
        batch: u64,
        inertia_per_user: f64,
        inertia_per_user_fit: f64,
        moved_share: f64,
        idf_drift: f64,
        refit_due: bool,
        why: String,
    },
    /// The model is another from here on.
    Refit { batch: u64, model: &'a Path, matched: &'a [Matched] },
    /// All of a batch is told.
    Batch {
        batch: u64,
        changes: u64,
        rejected: u64,
        filtered: u64,
        /// Changes of items that the model does not know, and how many such items there have been.
        unknown: u64,
        unknown_items: u64,
        users: u64,
        ratings: u64,
        acknowledged: &'a BTreeMap<&'a str, Reached<'a>>,
    },
}

/// How far an input is safe.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Reached<'a> {
    pub lines: u64,
    /// Of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Kafka: the next offset of each partition.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub offsets: &'a BTreeMap<i32, i64>,
}

/// By the names of the inputs.
pub fn reached<'p>(positions: &'p Positions) -> BTreeMap<&'p str, Reached<'p>> {
    let reached = |(name, position): (&'p String, &'p Position)| {
        let bytes = (position.inode != 0).then_some(position.bytes);
        (name.as_str(), Reached { lines: position.lines, bytes, offsets: &position.offsets })
    };
    positions.iter().map(reached).collect()
}

/// A segment at the start.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Standing<'a> {
    pub segment: u32,
    pub name: &'a str,
    pub size: u64,
}

/// A segment of a refit, the one before it whose users it has most of, and the share of these users that it kept; nothing
/// before it where it is new.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Matched {
    pub from: Option<u32>,
    pub to: u32,
    pub kept: f64,
}

/// Lines in the making.
#[derive(Debug, Default)]
pub struct Lines(Vec<u8>);

impl Lines {
    pub fn push(&mut self, event: &Event<'_>) {
        serde_json::to_writer(&mut self.0, event).expect("an event serialises");
        self.0.push(b'\n');
    }

    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines_of_json_with_ids_as_they_are() {
        let (number, text) = (Id::Number(7), Id::parse("ü\n"));
        let mut lines = Lines::default();
        lines.push(&Event::Move { batch: 3, user: JsonId(&number), from: None, to: Some(1) });
        let title = Some("T");
        lines.push(&Event::Top { batch: 3, segment: 0, item: JsonId(&text), title, rank: None, score: None });
        let text = String::from_utf8(lines.bytes().to_vec()).unwrap();
        let expected = concat!(
            r#"{"event":"move","batch":3,"user":7,"from":null,"to":1}"#,
            "\n",
            r#"{"event":"top","batch":3,"segment":0,"item":"ü\n","title":"T","rank":null,"score":null}"#,
            "\n"
        );
        assert_eq!(text, expected);
    }
}
