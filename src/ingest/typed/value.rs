//! A value of a typed column to an id or a rating. What is bad is bad by the rules of text, under the same codes.
//!
//! An id is the text that the value would have in a delimited file: the decimal digits of an integer, the same of a
//! float without a fraction, the hyphenated form of a UUID. A text of a dictionary is read once, however often it
//! occurs: what reads a column hands out the dictionary's own bytes, so a text is recognised by its address.

use std::cell::Cell;
use std::fmt::Write as _;

use parquet::data_type::ByteArray;

use super::model::{Kind, TimePlace};
use crate::ingest::fields::trim;
use crate::ingest::keys::KeyMap;
use crate::ingest::numbers::Reading;
use crate::ingest::scan::{BadCode, Checked, Flaw, MAX_RATING, RawId, bad_time, id, rating, time};

/// The most texts that are remembered: a dictionary page is small; more texts than this are not from one.
const MOST_TEXTS: usize = 1 << 17;

/// 2⁵³: floats up to this hold every whole number exactly.
const EXACT: f64 = 9007199254740992.0;

/// A value as it is stored.
#[derive(Debug, Clone, Copy)]
pub enum Raw<'a> {
    Missing,
    Integer(i64),
    Float(f64),
    Bytes(&'a [u8]),
    /// Bytes that can be kept without a copy. They must be kept by whoever knows them by their address: another page of a
    /// Parquet file may get it.
    Shared(&'a ByteArray),
}

impl<'a> Raw<'a> {
    #[inline(always)]
    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Raw::Bytes(bytes) => Some(bytes),
            Raw::Shared(bytes) => Some(bytes.data()),
            Raw::Missing | Raw::Integer(_) | Raw::Float(_) => None,
        }
    }
}

/// Reads the ids of one column of a group.
pub struct Ids {
    pub name: &'static str,
    pub column: usize,
    pub kind: Kind,
    /// By the address of the bytes. Those that may go are kept, so that no other bytes get that address.
    known: KeyMap<Known>,
    /// Whether texts are remembered: they come from a dictionary, and are not too many.
    remember: bool,
    text: String,
}

struct Known {
    length: usize,
    _kept: Option<ByteArray>,
    /// A number, or a text with what the sink calls it.
    number: Option<u64>,
    key: Cell<u64>,
}

impl Known {
    #[inline]
    fn id<'a>(&'a self, bytes: &'a [u8]) -> RawId<'a> {
        if let Some(value) = self.number {
            return RawId::Number(value);
        }
        // It was checked to be UTF-8 when it was first read.
        let text = std::str::from_utf8(trim(bytes)).unwrap_or_default();
        RawId::Again { text, key: &self.key }
    }
}

impl Ids {
    /// `repeats`: texts come from a dictionary.
    pub fn new(name: &'static str, column: usize, kind: Kind, repeats: bool) -> Ids {
        Ids { name, column, kind, known: KeyMap::default(), remember: repeats, text: String::new() }
    }

    /// The id that a value is.
    #[inline(always)]
    pub fn id<'a>(&'a mut self, raw: Raw<'a>) -> Checked<RawId<'a>> {
        match (raw, self.kind) {
            (Raw::Integer(value), Kind::Signed | Kind::Time) if value >= 0 => Ok(RawId::Number(value as u64)),
            (Raw::Bytes(bytes), Kind::Text) if self.remember => self.remembered(bytes, None),
            (Raw::Bytes(bytes), Kind::Text) => id(bytes, self.name, self.column),
            (Raw::Shared(bytes), Kind::Text) if self.remember => self.remembered(bytes.data(), Some(bytes)),
            (Raw::Shared(bytes), Kind::Text) => id(bytes.data(), self.name, self.column),
            _ => self.other(raw),
        }
    }

    fn remembered<'a>(&'a mut self, bytes: &'a [u8], shared: Option<&ByteArray>) -> Checked<RawId<'a>> {
        let address = bytes.as_ptr() as u64;
        if self.known.get(&address).is_none_or(|known| known.length != bytes.len()) {
            let number = match id(bytes, self.name, self.column)? {
                RawId::Number(value) => Some(value),
                RawId::Text(_) | RawId::Again { .. } => None,
            };
            if self.known.len() == MOST_TEXTS {
                (self.remember, self.known) = (false, KeyMap::default());
                return id(bytes, self.name, self.column);
            }
            let known = Known { length: bytes.len(), _kept: shared.cloned(), number, key: Cell::new(0) };
            self.known.insert(address, known);
        }
        Ok(self.known[&address].id(bytes))
    }

    fn other<'a>(&'a mut self, raw: Raw<'a>) -> Checked<RawId<'a>> {
        self.text.clear();
        let written = match raw {
            Raw::Missing => Ok(()),
            Raw::Float(value) if value.is_nan() => Ok(()),
            Raw::Float(value) if value.is_infinite() => {
                let problem = format!("{} {value} is not finite (column {})", self.name, self.column + 1);
                return Err(Flaw::new(BadCode::NotFinite, self.name, problem));
            }
            Raw::Float(value) if value.fract() == 0.0 && value.abs() <= EXACT => write!(self.text, "{}", value as i64),
            Raw::Float(value) => write!(self.text, "{value}"),
            _ => {
                show(raw, self.kind, &mut self.text);
                Ok(())
            }
        };
        written.expect("writing to a string does not fail");
        id(self.text.as_bytes(), self.name, self.column)
    }
}

/// The rating that a value is.
#[inline(always)]
pub fn rating_of(raw: Raw<'_>, kind: Kind, column: usize, reading: &Reading) -> Checked<f64> {
    match (raw, kind) {
        (Raw::Float(value), _) if (0.0..=MAX_RATING).contains(&value) => Ok(value + 0.0),
        (Raw::Integer(value), Kind::Signed | Kind::Unsigned | Kind::Boolean)
            if (0..=MAX_RATING as i64).contains(&value) =>
        {
            Ok(value as f64)
        }
        (Raw::Bytes(bytes), Kind::Text) => rating(bytes, column, reading),
        (Raw::Shared(bytes), Kind::Text) => rating(bytes.data(), column, reading),
        _ => other_rating(raw, kind, column, reading),
    }
}

/// What is no text is written plainly.
fn other_rating(raw: Raw<'_>, kind: Kind, column: usize, reading: &Reading) -> Checked<f64> {
    let mut text = String::new();
    show(raw, kind, &mut text);
    rating(text.as_bytes(), column, &Reading { returns: reading.returns, ..Reading::default() })
}

const MICROSECONDS_PER_DAY: i64 = 86_400_000_000;

/// The point in time that a value is, in microseconds since 1970.
pub fn time_of(raw: Raw<'_>, kind: Kind, of: &TimePlace) -> Checked<i64> {
    let column = of.place.column();
    let found = match (raw, kind) {
        (Raw::Integer(days), Kind::Time) if of.in_days => days.checked_mul(MICROSECONDS_PER_DAY),
        (Raw::Integer(number), Kind::Signed | Kind::Time) => of.unit.of_number(number),
        (Raw::Bytes(bytes), Kind::Text) => return time(bytes, column, of.unit),
        (Raw::Shared(bytes), Kind::Text) => return time(bytes.data(), column, of.unit),
        _ => {
            let mut text = String::new();
            show(raw, kind, &mut text);
            return time(text.as_bytes(), column, of.unit);
        }
    };
    found.ok_or_else(|| {
        let mut text = String::new();
        show(raw, kind, &mut text);
        bad_time(&text, column)
    })
}

/// Appends a value as it would stand in a text; a missing one appends nothing.
pub fn show(raw: Raw<'_>, kind: Kind, text: &mut String) {
    let written = match (raw, kind) {
        (Raw::Missing, _) => Ok(()),
        (Raw::Integer(value), Kind::Unsigned) => write!(text, "{}", value as u64),
        (Raw::Integer(value), Kind::Boolean) => write!(text, "{}", value != 0),
        (Raw::Integer(value), Kind::Decimal { scale }) => write_decimal(text, i128::from(value), scale),
        (Raw::Integer(value), _) => write!(text, "{value}"),
        (Raw::Float(value), _) => write!(text, "{value}"),
        (Raw::Bytes(_) | Raw::Shared(_), _) => show_bytes(raw.bytes().unwrap_or_default(), kind, text),
    };
    written.expect("writing to a string does not fail");
}

fn show_bytes(bytes: &[u8], kind: Kind, text: &mut String) -> std::fmt::Result {
    match kind {
        Kind::Decimal { scale } => match big_endian(bytes) {
            Some(value) => write_decimal(text, value, scale),
            None => write!(text, "a decimal of {} bytes", bytes.len()),
        },
        Kind::Uuid => write_uuid(text, bytes),
        _ => write!(text, "{}", String::from_utf8_lossy(bytes)),
    }
}

/// A signed integer, the highest byte first, of up to 16 bytes.
fn big_endian(bytes: &[u8]) -> Option<i128> {
    let first = *bytes.first()?;
    if bytes.len() > 16 {
        return None;
    }
    let start = if first & 0x80 == 0 { 0 } else { -1 };
    Some(bytes.iter().fold(start, |value, &byte| value << 8 | i128::from(byte)))
}

fn write_decimal(text: &mut String, unscaled: i128, scale: u32) -> std::fmt::Result {
    let sign = if unscaled < 0 { "-" } else { "" };
    let digits = format!("{:0>width$}", unscaled.unsigned_abs(), width = scale as usize + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale as usize);
    let point = if scale == 0 { "" } else { "." };
    write!(text, "{sign}{whole}{point}{fraction}")
}

fn write_uuid(text: &mut String, bytes: &[u8]) -> std::fmt::Result {
    for (i, byte) in bytes.iter().enumerate() {
        if matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        write!(text, "{byte:02x}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::ids::Id;

    fn id_of(raw: Raw<'_>, kind: Kind) -> Result<String, BadCode> {
        let mut ids = Ids::new("user", 0, kind, true);
        ids.id(raw).map(|id| Id::from(id).to_string()).map_err(|flaw| flaw.code)
    }

    fn rating_code(raw: Raw<'_>, kind: Kind) -> Result<f64, BadCode> {
        rating_of(raw, kind, 2, &Reading::default()).map_err(|flaw| flaw.code)
    }

    fn bytes(text: &[u8]) -> ByteArray {
        ByteArray::from(text.to_vec())
    }

    #[test]
    fn ids_of_every_kind() {
        assert_eq!(id_of(Raw::Integer(7), Kind::Signed).unwrap(), "7");
        assert_eq!(id_of(Raw::Integer(-7), Kind::Signed).unwrap(), "-7");
        assert_eq!(id_of(Raw::Integer(-1), Kind::Unsigned).unwrap(), u64::MAX.to_string());
        assert_eq!(id_of(Raw::Float(12.0), Kind::Float).unwrap(), "12");
        assert_eq!(id_of(Raw::Float(-12.0), Kind::Float).unwrap(), "-12");
        assert_eq!(id_of(Raw::Float(1.5), Kind::Float).unwrap(), "1.5");
        assert_eq!(id_of(Raw::Integer(1), Kind::Boolean).unwrap(), "true");
        assert_eq!(id_of(Raw::Integer(1234), Kind::Decimal { scale: 2 }).unwrap(), "12.34");
        let uuid: Vec<u8> = (0..16).collect();
        assert_eq!(id_of(Raw::Shared(&bytes(&uuid)), Kind::Uuid).unwrap(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(id_of(Raw::Shared(&bytes(b" 17 ")), Kind::Text).unwrap(), "17");
        assert_eq!(id_of(Raw::Shared(&bytes("Zoë ".as_bytes())), Kind::Text).unwrap(), "Zoë");
    }

    #[test]
    fn bad_values_have_the_codes_of_text() {
        use BadCode::*;
        assert_eq!(id_of(Raw::Missing, Kind::Signed), Err(EmptyId));
        assert_eq!(id_of(Raw::Float(f64::NAN), Kind::Float), Err(EmptyId));
        assert_eq!(id_of(Raw::Float(f64::INFINITY), Kind::Float), Err(NotFinite));
        assert_eq!(id_of(Raw::Shared(&bytes(b"\xff")), Kind::Text), Err(BadUtf8));
        assert_eq!(id_of(Raw::Shared(&bytes(&[b'x'; 257])), Kind::Text), Err(LongId));
        assert_eq!(rating_code(Raw::Missing, Kind::Float), Err(BadRating));
        assert_eq!(rating_code(Raw::Float(f64::NAN), Kind::Float), Err(NotFinite));
        assert_eq!(rating_code(Raw::Float(-0.5), Kind::Float), Err(Negative));
        assert_eq!(rating_code(Raw::Float(1e16), Kind::Float), Err(TooLarge));
        assert_eq!(rating_code(Raw::Integer(-1), Kind::Signed), Err(Negative));
        assert_eq!(rating_code(Raw::Integer(i64::MAX), Kind::Signed), Err(TooLarge));
        assert_eq!(rating_code(Raw::Shared(&bytes(b"four")), Kind::Text), Err(BadRating));
        assert_eq!(rating_code(Raw::Shared(&bytes(b"4.5")), Kind::Text), Ok(4.5));
        assert_eq!(rating_code(Raw::Float(-0.0), Kind::Float).map(f64::to_bits), Ok(0));
    }

    proptest! {
        #[test]
        fn a_decimal_reads_as_its_digits(unscaled in -1_000_000_000_000i64..1_000_000_000_000, scale in 0u32..12) {
            let kind = Kind::Decimal { scale };
            let mut of_integer = String::new();
            show(Raw::Integer(unscaled), kind, &mut of_integer);
            let mut of_bytes = String::new();
            show(Raw::Shared(&bytes(&i128::from(unscaled).to_be_bytes()[4..])), kind, &mut of_bytes);
            prop_assert_eq!(&of_integer, &of_bytes);
            let value: f64 = of_integer.parse().unwrap();
            prop_assert!((value - unscaled as f64 / 10f64.powi(scale as i32)).abs() <= value.abs() * 1e-15);
        }

        #[test]
        fn a_text_met_again_is_the_same_id(texts in prop::collection::vec("[a-z0-9 ]{1,6}", 1..20), order in prop::collection::vec(0usize..20, 0..60)) {
            let kept: Vec<ByteArray> = texts.iter().map(|text| bytes(text.as_bytes())).collect();
            let mut ids = Ids::new("item", 1, Kind::Text, true);
            for at in order {
                let Some(bytes) = kept.get(at) else { continue };
                let again = ids.id(Raw::Shared(bytes)).map(Id::from).map_err(|flaw| flaw.code);
                prop_assert_eq!(again, id(bytes.data(), "item", 1).map(Id::from).map_err(|flaw| flaw.code));
            }
        }
    }
}
