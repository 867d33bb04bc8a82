//! Metadata of items, summed up over what the members of each segment rated.
//!
//! The values of an item go to the worker that owns its column of the table of counts, and only there: for ten million
//! items with two categories each that is 120 MB in all, where a copy for every worker would take as much of each, and the
//! counts of 25 segments, gathered, 1 GB of the coordinator. What comes back are sums by segment and category.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::ingest::metadata::{Field, Values};
use crate::kernel::fixed::Scale;

/// Categories of a column that a profile keeps: the most distinctive ones, and those that members avoid.
const MOST_LIKED: usize = 8;
const MOST_AVOIDED: usize = 4;

/// A column of metadata over the ratings of the members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub name: String,
    pub of: SummaryOf,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SummaryOf {
    /// The most distinctive first, what members avoid last.
    Categories(Vec<Category>),
    /// Over ratings of items that have a number: the mean among those of the members, and of everybody with the standard
    /// deviation. Absent where there are none.
    Number { mean: Option<f64>, mean_all: Option<f64>, deviation_all: f64 },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Category {
    pub value: String,
    /// Share of the members' ratings that fall on items of this category. Where an item may have several, these add up to
    /// more than 1.
    pub share: f64,
    /// The same of everybody's ratings.
    pub share_all: f64,
}

impl Category {
    pub fn lift(&self) -> f64 {
        if self.share_all > 0.0 { self.share / self.share_all } else { 0.0 }
    }

    /// How much it says of the members: their share to the power of ¾, times log₂ of the lift. Share and lift must both
    /// be there: neither what everybody likes is special, nor what hardly anybody does. Negative where they avoid it.
    pub fn distinctiveness(&self) -> f64 {
        if self.lift() == 0.0 {
            // Nothing of it at all: as if it were a hundredth.
            return -self.share_all.sqrt() * self.share_all.sqrt().sqrt() * libm::log2(100.0);
        }
        let share = self.share.max(if self.lift() < 1.0 { self.share_all } else { 0.0 });
        share.sqrt() * share.sqrt().sqrt() * libm::log2(self.lift())
    }
}

/// What a worker gets for the items that it owns.
#[derive(Serialize, Deserialize)]
struct Part {
    field: Field,
    /// Of categories: how many there are. Of numbers: the largest magnitude.
    n_categories: usize,
    bound: f64,
}

/// The columns of metadata of each segment, on the coordinator; nothing elsewhere. `counts` `(n_clusters, n_items)` holds
/// this worker's own columns, `n_ratings` the ratings of each segment.
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
            let of = match &field.values {
                Values::Categories(all) => SummaryOf::Categories(categories(&all.names, own, segment, n_ratings)),
                Values::Numbers(_) => part.number(own, segment, total),
            };
            summaries.push(Summary { name: field.name.clone(), of });
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
    /// Sums that a segment has.
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

/// From sums `(n_clusters, n_categories)`.
fn categories(names: &[String], sums: &[i64], segment: usize, n_ratings: &[i64]) -> Vec<Category> {
    let total = n_ratings.iter().sum::<i64>().max(1) as f64;
    let own = n_ratings[segment].max(1) as f64;
    let rows = || sums.chunks_exact(names.len().max(1));
    let category = |(at, name): (usize, &String)| Category {
        value: name.clone(),
        share: sums[segment * names.len() + at] as f64 / own,
        share_all: rows().map(|row| row[at]).sum::<i64>() as f64 / total,
    };
    let all = names.iter().enumerate().map(category).filter(|category| category.share_all > 0.0);
    let mut all: Vec<Category> = all.collect();
    // Sorting keeps the order of names where it says the same.
    all.sort_by(|a, b| b.distinctiveness().total_cmp(&a.distinctiveness()));
    if all.len() > MOST_LIKED + MOST_AVOIDED {
        all.drain(MOST_LIKED..all.len() - MOST_AVOIDED);
    }
    all
}
