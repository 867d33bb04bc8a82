//! k-means alone, for `benches/peers/run.py`: reads points and centroids to start from, fits them with all workers, and
//! prints one line of JSON: seconds (the slowest worker's, between two barriers), iterations and inertia.
//!
//! ```text
//! kmeans POINTS START WORKERS TOL MAX_ITER
//! ```
//!
//! A file of points is two 64-bit integers, rows and columns, then the values as 64-bit floats, row by row; all
//! little-endian. Without arguments (as `cargo bench` runs it) it says how it is used and does nothing.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use ndarray::{Array2, s};
use segmill::collective::Collective;
use segmill::error::Result;
use segmill::flow::cluster::{self, Layout};
use segmill::flow::collective::TimelyCollective;
use segmill::job::{Amounts, KMeansParams, Refine};
use segmill::kernel::keyed;
use segmill::stages::kmeans::{self, KMeans};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What a bench is given.
struct Case {
    points: Array2<f64>,
    start: Array2<f64>,
    params: KMeansParams,
}

fn main() -> ExitCode {
    // cargo adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| word != "--bench").collect();
    let [points, start, workers, tol, max_iter] = words.as_slice() else {
        eprintln!("usage: kmeans POINTS START WORKERS TOL MAX_ITER (benches/peers/run.py runs it)");
        return ExitCode::SUCCESS;
    };
    let start = read(Path::new(start));
    let params = KMeansParams {
        clusters: start.nrows(),
        n_init: 1,
        max_iter: max_iter.parse().expect("MAX_ITER is a number"),
        tol: tol.parse().expect("TOL is a number"),
        spherical: false,
        refine: Refine::None,
        amounts: Amounts::None,
    };
    let case = Case { points: read(Path::new(points)), start, params };
    match run(case, workers.parse().expect("WORKERS is a number")) {
        Ok((seconds, model)) => {
            println!("{}", line(seconds, &model));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("kmeans: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn line(seconds: f64, model: &KMeans) -> serde_json::Value {
    let run = &model.starts[model.best_start];
    serde_json::json!({
        "seconds": seconds,
        "iterations": run.iterations,
        "converged": run.converged,
        "inertia": model.inertia,
    })
}

fn read(path: &Path) -> Array2<f64> {
    let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let (head, body) = bytes.split_at(16);
    let size = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().expect("eight bytes")) as usize;
    let values = body.chunks_exact(8).map(|value| f64::from_le_bytes(value.try_into().expect("eight bytes")));
    Array2::from_shape_vec((size(0), size(8)), values.collect()).expect("as many values as the head says")
}

/// Seconds and the fit.
fn run(case: Case, workers: usize) -> Result<(f64, KMeans)> {
    let case = Arc::new(case);
    let results = cluster::execute(&Layout::single(workers), Default::default, move |worker| {
        let mut collective = TimelyCollective::new(worker, workers);
        fit(&mut collective, &case)
    })?;
    results.into_iter().next().expect("there is a worker")
}

/// One worker's part: an equal share of the points, in order.
fn fit<C: Collective>(c: &mut C, case: &Case) -> Result<(f64, KMeans)> {
    let n = case.points.nrows();
    let share = n * c.index() / c.peers()..n * (c.index() + 1) / c.peers();
    let draw_keys: Vec<u64> = share.clone().map(|row| keyed::mix(row as u64)).collect();
    let scores = case.points.slice(s![share, ..]);
    c.sum(&mut [0i64]);
    let started = Instant::now();
    let (model, _assignment) = kmeans::fit_from(c, scores, &draw_keys, case.start.view(), &case.params)?;
    let mut seconds = [started.elapsed().as_secs_f64()];
    c.max(&mut seconds);
    Ok((seconds[0], model))
}
