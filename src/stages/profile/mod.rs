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

pub use activity::{Activity, activity_key, of_segments};
pub use members::ItemShare;
pub use summary::{Category, Summary, SummaryOf};

use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::ingest::metadata::Field;
use crate::job::ProfileParams;
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::tfidf;
use members::{Apart, Chosen};

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
pub struct Scored {
    pub item: u32,
    /// Mean over the members.
    pub score: f64,
    /// And over all users.
    pub score_all: f64,
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
    let n_clusters = centroids.nrows();
    let mut document_frequency = ratings.column_counts();
    c.sum(&mut document_frequency);
    let users = Users::count(c, ratings, labels, n_clusters);
    let n_users = users.sizes.iter().sum::<i64>() as u64;
    let idf = tfidf::idf(n_users, &document_frequency);
    let weighing = Weighing { idf: &idf, scale: Scale::new(1.0, n_users) };
    (of_users(c, ratings, labels, users, weighing, Around { centroids, metadata, top: params.top }), idf)
}

/// The profiles of other users in the segments of a model: with its `idf`, and sums that have room for `room` users. As
/// [`fit`] otherwise.
pub fn of_model<C: Collective>(
    c: &mut C,
    ratings: &Csr,
    labels: &[u32],
    weighing: Weighing<'_>,
    around: Around<'_>,
) -> Vec<Profile> {
    let users = Users::count(c, ratings, labels, around.centroids.nrows());
    of_users(c, ratings, labels, users, weighing, around)
}

/// What turns ratings into weights, and weights into what is added up.
#[derive(Debug, Clone, Copy)]
pub struct Weighing<'a> {
    /// `(n_items)`
    pub idf: &'a [f64],
    /// Of weights, which are at most 1.
    pub scale: Scale,
}

/// What profiles say beside sums over users.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// `(n_clusters, n_components)`
    pub centroids: ArrayView2<'a, f64>,
    /// What the coordinator knows of the items.
    pub metadata: &'a [Field],
    /// Items at the top of a profile.
    pub top: usize,
}

/// How many users and ratings there are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Users {
    /// Users of each segment, of all workers.
    pub sizes: Vec<i64>,
    /// Their ratings.
    pub n_ratings: Vec<i64>,
    /// This worker's users by their [`activity_key`].
    pub by_activity: Vec<[u64; 2]>,
}

impl Users {
    fn count<C: Collective>(c: &mut C, ratings: &Csr, labels: &[u32], n_clusters: usize) -> Users {
        Users::of(c, activity::counted(ratings, labels), n_clusters)
    }

    /// From this worker's users by their [`activity_key`].
    pub fn of<C: Collective>(c: &mut C, by_activity: Vec<[u64; 2]>, n_clusters: usize) -> Users {
        let counted = by_activity.iter().map(|&[key, users]| (key, users as i64));
        let mut sizes = of_segments(counted, n_clusters);
        c.sum(&mut sizes);
        let n_ratings = sizes.split_off(n_clusters);
        Users { sizes, n_ratings, by_activity }
    }
}

/// Passes over the ratings: the tables are made one after the other, so that there is room for one of them.
fn of_users<C: Collective>(
    c: &mut C,
    ratings: &Csr,
    labels: &[u32],
    users: Users,
    weighing: Weighing<'_>,
    around: Around<'_>,
) -> Vec<Profile> {
    let n_clusters = users.sizes.len();
    let owners = owners(c.peers(), ratings.n_cols);
    let mut sums = weight_sums(ratings, labels, n_clusters, weighing);
    owners.sum(c, &mut sums);
    let liked = liked(c, &owners, &sums, &users.sizes, weighing.scale, around.top);
    drop(sums);
    let chosen = chosen(c, &liked);
    let (mut counts, rating_sums) = members::pass(ratings, labels, n_clusters, &chosen);
    owners.sum(c, &mut counts);
    let chosen = Chosen::gather(c, &chosen, &counts, owners.columns(c.index()), rating_sums);
    described(c, &owners, liked, &chosen, &counts, &users, around)
}

/// The tables that profiles are made of, kept up to date elsewhere. A worker has the columns that it owns ([`owners`]);
/// what is in the others means nothing.
#[derive(Debug, Clone, Copy)]
pub struct Tables<'a> {
    /// Sums of the members' unit TF-IDF rows, in `scale`, `(n_clusters, n_items)`.
    pub weights: &'a [i64],
    pub scale: Scale,
    /// Members who have an item, `(n_clusters, n_items)`.
    pub counts: &'a [u32],
    /// The sums of their ratings, as [`crate::kernel::fixed::fix_wide`] has them, `(n_clusters, n_items)`.
    pub ratings: &'a [i128],
}

/// Which columns of the tables belong to whom.
pub fn owners(peers: usize, n_items: usize) -> Owners {
    Owners::even(peers, n_items, CHUNK)
}

/// The profiles that tables say, on the coordinator: what [`of_model`] finds out from the ratings.
pub fn of_tables<C: Collective>(c: &mut C, tables: Tables<'_>, users: &Users, around: Around<'_>) -> Vec<Profile> {
    let n_items = tables.weights.len() / users.sizes.len();
    let owners = owners(c.peers(), n_items);
    let liked = liked(c, &owners, tables.weights, &users.sizes, tables.scale, around.top);
    let chosen = chosen(c, &liked);
    let own = owners.columns(c.index());
    let sum =
        |segment: usize, item: usize| if own.contains(&item) { tables.ratings[segment * n_items + item] } else { 0 };
    let of_segment = |segment: usize| chosen.iter().map(move |&item| sum(segment, item as usize));
    let rating_sums = (0..users.sizes.len()).flat_map(of_segment).collect();
    let chosen = Chosen::gather(c, &chosen, tables.counts, own.clone(), rating_sums);
    described(c, &owners, liked, &chosen, tables.counts, users, around)
}

/// The top items of each segment alone, on the coordinator; nothing elsewhere. `sizes` are the users of all workers.
pub fn tops_of_tables<C: Collective>(c: &mut C, tables: Tables<'_>, sizes: &[i64], top: usize) -> Vec<Vec<Scored>> {
    let owners = owners(c.peers(), tables.weights.len() / sizes.len());
    let liked = liked(c, &owners, tables.weights, sizes, tables.scale, top);
    liked.into_iter().map(|liked| liked.top).collect()
}

/// What the mean TF-IDF row of a segment says.
#[derive(Debug, Clone, PartialEq)]
struct Liked {
    n_items: u64,
    distance_from_all: f64,
    top: Vec<Scored>,
}

/// Of each segment on the coordinator, from sums `(n_clusters, n_items)`; nothing elsewhere.
fn liked<C: Collective>(
    c: &mut C,
    owners: &Owners,
    sums: &[i64],
    sizes: &[i64],
    scale: Scale,
    top: usize,
) -> Vec<Liked> {
    let part = finish(sums, owners.columns(c.index()), sums.len() / sizes.len(), sizes, scale, top);
    join(&c.gather_values(&part), sizes, top)
}

/// The rest of what is to be said of the segments, on the coordinator.
fn described<C: Collective>(
    c: &mut C,
    owners: &Owners,
    liked: Vec<Liked>,
    chosen: &Chosen<'_>,
    counts: &[u32],
    users: &Users,
    around: Around<'_>,
) -> Vec<Profile> {
    let Users { sizes, n_ratings, by_activity } = users;
    let apart = c.gather_values(&members::apart(counts, owners.columns(c.index()), sizes));
    let summaries = summary::summarise(c, around.metadata, owners, counts, n_ratings);
    let Some((activities, activity_all)) = activity::activities(c, by_activity, sizes.len()) else {
        return Vec::new();
    };
    let of_segment = |(segment, (liked, metadata)): (usize, (Liked, Vec<Summary>))| Profile {
        segment: segment as u32,
        size: sizes[segment] as u64,
        n_items: liked.n_items,
        distance_from_all: liked.distance_from_all,
        top: liked.top.into_iter().map(|scored| profile_item(chosen, sizes, segment, scored)).collect(),
        activity: activities[segment],
        activity_all,
        distinctive: joined(&apart, |part| &part.distinctive[segment]),
        missing: joined(&apart, |part| &part.missing[segment]),
        nearest: nearest(around.centroids, sizes, segment),
        metadata,
    };
    liked.into_iter().zip(summaries).enumerate().map(of_segment).collect()
}

/// All items that some segment has at the top, rising; the same on every worker.
fn chosen<C: Collective>(c: &mut C, liked: &[Liked]) -> Vec<u32> {
    let mut items: Vec<u32> = liked.iter().flat_map(|liked| &liked.top).map(|scored| scored.item).collect();
    items.sort_unstable();
    items.dedup();
    c.broadcast_value(c.is_coordinator().then_some(&items))
}

fn profile_item(chosen: &Chosen<'_>, sizes: &[i64], segment: usize, scored: Scored) -> ProfileItem {
    let Scored { item, score, score_all } = scored;
    let place = chosen.items.binary_search(&item).expect("a top item is chosen");
    let (own, all) = (segment..segment + 1, 0..sizes.len());
    ProfileItem {
        item,
        score,
        score_all,
        share: chosen.members(own.clone(), place) as f64 / sizes[segment] as f64,
        share_all: chosen.members(all.clone(), place) as f64 / sizes.iter().sum::<i64>() as f64,
        mean_rating: chosen.mean_rating(own, place),
        mean_rating_all: chosen.mean_rating(all, place),
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
fn weight_sums(ratings: &Csr, labels: &[u32], n_clusters: usize, weighing: Weighing<'_>) -> Vec<i64> {
    let n_items = ratings.n_cols;
    let mut sums = vec![0i64; n_clusters * n_items];
    let mut weights = Vec::new();
    ratings.each_by_label(labels, |_, segment, row| {
        tfidf::unit_row(row, weighing.idf, &mut weights);
        let out = &mut sums[segment * n_items..(segment + 1) * n_items];
        for (&item, &weight) in row.indices.iter().zip(&weights) {
            out[item as usize] += weighing.scale.fix(weight);
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
    use ndarray::{Array2, arr2};

    use super::*;
    use crate::collective::Solo;
    use crate::collective::testing::run_workers;
    use crate::ingest::metadata::{Categories, Values};
    use crate::kernel::csr::Rows;
    use crate::kernel::keyed::{self, Stream};

    fn example() -> (Csr, Vec<u32>) {
        let mut x = Csr::empty(4);
        x.push_row([(0, 5.0), (1, 1.0)]);
        x.push_row([(0, 3.0), (3, 2.0)]);
        x.push_row([(2, 4.0)]);
        (x, vec![0, 0, 2])
    }

    fn fit_example() -> (Vec<Profile>, Vec<f64>) {
        let (x, labels) = example();
        fit(&mut Solo, &x, &labels, Array2::zeros((3, 1)).view(), &[], ProfileParams { top: 10 })
    }

    #[test]
    fn a_profile_is_the_mean_unit_row_of_the_members() {
        let (profiles, idf) = fit_example();
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
        assert_eq!((top[0].share, top[0].lift(), top[0].mean_rating), (1.0, 1.5, 4.0));
    }

    #[test]
    fn an_empty_segment_has_an_empty_profile() {
        let (profiles, _) = fit_example();
        assert_eq!((profiles[1].size, profiles[1].top.len()), (0, 0));
        assert_eq!(profiles[1].distance_from_all, 1.0);
        assert_eq!(profiles[1].activity, Activity::default());
        assert!(profiles[1].missing.is_empty() && profiles[1].nearest.is_empty());
        assert_eq!(profiles[0].nearest.iter().map(|near| near.segment).collect::<Vec<_>>(), [2]);
    }

    #[test]
    fn ties_go_to_the_lowest_item_and_the_list_is_cut() {
        let items = top_items(&[0.5, 0.0, 0.7, 0.5, 0.5], &[0.0; 5], 0, 3);
        assert_eq!(items.iter().map(|t| t.item).collect::<Vec<_>>(), [2, 0, 3]);
    }

    #[test]
    fn the_nearest_segments_are_those_with_the_nearest_centroids() {
        let centroids = arr2(&[[0.0, 0.0], [3.0, 4.0], [0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [9.0, 9.0]]);
        let near = nearest(centroids.view(), &[5, 5, 5, 5, 0, 5], 0);
        let expected = [(2, 1.0), (3, 1.0), (1, 5.0)].map(|(segment, distance)| Near { segment, distance });
        assert_eq!(near, expected, "empty segments are near nobody, and ties go to the lowest number");
    }

    // ---- made-up users, counted one by one ---------------------------------------------------------------------

    const USERS: u64 = 90;
    const ITEMS: u32 = 500;
    const SEGMENTS: u32 = 4;

    fn draw(round: u64, id: u64) -> u64 {
        keyed::bits(7, Stream::Generate, round, id)
    }

    fn segment(user: u64) -> u32 {
        (user % u64::from(SEGMENTS)) as u32
    }

    /// Segment 0 rates items below 100 more often, and nobody of segment 1 rates item 7, which all others do.
    fn entries(user: u64) -> Vec<(u32, f64)> {
        let rates = |item: &u32| match item {
            7 => segment(user) != 1,
            0..100 if segment(user) == 0 => draw(user, (*item).into()).is_multiple_of(2),
            _ => draw(user, (*item).into()).is_multiple_of(6),
        };
        let value = |item: u32| ((draw(user, item.into()) >> 32) % 9 + 1) as f64 * 0.3;
        (0..ITEMS).filter(rates).map(|item| (item, value(item))).collect()
    }

    /// A genre each, several colours, and a price for three items of four.
    fn metadata() -> Vec<Field> {
        let genres = ["early", "late"].map(String::from).to_vec();
        let genre = Categories::one_each(genres, (0..ITEMS).map(|item| u32::from(item >= 100)));
        let price = (0..ITEMS).map(|item| (item % 4 != 3).then(|| f64::from(item) * 0.7 - 20.0)).collect();
        let field = |name: &str, values: Values| Field { name: name.into(), values };
        vec![field("genre", Values::Categories(genre)), field("price", Values::Numbers(price))]
    }

    fn centroids() -> Array2<f64> {
        Array2::from_shape_fn((SEGMENTS as usize, 3), |(k, d)| (k * k) as f64 * 0.3 + d as f64)
    }

    /// Of some workers, with their users in blocks of a size.
    fn found(peers: usize, block: usize) -> (Vec<Profile>, Vec<f64>) {
        let (centroids, metadata) = (centroids(), metadata());
        let parts = run_workers(peers, |c| {
            let mine: Vec<u64> = (0..USERS).filter(|user| *user as usize % peers == c.index()).collect();
            let mut x = Csr::empty(ITEMS as usize);
            for users in mine.chunks(block) {
                x.push_block(Rows::empty());
                users.iter().for_each(|&user| x.push_row(entries(user)));
            }
            let labels: Vec<u32> = mine.iter().map(|&user| segment(user)).collect();
            let known = if c.is_coordinator() { &metadata[..] } else { &[] };
            fit(c, &x, &labels, centroids.view(), known, ProfileParams { top: 12 })
        });
        assert!(parts[1..].iter().all(|(profiles, idf)| profiles.is_empty() && *idf == parts[0].1));
        parts.into_iter().next().unwrap()
    }

    /// The ratings of an item by the users of a segment, or of all.
    fn ratings_of(item: u32, of: Option<u32>) -> Vec<f64> {
        let users = (0..USERS).filter(|&user| of.is_none_or(|of| segment(user) == of));
        users.flat_map(|user| entries(user).into_iter().filter(|&(other, _)| other == item)).map(|(_, x)| x).collect()
    }

    fn size(of: Option<u32>) -> f64 {
        (0..USERS).filter(|&user| of.is_none_or(|of| segment(user) == of)).count() as f64
    }

    #[test]
    fn workers_and_blocks_leave_no_trace() {
        let alone = found(1, 1000);
        for (peers, block) in [(1, 7), (2, 1000), (3, 5), (5, 1)] {
            assert_eq!(found(peers, block), alone, "{peers} workers, blocks of {block}");
        }
    }

    #[test]
    fn shares_and_mean_ratings_are_counted_user_by_user() {
        let (profiles, _) = found(2, 9);
        for profile in &profiles {
            let of = Some(profile.segment);
            assert_eq!(profile.top.len(), 12);
            for top in &profile.top {
                let (own, all) = (ratings_of(top.item, of), ratings_of(top.item, None));
                assert_eq!(top.share, own.len() as f64 / size(of));
                assert_eq!(top.share_all, all.len() as f64 / size(None));
                assert_eq!(top.lift(), top.share / top.share_all);
                let mean = |ratings: &[f64]| ratings.iter().sum::<f64>() / ratings.len() as f64;
                assert!((top.mean_rating - mean(&own)).abs() < 1e-12, "{top:?}");
                assert!((top.mean_rating_all - mean(&all)).abs() < 1e-12, "{top:?}");
            }
        }
    }

    #[test]
    fn what_sets_a_segment_apart_is_what_differs_most() {
        let (profiles, _) = found(3, 4);
        assert_eq!(profiles[1].missing[0], ItemShare { item: 7, share: 0.0, share_all: 67.0 / 90.0 });
        assert_eq!(profiles[0].distinctive.len(), members::APART);
        assert!(profiles[0].distinctive.iter().all(|item| item.item < 100), "{:?}", profiles[0].distinctive);
        for profile in &profiles {
            let of = Some(profile.segment);
            let share = |item: u32, of: Option<u32>| ratings_of(item, of).len() as f64 / size(of);
            let excess = |item: &ItemShare| item.share - item.share_all;
            for listed in [&profile.distinctive, &profile.missing] {
                assert!(listed.windows(2).all(|pair| excess(&pair[0]).abs() >= excess(&pair[1]).abs()));
                let as_counted =
                    |item: &ItemShare| item.share == share(item.item, of) && item.share_all == share(item.item, None);
                assert!(listed.iter().all(as_counted));
            }
            assert!(profile.distinctive.iter().all(|item| excess(item) > 0.0));
            assert!(profile.missing.iter().all(|item| item.share <= 0.5 * item.share_all));
            let least = profile.distinctive.last().map_or(0.0, excess);
            if profile.distinctive.len() == members::APART {
                let more = (0..ITEMS).filter(|&item| share(item, of) - share(item, None) > least);
                assert!(more.count() < members::APART, "segment {}", profile.segment);
            }
        }
    }

    #[test]
    fn activity_is_that_of_the_members() {
        let (profiles, _) = found(4, 3);
        let lengths = |of: Option<u32>| {
            let users = (0..USERS).filter(|&user| of.is_none_or(|of| segment(user) == of));
            let mut lengths: Vec<f64> = users.map(|user| entries(user).len() as f64).collect();
            lengths.sort_by(f64::total_cmp);
            lengths
        };
        for profile in &profiles {
            for (found, lengths) in
                [(profile.activity, lengths(Some(profile.segment))), (profile.activity_all, lengths(None))]
            {
                assert_eq!(found.mean, lengths.iter().sum::<f64>() / lengths.len() as f64);
                let middle = lengths.len() - 1;
                assert_eq!(found.median, 0.5 * (lengths[middle / 2] + lengths[middle.div_ceil(2)]));
                assert!(lengths[middle / 4] <= found.lower_quartile && found.lower_quartile <= lengths[middle / 4 + 1]);
                assert!(found.median <= found.upper_quartile && found.upper_quartile <= lengths[3 * middle / 4 + 1]);
            }
        }
    }

    #[test]
    fn metadata_are_summed_over_what_members_rated() {
        let (profiles, _) = found(3, 4);
        let rated = |of: Option<u32>| {
            let users = (0..USERS).filter(move |&user| of.is_none_or(|of| segment(user) == of));
            users.flat_map(|user| entries(user).into_iter().map(|(item, _)| item)).collect::<Vec<u32>>()
        };
        let prices = |of: Option<u32>| {
            let priced = rated(of).into_iter().filter(|item| item % 4 != 3);
            priced.map(|item| f64::from(item) * 0.7 - 20.0).collect::<Vec<f64>>()
        };
        let average = |numbers: &[f64]| numbers.iter().sum::<f64>() / numbers.len() as f64;
        for profile in &profiles {
            let of = Some(profile.segment);
            assert_eq!(
                profile.metadata.iter().map(|summary| summary.name.as_str()).collect::<Vec<_>>(),
                ["genre", "price"]
            );
            let SummaryOf::Categories(genres) = &profile.metadata[0].of else { panic!("categories") };
            assert_eq!(genres.len(), 2);
            assert!((genres.iter().map(|genre| genre.share).sum::<f64>() - 1.0).abs() < 1e-12);
            for genre in genres {
                let share = |of: Option<u32>| {
                    let rated = rated(of);
                    let is_early = |item: &&u32| (**item < 100) == (genre.value == "early");
                    rated.iter().filter(is_early).count() as f64 / rated.len() as f64
                };
                assert_eq!((genre.share, genre.share_all), (share(of), share(None)), "{}", genre.value);
            }
            let SummaryOf::Number { mean, mean_all, deviation_all } = profile.metadata[1].of else {
                panic!("a number")
            };
            let all = prices(None);
            let squares: Vec<f64> = all.iter().map(|x| (x - average(&all)) * (x - average(&all))).collect();
            assert!((mean.unwrap() - average(&prices(of))).abs() < 1e-9);
            assert!((mean_all.unwrap() - average(&all)).abs() < 1e-9);
            assert!((deviation_all - average(&squares).sqrt()).abs() < 1e-6);
        }
        let SummaryOf::Categories(genres) = &profiles[0].metadata[0].of else { panic!("categories") };
        assert!(genres[0].value == "early" && genres[0].distinctiveness() > 0.3, "{genres:?}");
        assert!(genres[1].lift() < 1.0 && genres[1].distinctiveness() < 0.0, "{genres:?}");
    }
}
