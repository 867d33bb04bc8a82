//! User and item ids: they mean nothing to segmill, but they have an order.
//!
//! An id that is a plain decimal number (no sign, no leading zero, below 2⁶³) is a number; anything else is text.
//! Numbers come before text, numbers by value, text by its bytes. On the way to its shard an id travels as a 64-bit
//! [`Id::key`]: a number is its own key, a text is hashed. Two texts with one key are found where the texts meet, and
//! then the reading starts again with another hash seed, so two ids are never mistaken for one.

use std::fmt;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The longest id, in bytes.
pub const MAX_ID_BYTES: usize = 256;

/// Set in the key of a text, never in that of a number.
pub const TEXT_KEY: u64 = 1 << 63;

/// A user or item id.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Id {
    Number(u64),
    Text(Box<str>),
}

impl Id {
    pub fn parse(text: &str) -> Id {
        match number(text.as_bytes()) {
            Some(value) => Id::Number(value),
            None => Id::Text(text.into()),
        }
    }

    /// The id's 64-bit name under a hash seed: unique among numbers, and among texts but for collisions.
    pub fn key(&self, hash_seed: u64) -> u64 {
        match self {
            Id::Number(value) => *value,
            Id::Text(text) => text_key(text.as_bytes(), hash_seed),
        }
    }

    /// What keyed draws are keyed by. Does not depend on the hash seed of the run; two ids may share it.
    pub fn draw_key(&self) -> u64 {
        self.key(0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Number(value) => value.fmt(f),
            Id::Text(text) => text.fmt(f),
        }
    }
}

/// The key of a text id.
#[inline]
pub fn text_key(bytes: &[u8], hash_seed: u64) -> u64 {
    TEXT_KEY | (xxh3_64_with_seed(bytes, hash_seed) >> 1)
}

/// The value of a plain decimal number below 2⁶³ without sign or leading zero.
#[inline]
pub fn number(bytes: &[u8]) -> Option<u64> {
    if bytes.is_empty() || bytes.len() > 19 || (bytes[0] == b'0' && bytes.len() > 1) {
        return None;
    }
    let mut value = 0u64;
    for &b in bytes {
        let digit = b.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + digit as u64;
    }
    (value < TEXT_KEY).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn only_canonical_decimals_are_numbers() {
        for text in ["0", "7", "943", "9223372036854775807"] {
            assert_eq!(Id::parse(text), Id::Number(text.parse().unwrap()));
        }
        for text in ["", "00", "07", "-1", "+1", "1.0", "1e3", "9223372036854775808", "99999999999999999999", "a"] {
            assert_eq!(Id::parse(text), Id::Text(text.into()));
        }
    }

    #[test]
    fn numbers_sort_by_value_and_before_text() {
        let mut ids: Vec<Id> = ["b", "10", "9", "a", "007"].map(Id::parse).to_vec();
        ids.sort();
        assert_eq!(ids.iter().map(Id::to_string).collect::<Vec<_>>(), ["9", "10", "007", "a", "b"]);
    }

    proptest! {
        #[test]
        fn an_id_prints_as_it_was_read(text in "\\PC{0,20}|[0-9]{1,20}") {
            prop_assert_eq!(Id::parse(&text).to_string(), text);
        }
    }
}
