//! Where a worker's users are, and what is summed over them, kept up to date by the differences that come.

use std::collections::HashMap;

use crate::kernel::fixed;
use crate::stages::profile::{self, activity_key};

use super::frame::Frame;
use super::place::Placement;

/// The largest squared distance that counts, in units of the mean of the fit.
const FARTHEST: f64 = (1u64 << 50) as f64;

/// What is known of this worker's users, kept up to date.
#[derive(Debug, Default)]
pub struct Placements {
    /// By number.
    of_users: Vec<Option<Placement>>,
    /// Users by their [`activity_key`].
    by_activity: HashMap<u64, i64>,
    /// Sum of squared distances in units of the fit's mean, as [`fixed::fix_wide`] has it.
    inertia: i128,
    /// What changed in this epoch: where a user was, where they are.
    moves: HashMap<u32, [Option<Placement>; 2]>,
}

impl Placements {
    /// Takes in a difference of the collection of users.
    pub fn add(&mut self, user: u32, placement: Placement, difference: i32, frame: &Frame) {
        let squared = placement.distance() * placement.distance() / frame.inertia_per_user;
        self.inertia += i128::from(difference) * fixed::fix_wide(squared.min(FARTHEST));
        let key = activity_key(placement.segment, placement.n_ratings);
        let users = self.by_activity.entry(key).or_default();
        *users += i64::from(difference);
        if *users == 0 {
            self.by_activity.remove(&key);
        }
        self.moves.entry(user).or_default()[usize::from(difference > 0)] = Some(placement);
    }

    /// Ends an epoch: takes over what it has changed, and hands it out, by user.
    pub fn settle(&mut self, n_users: usize) -> Vec<(u32, [Option<Placement>; 2])> {
        self.of_users.resize(n_users, None);
        let mut moves: Vec<(u32, [Option<Placement>; 2])> = self.moves.drain().collect();
        moves.sort_unstable_by_key(|(user, _)| *user);
        moves.iter().for_each(|&(user, [_, now])| self.of_users[user as usize] = now);
        moves
    }

    /// Where a user is; nowhere without a row.
    pub fn of(&self, user: u32) -> Option<Placement> {
        self.of_users.get(user as usize).copied().flatten()
    }

    /// This worker's users by their [`activity_key`], rising.
    pub fn by_activity(&self) -> Vec<[u64; 2]> {
        let mut counted: Vec<[u64; 2]> = self.by_activity.iter().map(|(&key, &users)| [key, users as u64]).collect();
        counted.sort_unstable();
        counted
    }

    /// Users of each of `n_segments` segments, then their ratings; of this worker.
    pub fn sums(&self, n_segments: usize) -> Vec<i64> {
        profile::of_segments(self.by_activity.iter().map(|(&key, &users)| (key, users)), n_segments)
    }

    /// The sum of squared distances of this worker's users, in units of the fit's mean per user: as
    /// [`fixed::real_wide`] reads it.
    pub fn inertia(&self) -> i128 {
        self.inertia
    }
}
