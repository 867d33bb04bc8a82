//! Which segment of this run continues which of the earlier one.
//!
//! The score of every pair of segments is w·J + (1 − w)·L, in parts of [`WHOLE`], where
//!
//! * J is the Jaccard index of their users, among the users of both runs;
//! * L is the likeness of their centroids in item space ([`super::likeness`]), at least 0;
//! * w is the share of the smaller run's users who are in both runs; if it is below [`FEW`] it is 0, and only items count.
//!
//! Pairs with a score of [`KEPT`] or more are matched so that the sum of the scores is the largest
//! ([`crate::kernel::agreement::assignment`]). A matched segment keeps its number, if this run has as many segments; the
//! others take the free numbers, lowest first: matched ones first, then parts of split ones, then born ones, each in the
//! order in which k-means found them. Then, over the users of both runs:
//!
//! | word | for a segment of | that |
//! |---|---|---|
//! | kept | both runs | is matched |
//! | split | this run | is not matched, has at least [`SUBSTANTIAL`] of the users of an earlier segment, and at least [`MOST`] of its users are from there |
//! | born | this run | is none of these |
//! | split | the earlier run | has such a part |
//! | merged | the earlier run | is not matched, has no such part, and at least [`MOST`] of its users went to one segment |
//! | died | the earlier run | is none of these |
//!
//! Nothing is called split or merged if only items count, or for segments with fewer than [`ENOUGH`] users of both runs.

use ndarray::{Array2, ArrayView2};
use serde::{Deserialize, Serialize};

use crate::kernel::agreement::{Contingency, WHOLE, assignment, share_of};

/// The least score of a match: 0.3.
pub const KEPT: u64 = WHOLE / 10 * 3;

/// The least share of shared users that has a weight: a tenth.
pub const FEW: u64 = WHOLE / 10;

/// The least share of an earlier segment that is a part of it: a quarter.
pub const SUBSTANTIAL: u64 = WHOLE / 4;

/// Most of the users of a segment: half.
pub const MOST: u64 = WHOLE / 2;

/// The least users of a segment that can be called split or merged.
pub const ENOUGH: u64 = 10;

/// What a segment of this run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Kept,
    Split,
    Born,
}

/// What became of a segment of the earlier run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fate {
    Kept,
    Split,
    Merged,
    Died,
}

/// What the matching is based on.
#[derive(Debug, Clone)]
pub struct Grounds {
    /// Users of both runs, by segment in the earlier run and segment in this one, as numbered by k-means.
    pub shared: Contingency,
    /// Cosines, of the same shape.
    pub likeness: Array2<f64>,
    pub users_then: u64,
    pub users_now: u64,
}

/// The matching of two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Matching {
    /// The new number of each segment, by its number from k-means.
    pub numbers: Vec<u32>,
    /// w.
    pub weight_of_users: f64,
    /// By the new number.
    pub now: Vec<Match>,
    /// By the number in the earlier run.
    pub then: Vec<Rest>,
}

/// Where a segment of this run comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Match {
    pub origin: Origin,
    pub earlier: Option<u32>,
    pub score: Option<f64>,
}

/// Where a segment of the earlier run went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rest {
    pub fate: Fate,
    /// New numbers, that of the matched segment first.
    pub now: Vec<u32>,
}

/// Matches the segments of two runs.
pub fn match_up(grounds: &Grounds) -> Matching {
    let weight = weight_of_users(grounds);
    let scores = scores(grounds, weight);
    let shared = (weight > 0).then_some(&grounds.shared);
    let pairs = Pairs::of(assignment(scores.view()), shared, grounds.shared.counts.dim());
    Matching {
        weight_of_users: weight as f64 / WHOLE as f64,
        now: pairs.now(&scores),
        then: (0..pairs.now_of.len()).map(|earlier| pairs.rest(earlier, shared)).collect(),
        numbers: pairs.numbers,
    }
}

/// Who is matched with whom. Segments of this run are numbered as by k-means, except in `numbers`.
struct Pairs {
    /// By earlier segment.
    now_of: Vec<Option<usize>>,
    /// By segment of this run.
    earlier_of: Vec<Option<usize>>,
    /// The earlier segment that a segment of this run is a part of.
    parts: Vec<Option<usize>>,
    /// New numbers.
    numbers: Vec<u32>,
}

impl Pairs {
    /// `shared` is absent if only items count.
    fn of(now_of: Vec<Option<usize>>, shared: Option<&Contingency>, (n_then, n_now): (usize, usize)) -> Pairs {
        let mut earlier_of = vec![None; n_now];
        for (earlier, now) in now_of.iter().enumerate() {
            if let Some(now) = *now {
                earlier_of[now] = Some(earlier);
            }
        }
        let parts = shared.map_or_else(|| vec![None; n_now], |shared| parts(shared, &earlier_of));
        let numbers = numbers(&earlier_of, &parts, n_then);
        Pairs { now_of, earlier_of, parts, numbers }
    }

    /// Where the segments of this run come from, by new number.
    fn now(&self, scores: &Array2<u64>) -> Vec<Match> {
        let mut now = vec![Match { origin: Origin::Born, earlier: None, score: None }; self.numbers.len()];
        for (segment, &number) in self.numbers.iter().enumerate() {
            now[number as usize] = match (self.earlier_of[segment], self.parts[segment]) {
                (Some(earlier), _) => {
                    let score = scores[[earlier, segment]] as f64 / WHOLE as f64;
                    Match { origin: Origin::Kept, earlier: Some(earlier as u32), score: Some(score) }
                }
                (None, Some(whole)) => Match { origin: Origin::Split, earlier: Some(whole as u32), score: None },
                (None, None) => Match { origin: Origin::Born, earlier: None, score: None },
            };
        }
        now
    }

    /// Where an earlier segment went.
    fn rest(&self, earlier: usize, shared: Option<&Contingency>) -> Rest {
        let kept = self.now_of[earlier];
        let split: Vec<usize> = (0..self.parts.len()).filter(|&segment| self.parts[segment] == Some(earlier)).collect();
        let (fate, into) = match (kept, &split[..]) {
            (_, [_, ..]) => (Fate::Split, kept.into_iter().chain(split).collect()),
            (Some(kept), []) => (Fate::Kept, vec![kept]),
            (None, []) => match shared.and_then(|shared| merged_into(shared, earlier)) {
                Some(segment) => (Fate::Merged, vec![segment]),
                None => (Fate::Died, Vec::new()),
            },
        };
        Rest { fate, now: into.into_iter().map(|segment| self.numbers[segment]).collect() }
    }
}

fn weight_of_users(grounds: &Grounds) -> u64 {
    let both = grounds.shared.counts.sum();
    let weight = share_of(both, grounds.users_then.min(grounds.users_now)).min(WHOLE);
    if weight < FEW { 0 } else { weight }
}

/// The score of every pair; 0 if it is too low for a match.
fn scores(grounds: &Grounds, weight: u64) -> Array2<u64> {
    let counts = &grounds.shared.counts;
    let (rows, columns) = (sums(counts.view()), sums(counts.t()));
    Array2::from_shape_fn(counts.dim(), |(then, now)| {
        let both = counts[[then, now]];
        let overlap = share_of(both, rows[then] + columns[now] - both);
        let likeness = (grounds.likeness[[then, now]].clamp(0.0, 1.0) * WHOLE as f64) as u64;
        let sum = weight as u128 * overlap as u128 + (WHOLE - weight) as u128 * likeness as u128;
        let score = (sum / WHOLE as u128) as u64;
        if score < KEPT { 0 } else { score }
    })
}

fn sums(counts: ArrayView2<u64>) -> Vec<u64> {
    counts.rows().into_iter().map(|row| row.sum()).collect()
}

/// For each segment of this run that is not matched, the earlier segment that it is a part of.
fn parts(shared: &Contingency, earlier_of: &[Option<usize>]) -> Vec<Option<usize>> {
    let (rows, columns) = (sums(shared.counts.view()), sums(shared.counts.t()));
    let part_of = |now: usize| {
        // At most one earlier segment can have most of its users, except for a tie.
        let then = (0..rows.len()).find(|&then| {
            let both = shared.counts[[then, now]];
            share_of(both, columns[now]) >= MOST && share_of(both, rows[then]) >= SUBSTANTIAL
        });
        then.filter(|&then| columns[now] >= ENOUGH && rows[then] >= ENOUGH)
    };
    earlier_of.iter().enumerate().map(|(now, matched)| if matched.is_some() { None } else { part_of(now) }).collect()
}

/// The segment of this run that has most of the users of an earlier one.
fn merged_into(shared: &Contingency, then: usize) -> Option<usize> {
    let row = shared.counts.row(then);
    let all = row.sum();
    (0..row.len()).find(|&now| all >= ENOUGH && share_of(row[now], all) >= MOST)
}

/// The new number of each segment.
fn numbers(earlier_of: &[Option<usize>], parts: &[Option<usize>], n_then: usize) -> Vec<u32> {
    let n_now = earlier_of.len();
    let mut segment_of = vec![None; n_now.max(n_then)];
    for (segment, earlier) in earlier_of.iter().enumerate() {
        if let Some(earlier) = *earlier {
            segment_of[earlier] = Some(segment);
        }
    }
    let beyond = segment_of.split_off(n_now).into_iter().flatten();
    let unmatched = || (0..n_now).filter(|&segment| earlier_of[segment].is_none());
    let split = unmatched().filter(|&segment| parts[segment].is_some());
    let born = unmatched().filter(|&segment| parts[segment].is_none());
    let mut others = beyond.chain(split).chain(born);
    let mut numbers = vec![0; n_now];
    for (number, segment) in segment_of.iter().enumerate() {
        let segment = segment.or_else(|| others.next()).expect("as many segments as numbers");
        numbers[segment] = number as u32;
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use proptest::prelude::*;

    /// All users of both runs are shared, nothing is alike.
    fn by_users(counts: Array2<u64>) -> Matching {
        let n = counts.sum();
        let likeness = Array2::zeros(counts.dim());
        match_up(&Grounds { shared: Contingency { counts }, likeness, users_then: n, users_now: n })
    }

    fn by_items(likeness: Array2<f64>) -> Matching {
        let counts = Array2::zeros(likeness.dim());
        match_up(&Grounds { shared: Contingency { counts }, likeness, users_then: 1000, users_now: 1000 })
    }

    fn origins(matching: &Matching) -> Vec<Origin> {
        matching.now.iter().map(|found| found.origin).collect()
    }

    fn fates(matching: &Matching) -> Vec<Fate> {
        matching.then.iter().map(|rest| rest.fate).collect()
    }

    #[test]
    fn numbers_are_kept_and_the_born_one_takes_the_free_number() {
        // By size now: 2, the born one, 0, 1.
        let found = by_users(array![[3, 20, 300, 0], [0, 20, 5, 200], [400, 20, 2, 2]]);
        assert_eq!(found.numbers, [2, 3, 0, 1]);
        assert_eq!(origins(&found), [Origin::Kept, Origin::Kept, Origin::Kept, Origin::Born]);
        assert_eq!(fates(&found), [Fate::Kept; 3]);
        assert_eq!((found.now[2].earlier, found.now[3].earlier, found.then[0].now.clone()), (Some(2), None, vec![0]));
        assert!(found.now[2].score.unwrap() > 0.9 && found.now[3].score.is_none());
    }

    #[test]
    fn the_larger_part_of_a_split_keeps_the_number() {
        let found = by_users(array![[0, 300, 200], [400, 4, 0]]);
        assert_eq!(found.numbers, [1, 0, 2]);
        assert_eq!(origins(&found), [Origin::Kept, Origin::Kept, Origin::Split]);
        assert_eq!((found.now[2].earlier, fates(&found)), (Some(0), vec![Fate::Split, Fate::Kept]));
        assert_eq!(found.then[0].now, [0, 2]);
    }

    #[test]
    fn the_larger_of_merged_ones_keeps_the_number_and_scattered_ones_die() {
        let found =
            by_users(array![[0, 90, 100, 95], [300, 0, 0, 0], [200, 0, 10, 0], [5, 400, 0, 0], [3, 0, 380, 390]]);
        assert_eq!(fates(&found), [Fate::Died, Fate::Kept, Fate::Merged, Fate::Kept, Fate::Split]);
        assert_eq!((found.then[2].now.clone(), found.then[0].now.clone()), (vec![1], vec![]));
        // 4 has no number here: there are four segments.
        assert_eq!(found.numbers, [1, 3, 2, 0]);
        assert_eq!(origins(&found), [Origin::Kept, Origin::Kept, Origin::Split, Origin::Kept]);
        assert_eq!((found.now[0].earlier, found.now[2].earlier), (Some(4), Some(4)));
    }

    #[test]
    fn without_shared_users_items_decide_and_nothing_is_split_or_merged() {
        let found = by_items(array![[0.1, 0.9, 0.2], [0.8, 0.1, 0.1], [0.7, 0.2, 0.05]]);
        assert_eq!(found.weight_of_users, 0.0);
        assert_eq!(found.numbers, [1, 0, 2]);
        assert_eq!(fates(&found), [Fate::Kept, Fate::Kept, Fate::Died]);
        assert_eq!(origins(&found)[2], Origin::Born);
        assert_eq!(fates(&by_items(Array2::from_elem((2, 2), -0.5))), [Fate::Died; 2]);
        assert_eq!(by_items(Array2::from_elem((1, 1), f64::NAN)).numbers, [0]);
    }

    #[test]
    fn few_shared_users_do_not_count_and_some_count_for_their_share() {
        let likeness = array![[0.9, 0.0], [0.0, 0.9]];
        let crossed = |both: u64, users: u64| {
            let counts = array![[0, both], [both, 0]];
            let shared = Contingency { counts };
            let likeness = likeness.clone();
            match_up(&Grounds { shared, likeness, users_then: users, users_now: 10 * users })
        };
        assert_eq!(crossed(40, 1000).numbers, [0, 1]);
        assert_eq!(crossed(100, 1000).numbers, [0, 1]);
        assert_eq!(crossed(500, 1000).numbers, [1, 0]);
        assert!((crossed(100, 1000).weight_of_users - 0.2).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn every_segment_has_one_number_and_every_match_is_told_from_both_sides(
            n_then in 1usize..6, n_now in 1usize..6,
            counts in prop::collection::vec(prop_oneof![Just(0u64), 0u64..5, 0u64..1000], 25),
            likeness in prop::collection::vec(-1.0f64..1.0, 25),
            more in 0u64..3000,
        ) {
            let counts = Array2::from_shape_fn((n_then, n_now), |(a, b)| counts[a * n_now + b]);
            let likeness = Array2::from_shape_fn((n_then, n_now), |(a, b)| likeness[a * n_now + b]);
            let n = counts.sum() + more;
            let found = match_up(&Grounds { shared: Contingency { counts }, likeness, users_then: n, users_now: n });
            let mut numbers = found.numbers.clone();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (0..n_now as u32).collect::<Vec<_>>());
            for (number, found_now) in found.now.iter().enumerate() {
                let number = number as u32;
                match (found_now.origin, found_now.earlier) {
                    (Origin::Born, earlier) => prop_assert_eq!(earlier, None),
                    (Origin::Kept, Some(earlier)) => {
                        prop_assert_eq!(found.then[earlier as usize].now[0], number);
                        prop_assert!(earlier as usize >= n_now || earlier == number);
                    }
                    (Origin::Split, Some(earlier)) => {
                        prop_assert!(found.then[earlier as usize].now.contains(&number));
                        prop_assert_eq!(found.then[earlier as usize].fate, Fate::Split);
                    }
                    (_, None) => prop_assert!(false, "without the earlier one"),
                }
            }
            prop_assert!(found.then.iter().all(|rest| (rest.fate == Fate::Died) == rest.now.is_empty()));
        }
    }
}
