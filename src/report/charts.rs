//! The charts of the report, as plotly.js reads them.
//!
//! A chart here is data and what belongs to it (axes, hover texts). How it looks is the page's: every colour is a CSS
//! variable (`var(--accent)`), which `page.js` replaces by its value in the light or dark theme, and sizes depend on
//! the width there. Texts that come from the data are escaped, because plotly.js reads them as HTML.

pub mod flows;

use plotly::common::{ColorScale, ColorScaleElement, DashType, HoverInfo, Line, Marker, MarkerSymbol, Mode, Title};
use plotly::layout::{Axis, AxisRange, AxisType, RangeMode};
use plotly::{Bar, HeatMap, Layout, Scatter, Trace};
use serde_json::{Value, json};

use crate::report::Outcome;
use crate::report::format::{count, percent, significant};
use crate::report::tables::{cumulative, curves, normalise};
use crate::validate::Confusion;

/// Colours for segments in `page.css`; the segments after that begin again, with another symbol on the map.
pub const N_COLORS: usize = 25;

/// Points the map shows, at most: a browser draws as many shapes without delay.
const MAX_POINTS: usize = 6_000;

const N_SYMBOLS: usize = 4;

/// Shares at which a heat map has the shades `--heat-0` to `--heat-4` of `page.css`. Small shares get more of the range:
/// which segments are mixed up shows in them. The scale above the charts has the same stops.
const SHADES: [f64; 5] = [0.0, 0.1, 0.3, 0.6, 1.0];

/// The colour of a segment.
pub fn segment_color(segment: usize) -> String {
    format!("var(--seg-{})", segment % N_COLORS)
}

/// The symbol of a segment on the map: 0 a circle, 1 a diamond, 2 a square, 3 a triangle.
pub fn segment_symbol(segment: usize) -> usize {
    (segment / N_COLORS + segment) % N_SYMBOLS
}

/// All charts by the id of the element they go into.
pub fn all(outcome: &Outcome) -> Value {
    let mut charts = json!({
        "chart-sizes": sizes(outcome),
        "chart-variance": variance(outcome),
        "chart-in-sample": confusion(&outcome.validation.in_sample),
        "chart-out-of-fold": confusion(&outcome.validation.out_of_fold),
        "chart-map": map(outcome),
    });
    if curves(outcome).next().is_some() {
        charts["chart-inertia"] = inertia(outcome);
    }
    if let Some(continuity) = outcome.continuity.as_ref().filter(|continuity| !continuity.flows.is_empty()) {
        charts["chart-flows"] = flows::flows(outcome, continuity);
    }
    charts
}

/// `kind` tells `page.js` what to fit to the width.
fn chart(kind: &str, traces: Vec<Value>, layout: Layout) -> Value {
    json!({ "kind": kind, "data": traces, "layout": layout })
}

fn value(trace: &dyn Trace) -> Value {
    serde_json::from_str(&trace.to_json()).expect("plotly writes JSON")
}

fn axis(title: &str) -> Axis {
    Axis::new().title(Title::with_text(title)).auto_margin(true)
}

fn sizes(outcome: &Outcome) -> Value {
    let sizes = &outcome.kmeans.sizes;
    let all = sizes.iter().sum::<u64>().max(1) as f64;
    let hover = |(i, &size): (usize, &u64)| {
        format!("Segment {i}<br>{} users, {} of all", count(size), percent(size as f64 / all))
    };
    let bars = Bar::new((0..sizes.len()).collect(), sizes.clone())
        .marker(Marker::new().color_array((0..sizes.len()).map(segment_color).collect()))
        .text_array(sizes.iter().map(|&size| count(size)).collect())
        .hover_text_array(sizes.iter().enumerate().map(hover).collect())
        .hover_template("%{hovertext}<extra></extra>");
    let layout = Layout::new()
        .x_axis(axis("Segment").range(span(-0.5, sizes.len() as f64 - 0.5)))
        .y_axis(axis("Users").range_mode(RangeMode::ToZero).tick_format(",~d"))
        .bar_gap(0.18);
    chart("bars", vec![value(bars.as_ref())], layout)
}

fn variance(outcome: &Outcome) -> Value {
    let ratios = &outcome.pca.explained_variance_ratio;
    let kept = outcome.pca.components.nrows().min(ratios.len());
    let total = cumulative(ratios);
    let hover: Vec<String> = ratios
        .iter()
        .zip(&total)
        .enumerate()
        .map(|(i, (&own, &sum))| {
            format!("Component {}<br>{} of the variance<br>{} with those before it", i + 1, percent(own), percent(sum))
        })
        .collect();
    let bars = |from: usize, to: usize, color: &'static str| {
        Bar::new((from + 1..=to).collect(), ratios[from..to].to_vec())
            .marker(Marker::new().color(color))
            .hover_text_array(hover[from..to].to_vec())
            .hover_template("%{hovertext}<extra></extra>")
    };
    let line = Scatter::new((1..=total.len()).collect(), total)
        .mode(Mode::LinesMarkers)
        .line(Line::new().color("var(--accent-2)").width(2.0))
        .marker(Marker::new().color("var(--accent-2)").size(6))
        .hover_text_array(hover.clone())
        .hover_template("%{hovertext}<extra></extra>");
    let mut traces = vec![value(bars(0, kept, "var(--accent)").as_ref())];
    if kept < ratios.len() {
        traces.push(value(bars(kept, ratios.len(), "var(--accent-soft)").as_ref()));
    }
    traces.push(value(line.as_ref()));
    let layout = Layout::new()
        .x_axis(axis("Component").range(span(0.4, ratios.len() as f64 + 0.6)))
        .y_axis(axis("Share of the variance").range_mode(RangeMode::ToZero).tick_format(".0%"))
        .bar_gap(0.18);
    chart("variance", traces, layout)
}

fn inertia(outcome: &Outcome) -> Value {
    let clusters: Vec<usize> = outcome.sweep.iter().flat_map(|sweep| sweep.clusters.clone()).collect();
    let mut traces = Vec::new();
    for (space, curve) in curves(outcome) {
        let shares = normalise(&curve.inertia);
        let (color, dash, symbol) = match space {
            "projected" => ("var(--accent)", DashType::Solid, MarkerSymbol::Circle),
            _ => ("var(--accent-2)", DashType::Dash, MarkerSymbol::Square),
        };
        let hover = |((&k, &inertia), share): ((&usize, &f64), &f64)| {
            format!(
                "{k} segments, {space} space<br>inertia {}<br>{} of the first",
                significant(inertia, 6),
                percent(*share)
            )
        };
        let line = Scatter::new(clusters.clone(), shares.clone())
            .mode(Mode::LinesMarkers)
            .line(Line::new().color(color).width(2.0).dash(dash))
            .marker(Marker::new().color(color).size(7).symbol(symbol))
            .hover_text_array(clusters.iter().zip(&curve.inertia).zip(&shares).map(hover).collect())
            .hover_template("%{hovertext}<extra></extra>");
        traces.push(value(line.as_ref()));
        let knee = clusters.iter().position(|&k| Some(k) == curve.knee);
        if let Some(at) = knee.filter(|&at| at < shares.len()) {
            traces.push(knee_ring(clusters[at], shares[at], color));
        }
    }
    let most = clusters.last().copied().unwrap_or(1) as f64;
    let layout = Layout::new()
        .x_axis(axis("Number of segments").range(span(-0.05 * most, 1.05 * most)))
        .y_axis(axis("Inertia, share of the first").range_mode(RangeMode::ToZero).tick_format(".0%"));
    chart("lines", traces, layout)
}

/// A ring around the suggested number of clusters.
fn knee_ring(clusters: usize, share: f64, color: &'static str) -> Value {
    let marker = Marker::new().color(color).size(17).symbol(MarkerSymbol::CircleOpen).line(Line::new().width(2.5));
    let ring = Scatter::new(vec![clusters], vec![share]).mode(Mode::Markers).marker(marker).hover_info(HoverInfo::Skip);
    value(ring.as_ref())
}

/// Shade: share of the segment's users. Hover: counts.
fn confusion(confusion: &Confusion) -> Value {
    let counts = &confusion.counts;
    let n = counts.nrows();
    let shares: Vec<Vec<f32>> = counts
        .outer_iter()
        .map(|row| {
            let all = row.sum().max(1) as f64;
            row.iter().map(|&users| (users as f64 / all) as f32).collect()
        })
        .collect();
    let shades = SHADES.iter().enumerate().map(|(i, &share)| ColorScaleElement(share, format!("var(--heat-{i})")));
    let heat = HeatMap::new((0..n).collect(), (0..n).collect(), shares)
        .zmin(0.0)
        .zmax(1.0)
        .x_gap(if n <= 60 { 1.0 } else { 0.0 })
        .y_gap(if n <= 60 { 1.0 } else { 0.0 })
        .show_scale(false)
        .color_scale(ColorScale::Vector(shades.collect()))
        .hover_template(
            "Segment %{y}, predicted %{x}<br>%{customdata:,} users, %{z:.1%} of the segment<extra></extra>",
        );
    let mut heat = value(heat.as_ref());
    heat["customdata"] = counts.outer_iter().map(|row| Value::from(row.to_vec())).collect();
    let range = || span(-0.5, n as f64 - 0.5);
    let layout = Layout::new()
        .x_axis(axis("Predicted segment").range(range()).type_(AxisType::Linear))
        .y_axis(axis("Segment").range(span(n as f64 - 0.5, -0.5)).type_(AxisType::Linear));
    chart("heat", vec![heat], layout)
}

/// One trace per segment, in order, so that trace `i` is segment `i`.
fn map(outcome: &Outcome) -> Value {
    let step = outcome.map.len().div_ceil(MAX_POINTS).max(1);
    let points: Vec<_> = outcome.map.iter().step_by(step).collect();
    let symbols: [_; N_SYMBOLS] = [
        (MarkerSymbol::Circle, 7),
        (MarkerSymbol::Diamond, 8),
        (MarkerSymbol::Square, 7),
        (MarkerSymbol::TriangleUp, 9),
    ];
    let trace = |segment: usize| {
        let own = || points.iter().filter(move |p| p.segment as usize == segment);
        let (symbol, size) = symbols[segment_symbol(segment)].clone();
        let marker = Marker::new().color(segment_color(segment)).size(size).opacity(0.8).symbol(symbol);
        Scatter::new(own().map(|p| p.x as f32).collect(), own().map(|p| p.y as f32).collect())
            .mode(Mode::Markers)
            .marker(marker.line(Line::new().width(0.6).color("var(--surface)")))
            .text_array(own().map(|p| label(&p.user.to_string())).collect())
            .hover_template(format!("Segment {segment}<br>user %{{text}}<extra></extra>"))
    };
    let n_segments = outcome.kmeans.sizes.len();
    let traces = (0..n_segments).map(|segment| value(trace(segment).as_ref())).collect();
    let layout = Layout::new()
        .x_axis(axis(&component_title(outcome, 0)).zero_line(false))
        .y_axis(axis(&component_title(outcome, 1)).zero_line(false));
    let mut chart = chart("map", traces, layout);
    chart["colors"] = N_COLORS.into();
    chart["centroids"] = outcome
        .kmeans
        .centroids
        .outer_iter()
        .map(|c| json!([c.get(0).copied().unwrap_or(0.0), c.get(1).copied().unwrap_or(0.0)]))
        .collect();
    chart
}

/// Text for plotly.js, which reads a little HTML but not every entity: quotes stay as they are.
fn label(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn component_title(outcome: &Outcome, component: usize) -> String {
    match outcome.pca.explained_variance_ratio.get(component) {
        Some(&ratio) if component < outcome.pca.components.nrows() => {
            format!("Component {} ({} of the variance)", component + 1, percent(ratio))
        }
        _ => "There is only one component".into(),
    }
}

fn span(low: f64, high: f64) -> AxisRange {
    AxisRange(vec![Some(low.into()), Some(high.into())])
}

/// How many users the map shows.
pub fn points_shown(outcome: &Outcome) -> usize {
    let step = outcome.map.len().div_ceil(MAX_POINTS).max(1);
    outcome.map.len().div_ceil(step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::ids::Id;
    use crate::report::fixture::{self, SMALL};

    #[test]
    fn an_id_cannot_become_markup_on_the_map() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.map[0].user = Id::Text("<a href=\"x\">&".into());
        let trace = &map(&outcome)["data"][outcome.map[0].segment as usize];
        assert_eq!(trace["text"][0], "&lt;a href=\"x\"&gt;&amp;");
    }

    #[test]
    fn rows_of_a_heat_map_are_shares_of_their_segment() {
        let outcome = fixture::outcome(SMALL);
        let chart = confusion(&outcome.validation.out_of_fold);
        let heat = &chart["data"][0];
        for (row, counts) in outcome.validation.out_of_fold.counts.outer_iter().enumerate() {
            let shares: f64 = heat["z"][row].as_array().unwrap().iter().map(|z| z.as_f64().unwrap()).sum();
            assert!((shares - 1.0).abs() < 1e-6, "row {row} adds up to {shares}");
            assert_eq!(heat["customdata"][row], Value::from(counts.to_vec()));
        }
    }

    #[test]
    fn the_map_shows_every_user_of_few_and_some_of_many() {
        let mut outcome = fixture::outcome(SMALL);
        assert_eq!(points_shown(&outcome), SMALL.users);
        outcome.map = outcome.map.iter().cycle().take(3 * MAX_POINTS + 1).cloned().collect();
        let traces = map(&outcome)["data"].as_array().unwrap().clone();
        let drawn: usize = traces.iter().map(|trace| trace["x"].as_array().unwrap().len()).sum();
        assert_eq!(drawn, points_shown(&outcome));
        assert!(drawn <= MAX_POINTS && drawn > MAX_POINTS / 2, "{drawn}");
    }

    #[test]
    fn every_colour_of_a_chart_is_one_that_the_page_has() {
        let style = include_str!("assets/page.css");
        let charts = all(&fixture::outcome(fixture::MOVIELENS)).to_string();
        let names: std::collections::BTreeSet<&str> =
            charts.split("var(").skip(1).map(|rest| &rest[..rest.find(')').unwrap()]).collect();
        assert!(names.len() > N_COLORS);
        for name in names {
            assert_eq!(style.matches(&format!("{name}: #")).count(), 2, "{name} has no value for each theme");
        }
    }
}
