//! `segmill assign`: ratings in, through the same reading, shuffle and sealing as in a fit, and their users to segments.

use std::path::Path;
use std::sync::Arc;

use super::{Clock, RATINGS_PERCENT, folder_beside, gather};
use crate::assign::Assigner;
use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::{self, Fingerprint, Layout, Worker};
use crate::flow::collective::TimelyCollective;
use crate::flow::read::{self, Dictionary, Ratings, Room};
use crate::job::Job;
use crate::model::Model;
use crate::report::assigned::{Assigned, Destination};

/// What to do, checked.
pub struct Order {
    pub model: Model,
    /// The job that the model came from, with the ratings to assign ([`Job::for_ratings`]).
    pub job: Job,
    pub destination: Destination,
}

/// Puts the users of the ratings into the segments of the model, and writes them.
pub fn run(order: Order, workers: usize) -> Result<Assigned> {
    order.destination.check()?;
    let assigner = Assigner::new(&order.model);
    let shared = Arc::new((order, assigner));
    let results = cluster::execute(&Layout::single(workers), Fingerprint::default, move |worker| {
        let (order, assigner) = &*shared;
        let mut collective = TimelyCollective::new(worker);
        work(worker, &mut collective, order, assigner, workers)
    })?;
    // Workers agree on errors, so the first speaks for all, and it is the coordinator.
    let found: Option<Assigned> = results.into_iter().next().expect("a process has a worker")?;
    Ok(found.expect("the first worker is the coordinator"))
}

fn work<C: Collective>(
    worker: &mut Worker,
    c: &mut C,
    order: &Order,
    assigner: &Assigner,
    workers: usize,
) -> Result<Option<Assigned>> {
    let mut clock = Clock::start(c.is_coordinator(), c.is_coordinator());
    let Job { memory, scratch, input, .. } = &order.job;
    let beside = order.destination.path().unwrap_or(Path::new(""));
    let room = Room {
        memory: memory / 100 * RATINGS_PERCENT / workers as u64,
        scratch: scratch.clone().unwrap_or_else(|| folder_beside(beside)),
    };
    let dictionary = Dictionary::Known(&order.model.items);
    let ratings = clock.time("ingest", || read::read(worker, c, input, dictionary, &room))?;
    let Ratings { shard, ledger, unknown, files, rejects, n_ratings, .. } = ratings;
    let (assignment, nb_segment) = clock.time("assign", || assigner.assign(&shard.matrix));
    let (sizes, blank_users, users) = clock.time("gather", || {
        let mut counts = vec![0u64; order.model.centroids.nrows() + 1];
        assignment.segment.iter().for_each(|&segment| counts[segment as usize] += 1);
        *counts.last_mut().expect("a count of blank users") =
            shard.matrix.rows().filter(|row| row.is_empty()).count() as u64;
        c.sum(&mut counts);
        let blank_users = counts.pop().expect("a count of blank users");
        (counts, blank_users, gather::users(c, &shard, assignment, nb_segment))
    });
    let found = c.is_coordinator().then(|| {
        let assigned = Assigned {
            users,
            sizes,
            ledger,
            ratings: n_ratings,
            unknown_items: unknown.items,
            unknown_ratings: unknown.ratings,
            blank_users,
            rejects: gather::reject_lines(&files, rejects),
        };
        clock.time("write", || order.destination.write(&assigned)).map(|()| assigned)
    });
    c.agree(found.transpose())
}
