//! Fixed-point numbers for sums that must not depend on the order of adding.
//!
//! A user's contribution is computed in floating point in a fixed order, scaled by a power of two, rounded once to an
//! integer, and added. The power is chosen from a global bound on one contribution and the number of contributions, so
//! that no sum overflows; it is the same on every worker, hence so are the bits of the sum.

/// 1.5 × 2⁵²: adding it to |x| < 2⁵¹ leaves x, rounded to even, in the low bits of the sum.
const ROUNDER: f64 = 6755399441055744.0;

/// The scale 2^`exponent` between real values and integers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scale {
    exponent: i32,
}

impl Scale {
    /// The finest scale at which a contribution of magnitude at most `bound` stays below 2⁵¹ and a sum of `count` of
    /// them below 2⁶².
    pub fn new(bound: f64, count: u64) -> Scale {
        assert!(bound.is_finite() && bound >= 0.0, "a fixed-point bound must be finite, not {bound}");
        let bits = if bound == 0.0 { 0 } else { libm::ilogb(bound) + 1 };
        let count_bits = (64 - count.leading_zeros()) as i32;
        Scale { exponent: (51 - bits).min(62 - bits - count_bits).clamp(-1000, 1000) }
    }

    /// `value` as an integer, rounded to nearest, ties to even. `|value|` must not exceed the bound of the scale.
    #[inline(always)]
    pub fn fix(self, value: f64) -> i64 {
        let scaled = value * self.factor();
        debug_assert!(scaled.abs() <= 2251799813685248.0, "{value} is past the bound of its scale");
        round(scaled)
    }

    /// The real value of a sum. Exact where the sum has at most 53 significant bits.
    #[inline(always)]
    pub fn real(self, sum: i64) -> f64 {
        sum as f64 * self.inverse()
    }

    /// 2^exponent. Multiply by it once and use [`round`] where many values share one scale.
    #[inline(always)]
    pub fn factor(self) -> f64 {
        power_of_two(self.exponent)
    }

    #[inline(always)]
    fn inverse(self) -> f64 {
        power_of_two(-self.exponent)
    }
}

/// The scale of [`fix_wide`]: 2⁴⁰.
const WIDE: f64 = (1u64 << 40) as f64;

/// `value`, below 2⁶⁰ in magnitude, in units of 2⁻⁴⁰, rounded to nearest, ties to even. For sums whose range is not known
/// beforehand: 2²⁷ values of the largest magnitude can be added up.
#[inline]
pub fn fix_wide(value: f64) -> i128 {
    let scaled = value * WIDE;
    debug_assert!(scaled.abs() <= (1u128 << 100) as f64, "{value} is too large for a fixed scale");
    if scaled.abs() < ROUNDER / 3.0 { i128::from(round(scaled)) } else { scaled as i128 }
}

/// The real value of a sum of [`fix_wide`]. Exact where the sum has at most 53 significant bits.
#[inline]
pub fn real_wide(sum: i128) -> f64 {
    sum as f64 / WIDE
}

/// Rounds an already scaled value, `|scaled|` ≤ 2⁵¹, to the nearest integer, ties to even. Vectorises everywhere.
#[inline(always)]
pub fn round(scaled: f64) -> i64 {
    ((scaled + ROUNDER).to_bits() as i64).wrapping_sub(ROUNDER.to_bits() as i64)
}

#[inline(always)]
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_numbers_are_exact() {
        let scale = Scale::new(25.0, 1_000_000);
        let sum: i64 = (0..1000).map(|i| scale.fix((i % 26) as f64)).sum();
        assert_eq!(scale.real(sum), (0..1000).map(|i| (i % 26) as f64).sum::<f64>());
    }

    #[test]
    fn a_bound_of_zero_is_allowed() {
        assert_eq!(Scale::new(0.0, 10).fix(0.0), 0);
    }

    #[test]
    fn wide_sums_are_exact_for_small_and_large_numbers() {
        for value in [0.0, 0.5, 4.0, 1e-3, 123456.75, 1e15, 999_999_999_999_999.9] {
            let sum: i128 = (0..1000).map(|_| fix_wide(value)).sum();
            assert!((real_wide(sum) / 1000.0 - value).abs() <= 1e-12 + value * f64::EPSILON, "{value}");
        }
        assert_eq!(real_wide(3 * fix_wide(4.5) - fix_wide(1e15) + fix_wide(1e15)), 13.5);
    }

    proptest! {
        #[test]
        fn rounding_errs_by_at_most_half_a_unit(value in -1e6f64..1e6, count in 1u64..1_000_000_000) {
            let scale = Scale::new(1e6, count);
            let unit = 1.0 / scale.factor();
            prop_assert!((scale.real(scale.fix(value)) - value).abs() <= 0.5 * unit);
            prop_assert!(scale.fix(value).checked_mul(count as i64).is_some());
        }
    }
}
