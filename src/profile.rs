//! What makes each segment different: the mean TF-IDF row of its members, on the raw ratings.

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::job::ProfileParams;
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::tfidf;

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

/// The profiles of segments `0..n_clusters`, in order, and idf `(n_items)`. `labels` are the segments of this worker's
/// users.
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
    c.sum(&mut sums);
    let mean = |sum: i64, n: u64| if n == 0 { 0.0 } else { scale.real(sum) / n as f64 };
    let all: Vec<f64> =
        (0..n_items).map(|item| mean((0..n_clusters).map(|s| sums[s * n_items + item]).sum(), n_users)).collect();
    let profiles = (0..n_clusters).map(|segment| {
        let size = sizes[segment] as u64;
        let row = &sums[segment * n_items..(segment + 1) * n_items];
        let scores: Vec<f64> = row.iter().map(|&sum| mean(sum, size)).collect();
        Profile {
            segment: segment as u32,
            size,
            n_items: row.iter().filter(|&&sum| sum > 0).count() as u64,
            distance_from_all: 1.0 - cosine(&scores, &all),
            top: top_items(&scores, &all, params.top),
        }
    });
    (profiles.collect(), idf)
}

/// Fixed-point sums of the members' unit TF-IDF rows, `(n_clusters, n_items)`.
fn weight_sums(ratings: &Csr, labels: &[u32], n_clusters: usize, idf: &[f64], scale: Scale) -> Vec<i64> {
    let n_items = ratings.n_cols;
    let mut sums = vec![0i64; n_clusters * n_items];
    let mut weights = Vec::new();
    for (row, &segment) in ratings.rows().zip(labels) {
        tfidf::unit_row(row, idf, &mut weights);
        let out = &mut sums[segment as usize * n_items..(segment as usize + 1) * n_items];
        for (&item, &weight) in row.indices.iter().zip(&weights) {
            out[item as usize] += scale.fix(weight);
        }
    }
    sums
}

/// 0 where one of the two is 0.
fn cosine(a: &[f64], b: &[f64]) -> f64 {
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let lengths = (dot(a, a) * dot(b, b)).sqrt();
    if lengths > 0.0 { dot(a, b) / lengths } else { 0.0 }
}

fn top_items(scores: &[f64], all: &[f64], top: usize) -> Vec<ProfileItem> {
    let mut items: Vec<usize> = (0..scores.len()).filter(|&item| scores[item] > 0.0).collect();
    let order = |a: &usize, b: &usize| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b));
    if items.len() > top {
        items.select_nth_unstable_by(top, order);
        items.truncate(top);
    }
    items.sort_by(order);
    items.into_iter().map(|item| ProfileItem { item: item as u32, score: scores[item], score_all: all[item] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::Solo;

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
        let items = top_items(&[0.5, 0.0, 0.7, 0.5, 0.5], &[0.0; 5], 3);
        assert_eq!(items.iter().map(|t| t.item).collect::<Vec<_>>(), [2, 0, 3]);
    }
}
