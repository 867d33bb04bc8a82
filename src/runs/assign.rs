//! `segmill assign`: reads ratings as a fit does, puts their users into the segments of the model, and profiles them.

use std::path::Path;
use std::sync::Arc;

use ndarray::Array2;

use super::clock::Clock;
use super::fingerprint::fingerprint;
use super::gather;
use super::output::{self, chunks};
use super::ranges::Ranges;
use super::room::room;
use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::{self, Layout, Worker};
use crate::flow::collective::TimelyCollective;
use crate::flow::read::{self, Dictionary, Ratings, Wanted};
use crate::ingest::Items;
use crate::job::Job;
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::results::UserTable;
use crate::results::assigned::{Assigned, Places};
use crate::results::model::Model;
use crate::results::rejects::RejectLine;
use crate::results::table::{ROW_GROUP, Table};
use crate::results::tables;
use crate::stages::assign::Assigner;
use crate::stages::profile::{self, Around, Profile, Weighing};

/// What to assign, checked.
pub struct Order {
    pub model: Model,
    /// The job that the model came from, with the ratings to assign ([`Job::for_ratings`]).
    pub job: Job,
    pub places: Places,
    /// Titles of the model's items; needed for profiles only.
    pub titles: Vec<Option<String>>,
    /// Digest of the model, which all processes must have alike.
    pub identity: String,
}

/// What the workers share: of the model no more than is needed.
struct Work {
    job: Job,
    places: Places,
    items: Items,
    n_segments: usize,
    assigner: Assigner,
    profiler: Option<Profiler>,
    workers: usize,
}

/// What it takes to profile users as the run did.
struct Profiler {
    /// `(n_items)`
    idf: Vec<f64>,
    scale: Scale,
    /// `(n_clusters, n_components)`
    centroids: Array2<f64>,
    /// Of the segments.
    names: Vec<String>,
    top: usize,
}

/// Puts the users of the ratings into the segments of the model, and writes them. Returns the result on the process that has the
/// coordinator, and nothing on the others.
pub fn run(order: Order, layout: &Layout) -> Result<Option<Assigned>> {
    let Order { model, job, places, titles, identity } = order;
    let mut same = fingerprint(&job);
    same.job
        .extend([("model".to_string(), identity), ("--profiles".to_string(), places.profiles.is_some().to_string())]);
    let workers = layout.workers;
    let (assigner, n_segments, scale) = (model.assigner(), model.centroids.nrows(), model.weight_scale());
    let Model { manifest, items, idf, centroids, .. } = model;
    let names = manifest.segments.into_iter().map(|segment| segment.name).collect();
    let top = job.profile.top;
    let profiler = places.profiles.is_some().then_some(Profiler { idf, scale, centroids, names, top });
    let items = Items { ids: items, titles, metadata: Vec::new() };
    let shared = Arc::new(Work { job, places, items, n_segments, assigner, profiler, workers });
    let results = cluster::execute(
        layout,
        move || same.clone(),
        move |worker| {
            let mut collective = TimelyCollective::new(worker, workers);
            shared.run(worker, &mut collective)
        },
    )?;
    // Workers agree on errors, so the first speaks for all.
    results.into_iter().next().expect("a process has a worker")
}

impl Work {
    /// One worker's part. What was found is on the coordinator.
    fn run<C: Collective>(&self, worker: &mut Worker, c: &mut C) -> Result<Option<Assigned>> {
        let checked = if c.is_coordinator() { self.places.check() } else { Ok(()) };
        c.agree(checked)?;
        let mut clock = Clock::start(c.is_coordinator(), c.index().is_multiple_of(self.workers));
        let Job { input, filter, .. } = &self.job;
        let beside = self.places.users.path().unwrap_or(Path::new(""));
        let room = room(&self.job, self.workers, beside);
        let dictionary = Dictionary::Known(&self.items.ids);
        let wanted = Wanted { input, filter, dictionary, room: &room, whole: false };
        let (ratings, _) = clock.time("ingest", || read::read(worker, c, &wanted))?;
        let Ratings { shard, ledger, unknown, files, rejects, n_ratings, .. } = ratings;
        let (assignment, nb_segment) = clock.time("assign", || self.assigner.assign(&shard.matrix));
        let profiles = self.profiler.as_ref().map(|profiler| {
            let profiles = clock.time("profile", || profiler.profiles(c, &shard.matrix, &assignment.segment));
            (profiles, &profiler.names)
        });
        let (sizes, blank_users, users) = clock.time("gather", || {
            let mut counts = vec![0u64; self.n_segments + 1];
            assignment.segment.iter().for_each(|&segment| counts[segment as usize] += 1);
            *counts.last_mut().expect("a count of blank users") =
                shard.matrix.lengths().into_iter().filter(|&n| n == 0).count() as u64;
            c.sum(&mut counts);
            let blank_users = counts.pop().expect("a count of blank users");
            (counts, blank_users, Ranges::of(c, UserTable { users: shard.users, assignment, nb_segment }))
        });
        let assigned = Assigned {
            n_users: users.n_rows(),
            sizes,
            ledger,
            ratings: n_ratings,
            unknown_items: unknown.items,
            unknown_ratings: unknown.ratings,
            blank_users,
            rejects: gather::reject_lines(&files, rejects),
        };
        let profiles = profiles.as_ref().map(|(profiles, names)| tables::profiles_of(profiles, &self.items, names));
        clock.time("write", || self.write(c, &users, &assigned.rejects, profiles.as_ref()))?;
        Ok(c.is_coordinator().then_some(assigned))
    }

    /// Writes the users, which go through the coordinator a row group at a time; `rejects` and `profiles` are the coordinator's.
    fn write<C: Collective>(
        &self,
        c: &mut C,
        users: &Ranges<UserTable>,
        rejects: &[RejectLine],
        profiles: Option<&Table<'_>>,
    ) -> Result<()> {
        let of_users = output::of_users(c, &users.rows);
        let like = UserTable::default();
        let like = tables::segments(&like, of_users);
        let begun = if c.is_coordinator() { self.places.begin(&like).map(Some) } else { Ok(None) };
        let mut writing = c.agree(begun)?;
        let mut wanted = vec![Vec::new(); c.peers()];
        wanted[0] = chunks(0..users.n_rows(), ROW_GROUP as u64);
        users.hand_out(c, &wanted, |rows| match &mut writing {
            Some(writing) => writing.append(&tables::segments(&rows, of_users)),
            None => Ok(()),
        })?;
        c.agree(writing.map_or(Ok(()), |writing| writing.finish(rejects, profiles)))
    }
}

impl Profiler {
    /// Of the segments of the users in `labels`, on the coordinator.
    fn profiles<C: Collective>(&self, c: &mut C, ratings: &Csr, labels: &[u32]) -> Vec<Profile> {
        let weighing = Weighing { idf: &self.idf, scale: self.scale };
        let around = Around { centroids: self.centroids.view(), metadata: &[], top: self.top };
        profile::of_model(c, ratings, labels, weighing, around)
    }
}
