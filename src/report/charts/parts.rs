//! What the charts share: colours and symbols, axes, lines, and text that plotly.js may read.

use plotly::common::{HoverInfo, Line, Marker, MarkerSymbol, Mode, Title};
use plotly::layout::{Axis, AxisRange};
use plotly::{Layout, Scatter, Trace};
use serde_json::{Value, json};

/// Colours for segments in `page.css`; the segments after that begin again, with another symbol on the map.
pub const N_COLORS: usize = 25;

pub const N_SYMBOLS: usize = 4;

/// Shows the hover text of the point alone.
pub const HOVER: &str = "%{hovertext}<extra></extra>";

/// The colour of a segment.
pub fn segment_color(segment: usize) -> String {
    format!("var(--seg-{})", segment % N_COLORS)
}

/// The symbol of a segment on the map: 0 a circle, 1 a diamond, 2 a square, 3 a triangle.
pub fn segment_symbol(segment: usize) -> usize {
    (segment / N_COLORS + segment) % N_SYMBOLS
}

/// `kind` tells `page.js` what to fit to the width.
pub fn chart(kind: &str, traces: Vec<Value>, layout: Layout) -> Value {
    json!({ "kind": kind, "data": traces, "layout": layout })
}

pub fn value(trace: &dyn Trace) -> Value {
    serde_json::from_str(&trace.to_json()).expect("plotly writes JSON")
}

pub fn axis(title: &str) -> Axis {
    Axis::new().title(Title::with_text(title)).auto_margin(true)
}

/// A line with a mark at each point.
pub fn line(x: Vec<usize>, y: Vec<f64>, hover: Vec<String>, (line, marker): (Line, Marker)) -> Value {
    let trace = Scatter::new(x, y).mode(Mode::LinesMarkers).line(line.width(2.0)).marker(marker);
    value(trace.hover_text_array(hover).hover_template(HOVER).as_ref())
}

/// The look of a line and its marks.
pub fn look(color: &'static str, size: usize) -> (Line, Marker) {
    (Line::new().color(color), Marker::new().color(color).size(size))
}

/// The axis of numbers of segments, up to `most`.
pub fn segments_axis(most: usize) -> Axis {
    let most = most as f64;
    axis("Number of segments").range(span(-0.05 * most, 1.05 * most))
}

/// A ring around what is suggested.
pub fn ring(clusters: usize, at: f64, color: &'static str) -> Value {
    let marker = Marker::new().color(color).size(17).symbol(MarkerSymbol::CircleOpen).line(Line::new().width(2.5));
    let ring = Scatter::new(vec![clusters], vec![at]).mode(Mode::Markers).marker(marker).hover_info(HoverInfo::Skip);
    value(ring.as_ref())
}

/// Text for plotly.js, which reads a little HTML but not every entity: quotes stay as they are.
pub fn label(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

pub fn span(low: f64, high: f64) -> AxisRange {
    AxisRange(vec![Some(low.into()), Some(high.into())])
}
