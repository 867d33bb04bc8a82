//! Numbers that tables and charts share: running sums, shares of the first, and the swept spaces by name.

use crate::stages::kmeans::{Sweep, SweepCurve};

/// Running sums of `ratios`, added in order.
pub fn cumulative(ratios: &[f64]) -> Vec<f64> {
    let mut sum = 0.0;
    ratios
        .iter()
        .map(|ratio| {
            sum += ratio;
            sum
        })
        .collect()
}

/// Each value as a share of the first. Where the first is 0 there is nothing to reduce, and every share is 1.
pub fn normalise(inertia: &[f64]) -> Vec<f64> {
    let first = inertia.first().copied().unwrap_or(0.0);
    inertia.iter().map(|&value| if first > 0.0 { value / first } else { 1.0 }).collect()
}

/// The swept spaces by name.
pub fn curves(sweep: &Option<Sweep>) -> impl Iterator<Item = (&'static str, &SweepCurve)> {
    let sweep = sweep.as_ref();
    let projected = sweep.and_then(|s| s.projected.as_ref()).map(|curve| ("projected", curve));
    let full = sweep.and_then(|s| s.full.as_ref()).map(|curve| ("full", curve));
    projected.into_iter().chain(full)
}
