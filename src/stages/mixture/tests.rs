//! The laws of a mixture.

use ndarray::Array2;

use super::counts::{Counts, Ground, WHOLE};
use super::*;
use crate::collective::testing::run_workers;
use crate::collective::{Collective, Solo};
use crate::job::Amounts;
use crate::kernel::agreement::Contingency;
use crate::kernel::csr::{Csr, Row};
use crate::kernel::keyed::{self, Stream};
use crate::stages::kmeans::Assignment;

const N_ITEMS: u32 = 60;
const N_USERS: usize = 300;
const SEGMENTS: usize = 3;

fn draw(purpose: u64, user: usize, item: u32) -> f64 {
    keyed::uniform(5, Stream::Generate, purpose * 1000 + u64::from(item), user as u64)
}

/// What the ratings are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Likes,
    Opinions,
    /// And how they are read.
    Counts(Amounts),
}

impl Kind {
    const ALL: [Kind; 4] = [Kind::Likes, Kind::Opinions, Kind::Counts(Amounts::Share), Kind::Counts(Amounts::Level)];

    fn amounts(self) -> Amounts {
        if let Kind::Counts(amounts) = self { amounts } else { Amounts::None }
    }
}

/// Users who take mostly from the shelf of their kind, and rate it higher.
fn ratings(users: &[usize], kind: Kind) -> Csr {
    let mut ratings = Csr::empty(N_ITEMS as usize);
    for &user in users {
        let own = |item: u32| item as usize % SEGMENTS == user % SEGMENTS;
        let takes = |item: &u32| draw(0, user, *item) < if own(*item) { 0.4 } else { 0.12 };
        let more = |item: u32, by: f64| if own(item) { by } else { 0.0 };
        let value = |item: u32| match kind {
            Kind::Likes => 1.0,
            Kind::Opinions => (1.0 + 3.0 * draw(1, user, item) + more(item, 1.0)).round(),
            Kind::Counts(_) => (1.0 + 8.0 * draw(1, user, item) + more(item, 12.0)).round(),
        };
        ratings.push_row((0..N_ITEMS).filter(takes).map(|item| (item, value(item))));
    }
    ratings
}

/// The kind of each user, but for a third who begin elsewhere.
fn begin(users: &[usize]) -> Vec<u32> {
    let elsewhere = |user: usize| usize::from(draw(2, user, 0) < 0.33);
    users.iter().map(|&user| ((user + elsewhere(user)) % SEGMENTS) as u32).collect()
}

fn refine<C: Collective>(c: &mut C, users: &[usize], kind: Kind) -> Refined {
    let (ratings, segments) = (ratings(users, kind), begin(users));
    let amounts = kind.amounts();
    let keys: Vec<u64> = users.iter().map(|&user| keyed::mix(user as u64)).collect();
    let start =
        Start { ratings: &ratings, draw_keys: &keys, segments: &segments, n_segments: SEGMENTS, amounts, seed: 1 };
    fit(c, &start).unwrap()
}

fn everybody() -> Vec<usize> {
    (0..N_USERS).collect()
}

fn adjusted_rand(segments: &[u32]) -> f64 {
    let kinds: Vec<u32> = everybody().iter().map(|user| (user % SEGMENTS) as u32).collect();
    Contingency::from_labels(segments, SEGMENTS, &kinds, SEGMENTS).adjusted_rand()
}

#[test]
fn users_who_began_elsewhere_come_to_their_kind() {
    for kind in Kind::ALL {
        let refined = refine(&mut Solo, &everybody(), kind);
        let (before, after) = (adjusted_rand(&begin(&everybody())), adjusted_rand(&refined.segments));
        assert!(before < 0.5 && after > 0.9, "{before} {after}");
        let has_shifts = !matches!(kind, Kind::Likes | Kind::Counts(Amounts::Share));
        assert_eq!(refined.mixture.shifts.is_some(), has_shifts);
        assert_eq!(refined.sizes.iter().sum::<u64>(), N_USERS as u64);
    }
}

/// Partial-sum-finish: the same bits for any workers.
#[test]
fn workers_leave_no_trace() {
    let found = |peers: usize, kind: Kind| {
        let mut all = run_workers(peers, |c| {
            let mine: Vec<usize> = (0..N_USERS).filter(|user| user % c.peers() == c.index()).collect();
            let refined = refine(c, &mine, kind);
            (refined.mixture, refined.sizes, refined.iterations)
        });
        assert!(all.windows(2).all(|pair| pair[0] == pair[1]));
        all.remove(0)
    };
    for kind in Kind::ALL {
        assert_eq!(found(1, kind), found(3, kind));
        assert_eq!(found(1, kind), found(4, kind));
    }
}

/// By the formulas of `model` and of the evidence.
#[test]
fn scores_are_those_of_the_formulas() {
    Kind::ALL.into_iter().for_each(scores_of);
}

fn scores_of(kind: Kind) {
    let users = everybody();
    let (ratings, segments) = (ratings(&users, kind), begin(&users));
    let ground = Ground::new(Reading::new(&mut Solo, &ratings, kind.amounts()));
    let mut members = Counts::zeros(&ground, SEGMENTS);
    ratings.rows().zip(&segments).for_each(|(row, &segment)| members.add(&ground, row.view(), &[(segment, WHOLE)]));
    let mixture = members.mixture(&ground);
    let (scorer, mut scores) = (Scorer::new(&mixture), Scores::default());
    let weight = |value: f64| ground.weights.of(value);
    let of = |segment: u32| ratings.rows().zip(&segments).filter(move |(_, of)| **of == segment).map(|(row, _)| row);
    let weight_of = |item: usize, row: Row| row.iter().filter(|(i, _)| *i == item).map(|(_, x)| weight(x)).sum::<f64>();
    let all: f64 = ratings.rows().map(|row| ground.weights.of_row(row.view())).sum();
    let q = |item: usize| ratings.rows().map(|row| weight_of(item, row.view())).sum::<f64>() / all;
    for user in [0, 7, 100] {
        let row = ratings.row(user);
        scorer.score(row.view(), &mut scores);
        for segment in 0..SEGMENTS as u32 {
            let total: f64 = of(segment).map(|row| ground.weights.of_row(row.view())).sum();
            let has = |item: usize| of(segment).map(|row| weight_of(item, row.view())).sum::<f64>();
            let r = |item: usize| (has(item) + 10.0) / (total * q(item) + 10.0);
            let z: f64 = (0..N_ITEMS as usize).map(|item| q(item) * r(item)).sum();
            let size = segments.iter().filter(|of| **of == segment).count() as f64;
            let mut expected = (size / N_USERS as f64).log2();
            for (item, value) in row.iter() {
                expected += weight(value) * (r(item) / z).log2();
                let Some(liking) = &ground.liking else { continue };
                let mut residuals = 0.0;
                for other in of(segment) {
                    let b = liking.generosity(other.view());
                    other.iter().filter(|(i, _)| *i == item).for_each(|(i, x)| residuals += liking.beyond(i, x, b));
                }
                let shift = residuals / (has(item) + 10.0);
                expected += liking.saved(liking.beyond(item, value, liking.generosity(row.view())), shift);
            }
            let score = f64::from(scores.of_segments[segment as usize]);
            assert!((score - expected).abs() < 2e-4, "{kind:?}: {score} {expected}");
        }
    }
}

#[test]
fn users_are_placed_as_they_were_fitted() {
    let mut refined = refine(&mut Solo, &everybody(), Kind::Opinions);
    let ratings = ratings(&everybody(), Kind::Opinions);
    let points = Array2::from_shape_fn((N_USERS, 2), |(user, dim)| draw(3, user, dim as u32));
    let centroids = centroids(&mut Solo, points.view(), &refined.segments, SEGMENTS, false);
    let mut found = Assignment::default();
    for block in ratings.blocks() {
        Scorer::new(&refined.mixture).place(block.rows(), points.view(), centroids.view(), &mut found);
    }
    assert_eq!(found.segment, refined.segments);
    assert!(found.second.iter().zip(&found.segment).all(|(second, first)| second != first));
    let members = found.segment.iter().filter(|of| **of == 0).count() as f64;
    let sum: f64 = (0..N_USERS).filter(|&user| found.segment[user] == 0).map(|user| points[[user, 1]]).sum();
    assert!((centroids[[0, 1]] - sum / members).abs() < 1e-12);
    // Other numbers, the same users.
    let numbers = [2, 0, 1];
    refined.mixture.renumber(&numbers);
    let (scorer, mut scores) = (Scorer::new(&refined.mixture), Scores::default());
    for (row, &segment) in ratings.rows().zip(&refined.segments) {
        assert_eq!(scorer.score(row.view(), &mut scores)[0], numbers[segment as usize]);
    }
}

#[test]
fn tables_of_every_width_give_the_same_scores() {
    let prior: Vec<f32> = (0..40).map(|segment| -1.0 - segment as f32 * 0.01).collect();
    let terms: Vec<f32> = (0..40 * 4).map(|at| draw(4, at, 0) as f32).collect();
    let mut row = Csr::empty(4);
    row.push_row([(1, 1.0), (3, 1.0)]);
    let score = |n: usize| {
        let narrow: Vec<f32> = terms.chunks_exact(40).flat_map(|of_item| of_item[..n].to_vec()).collect();
        let mixture = Mixture { prior: prior[..n].to_vec(), terms: narrow, weights: Weights::Equal, shifts: None };
        let mut scores = Scores::default();
        Scorer::new(&mixture).score(row.row(0).view(), &mut scores);
        scores.of_segments
    };
    let all = score(40);
    [2, 8, 9, 16, 17, 33].into_iter().for_each(|n| assert_eq!(score(n), all[..n]));
}

#[test]
fn a_segment_keeps_a_user_or_nothing_is_refined() {
    let users = everybody();
    let (ratings, mut segments) = (ratings(&users, Kind::Likes), begin(&users));
    // A segment of one user, who is like many others.
    segments[0] = SEGMENTS as u32;
    let keys: Vec<u64> = users.iter().map(|&user| keyed::mix(user as u64)).collect();
    let n_segments = SEGMENTS + 1;
    let start =
        Start { ratings: &ratings, draw_keys: &keys, segments: &segments, n_segments, amounts: Amounts::None, seed: 1 };
    assert!(fit(&mut Solo, &start).is_none_or(|refined| refined.sizes.iter().all(|&size| size > 0)));
    assert_eq!(refined(&mut Solo, crate::job::Refine::None, &start), segments);
    // One without users at all.
    let start = Start { n_segments: n_segments + 1, ..start };
    assert!(fit(&mut Solo, &start).is_none());
    assert_eq!(refined(&mut Solo, crate::job::Refine::Mixture, &start), segments);
}
