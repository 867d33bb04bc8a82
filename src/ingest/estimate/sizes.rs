//! The sizes of an input.

use serde::{Deserialize, Serialize};

use super::items::{item_counts, n_items, top_share};
use super::order::Order;
use super::users::users;
use crate::ingest::sample::{MOST_CODES, Sample};

/// The sizes of an input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// Every row was read.
    pub exact: bool,
    pub order: Order,
    /// Well-formed rows.
    pub rows: u64,
    pub users: u64,
    pub items: u64,
    /// Pairs of user and item with a rating that is not 0.
    pub ratings: u64,
    /// Share of rows that repeat the user and item of another, and of rows that are bad.
    pub duplicates: f64,
    pub bad: f64,
    /// Mean square of a user's ratings over the square of their mean: 1 where all users are alike.
    pub spread: f64,
    /// Share of the ratings that the busiest 1 % of the users have, and the most popular 1 % of the items.
    pub top_users: f64,
    pub top_items: f64,
    /// Bytes of the input, of a row in transit to its worker, and of a stored value.
    pub input_bytes: u64,
    pub record_bytes: f64,
    pub value_bytes: f64,
    /// Workers that can read side by side; `None` where there may be any number.
    pub readers: Option<u64>,
    /// Mean bytes of text in an id of a user and of an item; 0 where ids are numbers.
    pub user_text: f64,
    pub item_text: f64,
}

/// The sizes that a sample with at least one row shows. `ordered`: rows keep their place in the input.
pub fn estimate(sample: &Sample, ordered: bool) -> Estimate {
    let per_row = |n: u64| n as f64 / sample.rows.len() as f64;
    let rows = rows_in_all(sample);
    let (order, users) = users(sample, rows);
    let counts = item_counts(&sample.rows);
    let items = n_items(sample, &counts);
    let ratings = rows * (1.0 - users.duplicates) * (1.0 - per_row(sample.zeros));
    let n_users = sample.generated.as_ref().map_or(users.n, |spec| spec.users as f64);
    let at_least_1 = |n: f64| n.round().max(1.0) as u64;
    Estimate {
        exact: sample.whole,
        order,
        rows: rows.round() as u64,
        users: at_least_1(n_users),
        items: at_least_1(items),
        ratings: at_least_1(ratings),
        duplicates: users.duplicates,
        bad: sample.bad as f64 / (sample.rows.len() as f64 + sample.bad as f64),
        spread: users.spread,
        top_users: users.top,
        top_items: top_share(counts, items),
        input_bytes: sample.bytes,
        record_bytes: record_bytes(per_row(sample.narrow), ordered),
        value_bytes: if sample.n_values > MOST_CODES { 8.0 } else { 1.0 },
        readers: sample.readers,
        user_text: per_row(sample.user_text),
        item_text: per_row(sample.item_text),
    }
}

/// Mean bytes of a row in transit to its worker, of the kinds in [`crate::ingest::rows`].
fn record_bytes(narrow: f64, ordered: bool) -> f64 {
    if ordered { 32.0 } else { 12.0 * narrow + 24.0 * (1.0 - narrow) }
}

fn rows_in_all(sample: &Sample) -> f64 {
    let seen = sample.rows.len() as f64;
    match &sample.generated {
        _ if sample.whole => seen,
        Some(spec) => {
            let users = sample.rows.chunk_by(|a, b| a.user == b.user).count();
            spec.users as f64 * seen / users as f64
        }
        None => match sample.known_rows {
            Some(rows) => rows as f64,
            None => seen * sample.bytes as f64 / sample.bytes_read.max(1) as f64,
        },
    }
}
