use ndarray::{Array2, arr2};

use super::fit::nearest;
use super::liked::top_items;
use super::*;
use crate::collective::testing::run_workers;
use crate::collective::{Collective, Solo};
use crate::ingest::metadata::{Categories, Field, Values};
use crate::job::ProfileParams;
use crate::kernel::csr::{Csr, Rows};
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

/// Partial-sum-finish: the same bits for any workers and blocks.
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
        let SummaryOf::Number { mean, mean_all, deviation_all } = profile.metadata[1].of else { panic!("a number") };
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
