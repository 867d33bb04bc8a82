//! Points in time, as input files and job files write them: microseconds since 1970 in UTC.
//!
//! A plain number, with or without a decimal point, counts units since 1970. Everything else is a date, or a date and a time,
//! of ISO 8601 and RFC 3339 (`2024-05-01`, `2024-05-01 17:30`, `2024-05-01T17:30:00.5+02:00`), in UTC if it has no offset.
//! Fractions of a microsecond are rounded down.

use jiff::fmt::temporal::DateTimeParser;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The unit of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TimeUnit {
    #[default]
    S,
    Ms,
    Us,
    Ns,
}

const NANOSECONDS: i128 = 1_000;
/// Digits after the point that count.
const DECIMALS: usize = 9;

impl TimeUnit {
    /// The point in time in a field; `None` if there is none in it.
    pub fn read(self, field: &[u8]) -> Option<i64> {
        match field.last()? {
            b'0'..=b'9' | b'.' if is_decimal(field) => self.of_decimal(field),
            _ => of_date(field),
        }
    }

    /// `number` units after 1970; `None` if it does not fit 64 bits.
    pub fn of_number(self, number: i64) -> Option<i64> {
        match self {
            TimeUnit::S => number.checked_mul(1_000_000),
            TimeUnit::Ms => number.checked_mul(1_000),
            TimeUnit::Us => Some(number),
            TimeUnit::Ns => Some(number.div_euclid(1_000)),
        }
    }

    fn nanoseconds(self) -> i128 {
        match self {
            TimeUnit::S => 1_000_000_000,
            TimeUnit::Ms => 1_000_000,
            TimeUnit::Us => 1_000,
            TimeUnit::Ns => 1,
        }
    }

    fn of_decimal(self, field: &[u8]) -> Option<i64> {
        let text = std::str::from_utf8(field).ok()?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.is_empty() && whole.len() <= 18 {
            return self.of_number(whole.parse().ok()?);
        }
        let (sign, whole) = match whole.strip_prefix('-') {
            Some(whole) => (-1, whole),
            None => (1, whole.strip_prefix('+').unwrap_or(whole)),
        };
        let whole: i128 = if whole.is_empty() { 0 } else { whole.get(..whole.len().min(30))?.parse().ok()? };
        let fraction = &fraction[..fraction.len().min(DECIMALS)];
        let billionths: i128 = format!("{fraction:0<DECIMALS$}").parse().ok()?;
        let nanoseconds = whole.checked_mul(self.nanoseconds())? + billionths * self.nanoseconds() / 1_000_000_000;
        i64::try_from((sign * nanoseconds).div_euclid(NANOSECONDS)).ok()
    }
}

/// Digits with at most one point and a sign in front, and at least one digit.
fn is_decimal(field: &[u8]) -> bool {
    let unsigned = field.strip_prefix(b"-").or(field.strip_prefix(b"+")).unwrap_or(field);
    let points = unsigned.iter().filter(|&&byte| byte == b'.').count();
    points <= 1 && unsigned.len() > points && unsigned.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn of_date(field: &[u8]) -> Option<i64> {
    const PARSER: DateTimeParser = DateTimeParser::new();
    let point = PARSER
        .parse_timestamp(field)
        .or_else(|_| PARSER.parse_datetime(field).and_then(|local| TimeZone::UTC.to_timestamp(local)));
    i64::try_from(point.ok()?.as_nanosecond().div_euclid(NANOSECONDS)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Option<i64> {
        TimeUnit::S.read(text.as_bytes())
    }

    #[test]
    fn numbers_count_units() {
        let second = 1_147_880_044_000_000;
        for (unit, text, expected) in [
            (TimeUnit::S, "1147880044", second),
            (TimeUnit::Ms, "1147880044000", second),
            (TimeUnit::Us, "1147880044000000", second),
            (TimeUnit::Ns, "1147880044000000999", second),
            (TimeUnit::S, "1147880044.5", second + 500_000),
            (TimeUnit::S, "+1147880044.", second),
            (TimeUnit::Ms, "-1.0001", -1001),
            (TimeUnit::S, "-.000001", -1),
            (TimeUnit::Ns, "-1", -1),
            (TimeUnit::S, "20240501", 20_240_501_000_000),
        ] {
            assert_eq!(unit.read(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn dates_are_in_utc_unless_they_say_otherwise() {
        let day = 1_714_521_600_000_000;
        for (text, expected) in [
            ("2024-05-01", day),
            ("2024-05-01T00:00", day),
            ("2024-05-01 00:00:00", day),
            ("2024-05-01T02:00:00+02:00", day),
            ("2024-04-30T22:30:00.25-01:30", day + 250_000),
            ("2024-05-01T00:00:00Z", day),
            ("1969-12-31T23:59:59.9999999Z", -1),
            ("1970-01-01", 0),
        ] {
            assert_eq!(read(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_names_no_time_is_refused() {
        for text in [
            "",
            "-",
            ".",
            "+.",
            "1e9",
            "1.2.3",
            "12 ",
            "yesterday",
            "2024-13-01",
            "2024-02-30",
            "2024-05-01T25:00",
            "12:30",
            "99999999999999999999",
            "9223372036855",
            "9223372036854775807",
            "nan",
            "٣",
        ] {
            let text = if text == "9223372036855" { "9223372036855000000.0" } else { text };
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(TimeUnit::S.read(b"2024-05-01\xff"), None);
    }

    proptest! {
        #[test]
        fn any_field_is_read_or_refused(field in prop::collection::vec(any::<u8>(), 0..40), text in "[0-9T:Z+. -]{0,32}") {
            for unit in [TimeUnit::S, TimeUnit::Ms, TimeUnit::Us, TimeUnit::Ns] {
                let _ = unit.read(&field);
                let _ = unit.read(text.as_bytes());
            }
        }

        #[test]
        fn units_agree(seconds in -9_000_000_000i64..9_000_000_000, millis in 0i64..1000) {
            let expected = Some(seconds * 1_000_000 + millis * 1_000);
            let all = seconds * 1000 + millis;
            prop_assert_eq!(TimeUnit::Ms.read(all.to_string().as_bytes()), expected);
            prop_assert_eq!(TimeUnit::Us.read(format!("{all}000").as_bytes()), expected);
            prop_assert_eq!(TimeUnit::Ns.read(format!("{all}000000").as_bytes()), expected);
            let sign = if all < 0 { "-" } else { "" };
            let text = format!("{sign}{}.{:03}", all.abs() / 1000, all.abs() % 1000);
            prop_assert_eq!(TimeUnit::S.read(text.as_bytes()), expected);
        }
    }
}
