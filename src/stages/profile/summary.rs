//! Metadata of items, summed over the ratings of the members of each segment.
//!
//! The values of an item go only to the worker that owns its column of the table of counts. For ten million items with two
//! categories each this takes 120 MB in all. A copy for every worker would take 120 MB each; gathering the counts of 25
//! segments would take 1 GB on the coordinator. What comes back are sums by segment and category.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::category::{Category, categories};
use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::ingest::metadata::{Field, Values};
use crate::kernel::fixed::Scale;

/// A column of metadata over the ratings of the members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub name: String,
    pub of: SummaryOf,
}

/// The summary of a column of categories or of numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SummaryOf {
    /// The most distinctive first, those that members avoid last.
    Categories(Vec<Category>),
    /// Over ratings of items that have a number: the mean for the members, and the mean and standard deviation for all users.
    /// A mean is absent if there are no such ratings.
    Number { mean: Option<f64>, mean_all: Option<f64>, deviation_all: f64 },
}

/// A column of metadata for the items that a worker owns.
#[derive(Serialize, Deserialize)]
struct Part {
    field: Field,
    /// Of categories: how many there are. Of numbers: the largest magnitude.
    n_categories: usize,
    bound: f64,
}

/// The summaries of each segment, on the coordinator; nothing elsewhere. `counts` `(n_clusters, n_items)` has this worker's
/// columns, `n_ratings` the ratings of each segment.
pub fn summarise<C: Collective>(
    c: &mut C,
    fields: &[Field],
    owners: &Owners,
    counts: &[u32],
    n_ratings: &[i64],
) -> Vec<Vec<Summary>> {
    let parts = hand_out(c, fields, owners);
    let rows: Vec<&[u32]> = counts.chunks_exact(counts.len() / n_ratings.len()).collect();
    let total = n_ratings.iter().sum::<i64>() as u64;
    let mut sums = Vec::new();
    for part in &parts {
        part.add(&rows, owners.columns(c.index()), total, &mut sums);
    }
    c.sum(&mut sums);
    if !c.is_coordinator() {
        return Vec::new();
    }
    let mut summaries = vec![Vec::new(); n_ratings.len()];
    let mut rest = &sums[..];
    for (field, part) in fields.iter().zip(&parts) {
        let (own, after) = rest.split_at(part.width() * n_ratings.len());
        rest = after;
        for (segment, summaries) in summaries.iter_mut().enumerate() {
            summaries.push(Summary { name: field.name.clone(), of: part.finish(field, own, segment, n_ratings) });
        }
    }
    summaries
}

/// Gives every worker the values of the items that it owns.
fn hand_out<C: Collective>(c: &mut C, fields: &[Field], owners: &Owners) -> Vec<Part> {
    let part = |field: &Field, items: Range<usize>| {
        let (n_categories, bound) = match &field.values {
            Values::Categories(all) => (all.names.len(), 0.0),
            Values::Numbers(numbers) => (0, numbers.iter().flatten().fold(0.0, |most: f64, x| most.max(x.abs()))),
        };
        Part { field: field.part(items), n_categories, bound }
    };
    let mut outgoing = vec![Vec::new(); c.peers()];
    if c.is_coordinator() {
        for (worker, bytes) in outgoing.iter_mut().enumerate() {
            let parts: Vec<Part> = fields.iter().map(|field| part(field, owners.columns(worker))).collect();
            *bytes = bincode::serialize(&parts).expect("metadata serialise");
        }
    }
    let incoming = c.exchange(outgoing).swap_remove(0);
    bincode::deserialize(&incoming).expect("the coordinator sent metadata")
}

impl Part {
    /// The number of sums of a segment.
    fn width(&self) -> usize {
        match self.field.values {
            Values::Categories(_) => self.n_categories,
            Values::Numbers(_) => 3,
        }
    }

    fn scales(&self, n_ratings: u64) -> [Scale; 2] {
        [self.bound, self.bound * self.bound].map(|bound| Scale::new(bound, n_ratings))
    }

    /// Appends the sums of all segments: ratings of each category; or of items with a number, of those numbers, and
    /// of their squares.
    fn add(&self, rows: &[&[u32]], own: Range<usize>, n_ratings: u64, sums: &mut Vec<i64>) {
        for row in rows {
            let counts = row[own.clone()].iter().map(|&count| i64::from(count)).enumerate();
            let start = sums.len();
            sums.resize(start + self.width(), 0);
            let sums = &mut sums[start..];
            match &self.field.values {
                Values::Categories(all) => {
                    for (item, count) in counts.filter(|(_, count)| *count > 0) {
                        all.of_item(item).iter().for_each(|&category| sums[category as usize] += count);
                    }
                }
                Values::Numbers(numbers) => {
                    let [plain, squared] = self.scales(n_ratings);
                    for (number, count) in counts.filter_map(|(item, count)| Some((numbers[item]?, count))) {
                        sums[0] += count;
                        sums[1] += count * plain.fix(number);
                        sums[2] += count * squared.fix(number * number);
                    }
                }
            }
        }
    }

    /// The summary of `field` for a segment, from the sums of all segments.
    fn finish(&self, field: &Field, sums: &[i64], segment: usize, n_ratings: &[i64]) -> SummaryOf {
        match &field.values {
            Values::Categories(all) => SummaryOf::Categories(categories(&all.names, sums, segment, n_ratings)),
            Values::Numbers(_) => self.number(sums, segment, n_ratings.iter().sum::<i64>() as u64),
        }
    }

    fn number(&self, sums: &[i64], segment: usize, n_ratings: u64) -> SummaryOf {
        let [plain, squared] = self.scales(n_ratings);
        let mean = |n: i64, sum: i64, scale: Scale| (n > 0).then(|| scale.real(sum) / n as f64);
        let all = |which: usize| sums.chunks_exact(3).map(|sums| sums[which]).sum::<i64>();
        let own = &sums[3 * segment..3 * segment + 3];
        let mean_all = mean(all(0), all(1), plain);
        let variance = mean(all(0), all(2), squared).unwrap_or(0.0) - mean_all.unwrap_or(0.0) * mean_all.unwrap_or(0.0);
        SummaryOf::Number { mean: mean(own[0], own[1], plain), mean_all, deviation_all: variance.max(0.0).sqrt() }
    }
}
