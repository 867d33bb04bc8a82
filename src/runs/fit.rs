//! One fit: from ratings in their shards to an [`Outcome`], one step after the other.

use std::path::Path;

use ndarray::Array2;

use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::Layout;
use crate::flow::read::Ratings;
use crate::job::{Job, Refine};
use crate::kernel::csr::Csr;
use crate::kernel::lloyd::Points;
use crate::kernel::simd::level;
use crate::results::{Id, MapPoint, Measured, ModelTerms, Outcome, UserTable};
use crate::shard::Shard;
use crate::shard::weight::Weigher;
use crate::stages::choose::Chosen;
use crate::stages::continuity::{Continuity, Moves};
use crate::stages::evidence::{Evidence, Question, activity_correlation};
use crate::stages::kmeans::{self, Assignment, Centroids, Fitted, KMeans, Settings, StartReport, Sweep, SweepCurve};
use crate::stages::mixture::Mixture;
use crate::stages::names;
use crate::stages::pca::{self, Pca};
use crate::stages::profile::{self, Profile};
use crate::stages::resume::Checkpoint;
use crate::stages::validate::{self, Validation};
use crate::watch::progress::{self, RunAt, RunOf};

use super::clock::Clock;
use super::compare::{self, Compared, Known, Previous};
use super::ranges::Ranges;
use super::room::{BAYES_PERCENT, RUNS_PERCENT, share};
use super::{evidence, gather, refine, warnings};

/// What to fit, and how.
pub struct Task<'a> {
    pub job: &'a Job,
    pub layout: &'a Layout,
    /// What the run has chosen of the job.
    pub chosen: Option<Chosen>,
    /// Numbers of clusters to sweep over.
    pub sweep_over: Vec<usize>,
    /// The run to compare with: on the coordinator, and what all workers know of it.
    pub earlier: Option<(Option<Previous>, Known)>,
    /// Where k-means begins, instead of starts by k-means++: centroids `(n_clusters, n_items)` as rows of the weighted matrix.
    pub beginning: Option<Csr>,
    /// The folder for what has no room in memory.
    pub scratch: &'a Path,
}

/// What a fit has made.
pub struct Made {
    /// On the coordinator.
    pub outcome: Option<Outcome>,
    pub users: Ranges<UserTable>,
    /// Absent where there was no run to compare with.
    pub moves: Option<Ranges<Moves>>,
}

/// Fits the ratings. All workers call it together.
pub fn fit<C: Collective>(
    c: &mut C,
    task: Task<'_>,
    mut ratings: Ratings,
    clock: &mut Clock,
    checkpoint: &mut dyn Checkpoint,
) -> Result<Made> {
    let Task { job, layout, chosen, sweep_over, earlier, beginning, scratch } = task;
    let runs_memory = share(job, layout.workers, RUNS_PERCENT);
    let mut warnings = warnings::of_data(c, job, &ratings);
    let mut fit = Fit { c, job, layout, runs_memory, scratch, clock, checkpoint };
    let space = fit.project(&ratings.shard)?;
    let mut found = fit.cluster(&space, &ratings.shard, &sweep_over, beginning.as_ref())?;
    let mut mixture = fit.refine(&space, &ratings.shard, &mut found)?;
    let refine = if mixture.is_some() { Refine::Mixture } else { Refine::None };
    warnings.extend(warnings::of_refinement(job, refine));
    let compared = earlier.map(|earlier| fit.compare(earlier, &ratings, &space, &mut found));
    if let (Some(mixture), Some(compared)) = (&mut mixture, &compared) {
        mixture.renumber(&compared.numbers);
    }
    let sweep = fit.sweep(sweep_over, &space, &ratings.shard, std::mem::take(&mut found.curve))?;
    let (validation, bayes) = fit.validate(&ratings.shard, &found);
    let (profiles, idf) = fit.profile(&ratings, &found);
    warnings.extend(warnings::of_fit(job, &space.pca, &found.kmeans, space.activity_correlation));
    let Space { weigher, matrix, pca, scores, activity_correlation } = space;
    drop(matrix);
    let (evidence, evidence_spilled) = fit.evidence(&ratings.shard, (&pca, &scores), &found, refine, &mut warnings)?;
    // The ratings are needed no more: what is gathered may use their memory.
    ratings.shard.matrix = Csr::empty(ratings.n_items);
    let bytes = fit.bytes(&ratings, evidence_spilled);
    let Fitted { kmeans, assignment, .. } = found;
    let (compared, moves) = compared.map(|Compared { continuity, moves, .. }| (continuity, moves)).unzip();
    let table = (assignment, bayes.predicted);
    let n_users = ratings.n_users;
    let Gathered { users, moves, map, known } = fit.gather(&mut ratings.shard, table, &scores, moves, n_users);
    let measured = fit.measure(&ratings, bytes);
    let model = ModelTerms { idf, mean_length: weigher.mean_length(), mixture, bayes: bayes.terms };
    let found = Found {
        chosen,
        map,
        known,
        pca,
        kmeans,
        sweep,
        validation,
        profiles,
        evidence,
        continuity: compared,
        activity_correlation,
        model,
    };
    let outcome = fit.c.is_coordinator().then(|| found.outcome(job, ratings, warnings, measured));
    Ok(Made { outcome, users, moves })
}

/// Users where they are written and shown.
struct Gathered {
    users: Ranges<UserTable>,
    moves: Option<Ranges<Moves>>,
    map: Vec<MapPoint>,
    known: Vec<(Id, u32)>,
}

/// What the stages found.
struct Found {
    chosen: Option<Chosen>,
    map: Vec<MapPoint>,
    known: Vec<(Id, u32)>,
    pca: Pca,
    kmeans: KMeans,
    sweep: Option<Sweep>,
    validation: Validation,
    profiles: Vec<Profile>,
    evidence: Option<Evidence>,
    continuity: Option<Continuity>,
    activity_correlation: f64,
    model: ModelTerms,
}

impl Found {
    /// All there is to say of the run, on the coordinator.
    fn outcome(self, job: &Job, ratings: Ratings, warnings: Vec<String>, measured: Measured) -> Outcome {
        let kept = self.continuity.as_ref().map_or_else(Vec::new, Continuity::kept_names);
        Outcome {
            job: job.clone(),
            chosen: self.chosen,
            ledger: ratings.ledger,
            inputs: gather::inputs(&job.input, &ratings.files),
            names: names::names(&self.profiles, &ratings.items, &kept),
            items: ratings.items,
            pca: self.pca,
            kmeans: self.kmeans,
            sweep: self.sweep,
            validation: self.validation,
            profiles: self.profiles,
            evidence: self.evidence,
            continuity: self.continuity,
            activity_correlation: self.activity_correlation,
            model: self.model,
            map: self.map,
            known: self.known,
            warnings,
            measured,
        }
    }
}

/// Users on the principal components.
struct Space {
    weigher: Weigher,
    /// `(n_local_users, n_items)`
    matrix: Csr,
    pca: Pca,
    /// As k-means sees them `(n_local_users, n_components)`.
    scores: Array2<f64>,
    activity_correlation: f64,
}

/// What the steps of a fit share.
struct Fit<'a, C> {
    c: &'a mut C,
    job: &'a Job,
    layout: &'a Layout,
    /// Bytes of this worker for runs of k-means in progress.
    runs_memory: u64,
    scratch: &'a Path,
    clock: &'a mut Clock,
    checkpoint: &'a mut dyn Checkpoint,
}

impl<'a, C: Collective> Fit<'a, C> {
    fn project(&mut self, shard: &Shard) -> Result<Space> {
        let Fit { c, job, clock, checkpoint, .. } = self;
        clock.time("pca", || project(*c, job, shard, *checkpoint))
    }

    fn settings(&self) -> Settings<'a> {
        Settings { params: &self.job.kmeans, seed: self.job.seed, memory: self.runs_memory, swaps: Settings::SWAPS }
    }

    /// The segments, and those of every number of clusters that the sweep asks for.
    fn cluster(
        &mut self,
        space: &Space,
        shard: &Shard,
        sweep_over: &[usize],
        beginning: Option<&Csr>,
    ) -> Result<Fitted> {
        let settings = self.settings();
        let Fit { c, job, clock, checkpoint, .. } = self;
        let is_swept = job.sweep.as_ref().is_some_and(|sweep| sweep.projected);
        let sweep_over = if is_swept { sweep_over } else { &[] };
        let (points, keys) = (space.scores.view(), &shard.draw_keys);
        let found = clock.time("kmeans", || match beginning {
            Some(centroids) => {
                let begin = Centroids::points(pca::project(&space.pca, centroids), &job.kmeans);
                kmeans::fit_from(*c, points, keys, begin.view(), &job.kmeans).map(Fitted::alone)
            }
            None => kmeans::fit_and_sweep(*c, points, keys, sweep_over, settings, *checkpoint),
        })?;
        tell_starts(job.kmeans.clusters, &found.kmeans);
        Ok(found)
    }

    /// The segments refined, where the job says so.
    fn refine(&mut self, space: &Space, shard: &Shard, found: &mut Fitted) -> Result<Option<Mixture>> {
        let Fit { c, job, layout, clock, checkpoint, .. } = self;
        if job.kmeans.refine == Refine::None {
            return Ok(None);
        }
        refine::check(job, layout, shard.matrix.n_cols)?;
        Ok(clock.time("refine", || refine::refine(*c, job, shard, space.scores.view(), found, *checkpoint)))
    }

    fn compare(
        &mut self,
        (previous, known): (Option<Previous>, Known),
        ratings: &Ratings,
        space: &Space,
        found: &mut Fitted,
    ) -> Compared {
        let Fit { c, clock, .. } = self;
        let space = compare::Space { ratings, pca: &space.pca, scores: &space.scores };
        clock.time("compare", || compare::compare(*c, previous.as_ref(), &known, &space, found))
    }

    /// Inertia against the number of clusters, where the job asks for it. `curve` is that of the projected space.
    fn sweep(
        &mut self,
        clusters: Vec<usize>,
        space: &Space,
        shard: &Shard,
        curve: SweepCurve,
    ) -> Result<Option<Sweep>> {
        let settings = self.settings();
        let Fit { c, job, clock, checkpoint, .. } = self;
        let Some(params) = job.sweep.as_ref().filter(|_| !clusters.is_empty()) else { return Ok(None) };
        let (points, keys) = (Points::Sparse(&space.matrix), &shard.draw_keys);
        let mut sweep = || kmeans::sweep(*c, points, keys, &clusters, settings, *checkpoint);
        let full = params.full.then(|| clock.time("sweep", &mut sweep)).transpose()?;
        Ok(Some(Sweep { projected: params.projected.then_some(curve), full, clusters }))
    }

    fn validate(&mut self, shard: &Shard, found: &Fitted) -> (Validation, validate::Fitted) {
        let Fit { c, job, layout, clock, .. } = self;
        let (labels, n_clusters) = (&found.assignment.segment, job.kmeans.clusters);
        let memory = share(job, layout.workers, BAYES_PERCENT);
        clock.time("validate", || validate::fit(*c, shard, labels, n_clusters, job.validate, job.seed, memory))
    }

    /// What makes each segment different, and the idf of each item.
    fn profile(&mut self, ratings: &Ratings, found: &Fitted) -> (Vec<Profile>, Vec<f64>) {
        let Fit { c, job, clock, .. } = self;
        let (labels, centroids) = (&found.assignment.segment, found.kmeans.centroids.view());
        let (matrix, metadata) = (&ratings.shard.matrix, &ratings.items.metadata);
        clock.time("profile", || profile::fit(*c, matrix, labels, centroids, metadata, job.profile))
    }

    /// Whether the segments are real, if the job asks for it, and the bytes that went to scratch files for it.
    fn evidence(
        &mut self,
        shard: &Shard,
        (pca, scores): (&Pca, &Array2<f64>),
        found: &Fitted,
        refine: Refine,
        warnings: &mut Vec<String>,
    ) -> Result<(Option<Evidence>, u64)> {
        let Fit { c, job, layout, runs_memory, scratch, clock, checkpoint } = self;
        let Some(params) = job.evidence else { return Ok((None, 0)) };
        let memory = share(job, layout.workers, evidence::MATRICES_PERCENT);
        let (points, runs_memory) = (scores.view(), *runs_memory);
        let (tried, segments) = (&found.tried, &found.assignment.segment);
        let components = pca.components.view();
        let question =
            Question { job, params, shard, components, points, tried, segments, refine, memory, scratch, runs_memory };
        clock.time("evidence", || evidence::gather(*c, &question, *checkpoint, warnings))
    }

    /// Bytes that went to scratch files, and bytes of the ratings, over all workers. `evidence` went there for the evidence.
    fn bytes(&mut self, ratings: &Ratings, evidence: u64) -> [u64; 2] {
        let store = &ratings.store;
        let mut bytes = [ratings.rows_spilled + store.spilled() + evidence, store.bytes()];
        self.c.sum(&mut bytes);
        bytes
    }

    /// The users, who move out of the shard, and their moves in the order of their ids, and the map.
    fn gather(
        &mut self,
        shard: &mut Shard,
        (assignment, nb_segment): (Assignment, Vec<u32>),
        scores: &Array2<f64>,
        moves: Option<Moves>,
        n_users: u64,
    ) -> Gathered {
        let Fit { c, job, clock, .. } = self;
        clock.time("gather", || {
            let map = gather::map_points(*c, shard, &assignment, scores, job.seed);
            let known = gather::known_users(*c, shard, &assignment, n_users, job.seed);
            let users = UserTable { users: std::mem::take(&mut shard.users), assignment, nb_segment };
            let users = Ranges::of(*c, users);
            Gathered { users, moves: moves.map(|moves| Ranges::of(*c, moves)), map, known }
        })
    }

    /// What the fit took.
    fn measure(&mut self, ratings: &Ratings, [spilled, ratings_bytes]: [u64; 2]) -> Measured {
        let Fit { c, layout, clock, .. } = self;
        Measured {
            processes: layout.processes,
            workers: layout.workers,
            simd: level().name().into(),
            n_users: ratings.n_users,
            n_items: ratings.n_items as u64,
            n_ratings: ratings.n_ratings,
            peak_memory: gather::peak_memory(*c),
            bytes_sent: gather::bytes_sent(*c, layout.workers),
            stages: std::mem::take(&mut clock.stages),
            total_seconds: clock.started.elapsed().as_secs_f64(),
            spilled,
            ratings_bytes,
        }
    }
}

/// Fits the components, and puts the users on them.
fn project<C: Collective>(c: &mut C, job: &Job, shard: &Shard, checkpoint: &mut dyn Checkpoint) -> Result<Space> {
    let weigher = Weigher::fit(c, &shard.matrix, job.matrix);
    let matrix = weigher.weigh(&shard.matrix);
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
    Ok(Space { weigher, matrix, pca, scores: Centroids::points(scores, &job.kmeans), activity_correlation })
}

/// Tells of all starts, those that other processes ran or an earlier attempt ended too.
fn tell_starts(clusters: usize, kmeans: &KMeans) {
    for (start, &StartReport { iterations, inertia, .. }) in kmeans.starts.iter().enumerate() {
        let run = RunOf { space: progress::Space::Projected, clusters, start };
        progress::moved(run, RunAt { iterations, inertia, ended: true });
    }
}
