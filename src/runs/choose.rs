//! The settings that a job leaves open, if it leaves any.

use crate::collective::Collective;
use crate::error::Result;
use crate::flow::read::Ratings;
use crate::job::{Job, KMeansParams};
use crate::stages::choose::{self, Chosen, Question};
use crate::stages::resume::Checkpoint;

use super::clock::Clock;

/// Chooses what the job leaves open, or takes it from the checkpoint. Returns the job with it, and what was chosen.
pub fn choose<C: Collective>(
    c: &mut C,
    job: Job,
    ratings: &Ratings,
    clock: &mut Clock,
    checkpoint: &mut dyn Checkpoint,
) -> Result<(Job, Option<Chosen>)> {
    if !job.choices.any_open() {
        return Ok((job, None));
    }
    let chosen = match checkpoint.restore("choose") {
        Some(chosen) => chosen,
        None => {
            let Ratings { shard, n_users, n_ratings, .. } = ratings;
            let question = Question { job: &job, shard, n_users: *n_users, n_ratings: *n_ratings };
            let chosen = clock.time("choose", || choose::choose(c, &question))?;
            checkpoint.keep("choose", &chosen);
            chosen
        }
    };
    let Chosen { components, clusters, refine, amounts, .. } = chosen;
    let kmeans = KMeansParams { clusters, refine, amounts, ..job.kmeans };
    Ok((job.settled(chosen.matrix(), components, kmeans), Some(chosen)))
}
