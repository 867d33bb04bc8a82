//! Who has what: how many members of each segment rated each item, and what follows from it.
//!
//! A second pass over the ratings, after the table of TF-IDF sums is gone: its table of counts has half that size, so the
//! stage needs no more memory than its first pass does. By then the top items are known, so ratings are only
//! added up for those.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;

/// Items that set a segment apart, on either side.
pub const APART: usize = 5;

/// A difference of shares counts from so many standard errors on.
const ERRORS: f64 = 3.0;

/// The share of members who have an item that others have.
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

/// The table of counts, of which a worker has the columns that it owns; and what is known of the chosen items.
pub struct Counted {
    /// `(n_clusters, n_items)`
    pub counts: Vec<u32>,
    /// Of the chosen items: members who have them, `(n_clusters, n_chosen)`.
    pub members: Vec<i64>,
    /// And the sums of their ratings, in `scale`.
    rating_sums: Vec<i64>,
    scale: Scale,
}

impl Counted {
    /// Mean rating of a chosen item, by its place among them, over those members of `segments` who rated it.
    pub fn mean_rating(&self, segments: Range<usize>, place: usize, n_chosen: usize) -> f64 {
        let sum = |table: &[i64]| segments.clone().map(|segment| table[segment * n_chosen + place]).sum::<i64>();
        match sum(&self.members) {
            0 => 0.0,
            members => self.scale.real(sum(&self.rating_sums)) / members as f64,
        }
    }
}

/// Counts, and sums of ratings of the items `chosen`, rising.
pub fn count<C: Collective>(
    c: &mut C,
    ratings: &Csr,
    labels: &[u32],
    sizes: &[i64],
    owners: &Owners,
    chosen: &[u32],
) -> Counted {
    let mut largest = [ratings.max_abs()];
    c.max(&mut largest);
    let scale = Scale::new(largest[0], sizes.iter().sum::<i64>() as u64);
    let (mut counts, rating_sums) = pass(ratings, labels, sizes.len(), chosen, scale);
    owners.sum(c, &mut counts);
    let own = owners.columns(c.index());
    let n = sizes.len() * chosen.len();
    let mut both = vec![0; n];
    for (place, item) in chosen.iter().map(|&item| item as usize).enumerate().filter(|(_, item)| own.contains(item)) {
        for segment in 0..sizes.len() {
            both[segment * chosen.len() + place] = i64::from(counts[segment * ratings.n_cols + item]);
        }
    }
    both.extend(rating_sums);
    c.sum(&mut both);
    let rating_sums = both.split_off(n);
    Counted { counts, members: both, rating_sums, scale }
}

/// This worker's part of the counts `(n_clusters, n_items)`, and of the sums of ratings `(n_clusters, n_chosen)`.
fn pass(ratings: &Csr, labels: &[u32], n_clusters: usize, chosen: &[u32], scale: Scale) -> (Vec<u32>, Vec<i64>) {
    const NOT_CHOSEN: u32 = u32::MAX;
    let n_items = ratings.n_cols;
    let mut places = vec![NOT_CHOSEN; n_items];
    chosen.iter().enumerate().for_each(|(place, &item)| places[item as usize] = place as u32);
    let mut counts = vec![0u32; n_clusters * n_items];
    let mut sums = vec![0i64; n_clusters * chosen.len()];
    ratings.each_by_label(labels, |_, segment, row| {
        let counts = &mut counts[segment * n_items..(segment + 1) * n_items];
        let sums = &mut sums[segment * chosen.len()..(segment + 1) * chosen.len()];
        row.for_each(|item, rating| {
            counts[item] += 1;
            let place = places[item];
            if place != NOT_CHOSEN {
                sums[place as usize] += scale.fix(rating);
            }
        });
    });
    (counts, sums)
}

/// What sets each segment apart among the items `own`: those that members have more often than everybody, and
/// those that they lack, the largest difference of shares first.
#[derive(Debug, Serialize, Deserialize)]
pub struct Apart {
    /// By segment.
    pub distinctive: Vec<Vec<ItemShare>>,
    pub missing: Vec<Vec<ItemShare>>,
}

pub fn apart(counts: &[u32], own: Range<usize>, sizes: &[i64], document_frequency: &[i64]) -> Apart {
    let n_users = sizes.iter().sum::<i64>() as f64;
    let n_items = document_frequency.len();
    let of_segment = |(segment, &size): (usize, &i64)| {
        let row = &counts[segment * n_items..(segment + 1) * n_items];
        let shares = own.clone().filter(|_| size > 0).map(|item| ItemShare {
            item: item as u32,
            share: f64::from(row[item]) / size as f64,
            share_all: document_frequency[item] as f64 / n_users,
        });
        let clear = shares.filter(|item| is_clear(item, size as f64));
        let (more, less): (Vec<_>, Vec<_>) = clear.partition(|item| item.excess() > 0.0);
        let lacked = less.into_iter().filter(|item| item.share <= 0.5 * item.share_all).collect();
        (most_apart(more), most_apart(lacked))
    };
    let (distinctive, missing) = sizes.iter().enumerate().map(of_segment).unzip();
    Apart { distinctive, missing }
}

/// The difference is not one that chance would make in a segment of this size.
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
