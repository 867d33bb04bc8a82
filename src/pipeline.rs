//! The batch job: a handful of calls in the order of the data, run by every worker in lockstep.

use std::sync::Arc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::cluster::{self, Layout, Worker};
use crate::flow::collective::TimelyCollective;
use crate::flow::read::{self, Ratings};
use crate::ingest::Ledger;
use crate::ingest::ids::Id;
use crate::ingest::rejects::Reject;
use crate::job::{Job, SweepParams};
use crate::kernel::keyed::{self, Stream};
use crate::kernel::lloyd::Points;
use crate::kmeans::{self, Assignment, KMeans, Sweep, SweepCurve};
use crate::pca::{self, Pca};
use crate::profile;
use crate::report::rejects::RejectLine;
use crate::report::write::{self, Written};
use crate::report::{MapPoint, Measured, ModelTerms, Outcome, UserTable};
use crate::shard::{Shard, weight};
use crate::validate;

/// Users on the map of the report, at most.
const MAP_POINTS: usize = 4000;

/// A finished run, on the process of the coordinator.
pub struct Finished {
    pub outcome: Outcome,
    pub written: Written,
}

/// Runs a checked job on all workers of `layout` and writes its output folder. Returns what was found on the process
/// that has the coordinator, nothing on the others.
pub fn run(job: Job, layout: &Layout) -> Result<Option<Finished>> {
    let fingerprint = fingerprint(&job);
    let shared = Arc::new((job, layout.clone()));
    let results = cluster::execute(layout, &fingerprint, move |worker| {
        let (job, layout) = &*shared;
        let mut collective = TimelyCollective::new(worker);
        work(worker, &mut collective, job, layout)
    })?;
    // Workers agree on errors, so the first speaks for all.
    results.into_iter().next().expect("a process has a worker")
}

/// What must be the same in every process, by section of the job: everything but where the output goes.
fn fingerprint(job: &Job) -> Vec<(String, String)> {
    let mut same = job.clone();
    same.output.clear();
    let sections = serde_json::to_value(&same).expect("a job serialises");
    let sections = sections.as_object().into_iter().flatten();
    sections
        .map(|(name, value)| (name.clone(), blake3::hash(value.to_string().as_bytes()).to_hex()[..16].into()))
        .collect()
}

/// One worker's part of the job.
fn work<C: Collective>(worker: &mut Worker, c: &mut C, job: &Job, layout: &Layout) -> Result<Option<Finished>> {
    let writable = if c.is_coordinator() { write::check_output(&job.output) } else { Ok(()) };
    c.agree(writable)?;
    let mut clock = Clock::start(c.is_coordinator());
    let memory = job.memory / layout.workers as u64;
    let ratings = clock.time("ingest", || read::read(worker, c, &job.input))?;
    let sweep_over = check_sizes(job, &ratings)?;
    let mut warnings = data_warnings(c, job, &ratings);
    let shard = &ratings.shard;
    let (matrix, pca) = clock.time("pca", || {
        let matrix = weight::weighted(c, &shard.matrix, job.matrix);
        pca::fit(c, &matrix, &job.pca, job.seed, job.memory).map(|pca| (matrix, pca))
    })?;
    let scores = pca::project(&pca, &matrix);
    let projected = match &job.sweep {
        Some(sweep) if sweep.projected => &sweep_over[..],
        _ => &[],
    };
    let (kmeans, assignment, curve) = clock.time("kmeans", || {
        kmeans::fit_and_sweep(c, scores.view(), &shard.draw_keys, &job.kmeans, projected, job.seed, memory)
    })?;
    let sweep = match &job.sweep {
        None => None,
        Some(_) if sweep_over.is_empty() => None,
        Some(params) => {
            Some(clock.time("sweep", || sweep_full(c, job, params, &sweep_over, curve, &matrix, shard, memory))?)
        }
    };
    let n_clusters = job.kmeans.clusters;
    let (validation, fitted) =
        clock.time("validate", || validate::fit(c, shard, &assignment.segment, n_clusters, job.validate, job.seed));
    let (profiles, idf) =
        clock.time("profile", || profile::fit(c, &shard.matrix, &assignment.segment, n_clusters, job.profile));
    warnings.extend(fit_warnings(job, &pca, &kmeans));

    let (users, map, peak_memory) = clock.time("gather", || {
        let map = map_points(c, shard, &assignment, &scores, job.seed);
        (gather_users(c, shard, assignment, fitted.predicted), map, peak_memory(c))
    });
    let finished = c.is_coordinator().then(|| {
        let measured = Measured {
            processes: layout.processes,
            workers: layout.workers,
            n_users: ratings.n_users,
            n_items: ratings.n_items as u64,
            n_ratings: ratings.n_ratings,
            stages: std::mem::take(&mut clock.stages),
            total_seconds: clock.started.elapsed().as_secs_f64(),
            peak_memory,
        };
        let outcome = Outcome {
            job: job.clone(),
            ledger: ratings.ledger,
            items: ratings.items,
            users,
            pca,
            kmeans,
            sweep,
            validation,
            profiles,
            model: ModelTerms { idf, bayes: fitted.terms },
            map,
            warnings,
            measured,
        };
        let rejects = reject_lines(&ratings.files, ratings.rejects);
        let written = clock.time("write", || write::write(&outcome, &job.output, Some(&rejects)))?;
        Ok(Finished { outcome, written })
    });
    c.agree(finished.transpose())
}

/// Times stages, and shows the one at work where there is a terminal to show it on.
struct Clock {
    shown: bool,
    started: Instant,
    stages: Vec<(String, f64)>,
}

impl Clock {
    fn start(shown: bool) -> Clock {
        Clock { shown, started: Instant::now(), stages: Vec::new() }
    }

    fn time<T>(&mut self, stage: &str, work: impl FnOnce() -> T) -> T {
        let span = if self.shown { tracing::info_span!("stage", name = stage) } else { tracing::Span::none() };
        let started = Instant::now();
        let result = span.in_scope(work);
        let seconds = started.elapsed().as_secs_f64();
        if self.shown {
            tracing::info!(stage, seconds, "done");
        }
        self.stages.push((stage.to_string(), seconds));
        result
    }
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

/// The sweep in both spaces; the projected one came with the fit.
#[allow(clippy::too_many_arguments)]
fn sweep_full<C: Collective>(
    c: &mut C,
    job: &Job,
    params: &SweepParams,
    clusters: &[usize],
    projected: SweepCurve,
    matrix: &crate::kernel::csr::Csr,
    shard: &Shard,
    memory: u64,
) -> Result<Sweep> {
    let points = Points::Sparse(matrix);
    let full = match params.full {
        true => Some(kmeans::sweep(c, points, &shard.draw_keys, clusters, &job.kmeans, job.seed, memory)?),
        false => None,
    };
    Ok(Sweep { clusters: clusters.to_vec(), projected: params.projected.then_some(projected), full })
}

/// What a user should know about the data, on the coordinator.
fn data_warnings<C: Collective>(c: &mut C, job: &Job, ratings: &Ratings) -> Vec<String> {
    let values = &ratings.shard.matrix.values;
    let fold = |start: f64, pick: fn(f64, f64) -> f64| values.iter().copied().fold(start, pick);
    let mut range = [-fold(f64::INFINITY, f64::min), fold(f64::NEG_INFINITY, f64::max)];
    c.max(&mut range);
    let mut warnings = Vec::new();
    if ratings.ledger.rejected > 0 {
        let Ledger { read, rejected, .. } = ratings.ledger;
        warnings.push(format!("{rejected} of {read} rows were rejected; rejects.tsv says which and why"));
    }
    if ratings.zeros > 0 {
        warnings.push(format!("{} ratings are 0, which counts as no rating", ratings.zeros));
    }
    if -range[0] == range[1] && range[1] != 1.0 {
        warnings.push(format!("every rating is {}: only who rated what tells users apart", range[1]));
    }
    let untitled = ratings.items.titles.iter().filter(|title| title.is_none()).count();
    if job.input.items.is_some() && untitled > 0 {
        warnings.push(format!("{untitled} of {} items have no title in input.items.path", ratings.n_items));
    }
    if let Some(sweep) = &job.sweep {
        let most = ratings.n_users as usize;
        if sweep.clusters.iter().any(|&k| k > most) {
            warnings.push(format!("the sweep leaves out the numbers of clusters above {most}, the number of users"));
        }
    }
    warnings
}

/// What a user should know about the fit.
fn fit_warnings(job: &Job, pca: &Pca, kmeans: &KMeans) -> Vec<String> {
    let mut warnings = Vec::new();
    if !pca.solver.converged {
        warnings.push(format!(
            "PCA stopped at a residual of {:.1e}, above {:.0e}; components may be inexact",
            pca.solver.residual, pca.solver.tol
        ));
    }
    if !kmeans.starts[kmeans.best_start].converged {
        warnings.push(format!("k-means was still moving after kmeans.max_iter = {} iterations", job.kmeans.max_iter));
    }
    let empty = kmeans.sizes.iter().filter(|&&size| size == 0).count();
    if empty > 0 {
        warnings.push(format!("{empty} segments are empty: there are fewer different users than kmeans.clusters"));
    }
    warnings
}

/// A worker's rows of the table of users.
#[derive(Serialize, Deserialize)]
struct UserRows {
    users: Vec<Id>,
    assignment: Assignment,
    nb_segment: Vec<u32>,
}

/// All users, sorted by id, on the coordinator.
fn gather_users<C: Collective>(c: &mut C, shard: &Shard, assignment: Assignment, nb_segment: Vec<u32>) -> UserTable {
    let mine = UserRows { users: shard.users.clone(), assignment, nb_segment };
    let parts = c.gather_values(&mine);
    let mut order: Vec<(&Id, usize, usize)> = parts
        .iter()
        .enumerate()
        .flat_map(|(part, rows)| rows.users.iter().enumerate().map(move |(row, user)| (user, part, row)))
        .collect();
    order.sort_unstable();
    let mut table = UserTable::default();
    for (user, part, row) in order {
        let from = &parts[part];
        table.users.push(user.clone());
        table.assignment.segment.push(from.assignment.segment[row]);
        table.assignment.distance.push(from.assignment.distance[row]);
        table.assignment.second.push(from.assignment.second[row]);
        table.assignment.second_distance.push(from.assignment.second_distance[row]);
        table.nb_segment.push(from.nb_segment[row]);
    }
    table
}

/// A keyed sample of users on the first two components, sorted by id, on the coordinator.
fn map_points<C: Collective>(
    c: &mut C,
    shard: &Shard,
    assignment: &Assignment,
    scores: &ndarray::Array2<f64>,
    seed: u64,
) -> Vec<MapPoint> {
    let ticket = |user: usize| keyed::bits(seed, Stream::MapSample, 0, shard.draw_keys[user]);
    let mut drawn: Vec<(u64, usize)> = (0..shard.users.len()).map(|user| (ticket(user), user)).collect();
    drawn.sort_unstable();
    drawn.truncate(MAP_POINTS);
    let point = |user: usize| MapPoint {
        user: shard.users[user].clone(),
        segment: assignment.segment[user],
        x: scores[[user, 0]],
        y: scores.row(user).get(1).copied().unwrap_or(0.0),
    };
    let mine: Vec<(u64, MapPoint)> = drawn.into_iter().map(|(ticket, user)| (ticket, point(user))).collect();
    let mut all: Vec<(u64, MapPoint)> = c.gather_values(&mine).concat();
    all.sort_by(|(a, p), (b, q)| a.cmp(b).then_with(|| p.user.cmp(&q.user)));
    all.truncate(MAP_POINTS);
    let mut points: Vec<MapPoint> = all.into_iter().map(|(_, point)| point).collect();
    points.sort_by(|a, b| a.user.cmp(&b.user));
    points
}

/// Peak resident memory of the largest process, in bytes; 0 where the system does not say.
fn peak_memory<C: Collective>(c: &mut C) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
    let mut peak = [kibibytes.unwrap_or(0) * 1024];
    c.max(&mut peak);
    peak[0]
}

fn reject_lines(files: &[crate::ingest::files::InputFile], rejects: Vec<Reject>) -> Vec<RejectLine> {
    let line = |reject: Reject| RejectLine {
        file: files[reject.file as usize].path.display().to_string(),
        line: reject.line,
        byte: reject.byte,
        code: reject.code.name().into(),
        field: reject.field,
        raw: reject.raw,
    };
    rejects.into_iter().map(line).collect()
}
