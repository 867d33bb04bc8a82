//! Users who changed segment.
//!
//! Every fit draws the borders between segments anew, and ratings are few. So a user near a border may be on its other side
//! next month without a change of taste, and a move must be clear on both sides. (b − a)/b tells how far inside a segment a
//! user is, with a the distance to its centroid and b that to another: 0 on the border, 1 at the centroid (the simplified
//! silhouette). For a user who is in none of the segments in which the old one lives on, the margin is the smaller of
//!
//! * how far inside the old segment the user was in the earlier run, against the next nearest segment there;
//! * how far inside the new segment the user is now, against the nearest of those in which the old one lives on.
//!
//! Users with a margin of [`CLEAR`] or more have moved; the others have crossed the border. A segment that died does not live
//! on, so all of its users have moved, and their margin is the first of the two.
//!
//! The threshold is from planted months of 6,000 users of whom a tenth changed taste (`segmill generate --users 6000 --items 600
//! --segments 8 --born 1`, months 0 and 1 of seeds 1 and 2, rows of one length, 8 and 9 clusters). The third column is the share
//! of users in another segment who changed taste; precision is that of users who moved; recall is the share of users who changed
//! taste that moved:
//!
//! | `--affinity` | `--ratings-per-user` | in another segment | precision | recall |
//! |---|---|---|---|---|
//! | 0.9 | 25 | 1.00 | 1.00 | 1.00 |
//! | 0.7 | 25 | 0.91 | 0.96 | 0.99 |
//! | 0.5 | 60 | 0.97 | 0.99 | 0.99 |
//! | 0.5 | 25 | 0.67 | 0.84 | 0.95 |
//! | 0.4 | 60 | 0.92 | 0.98 | 0.98 |
//! | 0.4 | 25 | 0.47 | 0.67 | 0.89 |

use std::cmp::Reverse;

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::matching::{Match, Matching, Origin, Rest};
use super::outcome::{Ancestor, Continuity, Flow, MOST_ANCESTORS, MOST_FLOWS, Moves, Now, Then};
use crate::collective::Collective;
use crate::ingest::ids::Id;
use crate::stages::kmeans::Assignment;

/// The least margin of a move.
pub const CLEAR: f64 = 0.2;

/// The segment of users who were not in the earlier run.
pub const NOWHERE: u32 = u32::MAX;

/// Where this worker's users were in the earlier run, in the order of its shard.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Past {
    /// The segment, or [`NOWHERE`].
    pub segment: Vec<u32>,
    /// How far inside the segment.
    pub inside: Vec<f64>,
}

/// How far inside a segment a user is, from the distances to its centroid and to another.
pub fn inside(own: f64, other: f64) -> f64 {
    if other > 0.0 { (1.0 - own / other).clamp(0.0, 1.0) } else { 0.0 }
}

/// A user of this worker who moved: the place in the shard, both segments, and the margin.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Move {
    pub user: u32,
    pub from: u32,
    pub to: u32,
    pub margin: f64,
}

/// Users by what they did, by earlier segment and segment of this run: `(n_then, n_now)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// In a segment in which the earlier one lives on.
    pub stayed: Array2<i64>,
    pub crossed: Array2<i64>,
    pub moved: Array2<i64>,
    /// New users of each segment of this run.
    pub new_users: Vec<i64>,
}

/// Where this worker's users have gone. `assignment` has the numbers of `matching`; `scores` is `(n_local_users,
/// n_components)`, `centroids` `(n_clusters, n_components)`.
pub fn find(
    past: &Past,
    assignment: &Assignment,
    matching: &Matching,
    scores: ArrayView2<f64>,
    centroids: ArrayView2<f64>,
) -> (Vec<Move>, Paths) {
    let mut paths = Paths::zeros(matching.then.len(), matching.now.len());
    let mut moves = Vec::new();
    for (user, (&from, &to)) in past.segment.iter().zip(&assignment.segment).enumerate() {
        if from == NOWHERE {
            paths.new_users[to as usize] += 1;
            continue;
        }
        let at = [from as usize, to as usize];
        let home = &matching.then[from as usize].now;
        if home.contains(&to) {
            paths.stayed[at] += 1;
            continue;
        }
        let to_home = |&segment: &u32| distance(scores.row(user), centroids.row(segment as usize));
        let nearest = home.iter().map(to_home).min_by(f64::total_cmp);
        let margin = nearest.map_or(1.0, |home| inside(assignment.distance[user], home)).min(past.inside[user]);
        if home.is_empty() || margin >= CLEAR {
            paths.moved[at] += 1;
            moves.push(Move { user: user as u32, from, to, margin });
        } else {
            paths.crossed[at] += 1;
        }
    }
    (moves, paths)
}

fn distance(x: ArrayView1<f64>, y: ArrayView1<f64>) -> f64 {
    x.iter().zip(y).fold(0.0, |sum, (x, y)| sum + (x - y) * (x - y)).sqrt()
}

impl Paths {
    fn zeros(n_then: usize, n_now: usize) -> Paths {
        let table = || Array2::zeros((n_then, n_now));
        Paths { stayed: table(), crossed: table(), moved: table(), new_users: vec![0; n_now] }
    }

    /// Sums over all workers.
    pub fn sum<C: Collective>(&mut self, c: &mut C) {
        for table in [&mut self.stayed, &mut self.crossed, &mut self.moved] {
            c.sum(table.as_slice_mut().expect("in standard layout"));
        }
        c.sum(&mut self.new_users);
    }

    /// From, to and users of all flows, the most users first.
    pub fn flows(&self) -> Vec<(u32, u32, u64)> {
        let cells = self.moved.indexed_iter().filter(|(_, users)| **users > 0);
        let mut flows: Vec<_> = cells.map(|((from, to), &users)| (from as u32, to as u32, users as u64)).collect();
        flows.sort_by_key(|&(from, to, users)| (Reverse(users), from, to));
        flows
    }
}

/// The earlier run, apart from where its users were.
#[derive(Debug, Clone)]
pub struct Earlier {
    pub folder: String,
    pub n_users: u64,
    /// Names and sizes, by segment.
    pub names: Vec<String>,
    pub sizes: Vec<u64>,
    /// The identity of its model, and what it went on from itself.
    pub model: String,
    pub lineage: Vec<Ancestor>,
}

/// The comparison of both runs, without the items of flows.
pub fn tell(earlier: &Earlier, matching: &Matching, paths: &Paths) -> Continuity {
    let total = |table: &Array2<i64>| table.sum() as u64;
    let (stayed, crossed, moved) = (total(&paths.stayed), total(&paths.crossed), total(&paths.moved));
    let users = stayed + crossed + moved;
    let then = |(segment, rest)| earlier.tell(segment, rest, paths);
    let mut flows = paths.flows();
    let others = flows.split_off(flows.len().min(MOST_FLOWS));
    Continuity {
        previous: earlier.folder.clone(),
        users,
        new_users: paths.new_users.iter().sum::<i64>() as u64,
        gone_users: earlier.n_users - users,
        moved,
        crossed,
        weight_of_users: matching.weight_of_users,
        segments: matching.now.iter().enumerate().map(|(segment, found)| paths.tell(segment, found)).collect(),
        earlier: matching.then.iter().enumerate().map(then).collect(),
        flows: flows.into_iter().map(|(from, to, users)| Flow { from, to, users, items: Vec::new() }).collect(),
        users_of_other_flows: others.iter().map(|(.., users)| users).sum(),
        lineage: earlier.lineage(&matching.now),
    }
}

impl Earlier {
    /// What a run goes on from whose segments are `now`.
    fn lineage(&self, now: &[Match]) -> Vec<Ancestor> {
        let goes_on =
            |(segment, found): (usize, &Match)| found.origin == Origin::Kept && found.earlier == Some(segment as u32);
        let of_run = |ancestor: Option<&Ancestor>| {
            let before = |segment: u32| ancestor.is_some_and(|ancestor| ancestor.renewed.contains(&segment));
            let segments = now.iter().enumerate().filter(|&(at, found)| !goes_on((at, found)) || before(at as u32));
            segments.map(|(segment, _)| segment as u32).collect()
        };
        let earlier = Ancestor { model: self.model.clone(), renewed: of_run(None) };
        let older = |ancestor: &Ancestor| Ancestor { model: ancestor.model.clone(), renewed: of_run(Some(ancestor)) };
        std::iter::once(earlier).chain(self.lineage.iter().map(older)).take(MOST_ANCESTORS).collect()
    }

    fn tell(&self, segment: usize, rest: &Rest, paths: &Paths) -> Then {
        Then {
            segment: segment as u32,
            name: self.names[segment].clone(),
            size: self.sizes[segment],
            fate: rest.fate,
            now: rest.now.clone(),
            left: paths.moved.row(segment).sum() as u64,
        }
    }
}

impl Paths {
    fn tell(&self, segment: usize, found: &Match) -> Now {
        let column = |table: &Array2<i64>| table.column(segment).sum() as u64;
        Now {
            segment: segment as u32,
            origin: found.origin,
            earlier: found.earlier,
            score: found.score,
            stayed: column(&self.stayed),
            crossed: column(&self.crossed),
            arrived: column(&self.moved),
            new_users: self.new_users[segment] as u64,
        }
    }
}

impl Continuity {
    /// The earlier name of each segment that continues one; by its number.
    pub fn kept_names(&self) -> Vec<Option<String>> {
        let name = |now: &Now| {
            let earlier = now.earlier.filter(|_| now.origin == Origin::Kept)?;
            Some(self.earlier.get(earlier as usize)?.name.clone())
        };
        self.segments.iter().map(name).collect()
    }
}

/// The moves by the ids of their users; `users` are those of this worker.
pub fn named(moves: &[Move], users: &[Id]) -> Moves {
    Moves {
        users: moves.iter().map(|of| users[of.user as usize].clone()).collect(),
        from: moves.iter().map(|of| of.from).collect(),
        to: moves.iter().map(|of| of.to).collect(),
        margin: moves.iter().map(|of| of.margin).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::matching::Fate;
    use super::*;
    use ndarray::array;

    /// 0 goes on as 0, 1 died, and 1 is born.
    fn matching() -> Matching {
        let kept = Match { origin: Origin::Kept, earlier: Some(0), score: Some(0.8) };
        let born = Match { origin: Origin::Born, earlier: None, score: None };
        let then = vec![Rest { fate: Fate::Kept, now: vec![0] }, Rest { fate: Fate::Died, now: vec![] }];
        Matching { numbers: vec![0, 1], weight_of_users: 1.0, now: vec![kept, born], then }
    }

    #[test]
    fn who_goes_far_over_the_border_has_moved_and_who_stays_near_has_crossed_it() {
        let centroids = array![[0.0], [10.0]];
        // Stayed, crossed to the border, moved, crossed from the border, new, of the segment that died.
        let scores = array![[1.0], [5.2], [8.0], [9.0], [2.0], [6.0]];
        let assignment = Assignment {
            segment: vec![0, 1, 1, 1, 0, 1],
            distance: vec![1.0, 4.8, 2.0, 1.0, 2.0, 4.0],
            second: vec![1, 0, 0, 0, 1, 0],
            second_distance: vec![9.0, 5.2, 8.0, 9.0, 8.0, 6.0],
        };
        let past = Past { segment: vec![0, 0, 0, 0, NOWHERE, 1], inside: vec![0.5, 0.5, 0.5, 0.1, 0.0, 0.01] };
        let (moves, paths) = find(&past, &assignment, &matching(), scores.view(), centroids.view());
        assert_eq!(moves.iter().map(|m| (m.user, m.from, m.to)).collect::<Vec<_>>(), [(2, 0, 1), (5, 1, 1)]);
        assert_eq!((moves[0].margin, moves[1].margin), (0.5, 0.01));
        assert_eq!((paths.stayed.sum(), paths.crossed[[0, 1]], paths.new_users.clone()), (1, 2, vec![1, 0]));
        assert_eq!(paths.flows(), [(0, 1, 1), (1, 1, 1)]);
        let earlier = Earlier {
            folder: "out/may".into(),
            n_users: 7,
            names: vec!["Jazz".into(), "Noir".into()],
            sizes: vec![5, 2],
            model: "may".into(),
            lineage: vec![Ancestor { model: "april".into(), renewed: vec![0] }],
        };
        let told = tell(&earlier, &matching(), &paths);
        assert_eq!((told.users, told.new_users, told.gone_users, told.moved, told.crossed), (5, 1, 2, 2, 2));
        assert_eq!(told.kept_names(), [Some("Jazz".to_string()), None]);
        assert_eq!((told.segments[1].stayed, told.segments[1].crossed, told.segments[1].arrived), (0, 2, 2));
        assert_eq!(told.earlier[0].left, 1);
    }

    #[test]
    fn inside_is_a_share_whatever_the_distances() {
        assert_eq!((inside(1.0, 4.0), inside(0.0, 0.0), inside(3.0, 2.0), inside(0.0, 1.0)), (0.75, 0.0, 0.0, 1.0));
    }
}
