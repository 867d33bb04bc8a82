//! What makes each segment different: the mean TF-IDF row of its members, on the raw ratings.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::job::ProfileParams;
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::tfidf;

/// Items whose products are added up together: a sum over all items is one over chunks, in order.
const CHUNK: usize = 64;

/// What one segment likes more than others do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    pub segment: u32,
    /// Users in it.
    pub size: u64,
    /// Items with a score above 0: how many items its members touched at all.
    pub n_items: u64,
    /// 1 − cosine between this segment's mean TF-IDF row and that of all users: 0 is like everybody.
    pub distance_from_all: f64,
    /// The top items by score, falling; ties by item.
    pub top: Vec<ProfileItem>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileItem {
    /// Index into the item dictionary.
    pub item: u32,
    /// Mean TF-IDF over the members.
    pub score: f64,
    /// Mean TF-IDF over all users.
    pub score_all: f64,
}

/// What a worker finds out about the items it owns.
#[derive(Serialize, Deserialize)]
struct Part {
    /// By segment: items with a score above 0.
    n_items: Vec<u64>,
    /// By segment: the top of these items.
    top: Vec<Vec<ProfileItem>>,
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

/// The profiles of segments `0..n_clusters`, in order, on the coordinator; and idf `(n_items)`. `labels` are the segments
/// of this worker's users.
pub fn fit<C: Collective>(
    c: &mut C,
    ratings: &Csr,
    labels: &[u32],
    n_clusters: usize,
    params: ProfileParams,
) -> (Vec<Profile>, Vec<f64>) {
    let n_items = ratings.n_cols;
    let mut counts = ratings.column_counts();
    counts.resize(n_items + n_clusters, 0);
    labels.iter().for_each(|&segment| counts[n_items + segment as usize] += 1);
    c.sum(&mut counts);
    let (document_frequency, sizes) = counts.split_at(n_items);
    let n_users = sizes.iter().sum::<i64>() as u64;
    let idf = tfidf::idf(n_users, document_frequency);
    let scale = Scale::new(1.0, n_users);
    let mut sums = weight_sums(ratings, labels, n_clusters, &idf, scale);
    let owners = Owners::even(c.peers(), n_items, CHUNK);
    owners.sum(c, &mut sums);
    let part = finish(&sums, owners.columns(c.index()), n_items, sizes, scale, params.top);
    drop(sums);
    (profiles(&c.gather_values(&part), sizes, params.top), idf)
}

/// The part of the items `own`, from the sums `(n_clusters, n_items)`.
fn finish(sums: &[i64], own: Range<usize>, n_items: usize, sizes: &[i64], scale: Scale, top: usize) -> Part {
    let mean = |sum: i64, n: i64| if n == 0 { 0.0 } else { scale.real(sum) / n as f64 };
    let n_users = sizes.iter().sum::<i64>();
    let rows = || sums.chunks_exact(n_items).map(|row| &row[own.clone()]);
    let mut totals = vec![0i64; own.len()];
    rows().for_each(|row| totals.iter_mut().zip(row).for_each(|(total, sum)| *total += sum));
    let all: Vec<f64> = totals.iter().map(|&sum| mean(sum, n_users)).collect();
    let n_chunks = own.len().div_ceil(CHUNK);
    let mut part =
        Part { n_items: Vec::new(), top: Vec::new(), products: vec![Products::default(); n_chunks * sizes.len()] };
    for (segment, (row, &size)) in rows().zip(sizes).enumerate() {
        let scores: Vec<f64> = row.iter().map(|&sum| mean(sum, size)).collect();
        part.n_items.push(row.iter().filter(|&&sum| sum > 0).count() as u64);
        part.top.push(top_items(&scores, &all, own.start, top));
        for (chunk, (scores, all)) in scores.chunks(CHUNK).zip(all.chunks(CHUNK)).enumerate() {
            part.products[chunk * sizes.len() + segment] = Products::of(scores, all);
        }
    }
    part
}

/// Joins the workers' parts, which follow each other in item order. None where there are no parts.
fn profiles(parts: &[Part], sizes: &[i64], top: usize) -> Vec<Profile> {
    let n_segments = if parts.is_empty() { 0 } else { sizes.len() };
    let profile = |segment: usize| {
        let mut items: Vec<ProfileItem> = parts.iter().flat_map(|part| part.top[segment].iter().cloned()).collect();
        // Sorting keeps the order of items where scores are equal.
        items.sort_by(|a, b| b.score.total_cmp(&a.score));
        items.truncate(top);
        let chunks = parts.iter().flat_map(|part| part.products.iter().skip(segment).step_by(n_segments));
        Profile {
            segment: segment as u32,
            size: sizes[segment] as u64,
            n_items: parts.iter().map(|part| part.n_items[segment]).sum(),
            distance_from_all: 1.0 - chunks.fold(Products::default(), Products::plus).cosine(),
            top: items,
        }
    };
    (0..n_segments).map(profile).collect()
}

/// Fixed-point sums of the members' unit TF-IDF rows, `(n_clusters, n_items)`. The users of a block go by segment, so
/// that what they are added to stays in the cache.
fn weight_sums(ratings: &Csr, labels: &[u32], n_clusters: usize, idf: &[f64], scale: Scale) -> Vec<i64> {
    let n_items = ratings.n_cols;
    let mut sums = vec![0i64; n_clusters * n_items];
    let (mut weights, mut order) = (Vec::new(), Vec::new());
    for block in ratings.blocks() {
        let labels = &labels[block.first_row..block.first_row + block.rows.n_rows()];
        order.clear();
        order.extend(labels.iter().enumerate().map(|(row, &segment)| (segment, row as u32)));
        order.sort_unstable();
        for &(segment, row) in &order {
            let row = block.rows.row(row as usize);
            tfidf::unit_row(row, idf, &mut weights);
            let out = &mut sums[segment as usize * n_items..(segment as usize + 1) * n_items];
            for (&item, &weight) in row.indices.iter().zip(&weights) {
                out[item as usize] += scale.fix(weight);
            }
        }
    }
    sums
}

impl Products {
    fn of(segment: &[f64], all: &[f64]) -> Products {
        let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
        Products { segment: dot(segment, segment), all: dot(all, all), both: dot(segment, all) }
    }

    fn plus(self, other: &Products) -> Products {
        Products { segment: self.segment + other.segment, all: self.all + other.all, both: self.both + other.both }
    }

    /// 0 where one of the two rows is 0.
    fn cosine(self) -> f64 {
        let lengths = (self.segment * self.all).sqrt();
        if lengths > 0.0 { self.both / lengths } else { 0.0 }
    }
}

/// The top of the items that begin with item `first`.
fn top_items(scores: &[f64], all: &[f64], first: usize, top: usize) -> Vec<ProfileItem> {
    let mut items: Vec<usize> = (0..scores.len()).filter(|&item| scores[item] > 0.0).collect();
    let order = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    if items.len() > top {
        items.select_nth_unstable_by(top, order);
        items.truncate(top);
    }
    items.sort_by(order);
    items
        .into_iter()
        .map(|item| ProfileItem { item: (first + item) as u32, score: scores[item], score_all: all[item] })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;
    use crate::kernel::csr::Rows;
    use crate::kernel::keyed::{self, Stream};

    fn example() -> (Csr, Vec<u32>) {
        let mut x = Csr::empty(4);
        x.push_row([(0, 5.0), (1, 1.0)]);
        x.push_row([(0, 3.0), (3, 2.0)]);
        x.push_row([(2, 4.0)]);
        (x, vec![0, 0, 2])
    }

    #[test]
    fn a_profile_is_the_mean_unit_row_of_the_members() {
        let (x, labels) = example();
        let (profiles, idf) = fit(&mut Solo, &x, &labels, 3, ProfileParams { top: 10 });
        let unit = |row: &[(usize, f64)]| {
            let length = row.iter().map(|(i, v)| (v * idf[*i]).powi(2)).sum::<f64>().sqrt();
            row.iter().map(|(i, v)| (*i, v * idf[*i] / length)).collect::<Vec<_>>()
        };
        let (a, b) = (unit(&[(0, 5.0), (1, 1.0)]), unit(&[(0, 3.0), (3, 2.0)]));
        let top = &profiles[0].top;
        assert_eq!(top.iter().map(|t| t.item).collect::<Vec<_>>(), [0, 3, 1]);
        assert!((top[0].score - 0.5 * (a[0].1 + b[0].1)).abs() < 1e-14);
        assert!((top[0].score_all - (a[0].1 + b[0].1) / 3.0).abs() < 1e-14);
        assert_eq!((profiles[0].size, profiles[0].n_items), (2, 3));
    }

    #[test]
    fn an_empty_segment_has_an_empty_profile() {
        let (x, labels) = example();
        let (profiles, _) = fit(&mut Solo, &x, &labels, 3, ProfileParams { top: 10 });
        assert_eq!((profiles[1].size, profiles[1].top.len()), (0, 0));
        assert_eq!(profiles[1].distance_from_all, 1.0);
    }

    #[test]
    fn ties_go_to_the_lowest_item_and_the_list_is_cut() {
        let items = top_items(&[0.5, 0.0, 0.7, 0.5, 0.5], &[0.0; 5], 0, 3);
        assert_eq!(items.iter().map(|t| t.item).collect::<Vec<_>>(), [2, 0, 3]);
    }

    #[test]
    fn workers_and_blocks_leave_no_trace() {
        let draw = |round: u64, id: u64| keyed::bits(7, Stream::Generate, round, id);
        let n_users = 90u64;
        let entries = |user: u64| {
            let value = move |item: u32| ((draw(user, item.into()) >> 32) % 9 + 1) as f64 * 0.3;
            (0..500u32).filter(move |&item| draw(user, item.into()) % 6 == 0).map(move |item| (item, value(item)))
        };
        let found = |peers: usize, block: usize| {
            let parts = run_workers(peers, |c| {
                let mine: Vec<u64> = (0..n_users).filter(|user| *user as usize % peers == c.index()).collect();
                let mut x = Csr::empty(500);
                for users in mine.chunks(block) {
                    x.push_block(Rows::empty());
                    users.iter().for_each(|&user| x.push_row(entries(user)));
                }
                let labels: Vec<u32> = mine.iter().map(|user| (user % 4) as u32).collect();
                fit(c, &x, &labels, 4, ProfileParams { top: 12 })
            });
            assert!(parts[1..].iter().all(|(profiles, idf)| profiles.is_empty() && *idf == parts[0].1));
            parts.into_iter().next().unwrap()
        };
        let alone = found(1, 1000);
        for (peers, block) in [(1, 7), (2, 1000), (3, 5), (5, 1)] {
            assert_eq!(found(peers, block), alone, "{peers} workers, blocks of {block}");
        }
    }
}
