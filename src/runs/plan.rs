//! `segmill plan`: predicts what a job would take, before it runs.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ingest::estimate::{Estimate, estimate};
use crate::ingest::sample::{self, Sample};
use crate::job::{Duplicates, Job, OnBad, Solver};
use crate::results::forecast::{Cluster, Forecast, Free, Problem, Sizes};
use crate::runs::predict::asked::Asked;
use crate::runs::predict::limits;
use crate::runs::predict::{Question, predict};
use crate::stages::pca::Approach;
use crate::store::is_address;

use super::calibrate;
use super::room::scratch_folder;
use super::settle::copies;

/// Threads that are at work on a machine at the same time.
fn threads(asked: &Asked) -> usize {
    let workers = if asked.network.is_some() { asked.workers } else { asked.workers * asked.processes };
    workers.min(processors())
}

/// A process reads so many bytes a second of a disk or a store, where nothing else is known.
const DISK: f64 = 1e9;

/// About so many bytes of text are looked at.
const LOOK: u64 = 64 << 20;

/// Looks at the input, measures this machine, and says what the job would take, and which columns were found and why, a line each.
///
/// # Errors
/// Those of finding and opening the input, and [`Error::Job`] for sizes that cannot be.
pub fn forecast(job: &Job, asked: &Asked) -> Result<(Forecast, Vec<String>)> {
    let (planned, sample) = sample::take(&job.input, &scratch_folder(job, &job.output), LOOK)?;
    let job = &Job { input: planned.input.clone(), ..job.clone() };
    let plan = &planned.plan;
    if sample.rows.is_empty() {
        return Err(nothing_read(&sample, plan.files().first().map(|file| file.path.clone())));
    }
    let input = estimate(&sample, job.input.duplicates == Duplicates::Last);
    drop(sample);
    let rates = calibrate::calibrate(plan, &input, job, threads(asked))?;
    let (sizes, scaled) = asked.stated.apply(sizes_of(&input, job))?;
    let cluster = cluster(asked);
    let counts = [sizes.users, sizes.items, sizes.ratings].map(|count| count as u64);
    let mut problems = refusals(job, &input, sizes);
    let approach = Approach::new(counts, sizes.products(), &job.pca, job.memory);
    let solver = approach.or_else(|error| {
        problems.push(problem_of(error));
        let params = crate::job::PcaParams { solver: Solver::Krylov, ..job.pca };
        Approach::new(counts, sizes.products(), &params, job.memory)
    })?;
    let question = Question { job, sizes, cluster, approach: &solver, copied: copies(job, sizes, &cluster) };
    let free = free(job, asked);
    let prediction = predict(&question, &rates);
    problems.extend(limits::problems(&question, &prediction, &free));
    let forecast = Forecast {
        bottlenecks: limits::bottlenecks(&question, &rates, &free)?,
        worthwhile_processes: limits::worthwhile_processes(&question, &rates),
        memory: job.memory,
        fits: problems.is_empty(),
        input,
        sizes,
        scaled,
        cluster,
        solver,
        prediction,
        free,
        problems,
        rates,
    };
    Ok((forecast, planned.found.clone()))
}

fn nothing_read(sample: &Sample, first: Option<PathBuf>) -> Error {
    let place = first.map_or("input".to_string(), |path| path.display().to_string());
    let problem = match sample.bad {
        0 => "there is no rating in it".to_string(),
        bad => format!("all {bad} rows that were looked at are bad"),
    };
    Error::data(
        place,
        problem,
        "check that input.ratings, input.delimiter, input.user, input.item and input.rating fit",
    )
}

pub fn sizes_of(input: &Estimate, job: &Job) -> Sizes {
    let rows = input.rows as f64;
    // Half of what weighs 12 bytes is merged before it is stored.
    let value_bytes = match job.input.duplicates {
        Duplicates::Mean if input.duplicates > 0.0 => 8.0,
        _ => input.value_bytes,
    };
    Sizes {
        users: input.users as f64,
        items: input.items as f64,
        ratings: input.ratings as f64,
        rows,
        input_bytes: input.input_bytes as f64,
        record_bytes: input.record_bytes,
        value_bytes,
        readers: input.readers.map_or(f64::MAX, |readers| readers.max(1) as f64),
        user_text: input.user_text,
        item_text: input.item_text,
        spread: input.spread,
    }
}

fn cluster(asked: &Asked) -> Cluster {
    let Asked { processes, workers, network, .. } = *asked;
    // On other machines nobody has read the input yet.
    let machine = if network.is_some() { 0.0 } else { memory_of("MemTotal:").unwrap_or(f64::INFINITY) };
    let here = if network.is_some() { workers } else { workers * processes };
    let crowding = if network.is_some() { 1.0 } else { (here as f64 / processors() as f64).max(1.0) };
    Cluster { processes, workers, network: network.unwrap_or(f64::MAX), disk: DISK, crowding, machine }
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

/// What would end the run.
fn refusals(job: &Job, input: &Estimate, sizes: Sizes) -> Vec<Problem> {
    let mut found = Vec::new();
    let mut add = |place: &str, problem: String, remedy: String| {
        found.push(Problem { place: place.into(), problem, remedy });
    };
    if input.bad > 0.0 && job.input.on_bad == OnBad::Fail {
        let problem = format!("about {:.2} % of the rows are bad, and the first ends the run", 100.0 * input.bad);
        add("input.on_bad", problem, "set it to \"reject\"".into());
    } else if input.bad > job.input.max_bad {
        let problem = format!("about {:.2} % of the rows are bad, more than it allows", 100.0 * input.bad);
        add("input.max_bad", problem, "raise it, or fix the rows".into());
    }
    if input.duplicates > 0.0 && job.input.duplicates == Duplicates::Error {
        let problem = format!(
            "about {:.2} % of the rows repeat a user and item, and the first ends the run",
            100.0 * input.duplicates
        );
        add("input.duplicates", problem, "set it to \"last\", \"sum\", \"mean\" or \"max\"".into());
    }
    let most = sizes.users.min(sizes.items);
    let checks = [
        ("kmeans.clusters", job.kmeans.clusters, sizes.users, "users"),
        ("pca.components", job.pca.components, most, "users and items"),
        ("validate.folds", job.validate.folds, sizes.users, "users"),
    ];
    for (key, asked, there, what) in checks.into_iter().filter(|(_, asked, there, _)| *asked as f64 > *there) {
        add(key, format!("{asked} are more than there are {what}"), format!("set it to {there:.0} or less"));
    }
    found
}

fn problem_of(error: Error) -> Problem {
    match error {
        Error::Job { place, problem, remedy } => Problem { place, problem, remedy },
        other => Problem { place: "job".into(), problem: other.to_string(), remedy: "correct it".into() },
    }
}

/// What is free on this machine, where the job is to run on it.
fn free(job: &Job, asked: &Asked) -> Free {
    if asked.network.is_some() {
        return Free::default();
    }
    Free {
        scratch: free_bytes(&scratch_folder(job, &job.output)).map(|free| free / asked.processes as f64),
        output: (!is_address(&job.output)).then(|| free_bytes(&job.output)).flatten(),
        memory: memory_of("MemAvailable:"),
    }
}

/// Bytes free on the disk that has `path`, or the nearest folder above that is there.
fn free_bytes(path: &Path) -> Option<f64> {
    let here = Path::new(".");
    let there = path.ancestors().find(|folder| folder.exists()).filter(|folder| !folder.as_os_str().is_empty());
    let disk = rustix::fs::statvfs(there.unwrap_or(here)).ok()?;
    Some(disk.f_bavail as f64 * disk.f_frsize as f64)
}

/// A line of `/proc/meminfo`, in bytes.
fn memory_of(name: &str) -> Option<f64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024.0)
}
