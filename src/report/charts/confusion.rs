//! A confusion matrix as a heat map.

use ndarray::ArrayView1;
use plotly::common::{ColorScale, ColorScaleElement};
use plotly::layout::AxisType;
use plotly::{HeatMap, Layout};
use serde_json::Value;

use super::parts::{axis, chart, span, value};
use crate::results::Confusion;

/// Shares at which a heat map has the shades `--heat-0` to `--heat-4` of `page.css`. Small shares get more of the range:
/// which segments are mixed up shows in them. The scale above the charts has the same stops.
const SHADES: [f64; 5] = [0.0, 0.1, 0.3, 0.6, 1.0];

/// Shade: share of the segment's users. Hover: counts.
pub fn confusion(confusion: &Confusion) -> Value {
    let counts = &confusion.counts;
    let n = counts.nrows();
    let mut heat = heat_map(shares(confusion));
    heat["customdata"] = counts.outer_iter().map(|row| Value::from(row.to_vec())).collect();
    let (low, high) = (-0.5, n as f64 - 0.5);
    let layout = Layout::new()
        .x_axis(axis("Predicted segment").range(span(low, high)).type_(AxisType::Linear))
        .y_axis(axis("Segment").range(span(high, low)).type_(AxisType::Linear));
    chart("heat", vec![heat], layout)
}

/// Each row as shares of its sum.
fn shares(confusion: &Confusion) -> Vec<Vec<f32>> {
    let of_row = |row: ArrayView1<u64>| {
        let all = row.sum().max(1) as f64;
        row.iter().map(|&users| (users as f64 / all) as f32).collect()
    };
    confusion.counts.outer_iter().map(of_row).collect()
}

fn heat_map(shares: Vec<Vec<f32>>) -> Value {
    let n = shares.len();
    let gap = if n <= 60 { 1.0 } else { 0.0 };
    let shades = SHADES.iter().enumerate().map(|(i, &share)| ColorScaleElement(share, format!("var(--heat-{i})")));
    let heat = HeatMap::new((0..n).collect(), (0..n).collect(), shares)
        .zmin(0.0)
        .zmax(1.0)
        .x_gap(gap)
        .y_gap(gap)
        .show_scale(false)
        .color_scale(ColorScale::Vector(shades.collect()))
        .hover_template(
            "Segment %{y}, predicted %{x}<br>%{customdata:,} users, %{z:.1%} of the segment<extra></extra>",
        );
    value(heat.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};

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
}
