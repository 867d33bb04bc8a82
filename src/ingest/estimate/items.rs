//! How many items there are, and how popular they are.

use std::collections::HashMap;

use super::unseen::{met, unseen};
use crate::ingest::sample::{Sample, SampledRow};

/// Items in the whole input; `counts` are those of the sample.
pub fn n_items(sample: &Sample, counts: &[u64]) -> f64 {
    let items = if sample.whole { counts.len() as f64 } else { unseen(&met(counts.iter().copied())) };
    sample.generated.as_ref().map_or(items, |spec| items.min(spec.items as f64))
}

/// How often each item of the sample is met, falling.
pub fn item_counts(rows: &[SampledRow]) -> Vec<u64> {
    let mut counts: HashMap<u64, u64> = HashMap::new();
    rows.iter().for_each(|row| *counts.entry(row.item).or_default() += 1);
    let mut counts: Vec<u64> = counts.into_values().collect();
    counts.sort_unstable_by_key(|&count| std::cmp::Reverse(count));
    counts
}

/// The share of all rows that the most popular 1 % of `items` have; `counts` fall.
pub fn top_share(counts: Vec<u64>, items: f64) -> f64 {
    let top = ((items * 0.01).round() as usize).max(1);
    let total: u64 = counts.iter().sum();
    counts.iter().take(top).sum::<u64>() as f64 / total.max(1) as f64
}
