//! The mean TF-IDF row of the members: how far it is from that of all users, and its top items.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::kernel::fixed::Scale;

/// Items whose products are added up together: a sum over all items is one over chunks, in order.
pub const CHUNK: usize = 64;

/// An item and its TF-IDF.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scored {
    pub item: u32,
    /// Mean over the members.
    pub score: f64,
    /// Mean over all users.
    pub score_all: f64,
}

/// What the mean TF-IDF row of a segment says.
#[derive(Debug, Clone, PartialEq)]
pub struct Liked {
    pub n_items: u64,
    pub distance_from_all: f64,
    pub top: Vec<Scored>,
}

/// Sums over users, of which a mean row is made.
#[derive(Clone, Copy)]
pub struct WeightSums<'a> {
    /// Of the members' unit rows, in `scale`, `(n_clusters, n_items)`; complete in the columns of this worker.
    pub sums: &'a [i64],
    pub scale: Scale,
    /// Users of each segment, of all workers.
    pub sizes: &'a [i64],
}

/// What a worker finds for the items that it owns.
#[derive(Serialize, Deserialize)]
struct Part {
    /// By segment: items with a score above 0.
    n_items: Vec<u64>,
    /// By segment: the top of these items.
    top: Vec<Vec<Scored>>,
    /// Products of mean rows, summed over each chunk of items in order: `(n_chunks, n_clusters)`.
    products: Vec<Products>,
}

/// Inner products of a segment's mean row and that of all users.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Products {
    segment: f64,
    all: f64,
    both: f64,
}

/// What each segment likes, with the `top` items, on the coordinator; nothing elsewhere.
pub fn liked<C: Collective>(c: &mut C, owners: &Owners, sums: WeightSums<'_>, top: usize) -> Vec<Liked> {
    let part = sums.finish(owners.columns(c.index()), top);
    join(&c.gather_values(&part), sums.sizes.len(), top)
}

/// All items that are at the top of some segment, rising; the same on every worker.
pub fn chosen<C: Collective>(c: &mut C, liked: &[Liked]) -> Vec<u32> {
    let mut items: Vec<u32> = liked.iter().flat_map(|liked| &liked.top).map(|scored| scored.item).collect();
    items.sort_unstable();
    items.dedup();
    c.broadcast_value(c.is_coordinator().then_some(&items))
}

impl WeightSums<'_> {
    fn mean(&self, sum: i64, n: i64) -> f64 {
        if n == 0 { 0.0 } else { self.scale.real(sum) / n as f64 }
    }

    /// The sums of the items `own` by segment.
    fn rows(&self, own: Range<usize>) -> impl Iterator<Item = &[i64]> {
        let n_items = self.sums.len() / self.sizes.len();
        self.sums.chunks_exact(n_items).map(move |row| &row[own.clone()])
    }

    /// The mean row of all users, of the items `own`.
    fn all(&self, own: Range<usize>) -> Vec<f64> {
        let mut totals = vec![0i64; own.len()];
        self.rows(own).for_each(|row| totals.iter_mut().zip(row).for_each(|(total, sum)| *total += sum));
        let n_users = self.sizes.iter().sum::<i64>();
        totals.iter().map(|&sum| self.mean(sum, n_users)).collect()
    }

    /// The part of the items `own`.
    fn finish(&self, own: Range<usize>, top: usize) -> Part {
        let all = self.all(own.clone());
        let n_segments = self.sizes.len();
        let products = vec![Products::default(); own.len().div_ceil(CHUNK) * n_segments];
        let mut part = Part { n_items: Vec::new(), top: Vec::new(), products };
        for (segment, (row, &size)) in self.rows(own.clone()).zip(self.sizes).enumerate() {
            let scores: Vec<f64> = row.iter().map(|&sum| self.mean(sum, size)).collect();
            part.n_items.push(row.iter().filter(|&&sum| sum > 0).count() as u64);
            part.top.push(top_items(&scores, &all, own.start, top));
            for (chunk, (scores, all)) in scores.chunks(CHUNK).zip(all.chunks(CHUNK)).enumerate() {
                part.products[chunk * n_segments + segment] = Products::of(scores, all);
            }
        }
        part
    }
}

/// Joins the workers' parts, which follow each other in item order. Nothing if there are no parts.
fn join(parts: &[Part], n_clusters: usize, top: usize) -> Vec<Liked> {
    let n_segments = if parts.is_empty() { 0 } else { n_clusters };
    let liked = |segment: usize| {
        let mut items: Vec<Scored> = parts.iter().flat_map(|part| part.top[segment].iter().cloned()).collect();
        // Sorting keeps the order of items where scores are equal.
        items.sort_by(|a, b| b.score.total_cmp(&a.score));
        items.truncate(top);
        let chunks = parts.iter().flat_map(|part| part.products.iter().skip(segment).step_by(n_segments));
        Liked {
            n_items: parts.iter().map(|part| part.n_items[segment]).sum(),
            distance_from_all: 1.0 - chunks.fold(Products::default(), Products::plus).cosine(),
            top: items,
        }
    };
    (0..n_segments).map(liked).collect()
}

impl Products {
    fn of(segment: &[f64], all: &[f64]) -> Products {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        Products { segment: dot(segment, segment), all: dot(all, all), both: dot(segment, all) }
    }

    fn plus(self, other: &Products) -> Products {
        Products { segment: self.segment + other.segment, all: self.all + other.all, both: self.both + other.both }
    }

    /// 0 if one of the two rows is 0.
    fn cosine(self) -> f64 {
        let lengths = (self.segment * self.all).sqrt();
        if lengths > 0.0 { self.both / lengths } else { 0.0 }
    }
}

/// The items with the highest scores, falling; ties by item. The first of `scores` is that of item `first`.
pub fn top_items(scores: &[f64], all: &[f64], first: usize, top: usize) -> Vec<Scored> {
    let mut items: Vec<usize> = (0..scores.len()).filter(|&item| scores[item] > 0.0).collect();
    let order = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    if items.len() > top {
        items.select_nth_unstable_by(top, order);
        items.truncate(top);
    }
    items.sort_by(order);
    items
        .into_iter()
        .map(|item| Scored { item: (first + item) as u32, score: scores[item], score_all: all[item] })
        .collect()
}
