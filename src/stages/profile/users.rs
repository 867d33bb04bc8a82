//! How many users and ratings each segment has.

use super::activity::{counted, of_segments};
use crate::collective::Collective;
use crate::kernel::csr::Csr;

/// How many users and ratings each segment has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Users {
    /// Users of each segment, of all workers.
    pub sizes: Vec<i64>,
    /// Their ratings.
    pub n_ratings: Vec<i64>,
    /// This worker's users by their [`activity_key`].
    pub by_activity: Vec<[u64; 2]>,
}

impl Users {
    /// Of the ratings of all workers; `labels` are the segments of this worker's users.
    pub fn count<C: Collective>(c: &mut C, ratings: &Csr, labels: &[u32], n_clusters: usize) -> Users {
        Users::of(c, counted(ratings, labels), n_clusters)
    }

    /// From this worker's users by their [`activity_key`].
    pub fn of<C: Collective>(c: &mut C, by_activity: Vec<[u64; 2]>, n_clusters: usize) -> Users {
        let counted = by_activity.iter().map(|&[key, users]| (key, users as i64));
        let mut sizes = of_segments(counted, n_clusters);
        c.sum(&mut sizes);
        let n_ratings = sizes.split_off(n_clusters);
        Users { sizes, n_ratings, by_activity }
    }
}
