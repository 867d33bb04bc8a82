//! The rule for the verdict and the suggested number of clusters.
//!
//! | verdict | if |
//! |---|---|
//! | `none` | the bits saved per hidden rating exceed 0, or those of the null if they are more, by less than [`LEAST_GAIN`], or by less than [`ERRORS`] standard errors of the difference |
//! | `stable` | not `none`; the bits saved are above 0 by as many standard errors; the adjusted Rand index of the refits is at least [`STABLE`]; and its distance from 1 is at most [`LACK`] of that of the null |
//! | `weak` | otherwise |
//!
//! Slices of a continuum, such as how much users rate, may be found again in every refit, and still not be different kinds of
//! users. The null has the same continuum, so the segments must beat it.
//!
//! The gain of a number of segments is the bits that they save more than the same number of segments in the null. (With more
//! segments, fewer ratings of each are seen; that costs bits, and the null pays the same, as in the gap statistic of
//! Tibshirani, Walther & Hastie 2001.) The suggested number is the least of those tried that is found again (an adjusted Rand
//! index of at least [`STABLE`]) and has the gain of the best of these, less [`WORTH`] of it or one standard error of the
//! difference, whichever is more. With the verdict `none` nothing is suggested.

use super::outcome::{HeldOut, Null, OfClusters, Stability, Verdict};

/// Bits per hidden rating.
const LEAST_GAIN: f64 = 0.01;

/// The number of standard errors that is beyond chance.
const ERRORS: f64 = 3.0;

/// The least adjusted Rand index of segments that count as the same.
pub const STABLE: f64 = 0.75;

/// The most that the adjusted Rand index may lack to 1, as a share of what that of the null lacks.
const LACK: f64 = 0.5;

/// The share of the gain that a larger number of clusters must add to be worth it.
const WORTH: f64 = 0.02;

/// The verdict on the segments of a run.
pub fn verdict(held_out: &HeldOut, stability: &Stability, null: &Null) -> Verdict {
    let gain = held_out.bits - null.bits.max(0.0);
    let error = held_out.standard_error.hypot(null.standard_error);
    if gain < LEAST_GAIN || gain < ERRORS * error {
        return Verdict::None;
    }
    let again = stability.adjusted_rand;
    let is_telling = held_out.bits >= ERRORS * held_out.standard_error;
    let is_found = again >= STABLE && 1.0 - again <= LACK * (1.0 - null.adjusted_rand).max(0.0);
    if is_telling && is_found { Verdict::Stable } else { Verdict::Weak }
}

/// The number of clusters to use, if one is found again. `error(a, b)` is the standard error of the difference in bits between the numbers of
/// these places in `tried`.
pub fn suggested(tried: &[OfClusters], error: impl Fn(usize, usize) -> f64) -> Option<usize> {
    let gain = |at: usize| tried[at].bits - tried[at].null_bits;
    let again: Vec<usize> = (0..tried.len()).filter(|&at| tried[at].adjusted_rand >= STABLE).collect();
    let best = again.iter().copied().max_by(|&a, &b| gain(a).total_cmp(&gain(b)).then(b.cmp(&a)))?;
    let as_good = |at: usize| at == best || gain(best) - gain(at) <= error(at, best).max(WORTH * gain(best));
    again.into_iter().find(|&at| as_good(at)).map(|at| tried[at].clusters)
}

/// The verdict on `clusters` segments and its reasons, for users.
pub fn summary(verdict: Verdict, suggested_clusters: Option<usize>, clusters: usize) -> String {
    let suggestion = match suggested_clusters {
        Some(other) if other < clusters => format!(" {other} segments would be enough and are found again."),
        Some(other) if other > clusters => format!(" {other} segments would tell more and are found again."),
        _ => String::new(),
    };
    match verdict {
        Verdict::Stable => format!(
            "These {clusters} segments are real: they tell what users choose next, and other users of the same kind lead to the \
             same segments.{suggestion}"
        ),
        Verdict::Weak => format!(
            "These {clusters} segments tell something of what users choose next, but where one ends and another begins is \
             partly arbitrary: other users of the same kind lead to somewhat different segments.{suggestion}"
        ),
        Verdict::None => format!(
            "These {clusters} segments are no better than chance: users without any taste, as active as these, would be divided \
             as well."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_out(bits: f64, standard_error: f64) -> HeldOut {
        HeldOut { ratings: 1000, users: 500, bits, standard_error, recall_at_10: 0.1, popularity_recall_at_10: 0.1 }
    }

    fn stability(adjusted_rand: f64) -> Stability {
        Stability { refits: 10, adjusted_rand, standard_deviation: 0.1, jaccard: vec![0.8; 3] }
    }

    fn null(bits: f64, adjusted_rand: f64) -> Null {
        Null { bits, standard_error: 0.01, adjusted_rand }
    }

    #[test]
    fn a_verdict_takes_information_and_stability_and_more_than_chance() {
        let of = |bits, error, again, null_bits, null_again| {
            verdict(&held_out(bits, error), &stability(again), &null(null_bits, null_again))
        };
        assert_eq!(of(0.3, 0.01, 0.9, 0.0, 0.3), Verdict::Stable);
        assert_eq!(of(0.3, 0.01, 0.6, 0.0, 0.3), Verdict::Weak);
        assert_eq!(of(0.3, 0.01, 0.9, 0.0, 0.85), Verdict::Weak);
        assert_eq!(of(0.3, 0.01, 1.0, 0.0, 0.95), Verdict::Stable);
        assert_eq!(of(0.3, 0.01, 0.9, 0.295, 0.3), Verdict::None);
        assert_eq!(of(0.3, 0.2, 0.9, 0.0, 0.3), Verdict::None);
        // Worse than popularity alone, if less so than chance.
        assert_eq!(of(-0.1, 0.001, 0.9, -0.2, 0.3), Verdict::None);
    }

    fn tried(of: &[(usize, f64, f64)]) -> Vec<OfClusters> {
        let tried = |&(clusters, bits, adjusted_rand): &(usize, f64, f64)| OfClusters {
            clusters,
            bits,
            standard_error: 0.01,
            null_bits: -0.01,
            adjusted_rand,
            simplified_silhouette: 0.0,
            calinski_harabasz: 0.0,
            davies_bouldin: 0.0,
        };
        of.iter().map(tried).collect()
    }

    #[test]
    fn the_least_number_that_says_as_much_and_is_found_again_is_suggested() {
        let with = |of: &[(usize, f64, f64)], error: f64| {
            let tried = tried(of);
            suggested(&tried, |_, _| error)
        };
        let curve = [(2, 0.1, 0.9), (5, 0.30, 0.95), (8, 0.31, 0.9), (12, 0.312, 0.8), (20, 0.4, 0.5)];
        assert_eq!(with(&curve, 0.001), Some(8));
        assert_eq!(with(&curve, 0.02), Some(5));
        assert_eq!(with(&[(5, 0.3, 0.4)], 0.001), None);
        assert_eq!(with(&[], 0.001), None);
    }
}
