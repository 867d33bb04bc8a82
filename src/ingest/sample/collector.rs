//! Collects the rows of a sample.

use std::collections::HashSet;

use super::model::{MOST_CODES, Sample, SampledRow};
use crate::ingest::ids::{self, MAX_ID_BYTES};
use crate::ingest::scan::{BadRow, RawId, RawRow, RowSink};

/// A sink that is told where the text was cut off.
pub trait Taker: RowSink {
    /// The last row, good or bad, was cut off.
    fn forget_last(&mut self);
}

/// Collects the rows that it is handed.
#[derive(Default)]
pub struct Collector {
    pub sample: Sample,
    /// The number of the piece that the rows come from.
    pub range: u32,
    values: HashSet<u64>,
    last_was_bad: bool,
}

impl Collector {
    pub fn add(&mut self, user: RawId<'_>, item: RawId<'_>, value: f64) {
        self.last_was_bad = false;
        let sample = &mut self.sample;
        let (user, user_text) = key(user);
        let (item, item_text) = key(item);
        sample.user_text += user_text;
        sample.item_text += item_text;
        sample.zeros += u64::from(value == 0.0);
        sample.narrow += u64::from((user | item) >> 32 == 0 && f64::from(value as f32) == value);
        if self.values.len() <= MOST_CODES {
            self.values.insert(value.to_bits());
        }
        sample.rows.push(SampledRow { user, item, value, range: self.range });
    }

    pub fn finish(mut self) -> Sample {
        self.sample.n_values = self.values.len();
        self.sample
    }
}

/// The key of an id, and the bytes of its text; 0 for a number.
pub fn key(id: RawId<'_>) -> (u64, u64) {
    match id {
        RawId::Number(value) => (value, 0),
        RawId::Text(text) => (ids::text_key(text.as_bytes(), 0), bytes_of(text)),
        RawId::Again { text, key } => {
            if key.get() == 0 {
                key.set(ids::text_key(text.as_bytes(), 0));
            }
            (key.get(), bytes_of(text))
        }
    }
}

fn bytes_of(text: &str) -> u64 {
    text.len().min(MAX_ID_BYTES) as u64
}

impl RowSink for Collector {
    fn row(&mut self, row: RawRow<'_>) {
        self.add(row.user, row.item, row.rating);
    }

    fn bad(&mut self, _bad: BadRow<'_>) {
        self.sample.bad += 1;
        self.last_was_bad = true;
    }
}

impl Taker for Collector {
    fn forget_last(&mut self) {
        if self.last_was_bad {
            self.sample.bad -= 1;
        } else {
            self.sample.rows.pop();
        }
    }
}
