//! `{"op":"put","user":"u1","item":"i9","rating":4,"time":"2024-05-01T12:00:00Z"}` to a row.
//!
//! Ids are texts or whole numbers, and `7` is `"7"`; a time is a number or a text; `null` is as good as nothing. Fields of other
//! names are left alone. One of ours that comes twice is refused: there is no telling which was meant.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::row::{BAD_JSON, BAD_OP, Read, Row, Wrong, op, wrong};
use super::rules::Rules;
use crate::ingest::ids::{Id, TEXT_KEY};
use crate::ingest::numbers::Reading;
use crate::ingest::scan::{BadCode, MAX_RATING, id, rating, time};
use crate::live::change::Op;

/// The row of a line.
pub(super) fn read(line: &[u8], rules: &Rules) -> Read {
    let text = std::str::from_utf8(line).map_err(|_| (BadCode::BadUtf8.name(), "row"))?;
    let object: Object<'_> = serde_json::from_str(text).map_err(|_| (BAD_JSON, "row"))?;
    if let Some(field) = object.twice {
        return Err((BAD_JSON, field));
    }
    let [op, user, item, rating, time] = object.values;
    Ok(Some(Row {
        op: op_of(&op, rules.op)?,
        user: id_of(user, "user")?,
        item: id_of(item, "item")?,
        rating: rating_of(&rating)?,
        time: if rules.times { time_of(&time, rules)? } else { None },
    }))
}

fn op_of(value: &Value<'_>, given: Option<Op>) -> Result<Op, Wrong> {
    match value {
        Value::Text(word) => op(word.as_bytes()),
        Value::Nothing => given.ok_or((BAD_OP, "op")),
        _ => Err((BAD_OP, "op")),
    }
}

fn id_of(value: Value<'_>, name: &'static str) -> Result<Id, Wrong> {
    match value {
        Value::Text(text) => id(text.as_bytes(), name, 0).map(Id::from).map_err(wrong),
        Value::Whole(number) if number < TEXT_KEY => Ok(Id::Number(number)),
        Value::Whole(number) => Ok(Id::Text(number.to_string().into())),
        Value::Negative(number) => Ok(Id::Text(number.to_string().into())),
        Value::Nothing => Err((BadCode::EmptyId.name(), name)),
        Value::Fraction(_) | Value::Other => Err((BAD_JSON, name)),
    }
}

fn rating_of(value: &Value<'_>) -> Result<Option<f64>, Wrong> {
    let number = match *value {
        Value::Nothing => return Ok(None),
        Value::Whole(number) => number as f64,
        Value::Negative(number) => number as f64,
        Value::Fraction(number) => number,
        Value::Text(_) | Value::Other => return Err((BadCode::BadRating.name(), "rating")),
    };
    if (0.0..=MAX_RATING).contains(&number) {
        // Adding 0 turns −0 into 0.
        return Ok(Some(number + 0.0));
    }
    // It is refused for the reason that a text would be.
    rating(number.to_string().as_bytes(), 0, &Reading::default()).map(Some).map_err(wrong)
}

fn time_of(value: &Value<'_>, rules: &Rules) -> Result<Option<i64>, Wrong> {
    let read = |text: &str| time(text.as_bytes(), 0, rules.unit).map(Some).map_err(wrong);
    match value {
        Value::Nothing => Ok(None),
        Value::Text(text) => read(text),
        Value::Whole(number) => read(&number.to_string()),
        Value::Negative(number) => read(&number.to_string()),
        Value::Fraction(number) => read(&number.to_string()),
        Value::Other => Err((BadCode::BadTime.name(), "time")),
    }
}

/// The fields that count, in the order of [`Object::values`].
const FIELDS: [&str; 5] = ["op", "user", "item", "rating", "time"];

/// An object as it stands in the line.
#[derive(Default)]
struct Object<'a> {
    values: [Value<'a>; 5],
    /// A field that came twice.
    twice: Option<&'static str>,
}

#[derive(Default)]
enum Value<'a> {
    /// Not there, or `null`.
    #[default]
    Nothing,
    Text(Cow<'a, str>),
    Whole(u64),
    Negative(i64),
    Fraction(f64),
    /// A truth value, a list or an object.
    Other,
}

impl<'de> Deserialize<'de> for Object<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut object = Object::default();
        let mut seen = [false; FIELDS.len()];
        while let Some(Key(field)) = map.next_key()? {
            let Some(at) = field else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if std::mem::replace(&mut seen[at], true) {
                object.twice.get_or_insert(FIELDS[at]);
            }
            object.values[at] = map.next_value()?;
        }
        Ok(object)
    }
}

/// Which field a key names.
struct Key(Option<usize>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(Key(FIELDS.iter().position(|field| *field == key)))
    }
}

impl<'de> Deserialize<'de> for Value<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_unit<E>(self) -> Result<Value<'de>, E> {
        Ok(Value::Nothing)
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.into())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(number))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Negative(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Value<'de>, E> {
        Ok(Value::Fraction(number))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value<'de>, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value<'de>, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Value::Other)
    }
}
