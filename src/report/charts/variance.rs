//! The variance that each component explains, and how much they explain together.

use svg::node::element::{Group, Rectangle};

use super::frame::{Axis, chart, circle, percent as place, polyline, series, stretched};
use super::scale::Scale;
use crate::results::curves::cumulative;
use crate::results::shown::Shown;
use crate::watch::format::percent;

/// The share of its room that a bar fills.
const FILLED: f64 = 0.82;

/// A bar for each component; those not used for the segments are paler.
pub fn variance(shown: &Shown) -> String {
    let ratios = &shown.pca.explained_variance_ratio;
    let n = ratios.len().max(1);
    let total = cumulative(ratios);
    let y = Scale::from_zero(total.iter().chain(ratios).copied()).padded(0.06);
    let middle = |i: usize| (i as f64 + 0.5) / n as f64;
    let tips: Vec<String> = ratios.iter().zip(&total).enumerate().map(tip).collect();
    let bars = ratios.iter().enumerate().fold(series("bars"), |group, (i, &ratio)| {
        let top = y.place(ratio).clamp(0.0, 1.0);
        let bar = Rectangle::new()
            .set("x", place(middle(i) - 0.5 * FILLED / n as f64))
            .set("y", place(1.0 - top))
            .set("width", place(FILLED / n as f64))
            .set("height", place(top))
            .set("data-tip", tips[i].as_str());
        group.add(if i < shown.pca.n_components { bar } else { bar.set("class", "pale") })
    });
    let places: Vec<(f64, f64)> = total.iter().enumerate().map(|(i, &sum)| (middle(i), y.place(sum))).collect();
    let line = stretched(1000, 1000).add(polyline(&places).set("class", "line second"));
    let sums = places
        .iter()
        .zip(&tips)
        .fold(series("second"), |group, (&(x, y), tip)| group.add(circle(x, y, 3.0).set("data-tip", tip.as_str())));
    let axes = (&Axis::row("Component", n, 1), &Axis::percents("Share of the variance", y, &y.ticks(10)));
    let says = "Bar chart of the variance that each component explains, with its running sum.";
    chart("chart-variance", "", says, axes, [bars, Group::new().add(line), sums])
}

fn tip((i, (&own, &sum)): (usize, (&f64, &f64))) -> String {
    format!("Component {}\n{} of the variance\n{} with those before it", i + 1, percent(own), percent(sum))
}
