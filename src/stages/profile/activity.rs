//! How much users rate: mean and quartiles of each segment, exact in every layout.
//!
//! A worker sends how many of its users have how many ratings, segment by segment. Different numbers of ratings add up
//! to no more than there are ratings, so n ratings make at most √2n such pairs.

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::kernel::csr::Csr;

/// The numbers of ratings of some users. Quartiles lie between two users where they must, as NumPy's do by default
/// (Hyndman & Fan 1996, definition 7).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Activity {
    pub mean: f64,
    pub lower_quartile: f64,
    pub median: f64,
    pub upper_quartile: f64,
}

/// Of each segment, and of all users, on the coordinator; nothing elsewhere. `counted` is [`counted`] of this worker's
/// users.
pub fn activities<C: Collective>(
    c: &mut C,
    counted: &[[u64; 2]],
    n_clusters: usize,
) -> Option<(Vec<Activity>, Activity)> {
    let gathered = c.gather(bytemuck::cast_slice(counted).to_vec());
    if !c.is_coordinator() {
        return None;
    }
    let counted: Vec<[u64; 2]> = gathered.iter().flat_map(|bytes| bytemuck::pod_collect_to_vec(bytes)).collect();
    let mut of_segments = vec![Vec::new(); n_clusters];
    for &[key, users] in &counted {
        of_segments[(key >> 32) as usize].push((key as u32, users));
    }
    let all = Activity::of(counted.iter().map(|&[key, users]| (key as u32, users)).collect());
    Some((of_segments.into_iter().map(Activity::of).collect(), all))
}

/// A key of users: segment and number of ratings in the halves of one word.
pub fn activity_key(segment: u32, n_ratings: u32) -> u64 {
    u64::from(segment) << 32 | u64::from(n_ratings)
}

/// The users of each of `n_clusters` segments, then their ratings, from the number of users of each [`activity_key`].
pub fn of_segments(by_activity: impl Iterator<Item = (u64, i64)>, n_clusters: usize) -> Vec<i64> {
    let mut sums = vec![0i64; 2 * n_clusters];
    for (key, users) in by_activity {
        let (segment, length) = ((key >> 32) as usize, i64::from(key as u32));
        sums[segment] += users;
        sums[n_clusters + segment] += users * length;
    }
    sums
}

/// The [`activity_key`]s of this worker's users, rising, with the number of users of each.
pub fn counted(ratings: &Csr, labels: &[u32]) -> Vec<[u64; 2]> {
    let mut users: Vec<u64> =
        labels.iter().zip(ratings.lengths()).map(|(&s, length)| activity_key(s, length)).collect();
    users.sort_unstable();
    users.chunk_by(|a, b| a == b).map(|equal| [equal[0], equal.len() as u64]).collect()
}

impl Activity {
    /// From numbers of ratings and how many users have them, in any order. All 0 if there are no users.
    fn of(mut counted: Vec<(u32, u64)>) -> Activity {
        counted.sort_unstable();
        let n: u64 = counted.iter().map(|(_, users)| users).sum();
        if n == 0 {
            return Activity::default();
        }
        let sum: u128 = counted.iter().map(|&(ratings, users)| u128::from(ratings) * u128::from(users)).sum();
        let at = |place: u64| ratings_at(&counted, place);
        let quartile = |quarters: u64| {
            let (place, rest) = ((n - 1) * quarters / 4, (n - 1) * quarters % 4);
            let low = at(place);
            if rest == 0 { low } else { low + (at(place + 1) - low) * (rest as f64 / 4.0) }
        };
        Activity {
            mean: sum as f64 / n as f64,
            lower_quartile: quartile(1),
            median: quartile(2),
            upper_quartile: quartile(3),
        }
    }
}

/// A user's number of ratings, by place from 0 in rising order.
fn ratings_at(counted: &[(u32, u64)], place: u64) -> f64 {
    let mut before = 0;
    let found = counted.iter().find(|(_, users)| {
        before += users;
        before > place
    });
    found.map_or(0.0, |&(ratings, _)| f64::from(ratings))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quartiles_are_those_of_numpy() {
        // numpy.percentile([3, 1, 4, 1, 5, 9, 2, 6], [25, 50, 75]) and of the first one alone.
        let users = [3, 1, 4, 1, 5, 9, 2, 6].map(|ratings| (ratings, 1)).to_vec();
        let found = Activity::of(users);
        assert_eq!((found.mean, found.lower_quartile, found.median, found.upper_quartile), (3.875, 1.75, 3.5, 5.25));
        let alone = Activity::of(vec![(3, 1)]);
        assert_eq!((alone.mean, alone.lower_quartile, alone.upper_quartile), (3.0, 3.0, 3.0));
        assert_eq!(Activity::of(vec![(2, 2), (7, 1), (2, 1)]).upper_quartile, 3.25);
        assert_eq!(Activity::of(Vec::new()), Activity::default());
    }
}
