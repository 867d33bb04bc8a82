//! Local search from the centres of k-means++ (Lattanzi & Sohler 2019, "A Better k-means++ Algorithm via Local Search"),
//! for dense users.
//!
//! In each step of a run a few users are drawn by D², as in the seeding, and for every centre it is computed what
//! potential ΣD² would be left if one of them took its place. The best of these swaps is made if it lowers the potential. A
//! run ends its search after [`STEPS`] steps, or after [`REFUSALS`] in a row that found nothing better. All runs of
//! a batch take a step together: one pass over the users, and one more for those whose centres changed.
//!
//! The law: the potential never rises from one step to the next. Draws are keyed by start and step, not by the number of
//! clusters; each run has its own copy of the centres, so that runs that share a seeding do not meet here.
//!
//! With one cluster there is nothing to search.

use crate::collective::Collective;
use crate::kernel::keyed::Stream;
use crate::kernel::lloyd::swap::{self, Standing, Swap, Trial};
use crate::kernel::lloyd::{Point, Scores, Tiles};

use super::candidates::{self, Entry, Occasion, User};
use super::seeding::Beginning;
use super::users::Users;

/// Steps of a run at most.
const STEPS: usize = 10;

/// Steps in a row without a swap that end a search.
const REFUSALS: usize = 3;

/// Users drawn in each step.
const CANDIDATES: usize = 5;

/// Improves the centres of all runs, in place.
pub fn improve<C: Collective>(c: &mut C, users: &Users, scores: Scores, seed: u64, beginnings: &mut [Beginning]) {
    let factor = users.facts.distance_scale.factor();
    let searched = beginnings.iter_mut().filter(|beginning| beginning.run.clusters > 1);
    let mut searches: Vec<Search> = searched.map(|b| Search::new(b, users, scores, factor)).collect();
    // Runs of one start share their draws.
    searches.sort_by_key(|search| (search.beginning.run.start, search.beginning.run.clusters));
    for step in 0..STEPS {
        let mut active: Vec<&mut Search> = searches.iter_mut().filter(|search| search.refusals < REFUSALS).collect();
        if active.is_empty() {
            break;
        }
        take_step(c, users, scores, seed, step, &mut active);
    }
}

/// A run in search of better centres.
struct Search<'a> {
    beginning: &'a mut Beginning,
    standing: Standing,
    /// What the local users add to the potential, and to the loss of each centre.
    stakes: Vec<i64>,
    /// Steps without a swap since the last.
    refusals: usize,
    #[cfg(test)]
    potential: i64,
}

impl<'a> Search<'a> {
    fn new(beginning: &'a mut Beginning, users: &Users, scores: Scores, factor: f64) -> Search<'a> {
        let standing = Standing::new(scores, users.n_rows(), &beginning.tiles);
        let stakes = standing.stakes(beginning.run.clusters, factor);
        Search {
            beginning,
            standing,
            stakes,
            refusals: 0,
            #[cfg(test)]
            potential: i64::MAX,
        }
    }

    fn entry(&self) -> Entry<'_> {
        let start = self.beginning.run.start;
        Entry { start, places: CANDIDATES, weights: (&self.standing.squared).into() }
    }

    /// Decides on a swap from what it is worth over all workers: the stakes, then the worth of each candidate. Returns
    /// the candidate and the centre that gives way to it; the first candidate and the lowest centre of equals.
    fn decide(&mut self, worth: &[i64]) -> Option<(usize, usize)> {
        let (stakes, candidates) = worth.split_at(self.stakes.len());
        let (potential, losses) = (stakes[0], &stakes[1..]);
        #[cfg(test)]
        {
            assert!(potential <= self.potential, "the potential rose from {} to {potential}", self.potential);
            self.potential = potential;
        }
        let mut best = (potential, None);
        for (candidate, worth) in candidates.chunks_exact(stakes.len()).enumerate() {
            for (centre, (loss, relief)) in losses.iter().zip(&worth[1..]).enumerate() {
                let left = potential - worth[0] + loss - relief;
                if left < best.0 {
                    best = (left, Some((candidate, centre)));
                }
            }
        }
        #[cfg(test)]
        {
            self.potential = best.0;
        }
        self.refusals = if best.1.is_some() { 0 } else { self.refusals + 1 };
        best.1
    }
}

/// One step of all active searches.
fn take_step<C: Collective>(
    c: &mut C,
    users: &Users,
    scores: Scores,
    seed: u64,
    step: usize,
    active: &mut [&mut Search],
) {
    let factor = users.facts.distance_scale.factor();
    let entries: Vec<Entry> = active.iter().map(|search| search.entry()).collect();
    let drawn = candidates::race(c, users, seed, Occasion { stream: Stream::Swap, round: step }, &entries);
    drop(entries);
    let all: Vec<User> = drawn.concat();
    let points = candidates::points(c, &users.cloud, &all);
    let tiles = Tiles::of(&users.cloud.points, &all.iter().map(|user| &points[user]).collect::<Vec<_>>());
    let worth = worth(c, scores, &tiles, factor, active, &drawn);
    let mut swapped: Vec<(&mut Search, u32, &Point)> = Vec::new();
    let mut rest = worth.as_slice();
    for (search, drawn) in active.iter_mut().zip(&drawn) {
        let (own, others) = rest.split_at(search.stakes.len() * (1 + drawn.len()));
        rest = others;
        if let Some((candidate, centre)) = search.decide(own) {
            let point = &points[&drawn[candidate]];
            search.beginning.tiles.place(centre, point);
            swapped.push((search, centre as u32, point));
        }
    }
    let tiles = Tiles::of(&users.cloud.points, &swapped.iter().map(|(.., point)| *point).collect::<Vec<_>>());
    let mut swaps: Vec<Swap> = Vec::new();
    for (search, centre, _) in &mut swapped {
        swaps.push(Swap { standing: &mut search.standing, tiles: &search.beginning.tiles, centre: *centre });
    }
    swap::replace(scores, &tiles, &mut swaps);
    for (search, ..) in &mut swapped {
        search.stakes = search.standing.stakes(search.beginning.run.clusters, factor);
    }
}

/// The stakes of each search and the worth of each of its candidates, over all workers.
fn worth<C: Collective>(
    c: &mut C,
    scores: Scores,
    tiles: &Tiles,
    factor: f64,
    active: &[&mut Search],
    drawn: &[Vec<User>],
) -> Vec<i64> {
    let mut first = 0;
    let mut trials = Vec::new();
    for (search, drawn) in active.iter().zip(drawn) {
        let (standing, n_centres) = (&search.standing, search.beginning.run.clusters);
        trials.push(Trial { standing, n_centres, columns: first..first + drawn.len() });
        first += drawn.len();
    }
    let worth = swap::worth(scores, tiles, &trials, factor);
    let mut all = Vec::new();
    let mut rest = worth.as_slice();
    for (search, drawn) in active.iter().zip(drawn) {
        let (own, others) = rest.split_at(search.stakes.len() * drawn.len());
        all.extend(&search.stakes);
        all.extend(own);
        rest = others;
    }
    c.sum(&mut all);
    all
}
