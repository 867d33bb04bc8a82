//! A cluster without users takes the user farthest from its own centroid.

use std::cmp::Reverse;

use crate::collective::Collective;

use super::state::State;
use super::users::Users;

/// A user that may leave its cluster for an empty one: `[run, bits of the squared distance, draw key, cluster, row]`.
type Leaver = [u64; 5];

/// Gives each empty cluster the user farthest from its own centroid: by falling distance, then by draw key. A cluster keeps
/// its last user, and a user on its centroid stays; where no user may move, the cluster stays empty.
pub fn refill_empty<C: Collective>(c: &mut C, users: &Users, active: &mut [&mut State]) {
    if active.iter().all(|run| run.counts.iter().all(|&count| count > 0)) {
        return;
    }
    for (leaver, worker) in all_leavers(c, users, active) {
        let [index, _, _, from, row] = leaver;
        let run = &mut active[index as usize];
        let (from, empty) = (from as usize, run.counts.iter().position(|&count| count == 0));
        let Some(empty) = empty.filter(|_| run.counts[from] > 1) else { continue };
        run.refill(from, empty);
        if worker == c.index() {
            run.reassign(row as u32, empty as u32);
        }
    }
}

/// The users that may leave, of all workers, each with its worker; in the order in which they leave.
fn all_leavers<C: Collective>(c: &mut C, users: &Users, active: &[&mut State]) -> Vec<(Leaver, usize)> {
    let mut mine: Vec<Leaver> = Vec::new();
    for (index, run) in active.iter().enumerate().filter(|(_, run)| run.counts.contains(&0)) {
        mine.extend(leavers(index as u64, run, users));
    }
    let mut all: Vec<(Leaver, usize)> = Vec::new();
    for (worker, theirs) in c.all_gather(&mine).into_iter().enumerate() {
        all.extend(theirs.into_iter().map(|leaver| (leaver, worker)));
    }
    all.sort_by_key(|&([run, squared, key, ..], _)| (run, Reverse(squared), key));
    all
}

impl State {
    /// Notes that a user of the cluster `from`, at any worker, goes to the cluster `empty`.
    fn refill(&mut self, from: usize, empty: usize) {
        self.counts[from] -= 1;
        self.counts[empty] += 1;
        self.touched[from] = true;
        self.touched[empty] = true;
        self.refilled.extend([from as u32, empty as u32]);
    }
}

/// The farthest local users of a run, as many as it has clusters. No more can be needed: of the users before one that moves,
/// at most one for each cluster that is not empty stays.
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
