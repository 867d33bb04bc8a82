//! Numbers as people write them: `1.234,50`, `1'234.50`, `€ 3`, `12 EUR`.
//!
//! What Rust's `f64` parses is a number everywhere, but for a point under [`Decimal::Comma`], where it parts thousands. Beside it, groups of three
//! digits may be parted by one kind of space, apostrophe, or the comma or point that does not begin the fraction; and the column's currency may
//! stand before or after the number. How a column is written is decided by all its values: `1,234` alone could be either.

use serde::{Deserialize, Serialize};

use crate::job::{Decimal, Numbers};

/// Currencies that may stand at a number: signs, and codes of ISO 4217. A longer text comes before one that it ends with.
const CURRENCIES: [&str; 27] = [
    "US$", "R$", "$", "€", "£", "¥", "₹", "zł", "Kč", "kr", "EUR", "USD", "GBP", "JPY", "CHF", "CAD", "AUD", "CNY",
    "INR", "SEK", "NOK", "DKK", "PLN", "CZK", "BRL", "MXN", "Fr.",
];

/// How the ratings of a file are read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reading {
    pub numbers: Numbers,
    /// Numbers below 0 are returns, which are taken from what they return; otherwise they are mistakes.
    pub returns: bool,
}

impl From<Numbers> for Reading {
    fn from(numbers: Numbers) -> Reading {
        Reading { numbers, returns: false }
    }
}

/// The number that a text is.
#[inline]
pub fn read(text: &str, numbers: &Numbers) -> Option<f64> {
    let is_plain = numbers.decimal != Decimal::Comma || !text.contains('.');
    let plain = if is_plain { text.parse().ok() } else { None };
    plain.or_else(|| if numbers.is_plain() { None } else { decorated(text, numbers) })
}

/// Whether a text is a number however it is written.
pub fn is_number(text: &str) -> bool {
    text.parse::<f64>().is_ok() || {
        let currency = currency(&[text]);
        let mut decimals = [Decimal::Point, Decimal::Comma].into_iter();
        decimals.any(|decimal| decorated(text, &Numbers { decimal, currency: currency.clone() }).is_some())
    }
}

fn decorated(text: &str, numbers: &Numbers) -> Option<f64> {
    let (negative, rest) = unsigned(text.trim());
    let rest = match &numbers.currency {
        Some(currency) => {
            rest.strip_prefix(&**currency).or_else(|| rest.strip_suffix(&**currency)).unwrap_or(rest).trim()
        }
        None => rest,
    };
    // The sign may stand behind the currency.
    let (negative, rest) = if negative { (true, rest) } else { unsigned(rest) };
    let (point, other) = if numbers.decimal == Decimal::Comma { (',', '.') } else { ('.', ',') };
    let (whole, fraction) = rest.rsplit_once(point).unwrap_or((rest, "0"));
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(fraction) {
        return None;
    }
    let digits = if whole.is_empty() && rest.len() > 1 { "0".to_string() } else { ungrouped(whole, other)? };
    let sign = if negative { "-" } else { "" };
    format!("{sign}{digits}.{fraction}").parse().ok()
}

fn unsigned(text: &str) -> (bool, &str) {
    match text.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    }
}

/// The digits of a whole number, without what parts them into groups of three.
fn ungrouped(whole: &str, other: char) -> Option<String> {
    let is_digit = |letter: char| letter.is_ascii_digit();
    let Some(separator) = whole.chars().find(|&letter| !is_digit(letter)) else {
        return (!whole.is_empty()).then(|| whole.to_string());
    };
    if separator != other && !matches!(separator, ' ' | '\u{a0}' | '\u{202f}' | '\u{2009}' | '\'' | '’') {
        return None;
    }
    let mut groups = whole.split(separator);
    let first = groups.next().filter(|first| (1..=3).contains(&first.len()) && !first.starts_with('0'))?;
    let are_whole = groups.clone().all(|group| group.len() == 3)
        && first.chars().chain(groups.clone().flat_map(str::chars)).all(is_digit);
    are_whole.then(|| groups.fold(first.to_string(), |digits, group| digits + group))
}

/// How the values of a column are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    Sure(Numbers),
    /// Values such as this one may be read in two ways, and all the others as well.
    Open {
        example: String,
    },
}

/// How most of the values are written. `given` is what the job says of it.
pub fn found(values: &[&str], given: Decimal) -> Found {
    let reads = |numbers: &Numbers| values.iter().filter(|value| read(value, numbers).is_some()).count();
    let currency = currency(values);
    let [plain, point, comma] =
        [Decimal::Plain, Decimal::Point, Decimal::Comma].map(|decimal| Numbers { decimal, currency: currency.clone() });
    let plain = Numbers { currency: None, ..plain };
    match given {
        Decimal::Plain => {}
        Decimal::Point => return Found::Sure(point),
        Decimal::Comma => return Found::Sure(comma),
    }
    let [of_plain, of_point, of_comma] = [&plain, &point, &comma].map(reads);
    if of_plain >= of_point.max(of_comma) {
        return Found::Sure(plain);
    }
    if of_point != of_comma {
        return Found::Sure(if of_point > of_comma { point } else { comma });
    }
    match values.iter().find(|value| read(value, &point) != read(value, &comma)) {
        None => Found::Sure(point),
        Some(example) => Found::Open { example: example.to_string() },
    }
}

/// The currency of the most values.
fn currency(values: &[&str]) -> Option<String> {
    let has = |text: &str, currency: &&&str| text.starts_with(**currency) || text.ends_with(**currency);
    let of = |value: &&str| {
        let (_, text) = unsigned(value.trim());
        CURRENCIES.iter().position(|currency| has(text, &currency))
    };
    let mut counts = [0; CURRENCIES.len()];
    values.iter().filter_map(of).for_each(|at| counts[at] += 1);
    let most = counts.iter().copied().max().filter(|&most| most > 0)?;
    CURRENCIES.iter().zip(counts).find(|(_, count)| *count == most).map(|(currency, _)| currency.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(decimal: Decimal, currency: &str) -> Numbers {
        Numbers { decimal, currency: Some(currency.to_string()).filter(|currency| !currency.is_empty()) }
    }

    fn sure(values: &[&str]) -> Numbers {
        match found(values, Decimal::Plain) {
            Found::Sure(numbers) => numbers,
            Found::Open { example } => panic!("{example} is open"),
        }
    }

    #[test]
    fn what_people_write_is_read() {
        let point = numbers(Decimal::Point, "$");
        for (text, number) in [
            ("1,234.50", 1234.5),
            ("1'234.50", 1234.5),
            ("1 234 567.5", 1_234_567.5),
            ("$3", 3.0),
            ("3.20 $", 3.2),
            ("-$1,000", -1000.0),
            ("$ -2", -2.0),
            ("−7", -7.0),
            ("3.5", 3.5),
            ("1e3", 1000.0),
            ("$.5", 0.5),
        ] {
            assert_eq!(read(text, &point), Some(number), "{text}");
        }
        let comma = numbers(Decimal::Comma, "EUR");
        for (text, number) in [
            ("3,5", 3.5),
            ("1.234,50", 1234.5),
            ("1.234", 1234.0),
            ("1 234,50 EUR", 1234.5),
            ("1\u{202f}234", 1234.0),
            ("EUR 0,250", 0.25),
            (",5", 0.5),
            ("12", 12.0),
        ] {
            assert_eq!(read(text, &comma), Some(number), "{text}");
        }
    }

    #[test]
    fn what_is_no_number_stays_none() {
        for text in [
            "",
            "abc",
            "1,23",
            "1,2345",
            "12,34,567",
            "1.234,5",
            "1,234'567",
            "0,123",
            "$",
            "3 €",
            "1,,234",
            ",",
            "-",
            "1 2",
        ] {
            assert_eq!(read(text, &numbers(Decimal::Point, "$")), None, "{text}");
        }
        for text in ["3.5", "1.2345", "1,234.5", ".", "3,", ",", "1.234.5"] {
            assert_eq!(read(text, &numbers(Decimal::Comma, "")), None, "{text}");
        }
        assert_eq!(read("1,234", &Numbers::default()), None);
    }

    #[test]
    fn a_column_is_read_as_most_of_it_is_written() {
        assert_eq!(sure(&["1", "2.5", "abc", "3,5"]), Numbers::default());
        assert_eq!(sure(&["1", "2", "3,5"]), numbers(Decimal::Comma, ""));
        assert_eq!(sure(&["1,234", "2,5"]), numbers(Decimal::Comma, ""));
        assert_eq!(sure(&["1,234", "2.5"]), numbers(Decimal::Point, ""));
        assert_eq!(sure(&["1.234", "2,5"]), numbers(Decimal::Comma, ""));
        assert_eq!(sure(&["0,250", "1,500"]), numbers(Decimal::Comma, ""));
        assert_eq!(sure(&["1.234", "2.345"]), Numbers::default(), "as it always was");
        assert_eq!(sure(&["€ 3", "€ 5", "$ 4"]), numbers(Decimal::Point, "€"));
        assert_eq!(sure(&["3,50 EUR", "5,00 EUR"]), numbers(Decimal::Comma, "EUR"));
        assert_eq!(sure(&["US$ 1,000.00"]), numbers(Decimal::Point, "US$"));
        assert_eq!(found(&["1,234", "5"], Decimal::Plain), Found::Open { example: "1,234".into() });
        assert_eq!(found(&["1,234", "5"], Decimal::Comma), Found::Sure(numbers(Decimal::Comma, "")));
    }

    proptest! {
        #[test]
        fn what_is_written_in_a_style_is_read_in_it(
            cents in -10_000_000_000i64..10_000_000_000,
            comma in any::<bool>(),
            separator in prop::sample::select(vec!["", " ", "'", "\u{a0}", "other"]),
            currency in prop::sample::select(vec!["", "€", "USD"]),
            before in any::<bool>(),
        ) {
            let (point, other) = if comma { (",", ".") } else { (".", ",") };
            let separator = if separator == "other" { other } else { separator };
            let digits = (cents.abs() / 100).to_string();
            let mut grouped = String::new();
            for (at, digit) in digits.chars().enumerate() {
                if at > 0 && (digits.len() - at) % 3 == 0 {
                    grouped += separator;
                }
                grouped.push(digit);
            }
            let number = format!("{grouped}{point}{:02}", cents.abs() % 100);
            let number = if before { format!("{currency} {number}") } else { format!("{number} {currency}") };
            let text = format!("{}{}", if cents < 0 { "-" } else { "" }, number.trim());
            let decimal = if comma { Decimal::Comma } else { Decimal::Point };
            prop_assert_eq!(read(&text, &numbers(decimal, currency)), Some(cents as f64 / 100.0), "{}", text);
        }

        // Plain numbers are what they were.
        #[test]
        fn a_plain_number_is_read_as_before(text in "[0-9.eE+-]{0,8}") {
            let plain = text.parse::<f64>().ok();
            prop_assert_eq!(read(&text, &Numbers::default()).map(f64::to_bits), plain.map(f64::to_bits));
            prop_assert!(plain.is_none() || read(&text, &numbers(Decimal::Point, "")).map(f64::to_bits) == plain.map(f64::to_bits));
        }
    }
}
