//! One fit: from ratings in their shards to all there is to say of them.

use std::borrow::Cow;
use std::path::Path;

use ndarray::Array2;

use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::Layout;
use crate::flow::read::Ratings;
use crate::job::Job;
use crate::kernel::csr::Csr;
use crate::kernel::lloyd::Points;
use crate::kernel::simd::level;
use crate::results::{Measured, ModelTerms, Outcome};
use crate::shard::Shard;
use crate::shard::store::Store;
use crate::shard::weight::Weigher;
use crate::stages::continuity::Continuity;
use crate::stages::evidence::{Question, activity_correlation};
use crate::stages::kmeans::{self, Centroids, Fitted, KMeans, Settings, StartReport, Sweep, SweepCurve};
use crate::stages::names;
use crate::stages::pca::{self, Pca};
use crate::stages::profile;
use crate::stages::resume::Checkpoint;
use crate::stages::validate;
use crate::watch::progress::{self, RunAt, RunOf, Space};

use super::clock::Clock;
use super::compare::{self, Known, Previous};
use super::room::{RUNS_PERCENT, share};
use super::{evidence, gather, warnings};

/// What to fit, and how.
pub struct Task<'a> {
    pub job: &'a Job,
    pub layout: &'a Layout,
    /// Numbers of clusters to sweep over.
    pub sweep_over: Vec<usize>,
    /// The run to compare with: on the coordinator, and what all workers know of it.
    pub earlier: Option<(Option<Previous>, Known)>,
    /// Where k-means begins, instead of starts by k-means++: centroids `(n_clusters, n_items)` as rows of the weighted matrix.
    pub beginning: Option<Csr>,
    /// The folder for what has no room in memory.
    pub scratch: &'a Path,
}

/// Fits the ratings. All workers call it together; what was found is on the coordinator.
pub fn fit<C: Collective>(
    c: &mut C,
    task: Task<'_>,
    mut ratings: Ratings,
    clock: &mut Clock,
    checkpoint: &mut dyn Checkpoint,
) -> Result<Option<Outcome>> {
    let Task { job, layout, sweep_over, earlier, beginning, scratch } = task;
    let memory = share(job, layout.workers, RUNS_PERCENT);
    let settings = Settings { params: &job.kmeans, seed: job.seed, memory };
    let mut warnings = warnings::of_data(c, job, &ratings);
    let shard = &ratings.shard;
    let Projected { weigher, matrix, pca, scores, activity_correlation } =
        clock.time("pca", || project(c, job, shard, &mut ratings.store, checkpoint))?;
    let projected = match &job.sweep {
        Some(sweep) if sweep.projected => &sweep_over[..],
        _ => &[],
    };
    let mut found = clock.time("kmeans", || match &beginning {
        Some(centroids) => {
            let begin = Centroids::points(pca::project(&pca, centroids), &job.kmeans);
            let fitted = kmeans::fit_from(c, scores.view(), &shard.draw_keys, begin.view(), &job.kmeans);
            fitted.map(|(kmeans, assignment)| {
                let tried = vec![kmeans.clone()];
                Fitted { kmeans, assignment, curve: SweepCurve::default(), tried }
            })
        }
        None => kmeans::fit_and_sweep(c, scores.view(), &shard.draw_keys, projected, settings, checkpoint),
    })?;
    tell_starts(job.kmeans.clusters, &found.kmeans);
    let compared = earlier.map(|(previous, known)| {
        let space = compare::Space { ratings: &ratings, pca: &pca, scores: &scores };
        clock.time("compare", || compare::compare(c, previous.as_ref(), &known, &space, &mut found))
    });
    let Fitted { kmeans, assignment, curve, tried } = found;
    let sweep = match &job.sweep {
        Some(params) if !sweep_over.is_empty() => {
            let full = params.full.then(|| {
                let points = Points::Sparse(&matrix);
                clock.time("sweep", || kmeans::sweep(c, points, &shard.draw_keys, &sweep_over, settings, checkpoint))
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
                memory: share(job, layout.workers, evidence::MATRICES_PERCENT),
                scratch,
                runs_memory: memory,
            };
            evidence::gather(c, &question, checkpoint, &mut warnings)
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
        (gather::users(c, &shard.users, assignment, fitted.predicted), map)
    });
    let (peak_memory, bytes_sent) = (gather::peak_memory(c), gather::bytes_sent(c, layout.workers));
    let (continuity, moves) = compared.map(|found| (found.continuity, found.moves)).unzip();
    let kept = continuity.as_ref().map_or_else(Vec::new, Continuity::kept_names);
    Ok(c.is_coordinator().then(|| {
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
        Outcome {
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
        }
    }))
}

/// Users on the principal components.
struct Projected<'a> {
    weigher: Weigher,
    /// `(n_local_users, n_items)`
    matrix: Cow<'a, Csr>,
    pca: Pca,
    /// As k-means sees them `(n_local_users, n_components)`.
    scores: Array2<f64>,
    activity_correlation: f64,
}

fn project<'a, C: Collective>(
    c: &mut C,
    job: &Job,
    shard: &'a Shard,
    store: &mut Store,
    checkpoint: &mut dyn Checkpoint,
) -> Result<Projected<'a>> {
    let weigher = Weigher::fit(c, &shard.matrix, job.matrix);
    let weighted = weigher.weigh(&shard.matrix, store);
    let matrix = c.agree(weighted)?;
    let pca = match checkpoint.restore("pca") {
        Some(pca) => pca,
        None => {
            let pca = pca::fit(c, &matrix, &job.pca, job.seed, job.memory, checkpoint)?;
            checkpoint.keep("pca", &pca);
            pca
        }
    };
    progress::swept(pca.solver.iterations, Some(pca.solver.residual));
    let scores = pca::project(&pca, &matrix);
    let activity_correlation = activity_correlation(c, scores.column(0).iter().copied(), &shard.matrix);
    Ok(Projected { weigher, matrix, pca, scores: Centroids::points(scores, &job.kmeans), activity_correlation })
}

/// Tells of all starts, those that other processes ran or an earlier attempt ended too.
fn tell_starts(clusters: usize, kmeans: &KMeans) {
    for (start, &StartReport { iterations, inertia, .. }) in kmeans.starts.iter().enumerate() {
        let run = RunOf { space: Space::Projected, clusters, start };
        progress::moved(run, RunAt { iterations, inertia, ended: true });
    }
}
