//! The laws of a choice.

use std::path::Path;

use super::candidates::matrices;
use super::outcome::{Chosen, Round};
use super::rounds::{Question, choose};
use super::sample::Sample;
use crate::collective::testing::run_workers;
use crate::collective::{Collective, Solo};
use crate::job::{Amounts, By, Choices, Job, Matrix, Missing, Normalize, Weighting, from_bytes};
use crate::kernel::csr::Csr;
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;
use crate::stages::evidence::{Share, hidden};

const N_ITEMS: u32 = 120;
const N_USERS: usize = 400;
const SEGMENTS: usize = 4;

const OPEN: Choices = Choices {
    weighting: By::Open,
    normalize: By::Open,
    missing: By::Open,
    components: By::Open,
    clusters: By::Open,
    amounts: By::Open,
    refine: By::Open,
};
const USUAL: Matrix = Matrix { weighting: Weighting::Bm25, normalize: Normalize::L2, missing: Missing::Zero };

fn job(keys: &str) -> Job {
    let text = format!("seed = 3\n[input]\nratings = ['r.csv']\n{keys}");
    from_bytes(Path::new("job.toml"), text.into_bytes(), &[], None).unwrap()
}

/// Users who take most items from the shelf of their segment; none have a taste if `taste` is 0.
fn shard(users: impl Iterator<Item = usize>, taste: f64) -> Shard {
    shard_of(users, 0.12, taste, |draw, _| 1.0 + (5.0 * draw).floor())
}

/// Users who have an item by this chance, with the rating that `rating` makes of a draw, and of whether the item is of the user's shelf.
fn shard_of(users: impl Iterator<Item = usize>, chance: f64, taste: f64, rating: impl Fn(f64, bool) -> f64) -> Shard {
    let mut shard = Shard { users: Vec::new(), draw_keys: Vec::new(), matrix: Csr::empty(N_ITEMS as usize) };
    for user in users {
        let draw =
            |round: u64, item: u32| keyed::uniform(11, Stream::Generate, 2 * user as u64 + round, u64::from(item));
        let own = |item: u32| item as usize % SEGMENTS == user % SEGMENTS;
        let takes =
            |item: &u32| draw(0, *item) < chance * if own(*item) { 1.0 + 3.0 * taste } else { 1.0 - 0.7 * taste };
        let row = (0..N_ITEMS).filter(takes).map(|item| (item, rating(draw(1, item), own(item))));
        shard.matrix.push_row(row);
        shard.draw_keys.push(keyed::mix(user as u64));
        shard.users.push(crate::ingest::ids::Id::Number(user as u64));
    }
    shard
}

fn chosen<C: Collective>(c: &mut C, job: &Job, taste: f64) -> Chosen {
    let (index, peers) = (c.index(), c.peers());
    chosen_of(c, job, &shard((0..N_USERS).filter(|user| user % peers == index), taste))
}

fn chosen_of<C: Collective>(c: &mut C, job: &Job, shard: &Shard) -> Chosen {
    let mut n = [shard.matrix.nnz() as u64];
    c.sum(&mut n);
    let question = Question { job, shard, n_users: N_USERS as u64, n_ratings: n[0] };
    let mut chosen = choose(c, &question).unwrap();
    chosen.candidates.iter_mut().for_each(|candidate| candidate.seconds = 0.0);
    chosen
}

#[test]
fn all_ways_to_weigh_are_tried_but_those_that_come_to_the_same() {
    let mut rated = Csr::empty(3);
    rated.push_row([(0, 1.0), (1, 2.0)]);
    assert_eq!(matrices(USUAL, OPEN, &rated).len(), 18);
    let mut taken = Csr::empty(3);
    taken.push_row([(0, 1.0), (1, 1.0)]);
    let all = matrices(USUAL, OPEN, &taken);
    assert!(all.iter().all(|way| !matches!(way.weighting, Weighting::Raw | Weighting::Log1p)), "{all:?}");
    assert!(all.len() > 5 && all.contains(&USUAL));
}

#[test]
fn what_is_given_is_in_every_candidate() {
    let mut rated = Csr::empty(3);
    rated.push_row([(0, 1.0), (1, 2.0)]);
    let given = Matrix { weighting: Weighting::Raw, ..USUAL };
    let some = matrices(given, Choices { weighting: By::Given, ..OPEN }, &rated);
    assert!(some.len() == 4 && some.iter().all(|way| way.weighting == Weighting::Raw), "{some:?}");
    let binary = Matrix { weighting: Weighting::Binary, ..USUAL };
    let some = matrices(binary, Choices { weighting: By::Given, ..OPEN }, &rated);
    assert!(some.iter().all(|way| way.missing == Missing::Zero), "{some:?}");
    let job = job("[matrix]\nnormalize = 'none'\n[pca]\ncomponents = 3\n[kmeans]\nclusters = 5\n");
    let found = chosen(&mut Solo, &job, 1.0);
    assert_eq!((found.normalize, found.components, found.clusters), (Normalize::None, 3, 5));
    assert_eq!(found.open, ["matrix.weighting", "matrix.missing"]);
    let keeps =
        |normalize, components, clusters| (normalize, components, clusters) == (Normalize::None, 3, 5) || clusters != 5;
    assert!(found.candidates.iter().all(|of| keeps(of.normalize, of.components, of.clusters)), "{found:?}");
}

/// Partial-sum-finish: the same choice for any workers, and the planted one.
#[test]
fn planted_segments_are_counted_in_every_layout() {
    let job = job("");
    let alone = chosen(&mut Solo, &job, 1.0);
    assert_eq!(alone.clusters, SEGMENTS, "{alone:?}");
    assert!(alone.candidates.iter().any(|of| of.round == Round::Clusters && of.agreement.is_some()));
    for peers in [2, 3] {
        assert!(
            run_workers(peers, |c| chosen(c, &job, 1.0)).into_iter().all(|found| found == alone),
            "{peers} workers"
        );
    }
}

#[test]
fn amounts_are_read_where_they_tell_the_segments() {
    // All users have most items, whichever they like. What they have more of is theirs, or nobody's.
    let found = |more: bool| {
        let rating = |draw: f64, own: bool| (1.0 + 20.0 * draw).floor() * if own && more { 8.0 } else { 1.0 };
        chosen_of(&mut Solo, &job(""), &shard_of(0..N_USERS, 0.8, 0.0, rating))
    };
    let theirs = found(true);
    assert_ne!(theirs.amounts, Amounts::None, "{theirs:?}");
    assert_eq!(theirs.clusters, SEGMENTS, "{theirs:?}");
    let read: Vec<Amounts> =
        theirs.candidates.iter().filter(|of| of.round == Round::Amounts).map(|of| of.amounts).collect();
    assert_eq!(read, [Amounts::None, Amounts::Share, Amounts::Level]);
    assert!(theirs.candidates.iter().all(|of| of.round == Round::Amounts || of.amounts == theirs.amounts));
    assert_eq!(found(false).clusters, 2);
    // Who rates from 1 to 5 has opinions, and what is given is kept.
    assert!(chosen(&mut Solo, &job(""), 1.0).candidates.iter().all(|of| of.round != Round::Amounts));
    let given = job("[kmeans]\namounts = 'share'\n");
    assert_eq!(chosen(&mut Solo, &given, 1.0).amounts, Amounts::Share);
}

#[test]
fn without_taste_the_fewest_segments_are_taken() {
    let found = chosen(&mut Solo, &job(""), 0.0);
    assert_eq!(found.clusters, 2, "{found:?}");
    assert!(found.why.contains("chance"), "{}", found.why);
}

/// Of what the evidence hides, a choice sees nothing.
#[test]
fn a_sample_has_what_the_evidence_leaves() {
    let shard = shard(0..60, 1.0);
    let store = &mut super::data::in_memory();
    let hidden = hidden::split(&shard.matrix, &shard.draw_keys, Share::ALL, 9, store).unwrap().hidden;
    let sample = Sample::gather(&mut Solo, &shard, 1.0, 9).unwrap();
    assert_eq!(sample.ratings.nnz() + hidden.nnz(), shard.matrix.nnz());
    assert!(sample.draw_keys.is_sorted() && sample.draw_keys.len() == 60);
    let part = sample.part(0.5, 9);
    assert!((15..45).contains(&part.draw_keys.len()));
    assert!(part.draw_keys.iter().all(|key| sample.draw_keys.contains(key)));
}
