//! Candidates for a centre: a race among all users names them, and their points go to every worker.
//!
//! Every user draws the time −ln(U)/w, w its weight, and the first over all workers are the candidates: exact sampling by
//! weight without replacement (Efraimidis & Spirakis 2006). Draws are keyed by what they are for, the start and the user.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::collective::Collective;
use crate::kernel::keyed::{self, Stream};
use crate::kernel::lloyd::{Cloud, Point};

use super::users::Users;

/// A user by its worker and row there. It names a user but must not order users, since it depends on the layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct User {
    pub worker: usize,
    pub row: usize,
}

/// Users that race together, so that their draws stay in the cache.
const HEAT: usize = 4096;

/// What the draws of a race are keyed by, beside start and user: a stream and a round in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    pub stream: Stream,
    pub round: usize,
}

/// One race of an occasion. Neighbours of one start share their draws.
pub struct Entry<'a> {
    pub start: usize,
    /// How many of the racers are candidates.
    pub places: usize,
    /// Of this worker's users; those of weight 0 do not race.
    pub weights: Cow<'a, [f64]>,
}

/// The candidates of each race, in its order over all workers.
pub fn race<C: Collective>(
    c: &mut C,
    users: &Users,
    seed: u64,
    occasion: Occasion,
    entries: &[Entry],
) -> Vec<Vec<User>> {
    let mut mine: Vec<[u64; 4]> = Vec::new();
    for (index, race) in run_races(users.draw_keys, seed, occasion, entries).iter().enumerate() {
        mine.extend(race.leaders.iter().map(|r| [index as u64, r.time.to_bits(), r.key, r.row as u64]));
    }
    let mut racers: Vec<([u64; 3], User)> = Vec::new();
    for (worker, theirs) in c.all_gather(&mine).into_iter().enumerate() {
        // The bits of positive numbers are ordered as they are.
        racers.extend(theirs.iter().map(|&[s, time, key, row]| ([s, time, key], User { worker, row: row as usize })));
    }
    racers.sort_by_key(|(order, _)| *order);
    let mut candidates = vec![Vec::new(); entries.len()];
    for ([index, ..], user) in racers {
        let list = &mut candidates[index as usize];
        if list.len() < entries[index as usize].places {
            list.push(user);
        }
    }
    candidates
}

/// The races among this worker's users.
fn run_races(draw_keys: &[u64], seed: u64, occasion: Occasion, entries: &[Entry]) -> Vec<Race> {
    let mut races: Vec<Race> = entries.iter().map(|entry| Race::new(entry.places)).collect();
    let mut draws = Vec::new();
    for first in (0..draw_keys.len()).step_by(HEAT) {
        let rows = first..(first + HEAT).min(draw_keys.len());
        let draw_keys = &draw_keys[rows.clone()];
        let mut drawn_for = None;
        for (entry, race) in entries.iter().zip(&mut races) {
            if drawn_for != Some(entry.start) {
                let label = (entry.start as u64) << 32 | occasion.round as u64;
                draws.clear();
                draws.extend(draw_keys.iter().map(|&key| keyed::uniform(seed, occasion.stream, label, key)));
                drawn_for = Some(entry.start);
            }
            race.join(first, draw_keys, &draws, &entry.weights[rows.clone()]);
        }
    }
    races
}

/// A user in a race, ordered by time, then by draw key.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Racer {
    time: f64,
    key: u64,
    row: usize,
}

/// A race in progress: the first `places` racers so far, in order.
struct Race {
    places: usize,
    leaders: Vec<Racer>,
    bound: f64,
}

impl Race {
    fn new(places: usize) -> Race {
        Race { places, leaders: Vec::with_capacity(places + 1), bound: f64::INFINITY }
    }

    /// Users `first..` with these draw keys, draws and weights join. Users of weight 0 do not race.
    fn join(&mut self, first: usize, draw_keys: &[u64], draws: &[f64], weights: &[f64]) {
        for (i, (&draw, &weight)) in draws.iter().zip(weights).enumerate() {
            // Since −ln u ≥ 1 − u, a user that would not lead even with the time (1 − u)/w needs no logarithm. The margin
            // of the bound is wider than any rounding here.
            if weight <= 0.0 || 1.0 - draw > self.bound * weight {
                continue;
            }
            self.arrive(Racer { time: keyed::race(draw, weight), key: draw_keys[i], row: first + i });
        }
    }

    fn arrive(&mut self, racer: Racer) {
        let before = |l: &Racer| l.time.total_cmp(&racer.time).then(l.key.cmp(&racer.key)).is_lt();
        let place = self.leaders.partition_point(before);
        if place < self.places {
            self.leaders.insert(place, racer);
            self.leaders.truncate(self.places);
        }
        if self.leaders.len() == self.places {
            self.bound = self.leaders[self.places - 1].time * (1.0 + 1e-9);
        }
    }
}

/// The points of all candidates.
pub fn points<C: Collective>(c: &mut C, cloud: &Cloud, candidates: &[User]) -> HashMap<User, Point> {
    let mut named = candidates.to_vec();
    named.sort_unstable_by_key(|user| (user.worker, user.row));
    named.dedup();
    let points = exchange_points(c, cloud, &named);
    named.into_iter().zip(points).collect()
}

/// The points of `users` (by worker, then row) on every worker.
pub fn exchange_points<C: Collective>(c: &mut C, cloud: &Cloud, users: &[User]) -> Vec<Point> {
    let own = c.index();
    if c.peers() == 1 {
        return users.iter().map(|user| cloud.points.point(user.row)).collect();
    }
    let mut mine: Vec<u64> = Vec::new();
    for user in users.iter().filter(|user| user.worker == own) {
        let point = cloud.points.point(user.row);
        mine.push(point.indices.len() as u64);
        mine.extend(point.indices.iter().map(|&i| u64::from(i)));
        mine.extend(point.values.iter().map(|v| v.to_bits()));
    }
    let sent = c.all_gather(&mine);
    let mut rest: Vec<&[u64]> = sent.iter().map(Vec::as_slice).collect();
    users.iter().map(|user| take_point(&mut rest[user.worker])).collect()
}

/// The next point of a worker's message.
fn take_point(words: &mut &[u64]) -> Point {
    let (length, rest) = words.split_first().expect("a point begins with its length");
    let (indices, rest) = rest.split_at(*length as usize);
    let (values, rest) = rest.split_at(*length as usize);
    *words = rest;
    Point {
        indices: indices.iter().map(|&i| i as u32).collect(),
        values: values.iter().map(|&v| f64::from_bits(v)).collect(),
    }
}
