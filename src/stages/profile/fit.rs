//! Profiles, from the ratings or from tables that are kept up to date.

use ndarray::ArrayView2;

use super::activity;
use super::liked::{CHUNK, Liked, Scored, WeightSums, chosen, liked};
use super::members::{self, Apart, Chosen, ItemShare};
use super::outcome::{Near, Profile, ProfileItem};
use super::summary::{Summary, summarise};
use super::users::Users;
use crate::collective::Collective;
use crate::collective::owners::Owners;
use crate::ingest::metadata::Field;
use crate::job::ProfileParams;
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::tfidf;

/// The number of nearest segments in a profile.
const NEAREST: usize = 3;

/// The profiles of the segments with `centroids` `(n_clusters, n_components)`, in order, on the coordinator; and idf
/// `(n_items)`. `labels` are the segments of this worker's users; `metadata` is that of the items, on the coordinator.
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

/// The profiles of other users in the segments of a model, with the weighing of the model. Otherwise like [`fit`].
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

/// Turns ratings into weights, and weights into fixed point.
#[derive(Debug, Clone, Copy)]
pub struct Weighing<'a> {
    /// `(n_items)`
    pub idf: &'a [f64],
    /// The scale of sums of weights, which are at most 1.
    pub scale: Scale,
}

/// What profiles need beside sums over users.
#[derive(Debug, Clone, Copy)]
pub struct Around<'a> {
    /// `(n_clusters, n_components)`
    pub centroids: ArrayView2<'a, f64>,
    /// Metadata of the items, on the coordinator.
    pub metadata: &'a [Field],
    /// The number of top items of a profile.
    pub top: usize,
}

/// What was counted over the users of all workers.
#[derive(Clone, Copy)]
struct Counted<'a> {
    owners: &'a Owners,
    /// Members who have an item, `(n_clusters, n_items)`; complete in the columns of this worker.
    counts: &'a [u32],
    users: &'a Users,
}

/// The tables are made one after the other, in two passes over the ratings, so that memory for one of them is enough.
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
    let means = WeightSums { sums: &sums, scale: weighing.scale, sizes: &users.sizes };
    let liked = liked(c, &owners, means, around.top);
    drop(sums);
    let chosen = chosen(c, &liked);
    let (mut counts, rating_sums) = members::pass(ratings, labels, n_clusters, &chosen);
    owners.sum(c, &mut counts);
    let chosen = Chosen::gather(c, &chosen, &counts, owners.columns(c.index()), rating_sums);
    Counted { owners: &owners, counts: &counts, users: &users }.describe(c, liked, &chosen, around)
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

/// The tables that profiles are made of, kept up to date elsewhere. Only the columns that a worker owns ([`owners`]) have a
/// meaning there.
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

impl<'a> Tables<'a> {
    fn means(&self, sizes: &'a [i64]) -> WeightSums<'a> {
        WeightSums { sums: self.weights, scale: self.scale, sizes }
    }
}

/// Which columns of the tables each worker owns.
pub fn owners(peers: usize, n_items: usize) -> Owners {
    Owners::even(peers, n_items, CHUNK)
}

/// Profiles from tables, on the coordinator: the same as [`of_model`] makes from the ratings.
pub fn of_tables<C: Collective>(c: &mut C, tables: Tables<'_>, users: &Users, around: Around<'_>) -> Vec<Profile> {
    let n_items = tables.weights.len() / users.sizes.len();
    let owners = owners(c.peers(), n_items);
    let liked = liked(c, &owners, tables.means(&users.sizes), around.top);
    let chosen = chosen(c, &liked);
    let own = owners.columns(c.index());
    let sum =
        |segment: usize, item: usize| if own.contains(&item) { tables.ratings[segment * n_items + item] } else { 0 };
    let of_segment = |segment: usize| chosen.iter().map(move |&item| sum(segment, item as usize));
    let rating_sums = (0..users.sizes.len()).flat_map(of_segment).collect();
    let chosen = Chosen::gather(c, &chosen, tables.counts, own.clone(), rating_sums);
    Counted { owners: &owners, counts: tables.counts, users }.describe(c, liked, &chosen, around)
}

/// Only the top items of each segment, on the coordinator; nothing elsewhere. `sizes` are the users of all workers.
pub fn tops_of_tables<C: Collective>(c: &mut C, tables: Tables<'_>, sizes: &[i64], top: usize) -> Vec<Vec<Scored>> {
    let owners = owners(c.peers(), tables.weights.len() / sizes.len());
    let liked = liked(c, &owners, tables.means(sizes), top);
    liked.into_iter().map(|liked| liked.top).collect()
}

impl Counted<'_> {
    /// Adds the rest of the profiles to what is `liked`, on the coordinator.
    fn describe<C: Collective>(
        self,
        c: &mut C,
        liked: Vec<Liked>,
        chosen: &Chosen<'_>,
        around: Around<'_>,
    ) -> Vec<Profile> {
        let Counted { owners, counts, users: Users { sizes, n_ratings, by_activity } } = self;
        let apart = c.gather_values(&members::apart(counts, owners.columns(c.index()), sizes));
        let summaries = summarise(c, around.metadata, owners, counts, n_ratings);
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

/// The segments with the centroids nearest to that of `segment`; segments without users do not count.
pub fn nearest(centroids: ArrayView2<'_, f64>, sizes: &[i64], segment: usize) -> Vec<Near> {
    let squared = |other: usize| {
        let pairs = centroids.row(segment).into_iter().zip(centroids.row(other));
        pairs.map(|(a, b)| (a - b) * (a - b)).sum::<f64>()
    };
    let others = (0..sizes.len()).filter(|&other| other != segment && sizes[other] > 0 && sizes[segment] > 0);
    let mut others: Vec<Near> =
        others.map(|other| Near { segment: other as u32, distance: squared(other).sqrt() }).collect();
    // The sort is stable: equal distances stay in the order of numbers.
    others.sort_by(|a, b| a.distance.total_cmp(&b.distance));
    others.truncate(NEAREST);
    others
}
