//! Keyed draws: a random number is a hash of what it is for, not the next one of a sequence.
//!
//! So a draw does not depend on which worker makes it or when. Weighted sampling without replacement is an exponential
//! race: element i draws −ln(U)/wᵢ and the m smallest win (Efraimidis & Spirakis 2006).

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What a draw is for. Streams keep the draws of different purposes independent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u64)]
pub enum Stream {
    /// k-means++: `round` is start and centre.
    Seeding = 1,
    /// Folds of cross-validation.
    Fold = 2,
    /// Which users the map in the report shows.
    MapSample = 3,
    /// First block of a Krylov method: `id` is the column.
    Krylov = 4,
    /// The generator of planted data: `id` is the user or item.
    Generate = 5,
    /// Local search after k-means++: `round` is start and step.
    Swap = 6,
    /// Which users local search looks at.
    Sample = 7,
    /// Which ratings are hidden: `round` is the user's key, `id` the item.
    Hidden = 8,
    /// Users and seeds of refits: `round` is the refit.
    Refit = 9,
    /// Data without structure: `round` counts the draws, `id` is the user's key.
    Null = 10,
    /// Users whom a choice of settings looks at.
    Choice = 11,
    /// Users whom the first iterations of a mixture look at.
    Mixture = 12,
    /// Users whom evidence asks: `round` is 0 for those with hidden ratings, 1 for those of the data without structure.
    Evidence = 13,
}

/// 64 uniform bits for (seed, stream, round, id).
#[inline]
pub fn bits(seed: u64, stream: Stream, round: u64, id: u64) -> u64 {
    let mut key = [0u8; 24];
    key[..8].copy_from_slice(&(stream as u64).to_le_bytes());
    key[8..16].copy_from_slice(&round.to_le_bytes());
    key[16..].copy_from_slice(&id.to_le_bytes());
    xxh3_64_with_seed(&key, seed)
}

/// A uniform draw from (0, 1), never 0 or 1.
#[inline]
pub fn uniform(seed: u64, stream: Stream, round: u64, id: u64) -> f64 {
    ((bits(seed, stream, round, id) >> 12) as f64 + 0.5) * (1.0 / (1u64 << 52) as f64)
}

/// The finishing time of an element of weight `weight` > 0 in an exponential race; infinite for weight 0.
#[inline]
pub fn race(uniform: f64, weight: f64) -> f64 {
    if weight > 0.0 { -libm::log(uniform) / weight } else { f64::INFINITY }
}

/// Mixes an id so that its low bits can choose a worker (a bijection: the finaliser of SplitMix64).
#[inline]
pub fn mix(id: u64) -> u64 {
    let mut z = id.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Which of `n` even shares of all ids has this one: by the lower half of its mixed bits, so that the upper half is free for
/// other uses.
#[inline(always)]
pub fn share_of(id: u64, n: usize) -> usize {
    (((mix(id) & 0xffff_ffff) * n as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_winner_of_a_race_is_drawn_by_weight() {
        let weights = [1.0, 2.0, 5.0];
        let mut wins = [0u32; 3];
        let rounds = 20_000;
        for round in 0..rounds {
            let time = |i: usize| race(uniform(7, Stream::Seeding, round, i as u64), weights[i]);
            let winner = (0..3).min_by(|&a, &b| time(a).total_cmp(&time(b))).unwrap();
            wins[winner] += 1;
        }
        for (won, weight) in wins.iter().zip(weights) {
            let expected = rounds as f64 * weight / 8.0;
            assert!((*won as f64 - expected).abs() < 5.0 * expected.sqrt(), "{wins:?}");
        }
    }

    #[test]
    fn uniform_draws_stay_inside_the_open_interval() {
        assert!((0..10_000).map(|i| uniform(0, Stream::Fold, 0, i)).all(|u| u > 0.0 && u < 1.0));
    }
}
