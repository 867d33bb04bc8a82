//! How fast this machine is: the real stages, timed on a piece of the input.
//!
//! There is a thread for each worker that the process will have, up to the number of processors. All work at the same time, each
//! on its own piece, so that their contention is measured too. Naive Bayes and profiles are timed on two pieces of different
//! size, which separates the cost of a rating from the cost of a table.

use std::hint::black_box;
use std::path::Path;
use std::sync::Barrier;
use std::time::Instant;

use ndarray::{Array2, concatenate, s};

use crate::collective::{Collective, Solo};
use crate::error::{Error, Result};
use crate::flow::cluster::{self, Layout};
use crate::flow::collective::TimelyCollective;
use crate::ingest::estimate::{Estimate, Order};
use crate::ingest::generate::Generator;
use crate::ingest::ids::TEXT_KEY;
use crate::ingest::keys::ItemIndex;
use crate::ingest::plan::{Format, Plan, PlannedFile};
use crate::ingest::rows::{Narrow, Records, Row};
use crate::ingest::sample;
use crate::ingest::source::Codec;
use crate::job::{Amounts, BayesModel, Duplicates, Job, KMeansParams, PcaParams, Refine, Solver};
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::large::Large;
use crate::kernel::lloyd::Points;
use crate::kernel::moments::ColumnSums;
use crate::kernel::sweep;
use crate::results::forecast::Rates;
use crate::runs::predict::time;
use crate::shard::Shard;
use crate::shard::incoming::Incoming;
use crate::shard::sealing::{self, Several};
use crate::shard::store::Store;
use crate::stages::kmeans::{self, Settings};
use crate::stages::pca;
use crate::stages::profile;
use crate::stages::resume::InMemory;
use crate::stages::validate;

/// Bytes of the input, and rows of generated data, that each thread works on.
const BYTES: u64 = 12 << 20;
const ROWS: usize = 800_000;
/// Rows of a batch, as in `flow::shuffle`.
const BATCH: usize = 8192;
/// Items at most: so many are enough to measure costs per item, and their vectors are as far from the processor as those of more.
const ITEMS: u64 = 1 << 18;
/// Users that a pass of Lloyd's algorithm is timed on.
const USERS: usize = 40_000;
/// Iterations of it.
const LLOYD: usize = 12;
/// Ratings that the sweep over all items is timed on.
const SWEPT: usize = 60_000;
const SWEPT_CLUSTERS: usize = 8;
/// Tables are timed on a shard that comes so often, and on a part of it.
const MANY: usize = 3;
/// Bytes of an array that is summed to time copies, and how often a short one is.
const ARRAY: usize = 4 << 20;
const CALLS: usize = 50;

/// The rates of `threads` workers at the same time.
pub fn calibrate(plan: &Plan, estimate: &Estimate, job: &Job, threads: usize) -> Result<Rates> {
    let each = measure(&Bench { plan, estimate, job, threads, barrier: Barrier::new(threads) })?;
    let mut rates = mean(&each);
    if threads > 1 {
        (rates.call, rates.copy) = collectives(threads)?;
    }
    Ok(rates)
}

/// The rates of each thread that has a piece of the input.
fn measure(bench: &Bench<'_>) -> Result<Vec<Rates>> {
    let each: Vec<Result<Option<Rates>>> = std::thread::scope(|scope| {
        let all: Vec<_> = (0..bench.threads).map(|index| scope.spawn(move || bench.rates(index))).collect();
        let died = |_| Err(Error::Bug { place: "plan".into(), problem: "a calibration panicked".into() });
        all.into_iter().map(|thread| thread.join().unwrap_or_else(died)).collect()
    });
    // A thread without a piece has measured nothing.
    Ok(each.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// The mean of what was measured; the usual rates for everything else.
fn mean(each: &[Rates]) -> Rates {
    if each.is_empty() {
        return Rates::default();
    }
    let mean = |of: fn(&Rates) -> f64| each.iter().map(of).sum::<f64>() / each.len() as f64;
    Rates {
        scan: mean(|r| r.scan),
        receive: mean(|r| r.receive),
        seal: mean(|r| r.seal),
        pass: mean(|r| r.pass),
        sweep: mean(|r| r.sweep),
        basis: mean(|r| r.basis),
        project: mean(|r| r.project),
        begin: mean(|r| r.begin),
        lloyd: mean(|r| r.lloyd),
        sparse: mean(|r| r.sparse),
        bayes: mean(|r| r.bayes),
        bayes_cell: mean(|r| r.bayes_cell),
        profile: mean(|r| r.profile),
        profile_cell: mean(|r| r.profile_cell),
        ..Rates::default()
    }
}

/// Seconds of a call, and of a byte that a worker sends.
fn collectives(threads: usize) -> Result<(f64, f64)> {
    let measured = cluster::execute(&Layout::single(threads), Default::default, move |worker| {
        let mut c = TimelyCollective::new(worker, threads);
        let mut long = vec![1i64; ARRAY / 8];
        let copies = quickest(4, || c.sum(&mut long));
        let calls = quickest(4, || (0..CALLS).for_each(|_| c.sum(&mut [1i64])));
        (calls / CALLS as f64, copies / (2.0 * ARRAY as f64 * (c.peers() - 1) as f64 / c.peers() as f64))
    })?;
    Ok(measured[0])
}

/// Processor time of this thread, so that other load on the machine does not matter.
fn seconds<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = processor_time();
    let done = black_box(work());
    (processor_time() - start, done)
}

fn processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + 1e-9 * time.tv_nsec as f64
}

fn best<T>(times: usize, mut work: impl FnMut() -> T) -> f64 {
    (0..times).map(|_| seconds(&mut work).0).fold(f64::INFINITY, f64::min)
}

/// By the clock: what waits for other threads takes no processor time.
fn quickest<T>(times: usize, mut work: impl FnMut() -> T) -> f64 {
    let timed = |work: &mut dyn FnMut() -> T| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64()
    };
    (0..times).map(|_| timed(&mut work)).fold(f64::INFINITY, f64::min)
}

fn is_packed(planned: &PlannedFile) -> bool {
    matches!(planned.format, Format::Text { codec, .. } if codec != Codec::None)
}

struct Bench<'a> {
    plan: &'a Plan,
    estimate: &'a Estimate,
    job: &'a Job,
    threads: usize,
    barrier: Barrier,
}

impl Bench<'_> {
    fn rates(&self, index: usize) -> Result<Option<Rates>> {
        let mut rates = Rates::default();
        let shard = self.ingest(index, &mut rates);
        // A thread that fails still meets the others at the barrier.
        let whole = shard.as_ref().ok().filter(|shard| shard.matrix.nnz() > 0);
        let scores = self.together(|| whole.map(|shard| self.pca(shard, &mut rates)));
        let labels =
            self.together(|| whole.zip(scores.as_ref()).map(|(shard, scores)| self.kmeans(shard, scores, &mut rates)));
        self.together(|| {
            if let (Some(shard), Some(labels)) = (whole, &labels) {
                self.tables(shard, labels, &mut rates);
            }
        });
        let measured = whole.is_some();
        shard.map(|_| measured.then_some(rates))
    }

    fn together<T>(&self, work: impl FnOnce() -> T) -> T {
        self.barrier.wait();
        work()
    }

    /// Reads, takes in and seals a piece.
    fn ingest(&self, index: usize, rates: &mut Rates) -> Result<Shard> {
        let mut batches = Batches::new(self.estimate);
        let (read, result) = self.together(|| {
            let start = Instant::now();
            let (here, result) = seconds(|| self.read(index, &mut batches));
            // A packed text is unpacked by another thread.
            let took =
                if self.plan.planned_files().iter().any(is_packed) { start.elapsed().as_secs_f64() } else { here };
            (took, result)
        });
        let rows = batches.rows;
        let batches = batches.finish();
        let each = 1.0 / rows.max(1) as f64;
        let folder = Path::new(".");
        let mut incoming = Incoming::new(rows as u64, u64::MAX, folder);
        let (received, ()) = self.together(|| seconds(|| batches.iter().for_each(|batch| incoming.receive(batch))));
        drop(batches);
        let (sealed, shard) = self.together(|| {
            seconds(|| {
                let items = ItemIndex::new(&incoming.item_keys());
                sealing::seal(
                    incoming,
                    &items,
                    Several::Merge(Duplicates::Max).into(),
                    &mut Store::new(u64::MAX, folder),
                )
            })
        });
        result?;
        if rows > 0 {
            (rates.scan, rates.receive, rates.seal) = (read * each, received * each, sealed * each);
        }
        Ok(shard?.shard)
    }

    fn read(&self, index: usize, batches: &mut Batches) -> Result<()> {
        match self.plan {
            Plan::Files(_) => {
                let own = (index, self.threads);
                sample::read_again(self.plan, own, BYTES, |user, item, value| batches.add(user, item, value))
            }
            Plan::Generate(spec) => {
                let generator = Generator::new(spec)?;
                let mut rows = Vec::new();
                for user in (1..=spec.users).skip(index).step_by(self.threads) {
                    generator.user(user, &mut rows);
                    rows.iter().for_each(|&(item, value)| batches.add(user, item, value));
                    if batches.rows >= ROWS {
                        break;
                    }
                }
                Ok(())
            }
        }
    }

    /// The scores of the users.
    fn pca(&self, shard: &Shard, rates: &mut Rates) -> Array2<f64> {
        const B: usize = 8;
        let matrix = &shard.matrix;
        let (n, nnz) = (matrix.n_cols, matrix.nnz() as f64);
        let scale = Scale::new(matrix.max_abs().powi(2).max(matrix.max_abs()), matrix.n_rows() as u64);
        rates.pass = best(2, || ColumnSums::of(matrix, scale, scale)) / nnz;
        let (mut v, mut image) = (Large::zeroed(n), Large::zeroed(n));
        v.fill([0.25; B]);
        let factor = Scale::new(1e6, matrix.n_rows() as u64).factor();
        rates.sweep = best(3, || sweep::centred_sweep(matrix, &v, &[0.5; B], factor, &mut image)) / nnz;
        let mut products = vec![[0.0; B]; matrix.n_rows()];
        rates.project = best(2, || sweep::centred_products(matrix, &v, &[0.5; B], |row, y| products[row] = y)) / nnz;
        let components = self.job.pca.components.min(n.saturating_sub(1)).min(matrix.n_rows().saturating_sub(1)).max(1);
        let params = PcaParams { components, solver: Solver::Krylov, ..self.job.pca };
        let (took, fitted) =
            seconds(|| pca::fit(&mut Solo, matrix, &params, 1, self.job.memory, &mut InMemory::default()));
        let Ok(fitted) = fitted else { return Array2::zeros((matrix.n_rows(), components)) };
        if fitted.solver.solver == "krylov" {
            let sweeps = fitted.solver.iterations as f64;
            let algebra = (took - 3.0 * nnz * rates.pass) / sweeps - nnz * rates.sweep;
            rates.basis = (algebra / n as f64).max(0.1 * Rates::default().basis);
        }
        pca::project(&fitted, matrix)
    }

    /// The segments of the users.
    fn kmeans(&self, shard: &Shard, scores: &Array2<f64>, rates: &mut Rates) -> Vec<u32> {
        let (n, dims) = scores.dim();
        let clusters = self.job.kmeans.clusters.min(n / 2).max(1);
        let unit = clusters as f64 * dims as f64 / 10.0;
        let params = KMeansParams { clusters, n_init: 1, max_iter: 1, ..self.job.kmeans };
        let few = n.min(16_384);
        let sample = scores.slice(s![..few, ..]);
        let keys = &shard.draw_keys[..few];
        let begin = || {
            kmeans::fit(
                &mut Solo,
                sample,
                keys,
                Settings { params: &params, seed: 1, memory: u64::MAX, swaps: Settings::SWAPS },
            )
        };
        let (first, begun) = seconds(begin);
        let began = first.min(best(1, begin));
        let Ok((begun, _)) = begun else { return vec![0; n] };
        rates.begin = began / (few as f64 * unit);
        let copies = USERS.div_ceil(n);
        let many = concatenate(ndarray::Axis(0), &vec![scores.view(); copies]).expect("scores of one width");
        let draw_keys: Vec<u64> = (0..many.nrows() as u64).collect();
        let initial = begun.centroids.view();
        let run = |max_iter: usize| {
            let params = KMeansParams { max_iter, tol: 0.0, ..params };
            kmeans::fit_from(&mut Solo, many.view(), &draw_keys, initial, &params)
        };
        // One iteration is half of what a run of one takes: the rest, before and after it, comes once for all runs.
        let one = best(2, || run(1));
        let (took, model) = seconds(|| run(LLOYD));
        let Ok((model, assignment)) = model else { return vec![0; n] };
        let iterations = model.starts[0].iterations.max(1) as f64;
        let took = (took.min(best(1, || run(LLOYD))) - 0.5 * one).max(0.25 * took);
        rates.lloyd = took / (iterations * many.nrows() as f64 * unit);
        if self.job.sweep.as_ref().is_some_and(|sweep| sweep.full) {
            rates.sparse = self.sparse(shard, rates.sparse);
        }
        assignment.segment[..n].to_vec()
    }

    fn sparse(&self, shard: &Shard, unknown: f64) -> f64 {
        let mut matrix = Csr::empty(shard.matrix.n_cols);
        for row in shard.matrix.rows() {
            if matrix.nnz() >= SWEPT && matrix.n_rows() >= SWEPT_CLUSTERS {
                break;
            }
            matrix.push_row(row.iter().map(|(item, value)| (item as u32, value)));
        }
        let clusters = SWEPT_CLUSTERS.min(matrix.n_rows());
        let params = KMeansParams {
            clusters,
            n_init: 1,
            max_iter: 4,
            tol: 0.0,
            spherical: false,
            refine: Refine::None,
            amounts: Amounts::None,
        };
        let (points, keys) = (Points::Sparse(&matrix), &shard.draw_keys[..matrix.n_rows()]);
        let nowhere = &mut InMemory::default();
        let settings = Settings { params: &params, seed: 1, memory: u64::MAX, swaps: Settings::SWAPS };
        let run = || kmeans::sweep(&mut Solo, points, keys, &[clusters], settings, nowhere);
        let (took, done) = seconds(run);
        let work = matrix.nnz() as f64 * time::sparse_work(&[clusters as f64], 4.0);
        if done.is_ok() { took / work } else { unknown }
    }

    fn tables(&self, shard: &Shard, labels: &[u32], rates: &mut Rates) {
        let (clusters, items) = (self.job.kmeans.clusters, shard.matrix.n_cols as f64);
        let (many, few) = (Repeated::new(shard, labels, MANY), Repeated::new(shard, labels, 0));
        let mut params = self.job.validate;
        params.folds = params.folds.min(few.shard.users.len()).max(2);
        let bayes =
            |of: &Repeated| best(2, || validate::fit(&mut Solo, &of.shard, &of.labels, clusters, params, 1, u64::MAX));
        let tables = if params.model == BayesModel::Gaussian { 2.0 } else { 1.0 };
        let cells = items * clusters as f64;
        let of_models = cells * (1.0 + params.folds as f64) * tables;
        (rates.bayes, rates.bayes_cell) = split([bayes(&many), bayes(&few)], [&many, &few], of_models);
        let nowhere = Array2::zeros((clusters, 1));
        let profiles = |of: &Repeated| {
            best(2, || profile::fit(&mut Solo, &of.shard.matrix, &of.labels, nowhere.view(), &[], self.job.profile))
        };
        (rates.profile, rates.profile_cell) = split([profiles(&many), profiles(&few)], [&many, &few], cells);
    }
}

/// What a rating and what a cell costs, from times of two shards with the same cells.
fn split(took: [f64; 2], shards: [&Repeated; 2], cells: f64) -> (f64, f64) {
    let [many, few] = shards.map(|of| of.shard.matrix.nnz() as f64);
    let rating = ((took[0] - took[1]) / (many - few).max(1.0)).clamp(0.0, took[0] / many);
    (rating, (took[0] - rating * many) / cells)
}

/// A shard with its blocks repeated, or with its first block only.
struct Repeated {
    shard: Shard,
    labels: Vec<u32>,
}

impl Repeated {
    fn new(shard: &Shard, labels: &[u32], times: usize) -> Repeated {
        let blocks = if times == 0 { 1 } else { usize::MAX };
        let mut matrix = Csr::empty(shard.matrix.n_cols);
        for _ in 0..times.max(1) {
            shard.matrix.blocks().take(blocks).for_each(|block| matrix.push_block(block.rows().to_owned()));
        }
        let n = matrix.n_rows() / times.max(1);
        let users = std::iter::repeat_n(&shard.users[..n], times.max(1)).flatten().cloned().collect();
        let draw_keys = shard.draw_keys[..n].repeat(times.max(1));
        Repeated { shard: Shard { users, draw_keys, matrix }, labels: labels[..n].repeat(times.max(1)) }
    }
}

/// Rows to batches for one worker. Where users were met with a part of their rows only, neighbours are made into users of the
/// usual activity.
struct Batches {
    full: Vec<Records>,
    narrow: Vec<Narrow>,
    wide: Vec<crate::ingest::rows::Wide>,
    rows: usize,
    /// Rows of a made-up user.
    activity: Option<usize>,
}

impl Batches {
    fn new(estimate: &Estimate) -> Batches {
        let mean = (estimate.rows / estimate.users.max(1)).max(1) as usize;
        let activity = (estimate.order == Order::Mixed && !estimate.exact).then_some(mean);
        Batches { full: Vec::new(), narrow: Vec::new(), wide: Vec::new(), rows: 0, activity }
    }

    #[inline(always)]
    fn add(&mut self, user: u64, item: u64, value: f64) {
        let is_narrow = (user | item) >> 32 == 0;
        let user = self.activity.map_or(user & !TEXT_KEY, |rows| (self.rows / rows) as u64);
        self.rows += 1;
        let row = Row { user, item: (item & !TEXT_KEY) % ITEMS, value, order: 0 };
        match Narrow::of(&row).filter(|_| is_narrow) {
            Some(narrow) => {
                self.narrow.push(narrow);
                if self.narrow.len() == BATCH {
                    let full = std::mem::replace(&mut self.narrow, Vec::with_capacity(BATCH));
                    self.full.push(Records::Narrow(full));
                }
            }
            None => {
                self.wide.push(row.into());
                if self.wide.len() == BATCH {
                    let full = std::mem::replace(&mut self.wide, Vec::with_capacity(BATCH));
                    self.full.push(Records::Wide(full));
                }
            }
        }
    }

    fn finish(mut self) -> Vec<Records> {
        self.full.push(Records::Narrow(self.narrow));
        self.full.push(Records::Wide(self.wide));
        self.full
    }
}
