//! Identifiers, literals and numbers as SQL has them: whatever they hold, they stay what they are.

use std::fmt::Write;

/// A name in double quotes, case and all.
pub fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text in single quotes. Control characters are spelled out, since programs that read scripts line by line change some of them.
pub fn literal(text: &str) -> String {
    let mut written = String::from("'");
    for c in text.chars() {
        match c {
            '\'' => written.push_str("''"),
            c if c.is_control() => _ = write!(written, "' || chr({}) || '", u32::from(c)),
            c => written.push(c),
        }
    }
    written.push('\'');
    written
}

/// A number that reads back with the same bits. The exponent makes it a floating-point number, where `0.5` may be a decimal.
pub fn real(x: f64) -> String {
    if x.is_finite() { format!("{x:e}") } else { format!("CAST('{}' AS DOUBLE PRECISION)", infinity(x)) }
}

/// The same of 32 bits, which a reader may take by way of 64.
pub fn narrow(x: f32) -> String {
    let short = format!("{x:e}");
    match short.parse::<f64>() {
        Ok(wide) if x.is_finite() && wide as f32 == x => short,
        _ => real(f64::from(x)),
    }
}

fn infinity(x: f64) -> &'static str {
    if x > 0.0 { "Infinity" } else { "-Infinity" }
}

/// The sum of terms, of which no expression is nested deeply: databases limit that.
pub fn sum(terms: &[String]) -> String {
    if terms.len() <= 8 {
        return terms.join(" + ");
    }
    let (left, right) = terms.split_at(terms.len() / 2);
    format!("({}) + ({})", sum(left), sum(right))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_and_texts_cannot_get_out() {
        assert_eq!(identifier("a\"b\\"), "\"a\"\"b\\\"");
        assert_eq!(literal("it's\n-- \\"), "'it''s' || chr(10) || '-- \\'");
        assert_eq!(literal(""), "''");
    }

    proptest! {
        #[test]
        fn numbers_read_back(bits in any::<u64>(), narrow_bits in any::<u32>()) {
            let (x, y) = (f64::from_bits(bits), f32::from_bits(narrow_bits));
            if x.is_finite() {
                prop_assert_eq!(real(x).parse::<f64>().unwrap().to_bits(), bits);
                prop_assert!(real(x).contains('e'));
            }
            if y.is_finite() {
                prop_assert_eq!((narrow(y).parse::<f64>().unwrap() as f32).to_bits(), narrow_bits);
            }
        }

        #[test]
        fn a_sum_has_all_terms_and_is_not_deep(n in 1usize..3000) {
            let text = sum(&vec!["x".to_string(); n]);
            prop_assert_eq!(text.matches('x').count(), n);
            let mut depth = 0usize;
            let deepest = text.chars().fold(0, |deepest, c| {
                match c { '(' => depth += 1, ')' => depth -= 1, _ => {} }
                deepest.max(depth)
            });
            prop_assert!(deepest <= 10);
        }
    }
}
