//! The variance that each component explains, and how much they explain together.

use std::ops::Range;

use plotly::common::Marker;
use plotly::layout::RangeMode;
use plotly::{Bar, Layout};
use serde_json::Value;

use super::parts::{HOVER, axis, chart, line, look, span, value};
use crate::results::curves::cumulative;
use crate::results::shown::Shown;
use crate::watch::format::percent;

/// A bar for each component; those not used for the segments are paler.
pub fn variance(shown: &Shown) -> Value {
    let ratios = &shown.pca.explained_variance_ratio;
    let kept = shown.pca.n_components.min(ratios.len());
    let total = cumulative(ratios);
    let hover = hover(ratios, &total);
    let mut traces = vec![bars(ratios, &hover, 0..kept, "var(--accent)")];
    if kept < ratios.len() {
        traces.push(bars(ratios, &hover, kept..ratios.len(), "var(--accent-soft)"));
    }
    traces.push(line((1..=total.len()).collect(), total, hover, look("var(--accent-2)", 6)));
    let layout = Layout::new()
        .x_axis(axis("Component").range(span(0.4, ratios.len() as f64 + 0.6)))
        .y_axis(axis("Share of the variance").range_mode(RangeMode::ToZero).tick_format(".0%"))
        .bar_gap(0.18);
    chart("variance", traces, layout)
}

fn hover(ratios: &[f64], total: &[f64]) -> Vec<String> {
    let text = |(i, (&own, &sum)): (usize, (&f64, &f64))| {
        format!("Component {}<br>{} of the variance<br>{} with those before it", i + 1, percent(own), percent(sum))
    };
    ratios.iter().zip(total).enumerate().map(text).collect()
}

fn bars(ratios: &[f64], hover: &[String], which: Range<usize>, color: &'static str) -> Value {
    let bars = Bar::new((which.start + 1..=which.end).collect(), ratios[which.clone()].to_vec())
        .marker(Marker::new().color(color))
        .hover_text_array(hover[which].to_vec())
        .hover_template(HOVER);
    value(bars.as_ref())
}
