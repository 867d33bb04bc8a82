//! Whether the first line is a header.

use super::want::{Key, Kind, Row, Want, text};
use crate::error::Result;
use crate::ingest::fields::trim;
use crate::ingest::numbers;
use crate::job::Column;

/// What headers call users, items, ratings and titles; also with `id`, `key`, `name`, `code` or `no` after it.
const HEADER_WORDS: [&str; 48] = [
    "user",
    "usr",
    "u",
    "customer",
    "client",
    "visitor",
    "member",
    "account",
    "person",
    "people",
    "reviewer",
    "session",
    "buyer",
    "shopper",
    "subscriber",
    "profile",
    "reader",
    "item",
    "i",
    "movie",
    "film",
    "product",
    "sku",
    "asin",
    "page",
    "url",
    "article",
    "artist",
    "track",
    "song",
    "album",
    "book",
    "isbn",
    "game",
    "show",
    "video",
    "event",
    "rating",
    "score",
    "stars",
    "value",
    "count",
    "weight",
    "quantity",
    "plays",
    "title",
    "label",
    "",
];

pub fn has_header(want: &Want<'_>, rows: &[Row]) -> Result<bool> {
    let named = want.keys.iter().find(|k| matches!(k.column, Column::Name(_)) && !want.is_partition(k));
    match (named, want.header) {
        (Some(key), Some(false)) => {
            let problem = format!("the column is given by name, but {}.header is false", want.section);
            Err(want.misfit(key.name, problem, "give the column's index, counted from 0"))
        }
        (Some(_), _) => Ok(true),
        (None, Some(given)) => Ok(given),
        (None, None) => Ok(looks_like_a_header(&want.keys, rows)),
    }
}

/// The rule in the doc of [`super`]. `rows` is not empty, and all columns are given by index.
fn looks_like_a_header(keys: &[Key], rows: &[Row]) -> bool {
    let (first, rest) = (&rows[0], &rows[1..]);
    let mut ids_are_words = true;
    let mut numbers_follow = false;
    for key in keys.iter().filter(|k| k.kind != Kind::Text) {
        let Column::Index(column) = key.column else { continue };
        let Some(field) = first.get(column) else { continue };
        let below = || rest.iter().filter_map(|row| row.get(column));
        let is_id = key.kind == Kind::Id;
        if trim(field).is_empty() || is_number(field) || is_id && below().any(|other| other == field) {
            return false;
        }
        ids_are_words &= !is_id || is_header_word(field);
        numbers_follow |= are_numbers(below());
    }
    numbers_follow || ids_are_words
}

/// Nine in ten of the fields are numbers, and there is one at least.
fn are_numbers<'f>(fields: impl Iterator<Item = &'f Vec<u8>> + Clone) -> bool {
    let numbers = fields.clone().filter(|field| is_number(field)).count();
    numbers > 0 && 10 * numbers >= 9 * fields.count()
}

fn is_number(field: &[u8]) -> bool {
    let field = trim(field);
    let ends = [field.first(), field.last()];
    let has_digits = ends.into_iter().flatten().any(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-'));
    has_digits && std::str::from_utf8(field).is_ok_and(numbers::is_number)
}

fn is_header_word(field: &[u8]) -> bool {
    let letters = text(field).to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
    let stems = ["", "id", "key", "name", "code", "no"].iter().filter_map(|suffix| letters.strip_suffix(suffix));
    !letters.is_empty() && stems.into_iter().any(|stem| HEADER_WORDS.contains(&stem))
}
