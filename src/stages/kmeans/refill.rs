//! Clusters that lost all their users take the farthest users of others.

use std::cmp::Reverse;

use crate::collective::Collective;

use super::state::State;
use super::users::Users;

/// A user that may leave its cluster for an empty one: `[run, bits of the squared distance, draw key, cluster, row]`.
type Leaver = [u64; 5];

/// Gives each empty cluster the user farthest from its centroid: by falling distance, then by draw key. A cluster keeps
/// its last user, and a user on its centroid stays; where nobody is left to move, the cluster stays empty.
pub fn refill_empty<C: Collective>(c: &mut C, users: &Users, active: &mut [&mut State]) {
    if active.iter().all(|run| run.counts.iter().all(|&count| count > 0)) {
        return;
    }
    let mut mine: Vec<Leaver> = Vec::new();
    for (index, run) in active.iter().enumerate().filter(|(_, run)| run.counts.contains(&0)) {
        mine.extend(leavers(index as u64, run, users));
    }
    let mut all: Vec<(Leaver, usize)> = Vec::new();
    for (worker, theirs) in c.all_gather(&mine).into_iter().enumerate() {
        all.extend(theirs.into_iter().map(|leaver| (leaver, worker)));
    }
    all.sort_by_key(|&([run, squared, key, ..], _)| (run, Reverse(squared), key));
    for ([index, _, _, from, row], worker) in all {
        let run = &mut active[index as usize];
        let (from, empty) = (from as usize, run.counts.iter().position(|&count| count == 0));
        let Some(empty) = empty.filter(|_| run.counts[from] > 1) else { continue };
        run.counts[from] -= 1;
        run.counts[empty] += 1;
        run.touched[from] = true;
        run.touched[empty] = true;
        run.refilled.extend([from as u32, empty as u32]);
        if worker == c.index() {
            run.reassign(row as u32, empty as u32);
        }
    }
}

/// The farthest local users of a run: as many as it has clusters. No more can be needed, since of those in front of a
/// user that moves at most one in each cluster that is not empty stays.
fn leavers(index: u64, run: &State, users: &Users) -> Vec<Leaver> {
    let labels = run.members.labels();
    let mut leavers: Vec<Leaver> = Vec::new();
    let mut row = 0;
    run.own_distances(&users.cloud, |squared| {
        for squared in squared {
            if *squared > 0.0 {
                leavers.push([index, squared.to_bits(), users.draw_keys[row], u64::from(labels[row]), row as u64]);
            }
            row += 1;
        }
    });
    leavers.sort_unstable_by_key(|&[_, squared, key, ..]| (Reverse(squared), key));
    leavers.truncate(run.run.clusters);
    leavers
}
