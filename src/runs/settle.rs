//! What memory the ratings get, once the sizes of the data are known.

use super::predict::{Held, Question};
use super::room::{RUNS_PERCENT, share};
use crate::collective::Collective;
use crate::error::Result;
use crate::flow::cluster::Layout;
use crate::flow::read::Ratings;
use crate::ingest::ids::Id;
use crate::job::Job;
use crate::results::forecast::{Cluster, Sizes};
use crate::stages::kmeans;
use crate::stages::pca::Approach;

/// Gives the ratings the memory that no stage needs besides, now that the sizes of the data are known; the rest of them goes to
/// scratch files. All workers call it together.
pub fn settle<C: Collective>(c: &mut C, job: &Job, layout: &Layout, ratings: &mut Ratings) -> Result<()> {
    let limit = for_ratings(job, layout, ratings)? / layout.workers as f64;
    let kept = ratings.store.keep_within(limit as u64, &mut ratings.shard.matrix);
    c.agree(kept)
}

/// Bytes of a process that are left for its ratings.
fn for_ratings(job: &Job, layout: &Layout, ratings: &Ratings) -> Result<f64> {
    ask(job, layout, sizes(ratings), |question| Held::new(question).for_blocks())
}

/// Asks something of the memory that a job takes in this layout, over data of such sizes.
///
/// # Errors
/// Those of a solver that cannot be.
pub fn ask<T>(job: &Job, layout: &Layout, sizes: Sizes, answer: impl FnOnce(&Question) -> T) -> Result<T> {
    let counts = [sizes.users, sizes.items, sizes.ratings].map(|count| count as u64);
    let approach = Approach::new(counts, sizes.products(), &job.pca, job.memory)?;
    let cluster = Cluster {
        processes: layout.processes,
        workers: layout.workers,
        network: f64::MAX,
        disk: f64::MAX,
        crowding: 1.0,
        machine: f64::INFINITY,
    };
    let copied = copies(job, sizes, &cluster);
    Ok(answer(&Question { job, sizes, cluster, approach: &approach, copied }))
}

/// The sizes of what was read, as far as memory depends on them.
fn sizes(ratings: &Ratings) -> Sizes {
    let text = |id: &Id| match id {
        Id::Number(_) => 0.0,
        Id::Text(text) => text.len() as f64,
    };
    let users = &ratings.shard.users;
    let n = ratings.n_ratings as f64;
    Sizes {
        users: ratings.n_users as f64,
        items: ratings.n_items as f64,
        ratings: n,
        rows: n,
        input_bytes: 0.0,
        record_bytes: 12.0,
        value_bytes: 1.0,
        readers: f64::MAX,
        user_text: users.iter().map(text).sum::<f64>() / users.len().max(1) as f64,
        item_text: 0.0,
        spread: 2.0,
    }
}

/// Whether k-means copies the scores to all workers.
pub fn copies(job: &Job, sizes: Sizes, cluster: &Cluster) -> bool {
    let mut clusters = vec![job.kmeans.clusters];
    if let Some(sweep) = job.sweep.as_ref().filter(|sweep| sweep.projected) {
        clusters.extend(sweep.clusters.iter().filter(|k| **k as f64 <= sizes.users));
    }
    let values = (sizes.users * job.pca.components as f64) as u64;
    let memory = share(job, cluster.workers, RUNS_PERCENT);
    kmeans::would_copy(cluster.processes * cluster.workers, values, &clusters, &job.kmeans, memory)
}
