//! The iterations: users by degree, and the mixture that follows from them.

use super::counts::{Counts, Ground, WHOLE};
use super::model::Mixture;
use super::reading::Reading;
use super::scorer::{Scorer, Scores};
use crate::collective::Collective;
use crate::job::{Amounts, Refine};
use crate::kernel::csr::{Csr, Row};
use crate::kernel::keyed::{self, Stream};

/// The most iterations on a sample of the users, and then on all.
const MOST: usize = 30;
const MOST_OF_ALL: usize = 3;

/// With more users than twice so many, the first iterations are on a keyed sample of about so many.
const SAMPLE: f64 = 32_768.0;

/// Iterations end when no more than one user in so many has moved.
const STEADY: u64 = 300;

impl Mixture {
    /// A worker's bytes for the tables of a fit: counts and what is received of them, a mixture and the next, and one laid out.
    pub fn bytes(n_items: usize, n_segments: usize) -> u64 {
        const COUNTS: u64 = 2 * 8;
        const TABLES: u64 = 2 * 4;
        (n_items * n_segments) as u64 * (2 * COUNTS + 3 * TABLES)
    }

    /// The users that the first iterations are on, about.
    pub const SAMPLE: f64 = SAMPLE;

    /// Iterations on a sample and on all of so many users, about.
    pub fn passes(n_users: f64) -> [f64; 2] {
        if n_users > 2.0 * SAMPLE { [12.0, MOST_OF_ALL as f64 + 2.0] } else { [0.0, 14.0] }
    }
}

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
    pub amounts: Amounts,
    pub seed: u64,
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
    let ground = Ground::new(Reading::new(c, start.ratings, start.amounts));
    let mut fit = Fit { c, start, ground: &ground, iterations: 0, spare: None };
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
    /// Counts that are needed no more: tables are large, and memory is slow to touch for the first time.
    spare: Option<Counts>,
}

impl<C: Collective> Fit<'_, C> {
    /// The mixture of the segments to begin with.
    fn begin(&mut self) -> Mixture {
        let Start { ratings, segments, n_segments, .. } = *self.start;
        let mut counts = Counts::zeros(self.ground, n_segments);
        for (row, &segment) in ratings.rows().zip(segments) {
            counts.add(self.ground, row.view(), &[(segment, WHOLE)]);
        }
        counts.sum(self.c);
        let mixture = counts.mixture(self.ground);
        self.spare = Some(counts);
        mixture
    }

    /// Iterates on the users that `is_taken` takes, until hardly one moves. Goes no further than to where each segment has users.
    fn run(&mut self, mut mixture: Mixture, most: usize, is_taken: impl Fn(u64) -> bool) -> Option<Refined> {
        let mut reached: Option<Refined> = None;
        for _ in 0..most {
            let Pass { segments, sizes, counts } = self.pass(&mixture, &is_taken);
            if sizes.contains(&0) {
                break;
            }
            self.iterations += 1;
            let is_steady = reached.as_ref().is_some_and(|before| self.is_steady(&before.segments, &segments));
            let next = counts.mixture(self.ground);
            self.spare = Some(counts);
            let mixture = std::mem::replace(&mut mixture, next);
            reached = Some(Refined { mixture, segments, sizes, iterations: self.iterations });
            if is_steady {
                break;
            }
        }
        reached
    }

    fn pass(&mut self, mixture: &Mixture, is_taken: impl Fn(u64) -> bool) -> Pass {
        let Start { ratings, draw_keys, n_segments, .. } = *self.start;
        let counts = match self.spare.take() {
            Some(spare) => spare.zeroed(),
            None => Counts::zeros(self.ground, n_segments),
        };
        let mut pass = Pass { segments: Vec::new(), sizes: vec![0; n_segments], counts };
        let (scorer, mut desk) = (Scorer::new(mixture), Desk::default());
        for (row, _) in ratings.rows().zip(draw_keys).filter(|(_, key)| is_taken(**key)) {
            let segment = desk.weigh(&scorer, row.view());
            pass.segments.push(segment);
            pass.sizes[segment as usize] += 1;
            pass.counts.add(self.ground, row.view(), &desk.degrees);
        }
        self.c.sum(&mut pass.sizes);
        pass.counts.sum(self.c);
        pass
    }

    fn is_steady(&mut self, before: &[u32], now: &[u32]) -> bool {
        let moved = before.iter().zip(now).filter(|(before, now)| before != now).count();
        let mut counts = [moved as u64, now.len() as u64];
        self.c.sum(&mut counts);
        counts[0] * STEADY <= counts[1]
    }
}

/// Room to weigh one user at a time.
#[derive(Default)]
struct Desk {
    scores: Scores,
    /// Of the last user: the segments that have a unit of it, and its degrees in units of [`WHOLE`].
    degrees: Vec<(u32, i64)>,
}

/// log₂ of half a unit.
const HALF_A_UNIT: f32 = -11.0;

impl Desk {
    /// The likeliest segment of a user.
    fn weigh(&mut self, scorer: &Scorer, row: Row) -> u32 {
        let [best, _] = scorer.score(row, &mut self.scores);
        let scores = &self.scores.of_segments;
        let top = scores[best as usize];
        self.degrees.clear();
        let near = |&(_, &score): &(usize, &f32)| score - top > HALF_A_UNIT;
        let all: f32 = scores.iter().enumerate().filter(near).map(|(_, score)| libm::exp2f(score - top)).sum();
        for (segment, score) in scores.iter().enumerate().filter(near) {
            let degree = (libm::exp2f(score - top) / all * WHOLE as f32 + 0.5) as i64;
            if degree > 0 {
                self.degrees.push((segment as u32, degree));
            }
        }
        best
    }
}
