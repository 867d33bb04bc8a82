//! The batch job: a handful of calls in the order of the data, run by every worker in lockstep.

pub mod assign;
mod calibrate;
mod compare;
mod evidence;
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
use crate::continuity::Continuity;
use crate::error::{Error, Result};
use crate::evidence::{Question, activity_correlation};
use crate::flow::cluster::{self, Fingerprint, Layout, Worker};
use crate::flow::collective::TimelyCollective;
use crate::flow::read::{self, Dictionary, Ratings, Room, Wanted};
use crate::ingest::files;
use crate::job::{Job, Source};
use crate::kernel::csr::Csr;
use crate::kernel::lloyd::Points;
use crate::kernel::simd::level;
use crate::kmeans::{self, Centroids, Fitted, KMeans, StartReport, Sweep};
use crate::names;
use crate::pca;
use crate::profile;
use crate::progress::{self, Memory, RunAt, RunOf, Space};
use crate::report::run::Stage;
use crate::report::write::{self, Written};
use crate::report::{Measured, ModelTerms, Outcome};
use crate::shard::weight::Weigher;
use crate::validate;

use compare::Previous;
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

/// Where files of a job go that do not outlive the run.
fn scratch_folder(job: &Job) -> PathBuf {
    job.scratch.clone().unwrap_or_else(|| folder_beside(&job.output))
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
    let share = |percent: u64| job.memory / 100 * percent / layout.workers as u64;
    let room = Room { memory: share(RATINGS_PERCENT), scratch: scratch_folder(job) };
    let memory = share(RUNS_PERCENT);
    let wanted =
        Wanted { input: &job.input, filter: &job.filter, dictionary: Dictionary::Found, room: &room, whole: false };
    let mut ratings = clock.time("ingest", || read::read(worker, c, &wanted))?;
    let sweep_over = check_sizes(job, &ratings)?;
    let known = match &job.compare {
        Some(_) => Some(clock.time("earlier", || compare::find_users(c, previous.as_ref(), &ratings))?),
        None => None,
    };
    let mut warnings = warnings::of_data(c, job, &ratings);
    let shard = &ratings.shard;
    let (weigher, matrix, pca, scores, activity_correlation) = clock.time("pca", || {
        let weigher = Weigher::fit(c, &shard.matrix, job.matrix);
        let weighted = weigher.weigh(&shard.matrix, &mut ratings.store);
        let matrix = c.agree(weighted)?;
        let pca = match checkpoint.restore("pca") {
            Some(pca) => pca,
            None => {
                let pca = pca::fit(c, &matrix, &job.pca, job.seed, job.memory, &mut checkpoint)?;
                checkpoint.keep("pca", &pca);
                pca
            }
        };
        progress::swept(pca.solver.iterations, Some(pca.solver.residual));
        let scores = pca::project(&pca, &matrix);
        let correlation = activity_correlation(c, scores.column(0).iter().copied(), &shard.matrix);
        Ok((weigher, matrix, pca, Centroids::points(scores, &job.kmeans), correlation))
    })?;
    let projected = match &job.sweep {
        Some(sweep) if sweep.projected => &sweep_over[..],
        _ => &[],
    };
    let mut found = clock.time("kmeans", || {
        kmeans::fit_and_sweep(
            c,
            scores.view(),
            &shard.draw_keys,
            &job.kmeans,
            projected,
            job.seed,
            memory,
            &mut checkpoint,
        )
    })?;
    tell_starts(job.kmeans.clusters, &found.kmeans);
    let compared = known.map(|known| {
        let space = compare::Space { ratings: &ratings, pca: &pca, scores: &scores };
        clock.time("compare", || compare::compare(c, previous.as_ref(), &known, &space, &mut found))
    });
    drop(previous);
    let Fitted { kmeans, assignment, curve, tried } = found;
    let sweep = match &job.sweep {
        Some(params) if !sweep_over.is_empty() => {
            let full = params.full.then(|| {
                let points = Points::Sparse(&matrix);
                clock.time("sweep", || {
                    kmeans::sweep(
                        c,
                        points,
                        &shard.draw_keys,
                        &sweep_over,
                        &job.kmeans,
                        job.seed,
                        memory,
                        &mut checkpoint,
                    )
                })
            });
            let projected = params.projected.then_some(curve);
            Some(Sweep { clusters: sweep_over, projected, full: full.transpose()? })
        }
        _ => None,
    };
    let n_clusters = job.kmeans.clusters;
    let (validation, fitted) =
        clock.time("validate", || validate::fit(c, shard, &assignment.segment, n_clusters, job.validate, job.seed));
    let (profiles, idf) = clock.time("profile", || {
        let (centroids, metadata) = (kmeans.centroids.view(), &ratings.items.metadata);
        profile::fit(c, &shard.matrix, &assignment.segment, centroids, metadata, job.profile)
    });
    warnings.extend(warnings::of_fit(job, &pca, &kmeans, activity_correlation));
    drop(matrix);
    let (evidence, evidence_spilled) = match job.evidence {
        Some(params) => clock.time("evidence", || {
            let question = Question {
                job,
                params,
                shard,
                points: scores.view(),
                tried: &tried,
                memory: share(evidence::MATRICES_PERCENT),
                scratch: &room.scratch,
                runs_memory: memory,
            };
            evidence::gather(c, &question, &mut checkpoint, &mut warnings)
        })?,
        None => (None, 0),
    };
    // Nobody needs the ratings any more: what is gathered may have their room.
    ratings.shard.matrix = Csr::empty(ratings.n_items);
    let shard = &ratings.shard;

    let mut spilled = [ratings.rows_spilled + ratings.store.spilled() + evidence_spilled];
    c.sum(&mut spilled);
    let [spilled] = spilled;
    let (users, map) = clock.time("gather", || {
        let map = gather::map_points(c, shard, &assignment, &scores, job.seed);
        (gather::users(c, shard, assignment, fitted.predicted), map)
    });
    let (peak_memory, bytes_sent) = (gather::peak_memory(c), gather::bytes_sent(c, layout.workers));
    let (continuity, moves) = compared.map(|found| (found.continuity, found.moves)).unzip();
    let kept = continuity.as_ref().map_or_else(Vec::new, Continuity::kept_names);
    let finished = c.is_coordinator().then(|| {
        let measured = Measured {
            processes: layout.processes,
            workers: layout.workers,
            simd: level().name().into(),
            n_users: ratings.n_users,
            n_items: ratings.n_items as u64,
            n_ratings: ratings.n_ratings,
            stages: std::mem::take(&mut clock.stages),
            total_seconds: clock.started.elapsed().as_secs_f64(),
            peak_memory,
            spilled,
            bytes_sent,
        };
        let outcome = Outcome {
            job: job.clone(),
            ledger: ratings.ledger,
            inputs: gather::inputs(&job.input, &ratings.files),
            users,
            pca,
            kmeans,
            sweep,
            validation,
            names: names::names(&profiles, &ratings.items, &kept),
            profiles,
            items: ratings.items,
            evidence,
            continuity,
            moves: moves.unwrap_or_default(),
            activity_correlation,
            model: ModelTerms { idf, mean_length: weigher.mean_length(), bayes: fitted.terms },
            map,
            warnings,
            measured,
        };
        let rejects = gather::reject_lines(&ratings.files, ratings.rejects);
        let written = clock.time("write", || write::write(&outcome, &job.output, &rejects))?;
        Ok(Finished { outcome, written })
    });
    let finished = c.agree(finished.transpose())?;
    checkpoint.remove();
    Ok(finished)
}

/// Tells of all starts, those that other processes ran or an earlier attempt ended too.
fn tell_starts(clusters: usize, kmeans: &KMeans) {
    for (start, &StartReport { iterations, inertia, .. }) in kmeans.starts.iter().enumerate() {
        let run = RunOf { space: Space::Projected, clusters, start };
        progress::moved(run, RunAt { iterations, inertia, ended: true });
    }
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
