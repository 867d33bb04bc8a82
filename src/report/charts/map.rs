//! The map: users on the first two components, in the colour and with the symbol of their segment.

use plotly::common::{Line, Marker, MarkerSymbol, Mode};
use plotly::{Layout, Scatter};
use serde_json::{Value, json};

use super::parts::{N_COLORS, N_SYMBOLS, axis, chart, label, segment_color, segment_symbol, value};
use crate::results::shown::Shown;
use crate::watch::format::percent;

/// Symbols with sizes at which they look equally large.
fn symbols() -> [(MarkerSymbol, usize); N_SYMBOLS] {
    [(MarkerSymbol::Circle, 7), (MarkerSymbol::Diamond, 8), (MarkerSymbol::Square, 7), (MarkerSymbol::TriangleUp, 9)]
}

/// One trace per segment, in order, so that trace `i` is segment `i`.
pub fn map(shown: &Shown) -> Value {
    let traces = (0..shown.kmeans.sizes.len()).map(|segment| users(shown, segment)).collect();
    let layout = Layout::new()
        .x_axis(axis(&component_title(shown, 0)).zero_line(false))
        .y_axis(axis(&component_title(shown, 1)).zero_line(false));
    let mut chart = chart("map", traces, layout);
    chart["colors"] = N_COLORS.into();
    let centre = |c: &Vec<f64>| json!([c.first().copied().unwrap_or(0.0), c.get(1).copied().unwrap_or(0.0)]);
    chart["centroids"] = shown.kmeans.centres.iter().map(centre).collect();
    chart
}

/// The users of a segment.
fn users(shown: &Shown, segment: usize) -> Value {
    let own = || shown.map.iter().filter(move |p| p.segment as usize == segment);
    let (symbol, size) = symbols()[segment_symbol(segment)].clone();
    let marker = Marker::new().color(segment_color(segment)).size(size).opacity(0.8).symbol(symbol);
    let scatter = Scatter::new(own().map(|p| p.x as f32).collect(), own().map(|p| p.y as f32).collect())
        .mode(Mode::Markers)
        .marker(marker.line(Line::new().width(0.6).color("var(--surface)")))
        .text_array(own().map(|p| label(&p.user.to_string())).collect())
        .hover_template("%{meta[0]}<br>user %{text}<extra></extra>");
    let mut trace = value(scatter.as_ref());
    trace["meta"] = json!([label(&shown.label(segment))]);
    trace
}

fn component_title(shown: &Shown, component: usize) -> String {
    match shown.pca.explained_variance_ratio.get(component) {
        Some(&ratio) if component < shown.pca.n_components => {
            format!("Component {} ({} of the variance)", component + 1, percent(ratio))
        }
        _ => "There is only one component".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};
    use crate::results::run::Digests;
    use crate::results::shown::MAX_POINTS;
    use crate::results::{Id, Outcome};

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
    fn the_map_shows_every_user_of_few_and_some_of_many() {
        let mut outcome = fixture::outcome(SMALL);
        assert_eq!(shown(&outcome).map.len(), SMALL.users);
        outcome.map = outcome.map.iter().cycle().take(3 * MAX_POINTS + 1).cloned().collect();
        let traces = map(&shown(&outcome))["data"].as_array().unwrap().clone();
        let drawn: usize = traces.iter().map(|trace| trace["x"].as_array().unwrap().len()).sum();
        assert_eq!(drawn, shown(&outcome).map.len());
        assert!(drawn <= MAX_POINTS && drawn > MAX_POINTS / 2, "{drawn}");
    }
}
