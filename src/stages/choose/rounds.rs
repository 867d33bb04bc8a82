//! The rounds of a choice, in order.

use super::candidates;
use super::data::Data;
use super::outcome::{Candidate, Chosen, Round};
use super::rule;
use super::sample::Sample;
use super::trial::{Amount, Effort, Trial, Tried};
use super::why;
use crate::collective::{Collective, Solo};
use crate::error::{Error, Result};
use crate::job::{Job, Matrix};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;
use crate::stages::evidence::guess::{Mean, Popularity};
use crate::watch::progress;

/// About the most users and ratings of a sample, and of the smaller one for the first round.
const USERS: f64 = 16_000.0;
const RATINGS: f64 = 400_000.0;
const FEW_USERS: f64 = 4_000.0;
const FEW_RATINGS: f64 = 100_000.0;

/// The most components that are tried.
const MOST_COMPONENTS: usize = 32;

/// Numbers of segments in the first round, and in the second.
const ROUGH: [usize; 4] = [3, 6, 12, 24];
const GRID: [usize; 15] = [2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 41, 50];

/// In the third round, numbers around the best of the second: within this factor, all of them up to so many.
const AROUND: f64 = 1.35;
const FINE: usize = 13;

/// Then other components, as multiples of those that stand out against the null, in numbers of segments within a factor.
const MULTIPLES: [f64; 3] = [0.4, 2.0, 4.0];
const NEAR: f64 = 1.6;

/// Numbers of segments that one worker tries at a time in the third round.
const AT_A_TIME: usize = 3;

/// Refits in the third round.
const REFITS: usize = 4;

/// The most segments of a sample: one for so many users.
const USERS_PER_SEGMENT: usize = 8;

/// With fewer users, or fewer hidden ratings, nothing can be compared.
const LEAST_USERS: usize = 40;
const LEAST_HIDDEN: u64 = 40;

/// The users and what is to be chosen for them.
pub struct Question<'a> {
    pub job: &'a Job,
    pub shard: &'a Shard,
    /// Over all workers.
    pub n_users: u64,
    pub n_ratings: u64,
}

impl Chosen {
    /// About the most users and ratings that the candidates are compared on, of so many.
    pub fn sample_of(users: f64, ratings: f64) -> [f64; 2] {
        [users.min(USERS), ratings.min(RATINGS)]
    }
}

/// Chooses what the job leaves open. All workers call it together and get the same.
///
/// # Errors
/// None but those of other workers.
pub fn choose<C: Collective>(c: &mut C, question: &Question) -> Result<Chosen> {
    let Question { job, shard, n_users, n_ratings } = *question;
    let share = |users: f64, ratings: f64| (users / n_users.max(1) as f64).min(ratings / n_ratings.max(1) as f64);
    let sample = Sample::gather(c, shard, share(USERS, RATINGS), job.seed)?;
    let seed = keyed::bits(job.seed, Stream::Choice, 1, 0);
    let few = sample.part(share(FEW_USERS, FEW_RATINGS), job.seed);
    let mut rounds = Rounds { c, job, seed, candidates: Vec::new(), n_items: shard.matrix.n_cols };
    rounds.choose(sample, few)
}

/// The rounds so far.
struct Rounds<'a, C> {
    c: &'a mut C,
    job: &'a Job,
    /// Of the draws of the choice.
    seed: u64,
    candidates: Vec<Candidate>,
    /// Of the whole data.
    n_items: usize,
}

/// Ratings to try candidates on, and how to average over those hidden.
struct Ground {
    data: Data,
    most_components: usize,
    most_clusters: usize,
}

impl Ground {
    fn new(sample: Sample, seed: u64) -> Result<Ground> {
        let Sample { ratings, draw_keys } = sample;
        let (n_users, n_items) = (ratings.n_rows(), ratings.n_cols);
        Ok(Ground {
            data: Data::new(&ratings, draw_keys, seed)?,
            most_components: MOST_COMPONENTS.min(n_items).min(n_users),
            most_clusters: (n_users / USERS_PER_SEGMENT).max(2),
        })
    }

    /// Of `numbers`, those for which there are enough users.
    fn clusters(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<usize> {
        numbers.into_iter().filter(|&number| number <= self.most_clusters).collect()
    }
}

impl<C: Collective> Rounds<'_, C> {
    fn choose(&mut self, sample: Sample, few: Sample) -> Result<Chosen> {
        let matrices = candidates::matrices(self.job.matrix, self.job.choices, &sample.ratings);
        let (users, ratings) = (sample.ratings.n_rows() as u64, sample.ratings.nnz() as u64);
        if sample.ratings.n_rows() < LEAST_USERS || sample.ratings.n_cols < 2 {
            return Ok(self.usual([users, ratings, 0]));
        }
        let is_whole = few.ratings.n_rows() == sample.ratings.n_rows();
        let ground = Ground::new(sample, self.seed)?;
        let hidden = ground.data.real.hidden.nnz() as u64;
        if hidden < LEAST_HIDDEN {
            return Ok(self.usual([users, ratings, hidden]));
        }
        let finalists = match &matrices[..] {
            [only] => vec![*only],
            _ if is_whole => self.weightings(&ground, &matrices)?,
            _ => self.weightings(&Ground::new(few, self.seed)?, &matrices)?,
        };
        let spaces = self.components(&ground, &finalists)?;
        let Some(best) = spaces.first() else {
            return Ok(self.usual([users, ratings, hidden]));
        };
        let tells = rule::tells(best);
        let candidate = match (self.job.choices.clusters.is_open(), tells) {
            (true, true) => self.clusters(&ground, &spaces)?,
            // There is nothing to be had, so the fewest segments say so best.
            (true, false) => Candidate { clusters: 2, ..best.candidate },
            (false, _) => best.candidate,
        };
        let why = why::sentence(&candidate, &self.candidates, tells);
        let numbers = [candidate.components, candidate.clusters];
        Ok(self.chosen(candidate.matrix(), numbers, why, [users, ratings, hidden]))
    }

    /// The weightings that deserve a closer look.
    fn weightings(&mut self, ground: &Ground, matrices: &[Matrix]) -> Result<Vec<Matrix>> {
        let clusters = self.numbers(ground, &ROUGH);
        let components = self.given_components();
        let trial = |&matrix: &Matrix| Trial {
            round: Round::Weighting,
            matrix,
            components: components.unwrap_or(Amount::Above(1.0)),
            clusters: &clusters,
            effort: Effort { starts: 1, swaps: 2 },
            refits: 0,
        };
        let best = self.best_of_each(ground, &matrices.iter().map(trial).collect::<Vec<_>>())?;
        let places = on(ground, |average| rule::finalists(&best, average));
        Ok(places.into_iter().map(|at| best[at].candidate.matrix()).collect())
    }

    /// The best of these weightings in any number of segments, then with other components. If fewer components do as well, they come
    /// second.
    fn components(&mut self, ground: &Ground, matrices: &[Matrix]) -> Result<Vec<Tried>> {
        let clusters = self.numbers(ground, &GRID);
        let given = self.given_components();
        let trial = |matrix, components| Trial {
            round: Round::Components,
            matrix,
            components,
            clusters: &clusters,
            effort: Effort { starts: 1, swaps: 6 },
            refits: 0,
        };
        let standing = given.unwrap_or(Amount::Above(1.0));
        let trials: Vec<Trial> = matrices.iter().map(|&matrix| trial(matrix, standing)).collect();
        let Some(best) = self.best(ground, &trials)? else { return Ok(Vec::new()) };
        if given.is_some() {
            return Ok(vec![best]);
        }
        let (matrix, number) = (best.candidate.matrix(), best.candidate.clusters as f64);
        let is_near = |&clusters: &usize| (number / NEAR..=number * NEAR).contains(&(clusters as f64));
        let near: Vec<usize> = clusters.iter().copied().filter(is_near).collect();
        let trials = MULTIPLES.map(|times| Trial { clusters: &near, ..trial(matrix, Amount::Above(times)) });
        let others = self.best_of_each(ground, &trials)?;
        Ok(on(ground, |average| rule::spaces([vec![best], others].concat(), average)))
    }

    /// The best of all trials; the best of each is noted.
    fn best(&mut self, ground: &Ground, trials: &[Trial]) -> Result<Option<Tried>> {
        let best = self.best_of_each(ground, trials)?;
        Ok(rule::best(&best).map(|at| best[at].clone()))
    }

    /// The best of each trial that came to something.
    fn best_of_each(&mut self, ground: &Ground, trials: &[Trial]) -> Result<Vec<Tried>> {
        let best = |tried: Vec<Tried>| rule::best(&tried).map(|at| tried[at].clone()).into_iter().collect();
        let best = self.run(ground, trials, best)?.concat();
        self.candidates.extend(best.iter().map(|best| best.candidate));
        Ok(best)
    }

    /// The number of segments, around the best one of each space.
    fn clusters(&mut self, ground: &Ground, spaces: &[Tried]) -> Result<Candidate> {
        let numbers: Vec<(Candidate, Vec<usize>)> =
            spaces.iter().map(|of| (of.candidate, ground.clusters(around(of.candidate.clusters)))).collect();
        let trial = |of: Candidate, clusters| Trial {
            round: Round::Clusters,
            matrix: of.matrix(),
            components: Amount::Is(of.components),
            clusters,
            effort: Effort { starts: 3, swaps: 10 },
            refits: REFITS,
        };
        let trials = numbers.iter().flat_map(|(of, numbers)| numbers.chunks(AT_A_TIME).map(|some| trial(*of, some)));
        let mut tried = self.run(ground, &trials.collect::<Vec<_>>(), |tried| tried)?.concat();
        tried.sort_by_key(|tried| (tried.candidate.clusters, tried.candidate.components));
        self.candidates.extend(tried.iter().map(|tried| tried.candidate));
        let place = on(ground, |average| rule::clusters(&tried, average));
        Ok(place.map_or(spaces[0].candidate, |at| tried[at].candidate))
    }

    /// Deals the trials to the workers; all get what came of each, in order. One whose users are all alike comes to nothing.
    /// Of each, only what `keep` leaves crosses to the others.
    fn run(
        &mut self,
        ground: &Ground,
        trials: &[Trial],
        keep: impl Fn(Vec<Tried>) -> Vec<Tried>,
    ) -> Result<Vec<Vec<Tried>>> {
        let (index, peers) = (self.c.index(), self.c.peers());
        let mine = (0..trials.len()).filter(|at| at % peers == index);
        let seed = self.seed;
        let tried = |at: usize| progress::trying(|| trials[at].run(&ground.data, ground.most_components, seed));
        let of = |at: usize| match tried(at) {
            Ok(tried) => Ok((at, keep(tried))),
            Err(Error::Data { .. }) => Ok((at, Vec::new())),
            Err(error) => Err(error),
        };
        let mine = mine.map(of).collect::<Result<Vec<(usize, Vec<Tried>)>>>();
        let mine = self.c.agree(mine)?;
        let mut all = self.c.gather_values(&mine).concat();
        all.sort_by_key(|(at, _)| *at);
        let all = self.c.broadcast_value(self.c.is_coordinator().then_some(&all));
        Ok(all.into_iter().map(|(_, tried)| tried).collect())
    }

    /// The numbers of segments to try: that of the job, if it is given.
    fn numbers(&self, ground: &Ground, open: &[usize]) -> Vec<usize> {
        match self.job.choices.clusters.is_open() {
            true => ground.clusters(open.iter().copied()),
            false => vec![self.job.kmeans.clusters.min(ground.data.draw_keys.len())],
        }
    }

    fn given_components(&self) -> Option<Amount> {
        (!self.job.choices.components.is_open()).then_some(Amount::Is(self.job.pca.components))
    }

    /// What is taken where too little is known to compare anything: what the job has until the choice, as far as there are users.
    fn usual(&mut self, sizes: [u64; 3]) -> Chosen {
        let Job { choices, matrix, pca, kmeans, .. } = *self.job;
        let [users, ..] = sizes;
        let most = users.max(2) as usize;
        let most_components = most.min(self.n_items).max(1);
        let components =
            if choices.components.is_open() { pca.components.min(most_components) } else { pca.components };
        let clusters = if choices.clusters.is_open() {
            (most / USERS_PER_SEGMENT).clamp(2, kmeans.clusters)
        } else {
            kmeans.clusters
        };
        let why = "There are too few users to compare settings, so the usual ones were taken.".to_string();
        self.chosen(matrix, [components, clusters], why, sizes)
    }

    fn chosen(&mut self, matrix: Matrix, [components, clusters]: [usize; 2], why: String, sizes: [u64; 3]) -> Chosen {
        let Matrix { weighting, normalize, missing } = matrix;
        let [users, ratings, hidden] = sizes;
        let open = self.job.choices.by_key().into_iter().filter(|(_, by)| by.is_open());
        Chosen {
            weighting,
            normalize,
            missing,
            components,
            clusters,
            open: open.map(|(key, _)| key.to_string()).collect(),
            why,
            users,
            ratings,
            hidden,
            candidates: std::mem::take(&mut self.candidates),
        }
    }
}

/// Numbers of segments around one: rising, and all of them where these are few.
fn around(number: usize) -> Vec<usize> {
    let least = ((number as f64 / AROUND) as usize).min(number.saturating_sub(2)).max(2);
    let most = ((number as f64 * AROUND) as usize).max(number + 2);
    let step = (most - least) / FINE + 1;
    let mut numbers: Vec<usize> = (least..=most).step_by(step).chain([number]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Calls `f` with the way to average over the ratings that are hidden.
fn on<R>(ground: &Ground, f: impl FnOnce(rule::Average) -> R) -> R {
    let popularity = Popularity::new(&mut Solo, &ground.data.real);
    let average = |of_users: &[f64]| -> Mean { popularity.mean(&mut Solo, of_users) };
    f(&average)
}
