//! The evidence in words.

use crate::results::{Amounts, Chosen, Evidence, Refine, Verdict};
use crate::watch::format::plural;

/// A word for the verdict, as `run.json` has it.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Stable => "stable",
        Verdict::Weak => "weak",
        Verdict::None => "none",
    }
}

/// A suggestion of another number of segments than `clusters`, and how to get it; none where `clusters` is the best.
pub fn suggestion(evidence: &Evidence, clusters: usize) -> Option<String> {
    let other = evidence.suggested_clusters.filter(|&suggested| suggested != clusters)?;
    Some(format!("Suggested: {other} segments instead of {clusters} (set kmeans.clusters = {other})."))
}

/// What could be tried where there are no segments; `chosen` is whether the run has chosen its settings.
pub fn advice(verdict: Verdict, chosen: bool) -> Option<String> {
    let settings = if chosen {
        ""
    } else {
        "settings that the run chooses (leave out matrix, pca.components and kmeans.clusters), "
    };
    (verdict == Verdict::None).then(|| {
        format!(
            "There are no segments to be had from these ratings as they are. What could be tried: {settings}items that are less fine \
             (categories in place of single articles), only users with enough ratings (filter.min_ratings_per_user), or a longer time."
        )
    })
}

/// The settings of a run that has chosen some, in words.
pub fn settings(chosen: &Chosen) -> String {
    format!(
        "weighting {}; {}; {}{}{}",
        chosen.weighed(),
        plural(chosen.components as u64, "component"),
        plural(chosen.clusters as u64, "segment"),
        if chosen.refine == Refine::Mixture { ", refined by a mixture" } else { "" },
        match chosen.amounts {
            Amounts::None => "",
            Amounts::Share => "; amounts count by their share",
            Amounts::Level => "; amounts count by how high they are",
        }
    )
}

/// How stable a segment is, by the mean Jaccard index of its refits: with the bounds of Hennig ("Cluster-wise assessment of
/// cluster stability", 2007, and the documentation of `clusterboot` in his package fpc).
pub fn stability(jaccard: f64) -> &'static str {
    match jaccard {
        j if j >= 0.85 => "very stable",
        j if j >= STABLE => "stable",
        j if j >= 0.6 => "fairly stable",
        _ => "unstable",
    }
}

/// A mean Jaccard index with two digits, rounded down, as the words for it have bounds.
pub fn digits(jaccard: f64) -> String {
    format!("{:.2}", (jaccard * 100.0 + 1e-9).floor() / 100.0)
}

/// The mean Jaccard index from which on a segment counts as stable.
pub const STABLE: f64 = 0.75;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};

    #[test]
    fn stability_has_four_words() {
        let words = [1.0, 0.85, 0.84, 0.75, 0.74, 0.6, 0.59, 0.0, f64::NAN].map(stability);
        let expected = ["very stable", "very stable", "stable", "stable", "fairly stable", "fairly stable"];
        assert_eq!(words[..6], expected);
        assert_eq!(words[6..], ["unstable"; 3]);
        assert_eq!([0.597, 0.6, 0.29, 1.0].map(digits), ["0.59", "0.60", "0.29", "1.00"]);
    }

    #[test]
    fn a_number_is_suggested_where_it_is_another() {
        let mut evidence = fixture::outcome(SMALL).evidence.unwrap();
        let said = suggestion(&evidence, 25).unwrap();
        assert_eq!(said, "Suggested: 10 segments instead of 25 (set kmeans.clusters = 10).");
        assert_eq!(suggestion(&evidence, 10), None);
        evidence.suggested_clusters = None;
        assert_eq!(suggestion(&evidence, 25), None);
    }
}
