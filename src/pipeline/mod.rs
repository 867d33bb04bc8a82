//! The batch job: a handful of calls in the order of the data, run by every worker in lockstep.

pub mod assign;
mod calibrate;
mod compare;
mod evidence;
mod fit;
pub mod follow;
mod gather;
pub mod plan;
pub mod preview;
mod simd;
mod warnings;

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use crate::checkpoint::Checkpoint;
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::cluster::{self, Fingerprint, Layout, Worker};
use crate::flow::collective::TimelyCollective;
use crate::flow::read::{self, Dictionary, Ratings, Room, Wanted};
use crate::ingest::files;
use crate::job::{Job, Source};
use crate::progress::{self, Memory};
use crate::report::Outcome;
use crate::report::run::Stage;
use crate::report::write::{self, Written};

use compare::Previous;
use fit::Task;
pub use simd::choose_vector_code;

/// A finished run, on the process of the coordinator.
pub struct Finished {
    pub outcome: Outcome,
    pub written: Written,
}

/// Runs a checked job on all workers of `layout` and writes its output folder. Returns what was found on the process
/// that has the coordinator, nothing on the others.
pub fn run(job: Job, layout: &Layout) -> Result<Option<Finished>> {
    let shared = Arc::new((job, layout.clone(), OnceLock::new()));
    let ours = Arc::clone(&shared);
    let results = cluster::execute(
        layout,
        move || ours.2.get_or_init(|| fingerprint(&ours.0)).clone(),
        move |worker| {
            let (job, layout, known) = &*shared;
            let mut collective = TimelyCollective::new(worker);
            work(worker, &mut collective, job, layout, known)
        },
    )?;
    // Workers agree on errors, so the first speaks for all.
    results.into_iter().next().expect("a process has a worker")
}

/// What must be the same in every process: the job, but for where files go, and the files to read.
fn fingerprint(job: &Job) -> Fingerprint {
    let mut same = job.clone();
    same.output.clear();
    same.scratch = None;
    same.checkpoint_every = Duration::ZERO;
    let sections = serde_json::to_value(&same).expect("a job serialises");
    let sections = sections.as_object().into_iter().flatten();
    let digest = |text: String| blake3::hash(text.as_bytes()).to_hex()[..16].to_string();
    let inputs = match &job.input.source {
        Source::Files(spec) => files::expand(&spec.ratings).map(|list| digest(format!("{list:?}"))).unwrap_or_default(),
        Source::Generate(_) => String::new(),
    };
    Fingerprint { job: sections.map(|(name, value)| (name.clone(), digest(value.to_string()))).collect(), inputs }
}

/// Shares of `memory`: for the ratings, and for the runs of k-means in progress. The rest is for what a stage needs beside
/// them.
const RATINGS_PERCENT: u64 = 40;
const RUNS_PERCENT: u64 = 30;

/// Where a worker keeps the ratings of a job whose output goes to `output`.
fn room(job: &Job, workers: usize, output: &Path) -> Room {
    Room { memory: share(job, workers, RATINGS_PERCENT), scratch: scratch_folder(job, output) }
}

/// A worker's share of the memory of a process.
fn share(job: &Job, workers: usize, percent: u64) -> u64 {
    job.memory / 100 * percent / workers as u64
}

/// Where files of a job go that do not outlive the run.
fn scratch_folder(job: &Job, output: &Path) -> PathBuf {
    job.scratch.clone().unwrap_or_else(|| folder_beside(output))
}

/// The same where no folder of their own is named: the one that `output` goes to.
fn folder_beside(output: &Path) -> PathBuf {
    let parent = output.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent });
    parent.filter(|folder| folder.is_dir()).map_or_else(std::env::temp_dir, Path::to_path_buf)
}

/// One worker's part of the job. `known` is its fingerprint, where somebody of this process has asked for it.
fn work<C: Collective>(
    worker: &mut Worker,
    c: &mut C,
    job: &Job,
    layout: &Layout,
    known: &OnceLock<Fingerprint>,
) -> Result<Option<Finished>> {
    let writable = if c.is_coordinator() { write::check_output(&job.output) } else { Ok(()) };
    c.agree(writable)?;
    let previous = compare::open(c, job)?;
    let mut clock = Clock::start(c.is_coordinator(), c.index().is_multiple_of(layout.workers));
    let mut checkpoint = open_checkpoint(c, job, known, previous.as_ref());
    let room = room(job, layout.workers, &job.output);
    let wanted =
        Wanted { input: &job.input, filter: &job.filter, dictionary: Dictionary::Found, room: &room, whole: false };
    let mut ratings = clock.time("ingest", || read::read(worker, c, &wanted))?;
    let sweep_over = check_sizes(job, &ratings)?;
    let earlier = match &job.compare {
        Some(_) => {
            let known = clock.time("earlier", || compare::find_users(c, previous.as_ref(), &ratings))?;
            Some((previous, known))
        }
        None => None,
    };
    let (files, rejects) = (ratings.files.clone(), std::mem::take(&mut ratings.rejects));
    let task = Task { job, layout, sweep_over, earlier, beginning: None, scratch: &room.scratch };
    let outcome = fit::fit(c, task, ratings, &mut clock, &mut checkpoint)?;
    let finished = outcome.map(|outcome| {
        let rejects = gather::reject_lines(&files, rejects);
        let written = clock.time("write", || write::write(&outcome, &job.output, &rejects))?;
        Ok(Finished { outcome, written })
    });
    let finished = c.agree(finished.transpose())?;
    checkpoint.remove();
    Ok(finished)
}

/// Beside the output, hidden; of this very job and input.
fn open_checkpoint<C: Collective>(
    c: &mut C,
    job: &Job,
    known: &OnceLock<Fingerprint>,
    previous: Option<&Previous>,
) -> Checkpoint {
    let name = job.output.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = job.output.with_file_name(format!(".{name}.checkpoint"));
    let none = Fingerprint::default();
    let Fingerprint { job: sections, inputs } =
        if c.is_coordinator() { known.get_or_init(|| fingerprint(job)) } else { &none };
    let mut identity = format!("{} {sections:?} {inputs}", env!("CARGO_PKG_VERSION"));
    if let Some(previous) = previous {
        identity += &previous.identity();
    }
    if job.input.reads_stdin() {
        // Nobody knows whether the next run is fed the same.
        identity += &format!(" {:?}", std::time::SystemTime::now());
    }
    Checkpoint::open(c, &folder, &identity, job.checkpoint_every)
}

/// Times stages, and shows the one at work where there is a terminal to show it on.
struct Clock {
    shown: bool,
    /// This worker tells the stages of its process.
    told: bool,
    started: Instant,
    stages: Vec<Stage>,
}

impl Clock {
    fn start(shown: bool, told: bool) -> Clock {
        Clock { shown, told, started: Instant::now(), stages: Vec::new() }
    }

    fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> T) -> T {
        let span = if self.shown { tracing::info_span!("stage", message = %stage) } else { tracing::Span::none() };
        #[cfg(debug_assertions)]
        panic_if_asked(stage);
        let (started, sent) = (Instant::now(), progress::bytes_sent());
        if self.told {
            progress::begin(stage);
        }
        let result = span.in_scope(work);
        if self.told {
            progress::end();
        }
        let seconds = started.elapsed().as_secs_f64();
        if self.shown {
            tracing::info!(stage, seconds, "done");
        }
        self.stages.push(Stage {
            stage: stage.to_string(),
            seconds,
            peak_memory: Memory::now().peak,
            bytes_sent: progress::bytes_sent() - sent,
        });
        result
    }
}

/// For the tests of faults: the thread that is named in `SEGMILL_TEST_PANIC=STAGE:PROCESS:THREAD` panics in that stage.
#[cfg(debug_assertions)]
fn panic_if_asked(stage: &str) {
    let Ok(asked) = std::env::var("SEGMILL_TEST_PANIC") else { return };
    let words: Vec<String> = std::env::args().collect();
    let process = words.iter().position(|word| word == "--process").and_then(|at| words.get(at + 1));
    let (process, thread) = (process.map_or("0", String::as_str), std::thread::current());
    let worker = thread.name().and_then(|name| name.rsplit('-').next()).unwrap_or_default();
    assert!(asked != format!("{stage}:{process}:{worker}"), "asked to panic");
}

/// Refuses what the data cannot give. Returns the numbers of clusters to sweep over.
fn check_sizes(job: &Job, ratings: &Ratings) -> Result<Vec<usize>> {
    let (n_users, n_items) = (ratings.n_users as usize, ratings.n_items);
    let place = ratings.files.first().map_or("ratings".to_string(), |file| file.path.display().to_string());
    if n_users < 2 {
        let problem = "there is only one user, and segments group many";
        return Err(Error::data(place, problem, "check that input.user names the right column"));
    }
    if n_items < 2 {
        let problem = "there is only one item, and segments differ by what they like";
        return Err(Error::data(place, problem, "check that input.item names the right column"));
    }
    if job.kmeans.clusters > n_users {
        let problem = format!("{} clusters need as many users, and there are {n_users}", job.kmeans.clusters);
        return Err(Error::job("kmeans.clusters", problem, format!("set it to {n_users} or less")));
    }
    let most = n_users.min(n_items);
    if job.pca.components > most {
        let problem =
            format!("{} components are more than {n_items} items and {n_users} users can have", job.pca.components);
        return Err(Error::job("pca.components", problem, format!("set it to {most} or less")));
    }
    if job.validate.folds > n_users {
        let problem = format!("{} folds need as many users, and there are {n_users}", job.validate.folds);
        return Err(Error::job("validate.folds", problem, format!("set it to {n_users} or less")));
    }
    match &job.sweep {
        Some(sweep) if sweep.explicit && sweep.clusters.iter().any(|&k| k > n_users) => {
            let largest = sweep.clusters.iter().max().copied().unwrap_or_default();
            let problem = format!("{largest} clusters need as many users, and there are {n_users}");
            Err(Error::job("sweep.clusters", problem, format!("name numbers of {n_users} or less")))
        }
        Some(sweep) => Ok(sweep.clusters.iter().copied().filter(|&k| k <= n_users).collect()),
        None => Ok(Vec::new()),
    }
}
