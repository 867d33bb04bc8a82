//! The iterations: users by degree, and the mixture that follows from them.

use super::counts::{Counts, Ground, WHOLE};
use super::liking::Liking;
use super::model::{Mixture, best_two};
use crate::collective::Collective;
use crate::job::Refine;
use crate::kernel::csr::{Csr, Row};
use crate::kernel::keyed::{self, Stream};

/// The most iterations on a sample of the users, and then on all.
const MOST: usize = 40;
const MOST_OF_ALL: usize = 6;

/// With more users than twice so many, the first iterations are on a keyed sample of about so many.
const SAMPLE: f64 = 65_536.0;

/// What a refinement begins with.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// This worker's users with their ratings `(n_local_users, n_items)`.
    pub ratings: &'a Csr,
    /// A key for each user.
    pub draw_keys: &'a [u64],
    /// The segment of each user; none is without users over all workers.
    pub segments: &'a [u32],
    pub n_segments: usize,
    pub seed: u64,
    /// Iterations end when no more than one user in so many has moved.
    pub steady: u64,
}

impl Start<'_> {
    /// `steady` for a result that lasts, and for one to compare others with.
    pub const FINALLY: u64 = 1000;
    pub const ROUGHLY: u64 = 300;
}

/// Segments refined.
#[derive(Debug, Clone, PartialEq)]
pub struct Refined {
    pub mixture: Mixture,
    /// Of this worker's users.
    pub segments: Vec<u32>,
    /// Users of each segment, over all workers.
    pub sizes: Vec<u64>,
    pub iterations: usize,
}

/// Refines segments. All workers call it together and get the same mixture. None where a segment would lose all its users at once.
pub fn fit<C: Collective>(c: &mut C, start: &Start) -> Option<Refined> {
    let mut counts = start.ratings.column_counts();
    c.sum(&mut counts);
    let liking = Liking::new(c, start.ratings, &counts);
    let ground = Ground::new(&counts, liking);
    let mut fit = Fit { c, start, ground: &ground, iterations: 0 };
    let mut n_users = [start.draw_keys.len() as u64];
    fit.c.sum(&mut n_users);
    let share = SAMPLE / n_users[0].max(1) as f64;
    let mixture = fit.begin();
    if share >= 0.5 {
        return fit.run(mixture, MOST, |_| true);
    }
    let is_taken = |key: u64| keyed::uniform(start.seed, Stream::Mixture, 0, key) < share;
    let mixture = fit.run(mixture, MOST, is_taken)?.mixture;
    fit.run(mixture, MOST_OF_ALL, |_| true)
}

/// The segments of this worker's users, refined if `refine` says so and they can be.
pub fn refined<C: Collective>(c: &mut C, refine: Refine, start: &Start) -> Vec<u32> {
    match refine {
        Refine::None => None,
        Refine::Mixture => fit(c, start).map(|refined| refined.segments),
    }
    .unwrap_or_else(|| start.segments.to_vec())
}

/// One pass over users by a mixture.
struct Pass {
    /// Of this worker's users, or of those that are taken.
    segments: Vec<u32>,
    sizes: Vec<u64>,
    counts: Counts,
}

struct Fit<'a, C> {
    c: &'a mut C,
    start: &'a Start<'a>,
    ground: &'a Ground,
    iterations: usize,
}

impl<C: Collective> Fit<'_, C> {
    /// The mixture of the segments to begin with.
    fn begin(&mut self) -> Mixture {
        let Start { ratings, segments, n_segments, .. } = *self.start;
        let mut counts = Counts::zeros(self.ground, n_segments);
        for (row, &segment) in ratings.rows().zip(segments) {
            counts.add(self.ground, row, &[(segment, WHOLE)]);
        }
        counts.sum(self.c);
        counts.mixture(self.ground)
    }

    /// Iterates on the users that `is_taken` takes, until hardly one moves. Goes no further than to where each segment has users.
    fn run(&mut self, mut mixture: Mixture, most: usize, is_taken: impl Fn(u64) -> bool) -> Option<Refined> {
        let mut before: Option<(Mixture, Pass)> = None;
        for _ in 0..most {
            let pass = self.pass(&mixture, &is_taken);
            if pass.sizes.contains(&0) {
                break;
            }
            self.iterations += 1;
            let is_steady = before.as_ref().is_some_and(|(_, before)| self.is_steady(before, &pass));
            let next = pass.counts.mixture(self.ground);
            before = Some((std::mem::replace(&mut mixture, next), pass));
            if is_steady {
                break;
            }
        }
        let (mixture, Pass { segments, sizes, .. }) = before?;
        Some(Refined { mixture, segments, sizes, iterations: self.iterations })
    }

    fn pass(&mut self, mixture: &Mixture, is_taken: impl Fn(u64) -> bool) -> Pass {
        let Start { ratings, draw_keys, n_segments, .. } = *self.start;
        let mut pass =
            Pass { segments: Vec::new(), sizes: vec![0; n_segments], counts: Counts::zeros(self.ground, n_segments) };
        let mut desk = Desk::new(n_segments);
        for (row, _) in ratings.rows().zip(draw_keys).filter(|(_, key)| is_taken(**key)) {
            let segment = desk.weigh(mixture, row);
            pass.segments.push(segment);
            pass.sizes[segment as usize] += 1;
            pass.counts.add(self.ground, row, &desk.degrees);
        }
        self.c.sum(&mut pass.sizes);
        pass.counts.sum(self.c);
        pass
    }

    fn is_steady(&mut self, before: &Pass, now: &Pass) -> bool {
        let moved = before.segments.iter().zip(&now.segments).filter(|(before, now)| before != now).count();
        let mut counts = [moved as u64, now.segments.len() as u64];
        self.c.sum(&mut counts);
        counts[0] * self.start.steady <= counts[1]
    }
}

/// Room to weigh one user at a time.
struct Desk {
    scores: Vec<f32>,
    /// Of the last user: the segments with a thousandth of it, and its degrees in units of [`WHOLE`].
    degrees: Vec<(u32, i64)>,
}

impl Desk {
    fn new(n_segments: usize) -> Desk {
        Desk { scores: vec![0.0; n_segments], degrees: Vec::new() }
    }

    /// The likeliest segment of a user.
    fn weigh(&mut self, mixture: &Mixture, row: Row) -> u32 {
        mixture.score(row, &mut self.scores);
        let [best, _] = best_two(&self.scores);
        let top = self.scores[best as usize];
        // log₂ of half a unit.
        let least = top - 11.0;
        let likelihood = |score: f32| libm::exp2f(score - top);
        let near = |scores: &[f32]| scores.iter().filter(|&&score| score > least).map(|&s| likelihood(s)).sum::<f32>();
        let all = near(&self.scores);
        self.degrees.clear();
        for (segment, &score) in self.scores.iter().enumerate().filter(|&(_, &score)| score > least) {
            let degree = (likelihood(score) / all * WHOLE as f32 + 0.5) as i64;
            if degree > 0 {
                self.degrees.push((segment as u32, degree));
            }
        }
        best
    }
}
