//! What makes each segment different: what its members like, have and lack, and how much they rate.
//!
//! | module | what it tells |
//! |---|---|
//! | this one | the mean TF-IDF row of the members, on the raw ratings, and its top items |
//! | [`members`] | the share of members who have an item, against that of everybody |
//! | [`activity`] | how many ratings members have |
//! | [`summary`] | metadata of items over what members rated |

mod activity;
mod members;
mod summary;

use std::ops::Range;

use ndarray::ArrayView2;
use serde::{Deserialize, Serialize};

pub use activity::Activity;
pub use members::ItemShare;
pub use summary::{Category, Summary, SummaryOf};

use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::ingest::metadata::Field;
use crate::job::ProfileParams;
use crate::kernel::csr::{Csr, Row};
use crate::kernel::fixed::Scale;
use crate::kernel::tfidf;
use members::{Apart, Counted};

/// Items whose products are added up together: a sum over all items is one over chunks, in order.
const CHUNK: usize = 64;

/// Segments that are called the nearest ones.
const NEAREST: usize = 3;

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
    /// How many ratings its members have.
    pub activity: Activity,
    /// The same of all users.
    pub activity_all: Activity,
    /// Items that members have more often than everybody, by the difference of shares, falling; ties by item. Only
    /// differences that chance would not make.
    pub distinctive: Vec<ItemShare>,
    /// Items that members lack, by the difference of shares, the largest first: everybody has them at least twice as often.
    pub missing: Vec<ItemShare>,
    /// The segments whose centroids are nearest: where members would go next. Ties by number.
    pub nearest: Vec<Near>,
    /// What is known of items, over those that members rated.
    pub metadata: Vec<Summary>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProfileItem {
    /// Index into the item dictionary.
    pub item: u32,
    /// Mean TF-IDF over the members.
    pub score: f64,
    /// Mean TF-IDF over all users.
    pub score_all: f64,
    /// Share of the members who have it.
    pub share: f64,
    /// Share of all users who do.
    pub share_all: f64,
    /// Mean of its ratings by members.
    pub mean_rating: f64,
    /// Mean of its ratings by all users.
    pub mean_rating_all: f64,
}

impl ProfileItem {
    /// How many times as often members have it as everybody.
    pub fn lift(&self) -> f64 {
        if self.share_all > 0.0 { self.share / self.share_all } else { 0.0 }
    }
}

/// Another segment, and how far its centroid is.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Near {
    pub segment: u32,
    /// Between the centroids, in the space of the components.
    pub distance: f64,
}

/// An item by its TF-IDF.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Scored {
    item: u32,
    score: f64,
    score_all: f64,
}

/// What a worker finds out about the items it owns.
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

/// The profiles of the segments that have `centroids` `(n_clusters, n_components)`, in order, on the coordinator; and idf
/// `(n_items)`. `labels` are the segments of this worker's users; `metadata` is what the coordinator knows of the items.
pub fn fit<C: Collective>(
    c: &mut C,
    ratings: &Csr,
    labels: &[u32],
    centroids: ArrayView2<'_, f64>,
    metadata: &[Field],
    params: ProfileParams,
) -> (Vec<Profile>, Vec<f64>) {
    let (n_items, n_clusters) = (ratings.n_cols, centroids.nrows());
    let mut counts = ratings.column_counts();
    counts.resize(n_items + 2 * n_clusters, 0);
    let (_, of_segments) = counts.split_at_mut(n_items);
    each_member(ratings, labels, |segment, row| {
        of_segments[segment] += 1;
        of_segments[n_clusters + segment] += row.len() as i64;
    });
    c.sum(&mut counts);
    let (document_frequency, of_segments) = counts.split_at(n_items);
    let (sizes, n_ratings) = of_segments.split_at(n_clusters);
    let n_users = sizes.iter().sum::<i64>() as u64;
    let idf = tfidf::idf(n_users, document_frequency);
    let scale = Scale::new(1.0, n_users);
    let mut sums = weight_sums(ratings, labels, n_clusters, &idf, scale);
    let owners = Owners::even(c.peers(), n_items, CHUNK);
    owners.sum(c, &mut sums);
    let own = owners.columns(c.index());
    let part = finish(&sums, own.clone(), n_items, sizes, scale, params.top);
    drop(sums);
    let liked = join(&c.gather_values(&part), sizes, params.top);
    let chosen: Vec<u32> = c.broadcast_value(c.is_coordinator().then(|| chosen(&liked)).as_ref());
    let counted = members::count(c, ratings, labels, sizes, &owners, &chosen);
    let apart = c.gather_values(&members::apart(&counted.counts, own, sizes, document_frequency));
    let summaries = summary::summarise(c, metadata, &owners, &counted.counts, n_ratings);
    let Some((activities, activity_all)) = activity::activities(c, ratings, labels, n_clusters) else {
        return (Vec::new(), idf);
    };
    let shares = Shares { counted: &counted, chosen: &chosen, sizes, document_frequency };
    let of_segment = |(segment, (liked, metadata)): (usize, (Liked, Vec<Summary>))| Profile {
        segment: segment as u32,
        size: sizes[segment] as u64,
        n_items: liked.n_items,
        distance_from_all: liked.distance_from_all,
        top: liked.top.into_iter().map(|scored| shares.item(segment, scored)).collect(),
        activity: activities[segment],
        activity_all,
        distinctive: joined(&apart, |part| &part.distinctive[segment]),
        missing: joined(&apart, |part| &part.missing[segment]),
        nearest: nearest(centroids, sizes, segment),
        metadata,
    };
    (liked.into_iter().zip(summaries).enumerate().map(of_segment).collect(), idf)
}

/// What the mean TF-IDF row of a segment says.
struct Liked {
    n_items: u64,
    distance_from_all: f64,
    top: Vec<Scored>,
}

/// All items that some segment has at the top, rising.
fn chosen(liked: &[Liked]) -> Vec<u32> {
    let mut items: Vec<u32> = liked.iter().flat_map(|liked| &liked.top).map(|scored| scored.item).collect();
    items.sort_unstable();
    items.dedup();
    items
}

/// What is known of the members who have the chosen items.
struct Shares<'a> {
    counted: &'a Counted,
    chosen: &'a [u32],
    sizes: &'a [i64],
    document_frequency: &'a [i64],
}

impl Shares<'_> {
    fn item(&self, segment: usize, Scored { item, score, score_all }: Scored) -> ProfileItem {
        let (n_clusters, n_chosen) = (self.sizes.len(), self.chosen.len());
        let place = self.chosen.binary_search(&item).expect("a top item is chosen");
        let mean_rating = |segments| self.counted.mean_rating(segments, place, n_chosen);
        ProfileItem {
            item,
            score,
            score_all,
            share: self.counted.members[segment * n_chosen + place] as f64 / self.sizes[segment] as f64,
            share_all: self.document_frequency[item as usize] as f64 / self.sizes.iter().sum::<i64>() as f64,
            mean_rating: mean_rating(segment..segment + 1),
            mean_rating_all: mean_rating(0..n_clusters),
        }
    }
}

/// The items of all workers that set a segment apart most.
fn joined(parts: &[Apart], of: impl Fn(&Apart) -> &Vec<ItemShare>) -> Vec<ItemShare> {
    members::most_apart(parts.iter().flat_map(of).copied().collect())
}

/// The segments with users whose centroids are nearest to that of `segment`.
fn nearest(centroids: ArrayView2<'_, f64>, sizes: &[i64], segment: usize) -> Vec<Near> {
    let squared = |other: usize| {
        let pairs = centroids.row(segment).into_iter().zip(centroids.row(other));
        pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
    };
    let others = (0..sizes.len()).filter(|&other| other != segment && sizes[other] > 0 && sizes[segment] > 0);
    let mut others: Vec<Near> =
        others.map(|other| Near { segment: other as u32, distance: squared(other).sqrt() }).collect();
    // Sorting keeps the order of numbers where distances are equal.
    others.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    others.truncate(NEAREST);
    others
}

/// Hands the rows of this worker's users to `each`, with their segments. The users of a block go by segment, so that what
/// is kept for one stays in the cache.
fn each_member(ratings: &Csr, labels: &[u32], mut each: impl FnMut(usize, Row<'_>)) {
    let mut order = Vec::new();
    for block in ratings.blocks() {
        let labels = &labels[block.first_row..block.first_row + block.rows.n_rows()];
        order.clear();
        order.extend(labels.iter().enumerate().map(|(row, &segment)| (segment, row as u32)));
        order.sort_unstable();
        order.iter().for_each(|&(segment, row)| each(segment as usize, block.rows.row(row as usize)));
    }
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
fn join(parts: &[Part], sizes: &[i64], top: usize) -> Vec<Liked> {
    let n_segments = if parts.is_empty() { 0 } else { sizes.len() };
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

/// Fixed-point sums of the members' unit TF-IDF rows, `(n_clusters, n_items)`.
fn weight_sums(ratings: &Csr, labels: &[u32], n_clusters: usize, idf: &[f64], scale: Scale) -> Vec<i64> {
    let n_items = ratings.n_cols;
    let mut sums = vec![0i64; n_clusters * n_items];
    let mut weights = Vec::new();
    each_member(ratings, labels, |segment, row| {
        tfidf::unit_row(row, idf, &mut weights);
        let out = &mut sums[segment * n_items..(segment + 1) * n_items];
        for (&item, &weight) in row.indices.iter().zip(&weights) {
            out[item as usize] += scale.fix(weight);
        }
    });
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
fn top_items(scores: &[f64], all: &[f64], first: usize, top: usize) -> Vec<Scored> {
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
