//! Warnings about a run that did not fail.

use crate::collective::Collective;
use crate::flow::read::Ratings;
use crate::ingest::Ledger;
use crate::job::{Job, Refine};
use crate::stages::kmeans::KMeans;
use crate::stages::pca::Pca;

/// Correlation of the first component with the number of ratings from which on it is little else.
const MOSTLY_ACTIVITY: f64 = 0.9;

/// About the data. All workers call it together; the coordinator's answer counts.
pub fn of_data<C: Collective>(c: &mut C, job: &Job, ratings: &Ratings) -> Vec<String> {
    let (least, most) = ratings.shard.matrix.value_range().unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
    let mut range = [-least, most];
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

/// About the fit. `activity_correlation` is the correlation of the first component with the number of ratings.
pub fn of_fit(job: &Job, pca: &Pca, kmeans: &KMeans, activity_correlation: f64) -> Vec<String> {
    let mut warnings = Vec::new();
    if activity_correlation.abs() > MOSTLY_ACTIVITY {
        warnings.push(format!(
            "the first component is mostly how much users rate (correlation {:.2}), and so are the segments; set \
             matrix.normalize = \"l2\" and matrix.weighting = \"bm25\" to tell users apart by what they like",
            activity_correlation.abs()
        ));
    }
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

/// What to say if the segments were to be refined and are not.
pub fn of_refinement(job: &Job, done: Refine) -> Option<String> {
    (job.kmeans.refine != done).then(|| {
        "the segments are those of k-means: kmeans.refine = \"mixture\" would leave one without users; \
         fewer kmeans.clusters may help"
            .to_string()
    })
}
