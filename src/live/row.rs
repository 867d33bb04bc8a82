//! A row of a user: an item and a rating, and what several of one item make together.

use serde::{Deserialize, Serialize};

use crate::job::Duplicates;
use crate::shard::sealing;

/// A row, in the order of item, then of the bits of the rating, which are its order but for returns. Twelve bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Row {
    /// Index into the model's items, or past them ([`super::items`]).
    pub item: u32,
    high: u32,
    low: u32,
}

impl Row {
    pub fn new(item: u32, rating: f64) -> Row {
        // -0 is 0.
        let bits = if rating == 0.0 { 0 } else { rating.to_bits() };
        Row { item, high: (bits >> 32) as u32, low: bits as u32 }
    }

    /// The least row of an item.
    pub fn first(item: u32) -> Row {
        Row { item, high: 0, low: 0 }
    }

    pub fn rating(self) -> f64 {
        f64::from_bits(u64::from(self.high) << 32 | u64::from(self.low))
    }
}

/// Calls `each(item, rating)` for every item of `rows`, which are in order, each with how often it is there. Of an item of which more
/// was returned than is there, nothing is left.
pub fn merged(rows: &[(Row, i32)], duplicates: Duplicates, mut each: impl FnMut(u32, f64)) {
    for of_item in rows.chunk_by(|(a, _), (b, _)| a.item == b.item) {
        let item = of_item[0].0.item;
        match of_item {
            [(row, 1)] => each(item, row.rating().max(0.0)),
            _ => each(item, sealing::merge(&ratings(of_item), duplicates).max(0.0)),
        }
    }
}

/// The ratings of rows, each as often as it is there.
fn ratings(rows: &[(Row, i32)]) -> Vec<f64> {
    let of_row = |&(row, n): &(Row, i32)| std::iter::repeat_n(row.rating(), n.max(0) as usize);
    rows.iter().flat_map(of_row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rows_of_an_item_are_merged_by_the_rule() {
        let rows = [(Row::new(1, 0.5), 2), (Row::new(1, 4.0), 1), (Row::new(3, 2.0), 1), (Row::new(9, 0.1), 3)];
        let of = |duplicates| {
            let mut found = Vec::new();
            merged(&rows, duplicates, |item, rating| found.push((item, rating)));
            found
        };
        assert_eq!(of(Duplicates::Sum), [(1, 5.0), (3, 2.0), (9, 0.1 + 0.1 + 0.1)]);
        assert_eq!(of(Duplicates::Mean), [(1, 5.0 / 3.0), (3, 2.0), (9, (0.1 + 0.1 + 0.1) / 3.0)]);
        assert_eq!(of(Duplicates::Max), [(1, 4.0), (3, 2.0), (9, 0.1)]);
    }

    proptest! {
        #[test]
        fn rows_are_in_the_order_of_item_and_rating(a in (0u32..3, 0.0f64..1e15), b in (0u32..3, 0.0f64..1e15)) {
            let (x, y) = (Row::new(a.0, a.1), Row::new(b.0, b.1));
            prop_assert_eq!(x.cmp(&y), a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
            prop_assert_eq!((x.item, x.rating()), a);
            prop_assert!(Row::first(a.0) <= x);
        }
    }
}
