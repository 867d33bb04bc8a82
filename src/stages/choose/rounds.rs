//! The rounds of a choice, in order.

use super::candidates;
use super::ground::Ground;
use super::outcome::{Candidate, Chosen, Round};
use super::rule::{self, Step};
use super::sample::Sample;
use super::trial::{Amount, Effort, Trial, Tried};
use super::why;
use crate::collective::{Collective, Solo};
use crate::error::Result;
use crate::job::{Amounts, Job, Matrix, Refine};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;
use crate::stages::evidence::guess::{Mean, Popularity};
use crate::stages::evidence::null::Deal;
use crate::stages::mixture::Mixture;

/// About the most users and ratings of a sample, and of the smaller one for the first round.
const USERS: f64 = 16_000.0;
const RATINGS: f64 = 400_000.0;
const FEW_USERS: f64 = 4_000.0;
const FEW_RATINGS: f64 = 100_000.0;

/// The most components that are tried: to compare weightings, and then.
const FEW_COMPONENTS: usize = 16;
const MOST_COMPONENTS: usize = 32;

/// Numbers of segments in the first round, and in the second.
const ROUGH: [usize; 5] = [3, 4, 6, 12, 24];
const GRID: [usize; 15] = [2, 3, 4, 5, 6, 8, 10, 12, 15, 18, 22, 27, 33, 41, 50];

/// In the third round, numbers around the best of the second: within this factor, all of them up to so many.
const AROUND: f64 = 1.35;
const FINE: usize = 13;

/// Then other components, as multiples of those that stand out against the null, in numbers of segments within a factor. Where no more
/// than a few stand out, the best number may be quite another in more of them: then in rough numbers too.
const MULTIPLES: [f64; 3] = [0.4, 2.0, 4.0];
const NEAR: f64 = 1.6;
const FEW: usize = 4;

/// Numbers of segments that one worker tries at a time in the third round.
const AT_A_TIME: usize = 3;

/// Segments are refined only where a worker's tables for it take no more bytes. The same whatever memory there is: results do not depend
/// on that.
const TABLES: u64 = 256 << 20;

/// Refits in the third round.
const REFITS: u64 = 4;

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
        let share = (USERS / users.max(1.0)).min(RATINGS / ratings.max(1.0)).min(1.0);
        [users * share, ratings * share]
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
    let mut rounds =
        Rounds { c, job, seed, candidates: Vec::new(), n_items: shard.matrix.n_cols, amounts: job.kmeans.amounts };
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
    /// How amounts are read, as far as that is settled.
    amounts: Amounts,
}

impl<C: Collective> Rounds<'_, C> {
    fn choose(&mut self, sample: Sample, few: Sample) -> Result<Chosen> {
        let matrices = candidates::matrices(self.job.matrix, self.job.choices, &sample.ratings);
        let amounts = candidates::amounts(self.job.kmeans.amounts, self.job.choices, &sample.ratings);
        self.amounts = amounts[0];
        let deal = if amounts == [Amounts::None] { Deal::AtRandom } else { Deal::ByItem };
        let (users, ratings) = (sample.ratings.n_rows() as u64, sample.ratings.nnz() as u64);
        if sample.ratings.n_rows() < LEAST_USERS || sample.ratings.n_cols < 2 {
            return Ok(self.usual([users, ratings, 0]));
        }
        let ground = Ground::new(sample, deal, MOST_COMPONENTS, self.seed)?;
        let hidden = ground.data.real.hidden.nnz() as u64;
        if hidden < LEAST_HIDDEN {
            return Ok(self.usual([users, ratings, hidden]));
        }
        let finalists = match (&matrices[..], &amounts[..]) {
            ([only], [_]) => vec![*only],
            _ => self.weightings(&Ground::new(few, deal, FEW_COMPONENTS, self.seed)?, &matrices, &amounts)?,
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
        let refine = if self.job.choices.refine.is_open() { candidate.refine } else { self.job.kmeans.refine };
        Ok(self.chosen(candidate.matrix(), numbers, refine, why, [users, ratings, hidden]))
    }

    /// The weightings that deserve a closer look; also settles how amounts are read.
    fn weightings(&mut self, ground: &Ground, matrices: &[Matrix], amounts: &[Amounts]) -> Result<Vec<Matrix>> {
        let clusters = self.numbers(ground, &ROUGH);
        let components = self.given_components();
        let trial = |&matrix: &Matrix| Trial {
            round: Round::Weighting,
            matrix,
            components: components.unwrap_or(Amount::AboveNull),
            clusters: &clusters,
            effort: Effort { starts: 1, swaps: 2 },
            refines: &[Refine::None],
            amounts,
        };
        let trials: Vec<Trial> = matrices.iter().map(trial).collect();
        let best = |trial: &Trial| Ok(rule::best_of_each(ground.run(trial, self.seed)?, |of| of.candidate.amounts));
        let mut best: Vec<Tried> = ground.deal(self.c, &trials, best)?.concat();
        self.read_amounts(&best, amounts);
        best.retain(|best| best.candidate.amounts == self.amounts);
        self.candidates.extend(best.iter().map(|best| best.candidate));
        let places = on(ground, self.amounts, |average| rule::finalists(&best, average));
        Ok(places.into_iter().map(|at| best[at].candidate.matrix()).collect())
    }

    /// Settles how amounts are read: in the way in which the best candidate stands out most clearly.
    fn read_amounts(&mut self, best: &[Tried], amounts: &[Amounts]) {
        if let [_, _, ..] = amounts {
            let mut readings = rule::best_of_each(best.to_vec(), |of| of.candidate.amounts);
            readings.iter_mut().for_each(|of| of.candidate.round = Round::Amounts);
            self.amounts = rule::clearest(&readings).map_or(self.amounts, |at| readings[at].candidate.amounts);
            self.candidates.extend(readings.iter().map(|of| of.candidate));
        }
    }

    /// The best of these weightings in any number of segments, then with other components. If fewer components do as well, they come
    /// second.
    fn components(&mut self, ground: &Ground, matrices: &[Matrix]) -> Result<Vec<Tried>> {
        let (clusters, amounts) = (self.numbers(ground, &GRID), [self.amounts]);
        let given = self.given_components();
        let trial = |matrix, components| Trial {
            round: Round::Components,
            matrix,
            components,
            clusters: &clusters,
            effort: Effort { starts: 1, swaps: 6 },
            refines: &[Refine::None],
            amounts: &amounts,
        };
        let standing = given.unwrap_or(Amount::AboveNull);
        let trials: Vec<Trial> = matrices.iter().map(|&matrix| trial(matrix, standing)).collect();
        let Some(best) = self.best(ground, &trials)? else { return Ok(Vec::new()) };
        if given.is_some() {
            return Ok(vec![best]);
        }
        let (matrix, number) = (best.candidate.matrix(), best.candidate.clusters as f64);
        let is_near = |&clusters: &usize| (number / NEAR..=number * NEAR).contains(&(clusters as f64));
        let standing = best.candidate.components;
        let is_tried = |clusters: &usize| is_near(clusters) || (standing <= FEW && ROUGH.contains(clusters));
        let near: Vec<usize> = clusters.iter().copied().filter(is_tried).collect();
        let most = ground.most_components();
        let others = MULTIPLES.map(|times| ((standing as f64 * times) as usize).clamp(most.min(2), most));
        let mut others: Vec<usize> = others.into_iter().filter(|&other| other != standing).collect();
        others.dedup();
        let trial_of = |components| Trial { clusters: &near, ..trial(matrix, Amount::Is(components)) };
        let trials: Vec<Trial> = others.into_iter().map(trial_of).collect();
        let others = self.best_of_each(ground, &trials)?;
        Ok(on(ground, self.amounts, |average| rule::spaces([vec![best], others].concat(), average)))
    }

    /// The best of all trials; the best of each is noted.
    fn best(&mut self, ground: &Ground, trials: &[Trial]) -> Result<Option<Tried>> {
        let best = self.best_of_each(ground, trials)?;
        Ok(rule::best(&best).map(|at| best[at].clone()))
    }

    /// The best of each trial that came to something.
    fn best_of_each(&mut self, ground: &Ground, trials: &[Trial]) -> Result<Vec<Tried>> {
        let best = |trial: &Trial| {
            let mut tried = ground.run(trial, self.seed)?;
            Ok(rule::best(&tried).map(|at| tried.swap_remove(at)))
        };
        let best: Vec<Tried> = ground.deal(self.c, trials, best)?.into_iter().flatten().collect();
        self.candidates.extend(best.iter().map(|best| best.candidate));
        Ok(best)
    }

    /// The number of segments, around the best one of each space, and whether to refine them.
    fn clusters(&mut self, ground: &Ground, spaces: &[Tried]) -> Result<Candidate> {
        let around = |of: &Tried| (of.candidate, ground.clusters(around(of.candidate.clusters)));
        let mut tried = self.numbers_of(ground, &spaces.iter().map(around).collect::<Vec<_>>())?;
        let mut taken = self.take(ground, &mut tried)?;
        while let Some(of) = taken {
            let has = |number: &usize| tried.iter().any(|tried| tried.candidate.clusters == *number);
            let more: Vec<usize> = ground.clusters(more(&of)).into_iter().filter(|number| !has(number)).collect();
            if more.is_empty() {
                break;
            }
            tried.extend(self.numbers_of(ground, &[(of, more)])?);
            taken = self.take(ground, &mut tried)?;
        }
        tried.sort_by_key(|tried| order(&tried.candidate));
        self.candidates.extend(tried.iter().map(|tried| tried.candidate));
        Ok(taken.unwrap_or(spaces[0].candidate))
    }

    /// Numbers of segments in the spaces of candidates.
    fn numbers_of(&mut self, ground: &Ground, numbers: &[(Candidate, Vec<usize>)]) -> Result<Vec<Tried>> {
        let most = numbers.iter().flat_map(|(_, numbers)| numbers).max().copied().unwrap_or(0);
        let refines = match self.job.choices.refine.is_open() {
            true if Mixture::bytes(self.n_items, most) <= TABLES => vec![Refine::None, Refine::Mixture],
            true => vec![Refine::None],
            false => vec![self.job.kmeans.refine],
        };
        let amounts = [self.amounts];
        let trial = |of: Candidate, clusters| Trial {
            round: Round::Clusters,
            matrix: of.matrix(),
            components: Amount::Is(of.components),
            clusters,
            refines: &refines,
            amounts: &amounts,
            effort: Effort { starts: 3, swaps: 10 },
        };
        let trials = numbers.iter().flat_map(|(of, numbers)| numbers.chunks(AT_A_TIME).map(|some| trial(*of, some)));
        let trials: Vec<Trial> = trials.collect();
        Ok(ground.deal(self.c, &trials, |of| ground.run(of, self.seed))?.concat())
    }

    /// The one to take, after it was seen how well those in question are found again.
    fn take(&mut self, ground: &Ground, tried: &mut [Tried]) -> Result<Option<Candidate>> {
        loop {
            match rule::clusters(tried) {
                Some(Step::Ask(at)) => {
                    let refits: Vec<u64> = (0..REFITS).collect();
                    let again = |refit: &u64| {
                        ground.again(&tried[at], self.seed, keyed::bits(self.seed, Stream::Choice, 2, *refit))
                    };
                    let again: Vec<f64> = ground.deal(self.c, &refits, again)?;
                    tried[at].candidate.agreement = Some(again.iter().sum::<f64>() / REFITS as f64);
                }
                Some(Step::Take(at)) => return Ok(Some(tried[at].candidate)),
                None => return Ok(None),
            }
        }
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
            (most / Ground::USERS_PER_SEGMENT).clamp(2, kmeans.clusters)
        } else {
            kmeans.clusters
        };
        let why = "There are too few users to compare settings, so the usual ones were taken.".to_string();
        self.chosen(matrix, [components, clusters], kmeans.refine, why, sizes)
    }

    fn chosen(
        &mut self,
        matrix: Matrix,
        [components, clusters]: [usize; 2],
        refine: Refine,
        why: String,
        sizes: [u64; 3],
    ) -> Chosen {
        let Matrix { weighting, normalize, missing } = matrix;
        let [users, ratings, hidden] = sizes;
        let open = self.job.choices.by_key().into_iter().filter(|(_, by)| by.is_open());
        Chosen {
            weighting,
            normalize,
            missing,
            components,
            clusters,
            refine,
            amounts: self.amounts,
            open: open.map(|(key, _)| key.to_string()).collect(),
            why,
            users,
            ratings,
            hidden,
            candidates: std::mem::take(&mut self.candidates),
        }
    }
}

/// By which candidates of the third round are told.
fn order(candidate: &Candidate) -> (usize, usize, Refine) {
    (candidate.clusters, candidate.components, candidate.refine)
}

/// Numbers of segments around one: rising, and all of them where these are few.
fn around(number: usize) -> Vec<usize> {
    let [least, most] = reach(number);
    let mut numbers: Vec<usize> = (least..=most).step_by(step(number)).chain([number]).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

/// Numbers of segments that a candidate is to be compared with before it is taken: those beside it, which may have been passed over, and
/// smaller ones where it is a mixture, as this may need fewer segments than k-means.
fn more(of: &Candidate) -> Vec<usize> {
    let clusters = of.clusters;
    let fewer = GRID.into_iter().filter(|&fewer| of.refine == Refine::Mixture && fewer < clusters);
    let [_, most] = reach(GRID[GRID.len() - 1]);
    let beside = [clusters - 1, clusters + 1].into_iter().filter(|number| (2..=most).contains(number));
    let mut numbers: Vec<usize> = fewer.chain(beside).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn step(number: usize) -> usize {
    let [least, most] = reach(number);
    (most - least) / FINE + 1
}

fn reach(number: usize) -> [usize; 2] {
    let least = ((number as f64 / AROUND) as usize).min(number.saturating_sub(2)).max(2);
    [least, ((number as f64 * AROUND) as usize).max(number + 2)]
}

/// Calls `f` with the way to average over the ratings that are hidden.
fn on<R>(ground: &Ground, amounts: Amounts, f: impl FnOnce(rule::Average) -> R) -> R {
    let popularity = Popularity::new(&mut Solo, &ground.data.real, amounts);
    let average = |of_users: &[f64]| -> Mean { popularity.mean(&mut Solo, of_users) };
    f(&average)
}
