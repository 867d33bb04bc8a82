//! A field to an id, a rating or a time: the same rules for every kind of file.

use super::bad::{BadCode, Checked, Flaw};
use super::number::{MAX_RATING, decimal};
use super::row::RawId;
use crate::ingest::dialect::shorten;
use crate::ingest::fields::trim;
use crate::ingest::ids::{self, MAX_ID_BYTES};
use crate::ingest::numbers::{self, Reading};
use crate::job::{Decimal, TimeUnit};

/// An id from the field of `column`, which the job calls `name`.
#[inline(always)]
pub fn id<'a>(field: &'a [u8], name: &'static str, column: usize) -> Checked<RawId<'a>> {
    match ids::number(field) {
        Some(value) => Ok(RawId::Number(value)),
        None => other_id(trim(field), name, column),
    }
}

fn other_id<'a>(field: &'a [u8], name: &'static str, column: usize) -> Checked<RawId<'a>> {
    let refuse = |code, what: &str| Err(Flaw::new(code, name, format!("{name} {what} (column {})", column + 1)));
    if field.is_empty() {
        return refuse(BadCode::EmptyId, "is empty");
    }
    if field.len() > MAX_ID_BYTES {
        return refuse(BadCode::LongId, &format!("has {} bytes, more than {MAX_ID_BYTES}", field.len()));
    }
    match (ids::number(field), std::str::from_utf8(field)) {
        (Some(value), _) => Ok(RawId::Number(value)),
        (None, Ok(text)) => Ok(RawId::Text(text)),
        (None, Err(_)) => refuse(BadCode::BadUtf8, &format!("{:?} is not valid UTF-8", shorten(field))),
    }
}

/// A rating from the field of `column`.
#[inline(always)]
pub fn rating(field: &[u8], column: usize, reading: &Reading) -> Checked<f64> {
    match decimal(field) {
        // Under decimal commas a point parts thousands.
        Some(value) if value <= MAX_RATING && reading.numbers.decimal != Decimal::Comma => Ok(value),
        _ => other_rating(trim(field), column, reading),
    }
}

fn other_rating(field: &[u8], column: usize, reading: &Reading) -> Checked<f64> {
    let refuse = |code, what: &str| {
        let value = if field.is_empty() { String::new() } else { format!("{:?} ", shorten(field)) };
        Err(Flaw::new(code, "rating", format!("rating {value}{what} (column {})", column + 1)))
    };
    if field.is_empty() {
        return refuse(BadCode::BadRating, "is empty");
    }
    match std::str::from_utf8(field).ok().and_then(|text| numbers::read(text, &reading.numbers)) {
        None => refuse(BadCode::BadRating, "is not a number"),
        Some(value) if !value.is_finite() => refuse(BadCode::NotFinite, "is not finite"),
        Some(value) if value < 0.0 && !reading.returns => refuse(BadCode::Negative, "is negative"),
        Some(value) if value.abs() > MAX_RATING => refuse(BadCode::TooLarge, "is larger than 1e15"),
        // Adding 0 turns −0 into 0.
        Some(value) => Ok(value + 0.0),
    }
}

/// A point in time from the field of `column`, in microseconds since 1970 ([`TimeUnit::read`]).
pub fn time(field: &[u8], column: usize, unit: TimeUnit) -> Checked<i64> {
    let field = trim(field);
    unit.read(field).ok_or_else(|| bad_time(&shorten(field), column))
}

/// The flaw of a text that is no point in time.
#[cold]
pub fn bad_time(text: &str, column: usize) -> Box<Flaw> {
    let problem = match text {
        "" => format!("time is empty (column {})", column + 1),
        _ => format!("time {text:?} is no point in time (column {})", column + 1),
    };
    Flaw::new(BadCode::BadTime, "time", problem)
}
