//! The first half of an iteration: every local user finds its nearest centroid.
//!
//! Dense users are compared only when their nearest centroid may have changed (`kernel::lloyd::bounds`). All runs pass over
//! a stretch of users that fits in the cache before the next stretch.
//!
//! For sparse users, centroids that did not move are compared again only with users who may have come nearer to them. A
//! user keeps a lower bound on the distance to the centroids other than its own, and the bound still holds for those that
//! did not move. Where the user's own centroid did not move either, or the nearest moved one is below the bound, only the
//! moved ones matter. Distances have the same bits each time they are computed, and no triangle inequality is used, so the
//! pruning is exact.

use crate::kernel::csr::Csr;
use crate::kernel::lloyd::bounds::{Desk, View};
#[cfg(test)]
use crate::kernel::lloyd::dense;
use crate::kernel::lloyd::{self, Cloud, Nearest, Points, Scores, Screen, Tiles};

use super::state::{Members, State, stretches};

/// Finds the nearest centroid of every local user in every run.
pub fn assign(cloud: &Cloud, active: &mut [&mut State]) {
    match (cloud.points, cloud.dense()) {
        (Points::Sparse(matrix), _) => active.iter_mut().for_each(|run| run.assign_sparse(matrix, cloud)),
        (_, Some((scores, screen))) => assign_dense(cloud, scores, screen, active),
        _ => unreachable!("dense rows have a screen"),
    }
}

fn assign_dense(cloud: &Cloud, scores: Scores, screen: &Screen, active: &mut [&mut State]) {
    let mut desk = Desk::default();
    let mut runs = Vec::new();
    for run in active.iter_mut() {
        run.changed.clear();
        let Members::Dense { bounds, odometers } = &mut run.members else { continue };
        runs.push((View::new(scores, screen, &run.tiles, odometers), bounds, &mut run.changed, 0));
    }
    for rows in stretches(cloud) {
        for (view, bounds, changed, looked) in &mut runs {
            *looked += bounds.assign(view, rows.clone(), &mut desk, changed);
        }
    }
    #[cfg(test)]
    {
        let looked: Vec<usize> = runs.iter().map(|run| run.3).collect();
        active
            .iter_mut()
            .zip(looked)
            .for_each(|(run, looked)| run.check_pruning(cloud, cloud.points.n_rows() - looked));
    }
}

/// Compares every sparse user with the centroids that moved. Returns the users who must be compared with all centroids,
/// because their own moved so far away that one that did not move may be nearer.
fn assign_to_moved(
    matrix: &Csr,
    cloud: &Cloud,
    tiles: &Tiles,
    has_moved: &[bool],
    moved: &[u32],
    nearest: &mut Nearest,
) -> Vec<u32> {
    let (left, stayed): (Vec<u32>, Vec<u32>) =
        (0..matrix.n_rows() as u32).partition(|&row| has_moved[nearest.label[row as usize] as usize]);
    if moved.is_empty() {
        return left;
    }
    left.iter().for_each(|&row| nearest.forget_own(row as usize));
    let tiles = tiles.subset(&cloud.points, moved);
    lloyd::scan(matrix, &cloud.norms, &left, &tiles, nearest);
    lloyd::scan(matrix, &cloud.norms, &stayed, &tiles, nearest);
    let Nearest { squared, others, .. } = nearest;
    left.into_iter().filter(|&row| squared[row as usize] >= others[row as usize]).collect()
}

/// Comparing with the moved centroids alone pays only where they are few, since collecting them in tiles costs too.
fn worth_pruning(moved: usize, clusters: usize) -> bool {
    4 * moved <= 3 * clusters
}

impl State {
    /// Finds the nearest centroid of every local sparse user, and whose changed. The first time the seeding has found them.
    fn assign_sparse(&mut self, matrix: &Csr, cloud: &Cloud) {
        let n_rows = matrix.n_rows() as u32;
        self.changed.clear();
        if std::mem::take(&mut self.fresh) {
            self.changed.extend((0..n_rows).map(|row| (row, u32::MAX)));
            return;
        }
        let Members::Sparse(nearest) = &mut self.members else { return };
        let before = nearest.label.clone();
        let moved: Vec<u32> = (0..self.run.clusters as u32).filter(|&j| self.moved[j as usize]).collect();
        let anew = if worth_pruning(moved.len(), self.run.clusters) {
            assign_to_moved(matrix, cloud, &self.tiles, &self.moved, &moved, nearest)
        } else {
            (0..n_rows).collect()
        };
        anew.iter().for_each(|&row| nearest.forget(row as usize));
        lloyd::scan(matrix, &cloud.norms, &anew, &self.tiles, nearest);
        let labels = nearest.label.iter().zip(before);
        self.changed
            .extend((0..).zip(labels).filter(|(_, (now, then))| *now != then).map(|(row, (_, then))| (row, then)));
        #[cfg(test)]
        self.check_pruning(cloud, n_rows as usize - anew.len());
    }

    /// The law of pruning: the bits are the same as if every user were compared with every centroid.
    #[cfg(test)]
    fn check_pruning(&mut self, cloud: &Cloud, spared: usize) {
        self.spared += spared;
        let n_rows = cloud.points.n_rows();
        if n_rows * self.run.clusters > 20_000 {
            return;
        }
        let everyone: Vec<u32> = (0..n_rows as u32).collect();
        match (&self.members, cloud.points) {
            (Members::Sparse(nearest), Points::Sparse(matrix)) => {
                let mut all = Nearest::none(n_rows);
                lloyd::scan(matrix, &cloud.norms, &everyone, &self.tiles, &mut all);
                assert_eq!(nearest.squared, all.squared);
                assert_eq!(nearest.label, all.label);
                assert!(nearest.others.iter().zip(&all.others).all(|(bound, least)| bound <= least));
            }
            (Members::Dense { bounds, .. }, Points::Dense { values, n_dims, .. }) => {
                let mut all = Vec::new();
                dense::nearest(Scores { values, n_dims }, &everyone, &self.tiles, &mut all);
                assert!(bounds.label.iter().zip(&all).all(|(label, nearby)| *label == nearby.label));
            }
            _ => unreachable!("members are of the kind of their points"),
        }
    }
}
