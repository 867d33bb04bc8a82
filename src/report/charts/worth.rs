//! What each number of segments is worth: bits saved per hidden rating, and stability.

use super::lines::{Curve, Lines, Look, Point, Pointed, lines};
use crate::results::{Evidence, OfClusters};
use crate::watch::format::significant;

/// Bits that the segments save per hidden rating, with their standard error, over those of random choices.
pub fn bits(evidence: &Evidence, own: usize) -> String {
    let tip = |of: &OfClusters| {
        let (bits, error) = (significant(of.bits, 3), significant(of.standard_error, 1));
        format!("{} segments\n{bits} ± {error} bits per hidden rating", of.clusters)
    };
    let null_tip =
        |of: &OfClusters| format!("{} segments, random choices\n{} bits", of.clusters, significant(of.null_bits, 3));
    let point =
        |of: &OfClusters| Point { clusters: of.clusters, value: of.bits, error: Some(of.standard_error), tip: tip(of) };
    let null = |of: &OfClusters| Point { clusters: of.clusters, value: of.null_bits, error: None, tip: null_tip(of) };
    let all = &evidence.by_clusters;
    lines(&Lines {
        id: "chart-bits",
        says: "Line chart of bits saved per hidden rating against the number of segments.",
        title: "Bits per hidden rating",
        percents: false,
        curves: vec![
            Curve { class: "first", look: Look::Circles, points: all.iter().map(point).collect() },
            Curve { class: "others dashed", look: Look::Dots, points: all.iter().map(null).collect() },
        ],
        pointed: pointed(evidence, own, |of| of.bits),
    })
}

/// How well the segments are found again.
pub fn stability(evidence: &Evidence, own: usize) -> String {
    let point = |of: &OfClusters| Point {
        clusters: of.clusters,
        value: of.adjusted_rand,
        error: None,
        tip: format!("{} segments\nadjusted Rand index {}", of.clusters, significant(of.adjusted_rand, 3)),
    };
    lines(&Lines {
        id: "chart-stability",
        says: "Line chart of the adjusted Rand index against the number of segments.",
        title: "Adjusted Rand index",
        percents: false,
        curves: vec![Curve {
            class: "first",
            look: Look::Circles,
            points: evidence.by_clusters.iter().map(point).collect(),
        }],
        pointed: pointed(evidence, own, |of| of.adjusted_rand),
    })
}

/// A square on `own`, and a ring around the suggested number, where they were tried.
fn pointed(
    evidence: &Evidence,
    own: usize,
    value_of: impl Fn(&OfClusters) -> f64,
) -> Vec<(Pointed, usize, f64, &'static str)> {
    let found = |clusters: Option<usize>| evidence.by_clusters.iter().find(|of| Some(of.clusters) == clusters);
    let square = found(Some(own)).map(|of| (Pointed::Square, of.clusters, value_of(of), "second"));
    let ring = found(evidence.suggested_clusters).map(|of| (Pointed::Ring, of.clusters, value_of(of), "second"));
    square.into_iter().chain(ring).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};

    #[test]
    fn the_suggested_number_is_ringed_where_it_was_tried() {
        let mut evidence = fixture::outcome(SMALL).evidence.unwrap();
        let marked = |evidence: &Evidence, own| -> Vec<usize> {
            pointed(evidence, own, |of| of.adjusted_rand).into_iter().map(|(_, clusters, ..)| clusters).collect()
        };
        assert_eq!(marked(&evidence, 25), [25, 10], "this run, then the suggested number");
        let drawn = |evidence: &Evidence, own, class: &str| stability(evidence, own).matches(class).count();
        assert_eq!([drawn(&evidence, 25, "ring second"), drawn(&evidence, 25, "mark second")], [1, 1]);
        evidence.suggested_clusters = None;
        assert!(marked(&evidence, 7).is_empty());
        assert_eq!([drawn(&evidence, 7, "ring second"), drawn(&evidence, 7, "mark second")], [0, 0]);
        let bits = bits(&evidence, 7);
        let n = evidence.by_clusters.len();
        assert_eq!(bits.matches("bits per hidden rating\"").count(), n);
        assert_eq!(bits.matches("random choices").count(), n);
    }
}
