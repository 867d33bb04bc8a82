//! How many members of each segment rated each item, and what follows from it.
//!
//! This is a second pass over the ratings, after the table of TF-IDF sums is dropped. The table of counts has half that size,
//! so the stage needs no more memory than in its first pass. The top items are known by then, so ratings are summed for those
//! alone. If the tables are kept up to date elsewhere, there is no pass.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::kernel::csr::Csr;
use crate::kernel::fixed;

/// The most items that set a segment apart, on either side.
pub const APART: usize = 5;

/// The least difference of shares that counts, in standard errors.
const ERRORS: f64 = 3.0;

/// The shares of members and of all users who have an item.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ItemShare {
    /// Index into the item dictionary.
    pub item: u32,
    /// Of the members.
    pub share: f64,
    /// Of all users.
    pub share_all: f64,
}

impl ItemShare {
    fn excess(&self) -> f64 {
        self.share - self.share_all
    }
}

/// Members who have the chosen items, and their ratings.
pub struct Chosen<'a> {
    /// The items, rising.
    pub items: &'a [u32],
    /// Members who have them, `(n_clusters, n_chosen)`.
    members: Vec<i64>,
    /// The sums of their ratings, in the form of [`fixed::fix_wide`].
    rating_sums: Vec<i128>,
}

impl<'a> Chosen<'a> {
    /// From the table of counts `(n_clusters, n_items)`, of which this worker has the columns `own`, and its part of the sums
    /// of ratings of the chosen items, `(n_clusters, n_chosen)`.
    pub fn gather<C: Collective>(
        c: &mut C,
        items: &'a [u32],
        counts: &[u32],
        own: Range<usize>,
        mut rating_sums: Vec<i128>,
    ) -> Chosen<'a> {
        let n_clusters = rating_sums.len() / items.len().max(1);
        let n_items = counts.len() / n_clusters.max(1);
        let mut members = vec![0; rating_sums.len()];
        for (place, item) in items.iter().map(|&item| item as usize).enumerate().filter(|(_, item)| own.contains(item))
        {
            for segment in 0..n_clusters {
                members[segment * items.len() + place] = i64::from(counts[segment * n_items + item]);
            }
        }
        c.sum(&mut members);
        c.sum(&mut rating_sums);
        Chosen { items, members, rating_sums }
    }

    /// Members of `segments` who have the item at `place`.
    pub fn members(&self, segments: Range<usize>, place: usize) -> i64 {
        segments.map(|segment| self.members[segment * self.items.len() + place]).sum()
    }

    /// Mean rating of the item at `place` over those members of `segments` who rated it.
    pub fn mean_rating(&self, segments: Range<usize>, place: usize) -> f64 {
        let sum = segments.clone().map(|segment| self.rating_sums[segment * self.items.len() + place]).sum();
        match self.members(segments, place) {
            0 => 0.0,
            members => fixed::real_wide(sum) / members as f64,
        }
    }
}

/// This worker's part of the counts `(n_clusters, n_items)`, and of the sums of ratings `(n_clusters, n_chosen)` of the items
/// `chosen`, rising.
pub fn pass(ratings: &Csr, labels: &[u32], n_clusters: usize, chosen: &[u32]) -> (Vec<u32>, Vec<i128>) {
    const NOT_CHOSEN: u32 = u32::MAX;
    let n_items = ratings.n_cols;
    let mut places = vec![NOT_CHOSEN; n_items];
    chosen.iter().enumerate().for_each(|(place, &item)| places[item as usize] = place as u32);
    let mut counts = vec![0u32; n_clusters * n_items];
    let mut sums = vec![0i128; n_clusters * chosen.len()];
    ratings.each_by_label(labels, |_, segment, row| {
        let counts = &mut counts[segment * n_items..(segment + 1) * n_items];
        let sums = &mut sums[segment * chosen.len()..(segment + 1) * chosen.len()];
        row.for_each(|item, rating| {
            counts[item] += 1;
            let place = places[item];
            if place != NOT_CHOSEN {
                sums[place as usize] += fixed::fix_wide(rating);
            }
        });
    });
    (counts, sums)
}

/// What sets each segment apart among the items `own`: those that members have more often than all users, and
/// those that they lack, the largest difference of shares first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Apart {
    /// By segment.
    pub distinctive: Vec<Vec<ItemShare>>,
    pub missing: Vec<Vec<ItemShare>>,
}

/// From the table of counts `(n_clusters, n_items)`, of which this worker has the columns `own`.
pub fn apart(counts: &[u32], own: Range<usize>, sizes: &[i64]) -> Apart {
    let n_users = sizes.iter().sum::<i64>() as f64;
    let n_items = counts.len() / sizes.len().max(1);
    let rows = || counts.chunks_exact(n_items).map(|row| &row[own.clone()]);
    let mut document_frequency = vec![0i64; own.len()];
    rows().for_each(|row| document_frequency.iter_mut().zip(row).for_each(|(all, &count)| *all += i64::from(count)));
    let of_segment = |(row, &size): (&[u32], &i64)| {
        let shares = row.iter().zip(&document_frequency).enumerate().filter(|_| size > 0);
        let shares = shares.map(|(at, (&count, &all))| ItemShare {
            item: (own.start + at) as u32,
            share: f64::from(count) / size as f64,
            share_all: all as f64 / n_users,
        });
        let clear = shares.filter(|item| is_clear(item, size as f64));
        let (more, less): (Vec<_>, Vec<_>) = clear.partition(|item| item.excess() > 0.0);
        let lacked = less.into_iter().filter(|item| item.share <= 0.5 * item.share_all).collect();
        (most_apart(more), most_apart(lacked))
    };
    let (distinctive, missing) = rows().zip(sizes).map(of_segment).unzip();
    Apart { distinctive, missing }
}

/// Whether the difference is beyond chance in a segment of this size.
fn is_clear(item: &ItemShare, size: f64) -> bool {
    let variance = item.share_all * (1.0 - item.share_all) / size;
    item.excess() * item.excess() > ERRORS * ERRORS * variance
}

/// The items with the largest differences; ties by item.
pub fn most_apart(mut items: Vec<ItemShare>) -> Vec<ItemShare> {
    let order = |a: &ItemShare, b: &ItemShare| b.excess().abs().total_cmp(&a.excess().abs()).then(a.item.cmp(&b.item));
    if items.len() > APART {
        items.select_nth_unstable_by(APART, order);
        items.truncate(APART);
    }
    items.sort_by(order);
    items
}
