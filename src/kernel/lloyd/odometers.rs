//! How far centroids have moved, counted for each cluster so that its users can tell by one number when to look again.
//!
//! A move adds to the odometer of a cluster its own way and that of the fastest other centroid (Hamerly 2010). So one
//! centroid that goes far, as when two share a crowd or one takes over a new one, would make every user look again at all
//! of them. The fastest few may be declared runners instead: the others' odometers leave their ways out, and in the next
//! pass every user is compared with the runners ([`guard`](super::guard)). How many are runners goes by what a sample of
//! the users says that it would cost; nothing else depends on it, so each worker may have its own.

use super::screen::Screen;
use super::tiles::Shift;

/// At most one of so many centroids runs.
const SHARE: usize = 8;

/// What comparing a user with its own centroid costs, in centroids that a block of users is compared with together.
const OWN: usize = 50;

/// How far the centroids of a run have moved, in units of the screen. After each move comes a pass over all users.
#[derive(Debug, Clone, PartialEq)]
pub struct Odometers {
    /// For each cluster: its own way and that of the fastest other but the runners, in each move.
    readings: Vec<f64>,
    /// Of the last move.
    runners: Vec<u32>,
}

/// A move of the centroids.
struct Move {
    /// Upper bounds.
    ways: Vec<f64>,
    /// Centroids by falling way, and the place of each there.
    order: Vec<u32>,
    place: Vec<usize>,
}

impl Move {
    fn new(screen: &Screen, shifts: &[Shift]) -> Move {
        let way = |shift: &Shift| shift.squared.sqrt() * screen.unit() * (1.0 + 1e-6) + 1e-30;
        let ways: Vec<f64> = shifts.iter().map(way).collect();
        let mut order: Vec<u32> = (0..ways.len() as u32).collect();
        order.sort_unstable_by(|&a, &b| ways[b as usize].total_cmp(&ways[a as usize]));
        let mut place = vec![0; order.len()];
        order.iter().enumerate().for_each(|(at, &j)| place[j as usize] = at);
        Move { ways, order, place }
    }

    /// The way of cluster `j` and of the fastest other, the first `n_runners` left out.
    fn advance(&self, j: usize, n_runners: usize) -> f64 {
        let fastest = self.order[n_runners..].iter().find(|&&other| other as usize != j);
        self.ways[j] + fastest.map_or(0.0, |&other| self.ways[other as usize])
    }
}

impl Odometers {
    pub fn new(n_clusters: usize) -> Odometers {
        Odometers { readings: vec![0.0; n_clusters], runners: Vec::new() }
    }

    pub fn readings(&self) -> &[f64] {
        &self.readings
    }

    /// Centroids that every user must be compared with in the next pass.
    pub fn runners(&self) -> &[u32] {
        &self.runners
    }

    /// Adds a move of the centroids. `sample` has the cluster of some users, and the reading up to which it holds.
    pub fn advance(&mut self, screen: &Screen, shifts: &[Shift], sample: &[(u32, f32)]) {
        let step = Move::new(screen, shifts);
        let n_runners = self.choose(&step, sample);
        self.runners.clear();
        self.runners.extend(&step.order[..n_runners]);
        for (j, reading) in self.readings.iter_mut().enumerate() {
            *reading += step.advance(j, n_runners);
        }
    }

    /// The number of runners that makes the next pass cheapest.
    fn choose(&self, step: &Move, sample: &[(u32, f32)]) -> usize {
        let k = self.readings.len();
        let cost = |n_runners: usize| {
            // Who has no label or a runner's looks again in any case.
            let at = |j: usize| self.readings[j] + step.advance(j, n_runners);
            let readings: Vec<Option<f64>> = (0..k).map(|j| (step.place[j] >= n_runners).then(|| at(j))).collect();
            let reading = |label: u32| readings.get(label as usize).copied().flatten();
            let is_due = |&(label, until): &(u32, f32)| reading(label).is_none_or(|at| f64::from(until) <= at);
            let due = sample.iter().filter(|user| is_due(user)).count();
            due * k + if n_runners > 0 { sample.len() * (n_runners + OWN) } else { 0 }
        };
        let powers = std::iter::successors(Some(1), |n| Some(2 * n)).take_while(|&n| n <= k / SHARE);
        std::iter::once(0).chain(powers).min_by_key(|&n_runners| cost(n_runners)).unwrap_or(0)
    }
}
