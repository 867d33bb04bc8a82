//! A number of any length, as text: the digits that `numeric` has in SQL.
//!
//! The form is that of `numeric_send` in PostgreSQL's `src/backend/utils/adt/numeric.c`: how many digits to the base 10,000 there are, the weight of the
//! first, the sign, how many decimal places are shown, and the digits.

use std::io::Write;

const NEGATIVE: u16 = 0x4000;
const NAN: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const NEGATIVE_INFINITY: u16 = 0xf000;
/// Decimal digits in one to the base 10,000.
const IN_A_DIGIT: usize = 4;

/// Appends the text of a number; `None` where the bytes are none.
pub fn write(bytes: &[u8], text: &mut Vec<u8>) -> Option<()> {
    let words: Vec<u16> = bytes.chunks_exact(2).map(|word| u16::from_be_bytes([word[0], word[1]])).collect();
    let (head, digits) = words.split_first_chunk::<4>()?;
    let [n, weight, sign, shown] = *head;
    if digits.len() != usize::from(n) || !bytes.len().is_multiple_of(2) || digits.iter().any(|&digit| digit > 9999) {
        return None;
    }
    match sign {
        NAN => return text.write_all(b"NaN").ok(),
        INFINITY => return text.write_all(b"Infinity").ok(),
        NEGATIVE_INFINITY => return text.write_all(b"-Infinity").ok(),
        NEGATIVE => text.push(b'-'),
        0 => {}
        _ => return None,
    }
    let (weight, shown) = (i32::from(weight as i16), usize::from(shown));
    let digit = |place: i32| usize::try_from(weight - place).ok().and_then(|at| digits.get(at)).copied().unwrap_or(0);
    write!(text, "{}", digit(weight.max(0))).ok()?;
    for place in (0..weight.max(0)).rev() {
        write!(text, "{:04}", digit(place)).ok()?;
    }
    if shown > 0 {
        text.push(b'.');
        let start = text.len();
        for place in 1..=shown.div_ceil(IN_A_DIGIT) as i32 {
            write!(text, "{:04}", digit(-place)).ok()?;
        }
        text.truncate(start + shown);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(weight: i16, sign: u16, shown: u16, digits: &[u16]) -> Option<String> {
        let words = [digits.len() as u16, weight as u16, sign, shown].into_iter().chain(digits.iter().copied());
        let bytes: Vec<u8> = words.flat_map(u16::to_be_bytes).collect();
        let mut text = Vec::new();
        write(&bytes, &mut text)?;
        Some(String::from_utf8(text).unwrap())
    }

    #[test]
    fn numbers_have_the_digits_that_sql_shows() {
        assert_eq!(text(0, 0, 1, &[4, 5000]).unwrap(), "4.5");
        assert_eq!(text(0, 0, 0, &[]).unwrap(), "0");
        assert_eq!(text(0, 0, 2, &[]).unwrap(), "0.00");
        assert_eq!(text(1, 0, 0, &[1]).unwrap(), "10000");
        assert_eq!(text(2, NEGATIVE, 3, &[12, 3, 4567, 8900]).unwrap(), "-1200034567.890");
        assert_eq!(text(-1, 0, 4, &[25]).unwrap(), "0.0025");
        assert_eq!(text(-2, 0, 8, &[25]).unwrap(), "0.00000025");
        assert_eq!(text(0, NAN, 0, &[]).unwrap(), "NaN");
        assert_eq!(text(0, NEGATIVE_INFINITY, 0, &[]).unwrap(), "-Infinity");
        assert_eq!(text(0, 0, 0, &[10_000]), None);
        assert_eq!(write(&[0, 1, 0, 0], &mut Vec::new()), None);
    }
}
