//! The invariant `digit-for-digit`: whatever happened to the ratings, in however many workers, what is kept up to date is what
//! comes out of the ratings as they are now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use ndarray::Array2;
use proptest::prelude::*;

use super::change::Op;
use super::engine::Engine;
use super::frame::Frame;
use super::resolve::{Refusal, Routed};
use super::row::{Row, merged};
use crate::collective::{Collective, Solo};
use crate::flow::collective::TimelyCollective;
use crate::ingest::ids::Id;
use crate::ingest::metadata::{Categories, Field, Values};
use crate::job::{Duplicates, Matrix, Missing, Normalize, Weighting};
use crate::kernel::csr::Csr;
use crate::results::fixture::{self, SMALL};
use crate::results::model::{self, Model};
use crate::results::tables;
use crate::stages::kmeans::Assignment;
use crate::stages::profile::{self, Around, Profile, Users, Weighing};

/// A fabricated model under a weighting.
fn a_model(matrix: Matrix) -> Model {
    let mut outcome = fixture::outcome(SMALL);
    outcome.job.matrix = matrix;
    outcome.job.kmeans.spherical = matrix.normalize == Normalize::L2;
    outcome.model.mean_length = Some(7.5);
    let folder = tempfile::tempdir().unwrap();
    model::write(&outcome, &tables::items(&outcome), folder.path()).unwrap();
    model::read(folder.path()).unwrap()
}

fn metadata() -> Vec<Field> {
    let names = ["even", "odd"].map(String::from).to_vec();
    let of_items = Categories::one_each(names, (0..SMALL.items as u32).map(|item| item % 2));
    vec![Field { name: "parity".into(), values: Values::Categories(of_items) }]
}

/// Everything that is said of users, in any order of workers.
#[derive(Debug, PartialEq)]
struct Said {
    /// By user: segment, second, and the bits of the distances.
    users: BTreeMap<Id, (u32, u32, u64, u64)>,
    profiles: Vec<Profile>,
}

fn place_of(assignment: &Assignment, at: usize) -> (u32, u32, u64, u64) {
    let (near, far) = (assignment.distance[at], assignment.second_distance[at]);
    (assignment.segment[at], assignment.second[at], near.to_bits(), far.to_bits())
}

/// The rows of every user and item, the plain way.
#[derive(Debug, Clone, Default)]
struct Plain {
    rows: BTreeMap<(u64, u32), Vec<f64>>,
}

impl Plain {
    fn change(&mut self, change: &Step, duplicates: Duplicates) -> Result<(), Refusal> {
        let rows = self.rows.entry((change.user, change.item)).or_default();
        let rating = change.rating.unwrap_or(1.0);
        let done = match change.op {
            Op::Put => {
                *rows = vec![rating];
                Ok(())
            }
            Op::Add if duplicates == Duplicates::Error && !rows.is_empty() => Err(Refusal::Duplicate),
            Op::Add => {
                if duplicates == Duplicates::Last {
                    rows.clear();
                }
                rows.push(rating);
                Ok(())
            }
            Op::Withdraw => match change.rating {
                None if rows.is_empty() => Err(Refusal::NotThere),
                None => {
                    rows.clear();
                    Ok(())
                }
                Some(rating) => match rows.iter().position(|x| *x == rating) {
                    Some(at) => {
                        rows.remove(at);
                        Ok(())
                    }
                    None => Err(Refusal::NotThere),
                },
            },
        };
        self.rows.retain(|_, rows| !rows.is_empty());
        done
    }

    /// From scratch, by the code of `assign` and of the profile stage.
    fn said(&self, model: &Model, duplicates: Duplicates) -> Said {
        let users: BTreeSet<u64> = self.rows.keys().map(|(user, _)| *user).collect();
        let mut ratings = Csr::empty(SMALL.items);
        for &user in &users {
            let of_user = self.rows.range((user, 0)..=(user, u32::MAX));
            let known = of_user.filter(|((_, item), _)| (*item as usize) < SMALL.items);
            let rating = |values: &[f64]| {
                let mut sorted = values.to_vec();
                sorted.sort_by(f64::total_cmp);
                match duplicates {
                    Duplicates::Sum => sorted.iter().sum(),
                    Duplicates::Mean => sorted.iter().sum::<f64>() / sorted.len() as f64,
                    _ => sorted[sorted.len() - 1],
                }
            };
            ratings.push_row(known.map(|(&(_, item), values)| (item, rating(values))));
        }
        let (assignment, _) = model.assigner().assign(&ratings);
        let placed = users.iter().enumerate().map(|(at, &user)| (Id::Number(user), place_of(&assignment, at)));
        let weighing = Weighing { idf: &model.idf, scale: model.weight_scale() };
        let metadata = metadata();
        let around = Around { centroids: model.centroids.view(), metadata: &metadata, top: 5 };
        let profiles = profile::of_model(&mut Solo, &ratings, &assignment.segment, weighing, around);
        Said { users: placed.collect(), profiles }
    }
}

/// What the workers keep up to date, on the coordinator.
fn said(c: &mut TimelyCollective, engine: &Engine, centroids: &Array2<f64>) -> Option<Said> {
    let own = (0..engine.users().len() as u32).filter_map(|user| {
        let placement = engine.placement(user)?;
        let bits = (placement.distance().to_bits(), placement.second_distance().to_bits());
        Some((engine.users().id(user).clone(), (placement.segment, placement.second, bits.0, bits.1)))
    });
    let users: Vec<(Id, (u32, u32, u64, u64))> = own.collect();
    let users = c.gather_values(&users);
    let counted = Users::of(c, engine.placements().by_activity(), centroids.nrows());
    let metadata = if c.is_coordinator() { metadata() } else { Vec::new() };
    let around = Around { centroids: centroids.view(), metadata: &metadata, top: 5 };
    let profiles = profile::of_tables(c, engine.tables().view(), &counted, around);
    c.is_coordinator().then(|| Said { users: users.into_iter().flatten().collect(), profiles })
}

#[derive(Debug, Clone)]
struct Step {
    op: Op,
    user: u64,
    item: u32,
    rating: Option<f64>,
}

/// What is refused of a batch, what is said after it, and where the moves that were told lead.
type AfterBatch = (Vec<(u32, Refusal)>, Said, BTreeMap<Id, u32>);

/// Applies batch after batch on `peers` workers; what is refused and what is said after each, and the segments that the
/// moves told lead to.
fn run(peers: usize, model: &Model, duplicates: Duplicates, batches: &[Vec<Step>]) -> Vec<AfterBatch> {
    // The other workers would wait for ever for one that is gone.
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        usual(panic);
        if std::thread::current().name().is_some_and(|name| name.starts_with("timely")) {
            std::process::exit(101);
        }
    }));
    let shared = Arc::new((model.clone(), batches.to_vec()));
    let config = if peers == 1 { timely::Config::thread() } else { timely::Config::process(peers) };
    let guards = timely::execute(config, move |worker| {
        let (model, batches) = &*shared;
        let mut c = TimelyCollective::new(worker, peers);
        let mut engine = Engine::new(worker, Frame::new(model, duplicates, 40.0));
        let mut told = BTreeMap::new();
        let mut found = Vec::new();
        for batch in batches {
            let routed = batch.iter().enumerate().filter(|(_, step)| step.user as usize % peers == c.index());
            let routed: Vec<Routed> = routed
                .map(|(at, step)| Routed {
                    op: step.op,
                    user: Id::Number(step.user),
                    item: step.item,
                    rating: step.rating,
                    at: at as u32,
                })
                .collect();
            let refused = engine.apply(&routed);
            let moves: Vec<(Id, Option<u32>, Option<u32>)> =
                engine.settle().into_iter().map(|m| (engine.users().id(m.user).clone(), m.from, m.to)).collect();
            let refused = c.gather_values(&refused);
            let moves = c.gather_values(&moves);
            if let Some(said) = said(&mut c, &engine, &model.centroids) {
                for (user, from, to) in moves.into_iter().flatten() {
                    assert_eq!(told.remove(&user), from, "a move begins where the last one ended");
                    to.into_iter().for_each(|to| assert!(told.insert(user.clone(), to).is_none()));
                }
                let mut refused: Vec<(u32, Refusal)> = refused.into_iter().flatten().collect();
                refused.sort_unstable();
                found.push((refused, said, told.clone()));
            }
        }
        engine.end();
        found
    });
    guards.unwrap().join().into_iter().flat_map(|found| found.expect("a worker panicked")).collect()
}

fn check(peers: usize, model: &Model, duplicates: Duplicates, batches: &[Vec<Step>]) {
    let mut plain = Plain::default();
    let found = run(peers, model, duplicates, batches);
    assert_eq!(found.len(), batches.len());
    for (batch, (refused, said, told)) in batches.iter().zip(found) {
        let refusals = batch.iter().zip(0..).filter_map(|(step, at)| Some((at, plain.change(step, duplicates).err()?)));
        assert_eq!(refused, refusals.collect::<Vec<_>>());
        let segments: BTreeMap<Id, u32> = said.users.iter().map(|(id, place)| (id.clone(), place.0)).collect();
        assert_eq!(told, segments);
        assert_eq!(said, plain.said(model, duplicates));
    }
}

fn a_step() -> impl Strategy<Value = Step> {
    let op = prop_oneof![3 => Just(Op::Put), 3 => Just(Op::Add), 2 => Just(Op::Withdraw)];
    // Some items are past those of the model.
    let ratings = prop_oneof![Just(0.0), Just(0.1), Just(0.7), Just(3.0), Just(5.0), Just(1e9)];
    (op, 0u64..9, 0u32..SMALL.items as u32 + 3, prop::option::weighted(0.7, ratings))
        .prop_map(|(op, user, item, rating)| Step { op, user, item: item % 7 + item / 20 * 13, rating })
}

fn a_matrix() -> impl Strategy<Value = Matrix> {
    let weighting = prop::sample::select(vec![
        Weighting::Raw,
        Weighting::Binary,
        Weighting::Log1p,
        Weighting::Tfidf,
        Weighting::Bm25,
    ]);
    let normalize = prop::sample::select(vec![Normalize::None, Normalize::L2]);
    let missing = prop::sample::select(vec![Missing::Zero, Missing::UserMean]);
    (weighting, normalize, missing).prop_map(|(weighting, normalize, missing)| Matrix { weighting, normalize, missing })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(250))]
    /// Thousands of sequences: every batch ends one.
    #[test]
    fn after_any_changes_all_is_as_if_made_from_scratch(
        peers in 1usize..4,
        matrix in a_matrix(),
        duplicates in prop::sample::select(
            vec![Duplicates::Error, Duplicates::Last, Duplicates::Sum, Duplicates::Mean, Duplicates::Max]),
        batches in prop::collection::vec(prop::collection::vec(a_step(), 0..25), 1..40),
    ) {
        check(peers, &a_model(matrix), duplicates, &batches);
    }
}

#[test]
fn rows_of_several_of_an_item_are_read_back_as_they_were_put_in() {
    let model = a_model(Matrix { weighting: Weighting::Raw, normalize: Normalize::None, missing: Missing::Zero });
    let rows = timely::execute_directly(move |worker| {
        let mut engine = Engine::new(worker, Frame::new(&model, Duplicates::Sum, 1.0));
        let loaded = [(Row::new(2, 0.5), 3), (Row::new(2, 4.0), 1), (Row::new(900, 1.0), 1)];
        engine.load(&Id::parse("anna"), loaded);
        engine.load(&Id::parse("otto"), [(Row::new(7, 1.0), 1)]);
        engine.settle();
        let withdrawn = Routed { op: Op::Withdraw, user: Id::parse("otto"), item: 7, rating: None, at: 0 };
        assert!(engine.apply(&[withdrawn]).is_empty());
        engine.settle();
        let mut rows = Vec::new();
        engine.each_user(0, |user, of_user| {
            rows.push((user, of_user.to_vec()));
            true
        });
        assert_eq!(engine.placement(0).unwrap().n_ratings, 1);
        assert_eq!(engine.placement(1), None);
        rows
    });
    assert_eq!(rows.len(), 1, "who has no rows is not there");
    assert_eq!(rows[0].0, 0);
    let mut found = Vec::new();
    merged(&rows[0].1, Duplicates::Sum, |item, rating| found.push((item, rating)));
    assert_eq!(found, [(2, 5.5), (900, 1.0)]);
}
