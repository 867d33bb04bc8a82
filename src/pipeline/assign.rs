//! `segmill assign`: ratings in, through the same reading, shuffle and sealing as in a fit, and their users to segments.

use std::path::Path;
use std::sync::Arc;

use super::{Clock, RATINGS_PERCENT, folder_beside, gather};
use crate::assign::Assigner;
use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::{self, Fingerprint, Layout, Worker};
use crate::flow::collective::TimelyCollective;
use crate::flow::read::{self, Dictionary, Ratings, Room, Wanted};
use crate::ingest::ids::Id;
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

/// What the workers share: of the model no more than is needed.
struct Work {
    job: Job,
    destination: Destination,
    items: Vec<Id>,
    n_segments: usize,
    assigner: Assigner,
    workers: usize,
}

/// Puts the users of the ratings into the segments of the model, and writes them.
pub fn run(order: Order, workers: usize) -> Result<Assigned> {
    let Order { model, job, destination } = order;
    destination.check()?;
    let (assigner, n_segments) = (Assigner::new(&model), model.centroids.nrows());
    let shared = Arc::new(Work { job, destination, items: model.items, n_segments, assigner, workers });
    let results = cluster::execute(&Layout::single(workers), Fingerprint::default, move |worker| {
        let mut collective = TimelyCollective::new(worker);
        shared.run(worker, &mut collective)
    })?;
    // Workers agree on errors, so the first speaks for all, and it is the coordinator.
    let found: Option<Assigned> = results.into_iter().next().expect("a process has a worker")?;
    Ok(found.expect("the first worker is the coordinator"))
}

impl Work {
    /// One worker's part. What was found is on the coordinator.
    fn run<C: Collective>(&self, worker: &mut Worker, c: &mut C) -> Result<Option<Assigned>> {
        let mut clock = Clock::start(c.is_coordinator(), c.is_coordinator());
        let Job { memory, scratch, input, filter, .. } = &self.job;
        let beside = self.destination.path().unwrap_or(Path::new(""));
        let room = Room {
            memory: memory / 100 * RATINGS_PERCENT / self.workers as u64,
            scratch: scratch.clone().unwrap_or_else(|| folder_beside(beside)),
        };
        let dictionary = Dictionary::Known(&self.items);
        let wanted = Wanted { input, filter, dictionary, room: &room, whole: false };
        let ratings = clock.time("ingest", || read::read(worker, c, &wanted))?;
        let Ratings { shard, ledger, unknown, files, rejects, n_ratings, .. } = ratings;
        let (assignment, nb_segment) = clock.time("assign", || self.assigner.assign(&shard.matrix));
        let (sizes, blank_users, users) = clock.time("gather", || {
            let mut counts = vec![0u64; self.n_segments + 1];
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
            clock.time("write", || self.destination.write(&assigned)).map(|()| assigned)
        });
        c.agree(found.transpose())
    }
}
