//! The totals after a batch, and what the batch changed, collected from all workers.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::ingest::ids::Id;
use crate::kernel::fixed;
use crate::live::drift::{self, Drift};
use crate::live::engine::{Engine, Move};
use crate::live::resolve::Refusal;
use crate::stages::profile::{self, Scored};

/// Where users were when the model took over.
#[derive(Debug, Default)]
pub struct Origins {
    /// By user.
    of_users: Vec<Option<u32>>,
    /// Users who were there then and are now, and those of them who are in another segment.
    pub there: i64,
    pub moved: i64,
}

impl Origins {
    /// Everybody is where they are now.
    pub fn of(engine: &Engine) -> Origins {
        let users = 0..engine.users().len() as u32;
        let of_users: Vec<Option<u32>> = users.map(|user| engine.placement(user).map(|place| place.segment)).collect();
        Origins { there: of_users.iter().flatten().count() as i64, of_users, moved: 0 }
    }

    /// Where users were by number, as it was kept.
    pub fn restored(engine: &Engine, of_users: Vec<Option<u32>>) -> Origins {
        let mut origins = Origins { of_users, there: 0, moved: 0 };
        for user in 0..engine.users().len() as u32 {
            let to = engine.placement(user).map(|place| place.segment);
            origins.note(&Move { user, from: None, to });
        }
        origins
    }

    pub fn of_user(&self, user: u32) -> Option<u32> {
        self.of_users.get(user as usize).copied().flatten()
    }

    pub fn note(&mut self, moved: &Move) {
        let Some(origin) = self.of_user(moved.user) else { return };
        let [was, is] = [moved.from, moved.to].map(|segment| segment.map(|segment| segment != origin));
        self.there += i64::from(is.is_some()) - i64::from(was.is_some());
        self.moved += i64::from(is == Some(true)) - i64::from(was == Some(true));
    }
}

/// What a worker tells of a batch.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Reflected {
    /// By their place in the batch.
    pub refused: Vec<(u32, Refusal)>,
    /// By user.
    pub moves: Vec<(Id, Option<u32>, Option<u32>)>,
}

impl Reflected {
    pub fn of(engine: &Engine, refused: Vec<(u32, Refusal)>, moves: &[Move]) -> Reflected {
        let named = |moved: &Move| (engine.users().id(moved.user).clone(), moved.from, moved.to);
        Reflected { refused, moves: moves.iter().map(named).collect() }
    }

    /// Of all workers, on the coordinator: refusals by place, moves by user.
    pub fn gather<C: Collective>(&self, c: &mut C) -> Reflected {
        let mut all = Reflected::default();
        for told in c.gather_values(self) {
            all.refused.extend(told.refused);
            all.moves.extend(told.moves);
        }
        all.refused.sort_unstable();
        all.moves.sort_by(|a, b| a.0.cmp(&b.0));
        all
    }
}

/// How things stand. The same on every worker, but for `tops`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    /// Users and ratings of each segment.
    pub sizes: Vec<i64>,
    pub n_ratings: Vec<i64>,
    pub drift: Drift,
    /// The top items of each segment; on the coordinator.
    pub tops: Vec<Vec<Scored>>,
}

impl Standing {
    pub fn measure<C: Collective>(c: &mut C, engine: &Engine, origins: &Origins, top: usize) -> Standing {
        let frame = engine.frame();
        let k = frame.n_segments;
        let mut sums = engine.placements().sums(k);
        sums.extend([origins.there, origins.moved]);
        c.sum(&mut sums);
        let (there, moved) = (sums[2 * k], sums[2 * k + 1]);
        let n_ratings = sums[k..2 * k].to_vec();
        sums.truncate(k);
        let n_users = sums.iter().sum::<i64>();
        let owners = profile::owners(c.peers(), frame.n_items);
        let own = owners.columns(c.index());
        let frequency = engine.tables().document_frequency(&owners, c.index());
        let [differences, weights] = drift::idf_sums(n_users as u64, &frequency, &frame.idf[own]);
        let mut wide = [differences, weights, engine.placements().inertia()];
        c.sum(&mut wide);
        let share = |part: i64, whole: i64| if whole > 0 { part as f64 / whole as f64 } else { 0.0 };
        let drift = Drift {
            inertia_ratio: if n_users > 0 { fixed::real_wide(wide[2]) / n_users as f64 } else { 0.0 },
            moved_share: share(moved, there),
            idf_drift: drift::idf_drift([wide[0], wide[1]]),
        };
        let tops = profile::tops_of_tables(c, engine.tables().view(), &sums, top);
        Standing { sizes: sums, n_ratings, drift, tops }
    }

    /// Gives the items of the tops their new numbers.
    pub fn renumber(&mut self, now: &[u32]) {
        self.tops.iter_mut().flatten().for_each(|scored| scored.item = now[scored.item as usize]);
    }

    /// What the drift says against a threshold.
    pub fn judge(&self, threshold: f64) -> Judged {
        Judged { drift: self.drift, why: self.drift.judge(threshold, self.users(), self.sizes.len()) }
    }

    pub fn users(&self) -> u64 {
        self.sizes.iter().sum::<i64>() as u64
    }

    pub fn ratings(&self) -> u64 {
        self.n_ratings.iter().sum::<i64>() as u64
    }

    /// Segments whose size is another than before: segment, size now, size before.
    pub fn resized<'a>(&'a self, before: &'a Standing) -> impl Iterator<Item = (u32, u64, u64)> + 'a {
        let pairs = (0..).zip(self.sizes.iter().zip(&before.sizes));
        pairs.filter(|(_, (now, before))| now != before).map(|(s, (&now, &before))| (s, now as u64, before as u64))
    }
}

/// The drift, and why a refit is due where it is.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Judged {
    pub drift: Drift,
    pub why: Option<String>,
}

/// An item that has come among the top, with its rank from 1 and its score, or has left.
pub type TopChange = (u32, Option<(usize, f64)>);

/// Who entered the top of a segment, by rank, then who left, by item.
pub fn top_changes(now: &[Scored], before: &[Scored]) -> Vec<TopChange> {
    let has = |items: &[Scored], item: u32| items.iter().any(|scored| scored.item == item);
    let entered = now.iter().enumerate().filter(|(_, scored)| !has(before, scored.item));
    let mut changes: Vec<TopChange> = entered.map(|(at, scored)| (scored.item, Some((at + 1, scored.score)))).collect();
    let left: BTreeSet<u32> = before.iter().map(|scored| scored.item).filter(|&item| !has(now, item)).collect();
    changes.extend(left.into_iter().map(|item| (item, None)));
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_enter_by_rank_and_leave_by_number() {
        let top = |items: &[u32]| -> Vec<Scored> {
            items.iter().map(|&item| Scored { item, score: f64::from(item), score_all: 0.0 }).collect()
        };
        let changes = top_changes(&top(&[5, 9, 2]), &top(&[7, 9, 1]));
        assert_eq!(changes, [(5, Some((1, 5.0))), (2, Some((3, 2.0))), (1, None), (7, None)]);
        assert!(top_changes(&top(&[1, 2]), &top(&[2, 1])).is_empty());
    }
}
