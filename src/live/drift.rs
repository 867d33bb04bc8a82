//! How far the ratings have drifted from what the model was fitted on.
//!
//! | measure | what it is |
//! |---|---|
//! | `inertia` | mean squared distance of a user to their centroid, divided by that of the fit, less 1 |
//! | `moved_share` | share of the users who were there when the model took over and are now in another segment |
//! | `idf_drift` | mean, over all ratings, of \|idf now − idf of the fit\| of the item |
//!
//! A refit is due when one of them is past the threshold. All are made of sums of whole numbers.

use crate::kernel::{fixed, tfidf};

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Drift {
    /// Mean squared distance of a user to their centroid, divided by that of the fit.
    pub inertia_ratio: f64,
    pub moved_share: f64,
    pub idf_drift: f64,
}

/// With fewer users than this for each segment, drift is not judged.
const USERS_PER_SEGMENT: u64 = 2;

impl Drift {
    /// Whether a refit is due, and why, in words.
    pub fn judge(&self, threshold: f64, users: u64, n_segments: usize) -> Option<String> {
        if users < USERS_PER_SEGMENT * n_segments as u64 {
            return None;
        }
        let percent = |share: f64| format!("{:.1} %", 100.0 * share);
        let mut reasons = Vec::new();
        if self.inertia_ratio - 1.0 > threshold {
            reasons.push(format!(
                "users are {} farther from their segments than in the fit (mean squared distance)",
                percent(self.inertia_ratio - 1.0)
            ));
        }
        if self.moved_share > threshold {
            reasons.push(format!("{} of the users of the fit are in another segment", percent(self.moved_share)));
        }
        if self.idf_drift > threshold {
            reasons.push(format!("how rare items are has drifted by {:.3} (mean difference of idf)", self.idf_drift));
        }
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}

/// What a worker's items add to [`idf_drift`]: differences, weighted by users, and users.
pub fn idf_sums(n_users: u64, document_frequency: &[i64], idf: &[f64]) -> [i128; 2] {
    let now = tfidf::idf(n_users, document_frequency);
    let terms = now.iter().zip(idf).zip(document_frequency);
    let difference = |((now, fit), df): ((&f64, &f64), &i64)| i128::from(*df) * fixed::fix_wide((now - fit).abs());
    [terms.map(difference).sum(), document_frequency.iter().map(|&df| i128::from(df)).sum()]
}

/// From the sums of all workers.
pub fn idf_drift([differences, users]: [i128; 2]) -> f64 {
    if users == 0 { 0.0 } else { fixed::real_wide(differences) / users as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_users_have_not_drifted_and_others_have() {
        let df = [5i64, 1, 9];
        let idf = tfidf::idf(10, &df);
        assert_eq!(idf_drift(idf_sums(10, &df, &idf)), 0.0);
        let now = idf_drift(idf_sums(10, &[9, 1, 5], &idf));
        let expected = (9.0 * (idf[0] - idf[2]).abs() + 5.0 * (idf[2] - idf[0]).abs()) / 15.0;
        assert!((now - expected).abs() < 1e-11);
        assert_eq!(idf_drift(idf_sums(0, &[0, 0, 0], &idf)), 0.0);
    }

    #[test]
    fn a_refit_is_due_past_the_threshold_for_a_reason() {
        let still = Drift { inertia_ratio: 1.05, moved_share: 0.1, idf_drift: 0.02 };
        assert_eq!(still.judge(0.1, 100, 5), None);
        let moved = Drift { moved_share: 0.125, ..still };
        assert_eq!(moved.judge(0.1, 100, 5).unwrap(), "12.5 % of the users of the fit are in another segment");
        assert_eq!(moved.judge(0.1, 9, 5), None, "too few users to say");
        let all = Drift { inertia_ratio: 2.0, moved_share: 1.0, idf_drift: 1.0 }.judge(0.1, 100, 5).unwrap();
        assert_eq!(all.matches("; ").count(), 2);
    }
}
