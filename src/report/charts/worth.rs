//! What each number of segments is worth: bits saved per hidden rating, and stability.

use plotly::common::{DashType, HoverInfo, Marker, MarkerSymbol, Mode};
use plotly::layout::RangeMode;
use plotly::{Layout, Scatter};
use serde_json::{Value, json};

use super::parts::{axis, chart, line, look, ring, segments_axis, value};
use crate::results::{Evidence, OfClusters};
use crate::watch::format::significant;

/// Bits that the segments save per hidden rating, with their standard error, over those of random choices.
pub fn bits(evidence: &Evidence, own: usize) -> Value {
    let hover = |of: &OfClusters| {
        let (bits, error) = (significant(of.bits, 3), significant(of.standard_error, 1));
        format!("{} segments<br>{bits} ± {error} bits per hidden rating", of.clusters)
    };
    let mut chart = worth(evidence, own, "Bits per hidden rating", |of| of.bits, hover);
    let errors: Vec<f64> = evidence.by_clusters.iter().map(|of| of.standard_error).collect();
    chart["data"][0]["error_y"] =
        json!({ "type": "data", "array": errors, "color": "var(--accent)", "thickness": 1.5, "width": 3 });
    chart["data"].as_array_mut().expect("a chart has traces").push(null_bits(evidence));
    chart
}

fn null_bits(evidence: &Evidence) -> Value {
    let all = || evidence.by_clusters.iter();
    let hover =
        |of: &OfClusters| format!("{} segments, random choices<br>{} bits", of.clusters, significant(of.null_bits, 3));
    let (color, marker) = look("var(--muted)", 5);
    let look = (color.dash(DashType::Dash), marker);
    line(
        all().map(|of| of.clusters).collect(),
        all().map(|of| of.null_bits).collect(),
        all().map(hover).collect(),
        look,
    )
}

/// How well the segments are found again.
pub fn stability(evidence: &Evidence, own: usize) -> Value {
    let hover = |of: &OfClusters| {
        format!("{} segments<br>adjusted Rand index {}", of.clusters, significant(of.adjusted_rand, 3))
    };
    worth(evidence, own, "Adjusted Rand index", |of| of.adjusted_rand, hover)
}

/// A value for each number of clusters, with a square on `own` and a ring around the suggested one.
fn worth(
    evidence: &Evidence,
    own: usize,
    title: &str,
    value_of: impl Fn(&OfClusters) -> f64,
    hover: impl Fn(&OfClusters) -> String,
) -> Value {
    let all = &evidence.by_clusters;
    let clusters = all.iter().map(|of| of.clusters).collect();
    let hover = all.iter().map(hover).collect();
    let mut traces = vec![line(clusters, all.iter().map(&value_of).collect(), hover, look("var(--accent)", 7))];
    if let Some(of) = all.iter().find(|of| of.clusters == own) {
        traces.push(square(own, value_of(of)));
    }
    if let Some(of) = all.iter().find(|of| Some(of.clusters) == evidence.suggested_clusters) {
        traces.push(ring(of.clusters, value_of(of), "var(--accent-2)"));
    }
    let layout = Layout::new()
        .x_axis(segments_axis(all.last().map_or(1, |of| of.clusters)))
        .y_axis(axis(title).range_mode(RangeMode::ToZero));
    chart("lines", traces, layout)
}

/// A square on the number of segments of this run.
fn square(clusters: usize, at: f64) -> Value {
    let marker = Marker::new().color("var(--accent-2)").size(11).symbol(MarkerSymbol::Square);
    let square = Scatter::new(vec![clusters], vec![at]).mode(Mode::Markers).marker(marker);
    value(square.hover_info(HoverInfo::Skip).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};

    #[test]
    fn the_suggested_number_is_ringed_where_it_was_tried() {
        let mut evidence = fixture::outcome(SMALL).evidence.unwrap();
        let ringed = |evidence: &Evidence, own| {
            let chart = stability(evidence, own);
            chart["data"].as_array().unwrap().iter().skip(1).map(|trace| trace["x"][0].as_u64().unwrap()).collect()
        };
        let marks: Vec<u64> = ringed(&evidence, 25);
        assert_eq!(marks, [25, 10], "this run, then the suggested number");
        evidence.suggested_clusters = None;
        let marks: Vec<u64> = ringed(&evidence, 7);
        assert!(marks.is_empty(), "{marks:?}");
        let bits = bits(&evidence, 7);
        for trace in 0..2 {
            assert_eq!(bits["data"][trace]["y"].as_array().unwrap().len(), evidence.by_clusters.len());
        }
    }
}
