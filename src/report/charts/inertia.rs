//! Inertia against the number of segments, a line for each space.

use plotly::Layout;
use plotly::common::{DashType, Line, Marker, MarkerSymbol};
use plotly::layout::RangeMode;
use serde_json::Value;

use super::parts::{axis, chart, line, ring, segments_axis};
use crate::results::curves::{curves, normalise};
use crate::results::shown::Shown;
use crate::watch::format::{percent, significant};

/// Shares of the first inertia, with a ring where a line bends.
pub fn inertia(shown: &Shown) -> Value {
    let clusters: Vec<usize> = shown.sweep.iter().flat_map(|sweep| sweep.clusters.clone()).collect();
    let mut traces = Vec::new();
    for (space, curve) in curves(&shown.sweep) {
        let shares = normalise(&curve.inertia);
        let (color, look) = look_of(space);
        let hover = hover(space, &clusters, &curve.inertia, &shares);
        traces.push(line(clusters.clone(), shares.clone(), hover, look));
        let knee = clusters.iter().position(|&k| Some(k) == curve.knee);
        if let Some(at) = knee.filter(|&at| at < shares.len()) {
            traces.push(ring(clusters[at], shares[at], color));
        }
    }
    let layout = Layout::new()
        .x_axis(segments_axis(clusters.last().copied().unwrap_or(1)))
        .y_axis(axis("Inertia, share of the first").range_mode(RangeMode::ToZero).tick_format(".0%"));
    chart("lines", traces, layout)
}

fn look_of(space: &str) -> (&'static str, (Line, Marker)) {
    let (color, dash, symbol) = match space {
        "projected" => ("var(--accent)", DashType::Solid, MarkerSymbol::Circle),
        _ => ("var(--accent-2)", DashType::Dash, MarkerSymbol::Square),
    };
    let marker = Marker::new().color(color).size(7).symbol(symbol);
    (color, (Line::new().color(color).dash(dash), marker))
}

fn hover(space: &str, clusters: &[usize], inertia: &[f64], shares: &[f64]) -> Vec<String> {
    let text = |((&k, &inertia), share): ((&usize, &f64), &f64)| {
        let (inertia, share) = (significant(inertia, 6), percent(*share));
        format!("{k} segments, {space} space<br>inertia {inertia}<br>{share} of the first")
    };
    clusters.iter().zip(inertia).zip(shares).map(text).collect()
}
