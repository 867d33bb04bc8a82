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

use crate::results::shown::Shown;
use crate::results::tables::{cumulative, curves, normalise};
use crate::stages::evidence::{Evidence, OfClusters};
use crate::stages::validate::Confusion;
use crate::watch::format::{percent, significant};

/// Colours for segments in `page.css`; the segments after that begin again, with another symbol on the map.
pub const N_COLORS: usize = 25;

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
pub fn all(shown: &Shown) -> Value {
    let mut charts = json!({
        "chart-variance": variance(shown),
        "chart-in-sample": confusion(&shown.validation.in_sample),
        "chart-out-of-fold": confusion(&shown.validation.out_of_fold),
        "chart-map": map(shown),
    });
    if curves(&shown.sweep).next().is_some() {
        charts["chart-inertia"] = inertia(shown);
    }
    if let Some(evidence) = shown.evidence.as_ref().filter(|evidence| evidence.by_clusters.len() > 1) {
        charts["chart-bits"] = bits(evidence, shown.kmeans.sizes.len());
        charts["chart-stability"] = stability(evidence, shown.kmeans.sizes.len());
    }
    if let Some(continuity) = shown.continuity.as_ref().filter(|continuity| !continuity.flows.is_empty()) {
        charts["chart-flows"] = flows::flows(shown, continuity);
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

fn variance(shown: &Shown) -> Value {
    let ratios = &shown.pca.explained_variance_ratio;
    let kept = shown.pca.n_components.min(ratios.len());
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

fn inertia(shown: &Shown) -> Value {
    let clusters: Vec<usize> = shown.sweep.iter().flat_map(|sweep| sweep.clusters.clone()).collect();
    let mut traces = Vec::new();
    for (space, curve) in curves(&shown.sweep) {
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
            traces.push(ring(clusters[at], shares[at], color));
        }
    }
    let most = clusters.last().copied().unwrap_or(1) as f64;
    let layout = Layout::new()
        .x_axis(axis("Number of segments").range(span(-0.05 * most, 1.05 * most)))
        .y_axis(axis("Inertia, share of the first").range_mode(RangeMode::ToZero).tick_format(".0%"));
    chart("lines", traces, layout)
}

/// A ring around what is suggested.
fn ring(clusters: usize, at: f64, color: &'static str) -> Value {
    let marker = Marker::new().color(color).size(17).symbol(MarkerSymbol::CircleOpen).line(Line::new().width(2.5));
    let ring = Scatter::new(vec![clusters], vec![at]).mode(Mode::Markers).marker(marker).hover_info(HoverInfo::Skip);
    value(ring.as_ref())
}

/// Bits that the segments save per hidden rating, with their standard error.
fn bits(evidence: &Evidence, own: usize) -> Value {
    let hover = |of: &OfClusters| {
        let (bits, error) = (significant(of.bits, 3), significant(of.standard_error, 1));
        format!("{} segments<br>{bits} ± {error} bits per hidden rating", of.clusters)
    };
    let mut chart = worth(evidence, own, "Bits per hidden rating", |of| of.bits, hover);
    let errors: Vec<f64> = evidence.by_clusters.iter().map(|of| of.standard_error).collect();
    chart["data"][0]["error_y"] =
        json!({ "type": "data", "array": errors, "color": "var(--accent)", "thickness": 1.5, "width": 3 });
    let all = &evidence.by_clusters;
    let hover =
        |of: &OfClusters| format!("{} segments without taste<br>{} bits", of.clusters, significant(of.null_bits, 3));
    let null = Scatter::new(all.iter().map(|of| of.clusters).collect(), all.iter().map(|of| of.null_bits).collect())
        .mode(Mode::LinesMarkers)
        .line(Line::new().color("var(--muted)").width(2.0).dash(DashType::Dash))
        .marker(Marker::new().color("var(--muted)").size(5))
        .hover_text_array(all.iter().map(hover).collect())
        .hover_template("%{hovertext}<extra></extra>");
    chart["data"].as_array_mut().expect("a chart has traces").push(value(null.as_ref()));
    chart
}

/// How well the segments are found again.
fn stability(evidence: &Evidence, own: usize) -> Value {
    let hover = |of: &OfClusters| {
        format!("{} segments<br>adjusted Rand index {}", of.clusters, significant(of.adjusted_rand, 3))
    };
    worth(evidence, own, "Adjusted Rand index", |of| of.adjusted_rand, hover)
}

/// A value of each number of clusters, with a square on the `own` one and a ring around the suggested one.
fn worth(
    evidence: &Evidence,
    own: usize,
    title: &str,
    value_of: impl Fn(&OfClusters) -> f64,
    hover: impl Fn(&OfClusters) -> String,
) -> Value {
    let all = &evidence.by_clusters;
    let line = Scatter::new(all.iter().map(|of| of.clusters).collect(), all.iter().map(&value_of).collect())
        .mode(Mode::LinesMarkers)
        .line(Line::new().color("var(--accent)").width(2.0))
        .marker(Marker::new().color("var(--accent)").size(7))
        .hover_text_array(all.iter().map(hover).collect())
        .hover_template("%{hovertext}<extra></extra>");
    let mut traces = vec![value(line.as_ref())];
    if let Some(of) = all.iter().find(|of| of.clusters == own) {
        let marker = Marker::new().color("var(--accent-2)").size(11).symbol(MarkerSymbol::Square);
        let square = Scatter::new(vec![own], vec![value_of(of)]).mode(Mode::Markers).marker(marker);
        traces.push(value(square.hover_info(HoverInfo::Skip).as_ref()));
    }
    if let Some(of) = all.iter().find(|of| Some(of.clusters) == evidence.suggested_clusters) {
        traces.push(ring(of.clusters, value_of(of), "var(--accent-2)"));
    }
    let most = all.last().map_or(1, |of| of.clusters) as f64;
    let layout = Layout::new()
        .x_axis(axis("Number of segments").range(span(-0.05 * most, 1.05 * most)))
        .y_axis(axis(title).range_mode(RangeMode::ToZero));
    chart("lines", traces, layout)
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
fn map(shown: &Shown) -> Value {
    let symbols: [_; N_SYMBOLS] = [
        (MarkerSymbol::Circle, 7),
        (MarkerSymbol::Diamond, 8),
        (MarkerSymbol::Square, 7),
        (MarkerSymbol::TriangleUp, 9),
    ];
    let trace = |segment: usize| {
        let own = || shown.map.iter().filter(move |p| p.segment as usize == segment);
        let (symbol, size) = symbols[segment_symbol(segment)].clone();
        let marker = Marker::new().color(segment_color(segment)).size(size).opacity(0.8).symbol(symbol);
        let scatter = Scatter::new(own().map(|p| p.x as f32).collect(), own().map(|p| p.y as f32).collect())
            .mode(Mode::Markers)
            .marker(marker.line(Line::new().width(0.6).color("var(--surface)")))
            .text_array(own().map(|p| label(&p.user.to_string())).collect())
            .hover_template("%{meta[0]}<br>user %{text}<extra></extra>");
        let mut trace = value(scatter.as_ref());
        trace["meta"] = json!([label(&shown.label(segment))]);
        trace
    };
    let n_segments = shown.kmeans.sizes.len();
    let traces = (0..n_segments).map(trace).collect();
    let layout = Layout::new()
        .x_axis(axis(&component_title(shown, 0)).zero_line(false))
        .y_axis(axis(&component_title(shown, 1)).zero_line(false));
    let mut chart = chart("map", traces, layout);
    chart["colors"] = N_COLORS.into();
    chart["centroids"] = shown
        .kmeans
        .centres
        .iter()
        .map(|c| json!([c.first().copied().unwrap_or(0.0), c.get(1).copied().unwrap_or(0.0)]))
        .collect();
    chart
}

/// Text for plotly.js, which reads a little HTML but not every entity: quotes stay as they are.
fn label(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn component_title(shown: &Shown, component: usize) -> String {
    match shown.pca.explained_variance_ratio.get(component) {
        Some(&ratio) if component < shown.pca.n_components => {
            format!("Component {} ({} of the variance)", component + 1, percent(ratio))
        }
        _ => "There is only one component".into(),
    }
}

fn span(low: f64, high: f64) -> AxisRange {
    AxisRange(vec![Some(low.into()), Some(high.into())])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::ids::Id;
    use crate::results::Outcome;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;
    use crate::results::shown::MAX_POINTS;

    fn shown(outcome: &Outcome) -> Shown {
        Shown::of(outcome, Digests::new(), false)
    }

    #[test]
    fn an_id_cannot_become_markup_on_the_map() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.map[0].user = Id::Text("<a href=\"x\">&".into());
        let trace = &map(&shown(&outcome))["data"][outcome.map[0].segment as usize];
        assert_eq!(trace["text"][0], "&lt;a href=\"x\"&gt;&amp;");
    }

    /// A name stands in data, where plotly.js looks for nothing to replace, not in a template.
    #[test]
    fn a_name_cannot_become_markup_or_a_template_on_the_map() {
        let mut outcome = fixture::outcome(SMALL);
        outcome.names[1] = "%{x}<br>".into();
        let trace = &map(&shown(&outcome))["data"][1];
        assert_eq!(trace["meta"][0], "1 · %{x}&lt;br&gt;");
        assert_eq!(trace["hovertemplate"], "%{meta[0]}<br>user %{text}<extra></extra>");
    }

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
        assert_eq!(shown(&outcome).map.len(), SMALL.users);
        outcome.map = outcome.map.iter().cycle().take(3 * MAX_POINTS + 1).cloned().collect();
        let traces = map(&shown(&outcome))["data"].as_array().unwrap().clone();
        let drawn: usize = traces.iter().map(|trace| trace["x"].as_array().unwrap().len()).sum();
        assert_eq!(drawn, shown(&outcome).map.len());
        assert!(drawn <= MAX_POINTS && drawn > MAX_POINTS / 2, "{drawn}");
    }

    #[test]
    fn every_colour_of_a_chart_is_one_that_the_page_has() {
        let style = include_str!("../page/assets/page.css");
        let charts = all(&shown(&fixture::outcome(fixture::MOVIELENS))).to_string();
        let names: std::collections::BTreeSet<&str> =
            charts.split("var(").skip(1).map(|rest| &rest[..rest.find(')').unwrap()]).collect();
        assert!(names.len() > N_COLORS);
        for name in names {
            assert_eq!(style.matches(&format!("{name}: #")).count(), 2, "{name} has no value for each theme");
        }
    }
}
