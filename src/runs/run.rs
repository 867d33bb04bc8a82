//! `segmill run`: the batch job, as a handful of calls in the order of the data. Every worker runs it, in lockstep.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::{self, Fingerprint, Layout, Worker};
use crate::flow::collective::TimelyCollective;
use crate::flow::read::{self, Dictionary, Wanted};
use crate::job::Job;
use crate::results::Outcome;
use crate::results::write::{self, Written};
use crate::shard::scratch;
use crate::store::is_address;

use super::checkpoint::CheckpointFolder;
use super::choose;
use super::clock::Clock;
use super::compare::{self, Previous};
use super::fingerprint::fingerprint;
use super::fit::{self, Task};
use super::fits;
use super::gather;
use super::output;
use super::room::{room, scratch_folder};
use super::settle::settle;
use super::sizes::check_sizes;

/// A finished run, on the process of the coordinator.
pub struct Finished {
    pub outcome: Outcome,
    pub written: Written,
}

/// Runs a checked job on all workers of `layout` and writes its output folder. Returns the result on the process
/// that has the coordinator, and nothing on the others.
pub fn run(job: Job, layout: &Layout) -> Result<Option<Finished>> {
    let shared = Arc::new((job, layout.clone(), OnceLock::new()));
    let ours = Arc::clone(&shared);
    let results = cluster::execute(
        layout,
        move || ours.2.get_or_init(|| fingerprint(&ours.0)).clone(),
        move |worker| {
            let (job, layout, known) = &*shared;
            let mut collective = TimelyCollective::new(worker, layout.workers);
            work(worker, &mut collective, job, layout, known)
        },
    )?;
    // Workers agree on errors, so the first speaks for all.
    results.into_iter().next().expect("a process has a worker")
}

/// One worker's part of the job. `known` is the fingerprint of the job, once another thread of this process has made it.
fn work<C: Collective>(
    worker: &mut Worker,
    c: &mut C,
    job: &Job,
    layout: &Layout,
    known: &OnceLock<Fingerprint>,
) -> Result<Option<Finished>> {
    let writable = if c.is_coordinator() { write::check_output(&job.output) } else { Ok(()) };
    c.agree(writable)?;
    // A folder that a job names is there before hours of work need it.
    let usable = job.scratch.as_deref().map_or(Ok(()), scratch::check);
    c.agree(usable)?;
    fits::check(c, job, layout)?;
    let previous = compare::open(c, job)?;
    let mut clock = Clock::start(c.is_coordinator(), c.index().is_multiple_of(layout.workers));
    let mut checkpoint = open_checkpoint(c, job, known, previous.as_ref());
    let room = room(job, layout.workers, &job.output);
    let wanted =
        Wanted { input: &job.input, filter: &job.filter, dictionary: Dictionary::Found, room: &room, whole: false };
    let (mut ratings, input) = clock.time("ingest", || read::read(worker, c, &wanted))?;
    let job = Job { input, ..job.clone() };
    let (job, chosen) = choose::choose(c, job, &ratings, &mut clock, &mut checkpoint)?;
    let job = &job;
    let sweep_over = check_sizes(job, &ratings)?;
    settle(c, job, layout, &mut ratings)?;
    let earlier = match &job.compare {
        Some(_) => {
            let known = clock.time("earlier", || compare::find_users(c, previous.as_ref(), &ratings))?;
            Some((previous, known))
        }
        None => None,
    };
    let (files, rejects) = (ratings.files.clone(), std::mem::take(&mut ratings.rejects));
    let task = Task { job, layout, chosen, sweep_over, earlier, beginning: None, scratch: &room.scratch };
    let made = fit::fit(c, task, ratings, &mut clock, &mut checkpoint)?;
    let rejects = gather::reject_lines(&files, rejects);
    let finished = clock.time("write", || output::write(c, job, made, &rejects))?;
    checkpoint.remove();
    Ok(finished.map(|(outcome, written)| Finished { outcome, written }))
}

/// Opens the checkpoint of this very job and input: a hidden folder beside the output.
fn open_checkpoint<C: Collective>(
    c: &mut C,
    job: &Job,
    known: &OnceLock<Fingerprint>,
    previous: Option<&Previous>,
) -> CheckpointFolder {
    let none = Fingerprint::default();
    let Fingerprint { job: sections, inputs } =
        if c.is_coordinator() { known.get_or_init(|| fingerprint(job)) } else { &none };
    let mut identity = format!("{} {sections:?} {inputs}", env!("CARGO_PKG_VERSION"));
    if let Some(previous) = previous {
        identity += &previous.identity();
    }
    if job.input.reads_stdin() || job.input.reads_database() {
        // The next run may be fed something else.
        identity += &format!(" {:?}", std::time::SystemTime::now());
    }
    CheckpointFolder::open(c, &checkpoint_folder(job), &identity, job.checkpoint_every)
}

/// Where the checkpoint is: beside the output, or in the folder for scratch where the output is in a store.
fn checkpoint_folder(job: &Job) -> PathBuf {
    if is_address(&job.output) {
        let digest = blake3::hash(job.output.to_string_lossy().as_bytes()).to_hex();
        return scratch_folder(job, &job.output).join(format!(".segmill-{}.checkpoint", &digest[..16]));
    }
    let name = job.output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    job.output.with_file_name(format!(".{name}.checkpoint"))
}
