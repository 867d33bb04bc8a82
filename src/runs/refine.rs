//! The segments of k-means, refined by a mixture where the job says so.

use ndarray::ArrayView2;

use super::room::{TABLES_PERCENT, share};
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::cluster::Layout;
use crate::job::{By, Job};
use crate::shard::Shard;
use crate::shard::sums::sum;
use crate::stages::kmeans::{Fitted, KMeans};
use crate::stages::mixture::{self, Mixture, Scorer, Scores, Start};
use crate::stages::resume::Checkpoint;
use crate::watch::format::{bytes, plural};

/// Whether the tables of a mixture that the job asks for fit.
pub fn check(job: &Job, layout: &Layout, n_items: usize) -> Result<()> {
    let needed = Mixture::bytes(n_items, job.kmeans.clusters);
    if job.choices.refine == By::Chosen || needed <= share(job, layout.workers, TABLES_PERCENT) {
        return Ok(());
    }
    let memory = bytes(needed * layout.workers as u64 / TABLES_PERCENT * 100);
    let (segments, items) = (plural(job.kmeans.clusters as u64, "segment"), plural(n_items as u64, "item"));
    let problem = format!("the tables of a mixture of {segments} and {items} do not fit memory");
    let remedy = format!("set memory to more than {memory}, use fewer workers, or write \"none\"");
    Err(Error::job("kmeans.refine", problem, remedy))
}

/// Refines what k-means has found: its model, and the segments of this worker's users. `points` are the users as k-means saw them.
/// All workers call it together. None where the segments stay as they are, because one would lose all its users.
pub fn refine<C: Collective>(
    c: &mut C,
    job: &Job,
    shard: &Shard,
    points: ArrayView2<f64>,
    found: &mut Fitted,
    checkpoint: &mut dyn Checkpoint,
) -> Option<Mixture> {
    let n_segments = job.kmeans.clusters;
    let mixture: Option<Mixture> = checkpoint.restore("mixture").unwrap_or_else(|| {
        let segments = &found.assignment.segment;
        let start = Start {
            ratings: &shard.matrix,
            draw_keys: &shard.draw_keys,
            segments,
            n_segments,
            amounts: job.kmeans.amounts,
            seed: job.seed,
        };
        let mixture = mixture::fit(c, &start).map(|refined| {
            let mut mixture = refined.mixture;
            mixture.renumber(&by_size(&refined.sizes));
            mixture
        });
        checkpoint.keep("mixture", &mixture);
        mixture
    });
    let mixture = mixture?;
    let (scorer, mut scores) = (Scorer::new(&mixture), Scores::default());
    let best_two: Vec<[u32; 2]> = shard.matrix.rows().map(|row| scorer.score(row.view(), &mut scores)).collect();
    let segments: Vec<u32> = best_two.iter().map(|[segment, _]| *segment).collect();
    let centroids = mixture::centroids(c, points, &segments, n_segments, job.kmeans.spherical);
    let assignment = mixture::placed(&best_two, points, centroids.view());
    let mut sizes = vec![0u64; n_segments];
    segments.iter().for_each(|&segment| sizes[segment as usize] += 1);
    c.sum(&mut sizes);
    let inertia = sum(c, assignment.distance.iter().map(|distance| distance * distance));
    let tie_order = (0..n_segments as u32).collect();
    let KMeans { best_start, starts, .. } = found.kmeans.clone();
    found.kmeans = KMeans { centroids, sizes, tie_order, inertia, best_start, starts };
    found.assignment = assignment;
    Some(mixture)
}

/// The number of each segment: by falling size, of equals the first.
fn by_size(sizes: &[u64]) -> Vec<u32> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by_key(|&segment| std::cmp::Reverse(sizes[segment]));
    let mut numbers = vec![0; sizes.len()];
    order.iter().enumerate().for_each(|(number, &segment)| numbers[segment] = number as u32);
    numbers
}
