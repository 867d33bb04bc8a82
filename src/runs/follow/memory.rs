//! What a session holds in memory, and the refusal of one for which `memory` is too little.
//!
//! All rows of the users lie in memory, in the trace of an arrangement that merges by halves, and each worker has tables of items by
//! segments. The figures were measured for 1, 10 and 25 million ratings, 8 to 100 segments, one and two workers.

use crate::error::{Error, Result};
use crate::flow::cluster::Layout;
use crate::job::Job;
use crate::results::run::Finished;
use crate::runs::fits::{ALWAYS_THERE, enough};
use crate::runs::predict::limits::size;

/// Bytes of the program and of a worker, of a rating with its share of a user, and of a worker's cell of the tables.
const PROGRAM: f64 = 80e6;
const WORKER: f64 = 25e6;
const RATING: f64 = 45.0;
const CELL: f64 = 85.0;

/// Bytes of a process that follows the ratings of a finished run.
fn needed(run: &Finished, layout: &Layout) -> f64 {
    let (processes, workers) = (layout.processes as f64, layout.workers as f64);
    let cells = run.items as f64 * run.job.kmeans.clusters as f64;
    PROGRAM + workers * (WORKER + CELL * cells) + RATING * run.ratings as f64 / processes
}

/// Refuses, before the first row is read, a session that begins with the ratings of `run` and does not fit the `memory` of `job`.
///
/// # Errors
/// [`Error::Job`] that names `memory`, and what would be enough.
pub fn check(run: &Finished, job: &Job, layout: &Layout) -> Result<()> {
    let needed = needed(run, layout);
    if needed <= (job.memory as f64).max(ALWAYS_THERE) {
        return Ok(());
    }
    let problem = format!(
        "a session holds all ratings: {} of them with {} items in {} segments need about {}, and it is {}",
        run.ratings,
        run.items,
        run.job.kmeans.clusters,
        size(needed),
        size(job.memory as f64)
    );
    Err(Error::job("memory", problem, enough(needed)))
}
