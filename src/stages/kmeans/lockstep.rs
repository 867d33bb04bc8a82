//! Lloyd's algorithm for many runs at once: here is the iteration.
//!
//! In an iteration every run first assigns the local users (`assign`). One collective then adds up, for all runs, how many
//! users entered and left each cluster; another adds up the changes to the sums of those clusters, and the centroids move.
//! Sums are integers, so adding changes gives exactly what summing all users again would give.
//!
//! **Invariant: inertia-never-rises.** The inertia never rises from one iteration to the next. That holds on the unit sphere too, where centroids are
//! the directions of the sums of their users (spherical k-means; Dhillon & Modha 2001): of all points of the sphere these are
//! nearest, in squares.
//!
//! As in scikit-learn a run ends when no label changes, when its centroids move by no more than the tolerance, or after
//! `max_iter` iterations; the last two assign once more, so that labels and inertia belong to the centroids. An empty
//! cluster takes the user farthest from its own centroid.

use crate::collective::Collective;
use crate::job::KMeansParams;
use crate::watch::progress;

use super::assign::assign;
use super::outcome::Finished;
use super::refill::refill_empty;
use super::seeding::Beginning;
use super::state::{Phase, State, Underway, space};
use super::users::Users;

/// Called before each iteration with a function that gives the runs in progress.
pub type Watch<'a> = dyn FnMut(&dyn Fn() -> Vec<Underway>) + 'a;

/// Runs all runs to their ends. Returns them in the order in which they were given, and reports their progress.
pub fn lloyd<C: Collective>(
    c: &mut C,
    users: &Users,
    params: &KMeansParams,
    beginnings: Vec<Beginning>,
    watch: &mut Watch,
) -> Vec<Finished> {
    let is_watched = progress::is_watched();
    let mut watch_and_tell = |runs: &[State]| {
        watch(&|| runs.iter().map(State::underway).collect());
        if is_watched {
            runs.iter().filter(|run| run.phase != Phase::Done).for_each(|run| run.tell(users));
        }
    };
    let finished = to_the_end(c, users, params, beginnings, &mut watch_and_tell);
    finished.iter().for_each(|finished| finished.tell(space(users)));
    finished
}

/// The same for a sample of users, without reporting progress.
pub fn lloyd_in_sample<C: Collective>(
    c: &mut C,
    users: &Users,
    params: &KMeansParams,
    beginnings: Vec<Beginning>,
) -> Vec<Finished> {
    to_the_end(c, users, params, beginnings, &mut |_| {})
}

/// The iterations.
fn to_the_end<C: Collective>(
    c: &mut C,
    users: &Users,
    params: &KMeansParams,
    beginnings: Vec<Beginning>,
    watch: &mut dyn FnMut(&[State]),
) -> Vec<Finished> {
    let mut runs: Vec<State> = beginnings.into_iter().map(|b| State::new(b, users.n_rows(), users.n_dims())).collect();
    loop {
        watch(&runs);
        let mut active: Vec<&mut State> = runs.iter_mut().filter(|run| run.phase != Phase::Done).collect();
        if active.is_empty() {
            break;
        }
        assign(&users.cloud, &mut active);
        #[cfg(test)]
        trace(c, users, &mut active);
        take_stock(c, &mut active);
        active.retain(|run| run.phase == Phase::Moving);
        refill_empty(c, users, &mut active);
        move_centroids(c, users, params, &mut active);
    }
    let inertias = inertias(c, users, &runs.iter().collect::<Vec<_>>());
    runs.into_iter().zip(inertias).map(|(run, inertia)| run.finish(inertia, &users.facts)).collect()
}

/// The inertia of each run, over all workers.
fn inertias<C: Collective>(c: &mut C, users: &Users, runs: &[&State]) -> Vec<i64> {
    let mut inertias: Vec<i64> = runs.iter().map(|run| run.inertia(users)).collect();
    c.sum(&mut inertias);
    inertias
}

/// Notes the inertia of each assignment.
#[cfg(test)]
fn trace<C: Collective>(c: &mut C, users: &Users, active: &mut [&mut State]) {
    let inertias = inertias(c, users, &active.iter().map(|run| &**run).collect::<Vec<_>>());
    active.iter_mut().zip(inertias).for_each(|(run, inertia)| run.trace.push(inertia));
}

/// Adds up counts and moves of all runs over all workers.
fn take_stock<C: Collective>(c: &mut C, active: &mut [&mut State]) {
    let mut stock = Vec::new();
    active.iter().for_each(|run| run.stock(&mut stock));
    c.sum(&mut stock);
    let mut rest = stock.as_slice();
    for run in active.iter_mut() {
        rest = run.take(rest);
    }
}

/// Moves the centroids of all runs.
fn move_centroids<C: Collective>(c: &mut C, users: &Users, params: &KMeansParams, active: &mut [&mut State]) {
    let mut changes = Vec::new();
    active.iter().for_each(|run| run.changes(&users.cloud, users.facts.coordinate_scale.factor(), &mut changes));
    c.sum(&mut changes);
    let mut rest = changes.as_slice();
    for run in active.iter_mut() {
        rest = run.advance(rest, users, params);
    }
}
