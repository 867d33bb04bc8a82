//! The charts of the report, as plotly.js reads them.
//!
//! A chart here is data and what belongs to it (axes, hover texts). How it looks is the page's: every colour is a CSS
//! variable (`var(--accent)`), which `page.js` replaces by its value in the light or dark theme, and sizes depend on
//! the width there. Texts that come from the data are escaped, because plotly.js reads them as HTML.

mod confusion;
pub mod flows;
mod inertia;
mod map;
mod parts;
mod variance;
mod worth;

pub use parts::{N_COLORS, segment_color, segment_symbol};

use serde_json::{Value, json};

use crate::results::curves::curves;
use crate::results::shown::Shown;

/// All charts by the id of the element they go into.
pub fn all(shown: &Shown) -> Value {
    let mut charts = json!({
        "chart-variance": variance::variance(shown),
        "chart-in-sample": confusion::confusion(&shown.validation.in_sample),
        "chart-out-of-fold": confusion::confusion(&shown.validation.out_of_fold),
        "chart-map": map::map(shown),
    });
    if curves(&shown.sweep).next().is_some() {
        charts["chart-inertia"] = inertia::inertia(shown);
    }
    if let Some(evidence) = shown.evidence.as_ref().filter(|evidence| evidence.by_clusters.len() > 1) {
        charts["chart-bits"] = worth::bits(evidence, shown.kmeans.sizes.len());
        charts["chart-stability"] = worth::stability(evidence, shown.kmeans.sizes.len());
    }
    if let Some(continuity) = shown.continuity.as_ref().filter(|continuity| !continuity.flows.is_empty()) {
        charts["chart-flows"] = flows::flows(shown, continuity);
    }
    charts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture;
    use crate::results::run::Digests;

    #[test]
    fn every_colour_of_a_chart_is_one_that_the_page_has() {
        let style = include_str!("../page/assets/page.css");
        let charts = all(&Shown::of(&fixture::outcome(fixture::MOVIELENS), Digests::new(), false)).to_string();
        let names: std::collections::BTreeSet<&str> =
            charts.split("var(").skip(1).map(|rest| &rest[..rest.find(')').unwrap()]).collect();
        assert!(names.len() > N_COLORS);
        for name in names {
            assert_eq!(style.matches(&format!("{name}: #")).count(), 2, "{name} has no value for each theme");
        }
    }
}
