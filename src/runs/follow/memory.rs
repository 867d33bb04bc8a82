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

/// What a session holds.
#[derive(Debug, Clone, Copy)]
pub struct Held {
    pub ratings: u64,
    pub items: u64,
    pub segments: u64,
}

impl Held {
    /// At the start, of a finished run.
    fn at_start(run: &Finished) -> Held {
        Held { ratings: run.ratings, items: run.items, segments: run.job.kmeans.clusters as u64 }
    }

    /// Bytes of a process.
    fn needed(self, layout: &Layout) -> f64 {
        let (processes, workers) = (layout.processes as f64, layout.workers as f64);
        let cells = self.items as f64 * self.segments as f64;
        PROGRAM + workers * (WORKER + CELL * cells) + RATING * self.ratings as f64 / processes
    }

    /// Refuses what does not fit the `memory` of `job`; `then` says what more there is to know.
    ///
    /// # Errors
    /// [`Error::Job`] that names `memory`, and what would be enough.
    fn check(self, job: &Job, layout: &Layout, then: &str) -> Result<()> {
        let needed = self.needed(layout);
        if needed <= (job.memory as f64).max(ALWAYS_THERE) {
            return Ok(());
        }
        let problem = format!(
            "a session holds all ratings: {} of them with {} items in {} segments need about {}, and it is {}",
            self.ratings,
            self.items,
            self.segments,
            size(needed),
            size(job.memory as f64)
        );
        Err(Error::job("memory", problem, enough(needed) + then))
    }
}

/// Refuses, before the first row is read, a session that begins with the ratings of `run` and does not fit the `memory` of `job`.
pub fn check(run: &Finished, job: &Job, layout: &Layout) -> Result<()> {
    Held::at_start(run).check(job, layout, "")
}

/// Ends a session that has grown past the `memory` of `job`.
pub fn check_growth(held: Held, job: &Job, layout: &Layout) -> Result<()> {
    held.check(job, layout, "; nothing is lost: with that, the same command goes on from here")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job;

    #[test]
    fn a_session_ends_before_its_ratings_take_more_than_memory() {
        let job = job::of_data(&["r.csv".into()], &[("memory".into(), "1GiB".into())], None).unwrap();
        let layout = Layout::single(2);
        let held = |ratings| Held { ratings, items: 50_000, segments: 25 };
        assert_eq!(check_growth(held(10_000_000), &job, &layout), Ok(()));
        let error = check_growth(held(20_000_000), &job, &layout).unwrap_err();
        let said = error.to_string();
        assert!(error.exit_code() == 2 && said.starts_with("memory: ") && said.contains("20000000 of them"), "{said}");
        assert!(said.ends_with("goes on from here") && said.contains("1.2 GiB"), "{said}");
        let little = job::of_data(&["r.csv".into()], &[("memory".into(), "64MiB".into())], None).unwrap();
        assert_eq!(check_growth(held(1_000_000), &little, &layout), Ok(()), "so much is always there");
    }
}
