//! Short decimal numbers, read by hand.

use super::block::BLOCK;
use crate::ingest::ids;

/// Where numbers are read: every number starts in the block or at its end.
pub type Window = [u8; BLOCK + 8];

/// The largest rating. Ratings are squared and summed over all users; far larger ones would overflow, or swamp the
/// others.
pub const MAX_RATING: f64 = 1e15;

/// Powers of ten that are exact in an `f64`.
const POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// The ratings most files have: 0.0, 0.1 ... 9.9.
const TENTHS: [f64; 100] = {
    let mut tenths = [0.0; 100];
    let mut i = 0;
    while i < 100 {
        tenths[i] = i as f64 / 10.0;
        i += 1;
    }
    tenths
};

/// A short plain decimal (`4`, `3.5`, `.5`, `5.`), correctly rounded; `None` for anything else, number or not.
#[inline(always)]
pub fn decimal(field: &[u8]) -> Option<f64> {
    // 18 digits fit in a u64.
    if field.is_empty() || field.len() > 19 {
        return None;
    }
    let mut mantissa = 0u64;
    let mut point = None;
    for (i, &b) in field.iter().enumerate() {
        let digit = b.wrapping_sub(b'0');
        if digit <= 9 {
            mantissa = mantissa.wrapping_mul(10).wrapping_add(digit as u64);
        } else if b == b'.' && point.is_none() && field.len() > 1 {
            point = Some(i);
        } else {
            return None;
        }
    }
    if mantissa >= 1 << 53 || (point.is_none() && field.len() > 18) {
        return None;
    }
    let places = point.map_or(0, |i| field.len() - 1 - i);
    Some(if places == 0 { mantissa as f64 } else { mantissa as f64 / POWERS[places] })
}

/// [`ids::number`] of `window[start..end]`, which holds digits only.
#[inline(always)]
pub fn id(window: &Window, start: usize, end: usize) -> Option<u64> {
    let length = end - start;
    if length > 8 {
        return long_id(window, start, end);
    }
    let word = word(window, start);
    let leading_zero = word as u8 == 0 && length > 1;
    (length > 0 && !leading_zero).then(|| value(word, length))
}

/// The rating in `window[start..end]`, which holds digits only; `None` where it is not [`decimal`] or too large.
#[inline(always)]
pub fn whole(window: &Window, start: usize, end: usize) -> Option<f64> {
    let length = end - start;
    if length > 8 {
        return long_rating(&window[start..end]);
    }
    (length > 0).then(|| value(word(window, start), length) as f64)
}

/// The rating in `window[start..end]`, which holds digits and a point at `point`; `None` as in [`whole`].
#[inline(always)]
pub fn with_point(window: &Window, start: usize, point: usize, end: usize) -> Option<f64> {
    let length = end - start;
    if length > 8 {
        return long_rating(&window[start..end]);
    }
    let word = word(window, start);
    if length == 3 && point == start + 1 {
        let (whole, tenth) = (word as u8, (word >> 16) as u8);
        return TENTHS.get((10 * whole + tenth) as usize).copied();
    }
    // The digits before the point move up to close the gap.
    let before = 8 * (point - start) as u32;
    let digits = (word & ((1 << before) - 1)) << 8 | word & (!0xff << before);
    (length > 1).then(|| value(digits >> 8, length - 1) as f64 / POWERS[end - point - 1])
}

/// Not inlined, like [`long_rating`], so that the code for short numbers keeps the registers.
#[inline(never)]
fn long_id(window: &Window, start: usize, end: usize) -> Option<u64> {
    let first = end - start - 8;
    if first > 8 || window[start] == b'0' {
        return ids::number(&window[start..end]);
    }
    Some(value(word(window, start), first) * 100_000_000 + value(word(window, end - 8), 8))
}

#[inline(never)]
fn long_rating(field: &[u8]) -> Option<f64> {
    decimal(field).filter(|&value| value <= MAX_RATING)
}

/// Eight digits less `0`, the first in the lowest byte; what follows the digits is left as it is.
#[inline(always)]
fn word(window: &Window, start: usize) -> u64 {
    let bytes = window[start..].first_chunk().expect("8 bytes follow every start");
    u64::from_le_bytes(*bytes) ^ 0x3030_3030_3030_3030
}

/// The value of the first 1 to 8 digits of a word: pairs, then fours, then all eight (Lemire 2018).
#[inline(always)]
fn value(word: u64, length: usize) -> u64 {
    let digits = word << (64 - 8 * length);
    let pairs = (digits.wrapping_mul(10) + (digits >> 8)) & 0x00ff_00ff_00ff_00ff;
    let fours = (pairs.wrapping_mul(100) + (pairs >> 16)) & 0x0000_ffff_0000_ffff;
    (fours.wrapping_mul(10_000) + (fours >> 32)) & 0xffff_ffff
}
