//! Which of the candidates to take.
//!
//! A candidate's score is the bits that it saves per hidden rating, above those of the null where these are above 0. Another is as
//! good if its score is less by no more than one standard error of the difference.

use super::trial::Tried;
use crate::stages::evidence::STABLE;
use crate::stages::evidence::guess::Mean;

/// A weighting goes on if its score is within this share of the best one's, or within [`ERRORS`] standard errors.
const CLOSE: f64 = 0.1;
const ERRORS: f64 = 2.0;

/// Weightings that are compared on all users of the sample.
const FINALISTS: usize = 3;

/// A score below this many bits, or standard errors, is none.
const LEAST_SCORE: f64 = 0.005;
const TELLING: f64 = 3.0;

/// The mean over hidden ratings, and its standard error, of a sum for each user.
pub type Average<'a> = &'a dyn Fn(&[f64]) -> Mean;

/// The place of the highest score; the first of equal ones.
pub fn best(tried: &[Tried]) -> Option<usize> {
    best_of(tried, 0..tried.len())
}

/// The same of these places.
fn best_of(tried: &[Tried], places: impl Iterator<Item = usize>) -> Option<usize> {
    places.max_by(|&a, &b| score(&tried[a]).total_cmp(&score(&tried[b])).then(b.cmp(&a)))
}

/// The places of the candidates that deserve a closer look, the best first.
pub fn finalists(tried: &[Tried], average: Average) -> Vec<usize> {
    let Some(best) = best(tried) else { return Vec::new() };
    let mut close: Vec<usize> = (0..tried.len()).filter(|&at| is_close(&tried[at], &tried[best], average)).collect();
    close.sort_by(|&a, &b| score(&tried[b]).total_cmp(&score(&tried[a])).then(a.cmp(&b)));
    close.truncate(FINALISTS);
    close
}

/// The best of candidates that differ in components, and behind it the one of the fewest components that is as good, if it is another.
pub fn spaces(tried: Vec<Tried>, average: Average) -> Vec<Tried> {
    let Some(best) = best(&tried) else { return Vec::new() };
    let fewer = |at: &usize| tried[*at].candidate.components < tried[best].candidate.components;
    let as_good = (0..tried.len()).filter(fewer).filter(|&at| is_as_good(&tried[at], &tried[best], average));
    let fewest = as_good.min_by_key(|&at| tried[at].candidate.components);
    [Some(best), fewest].into_iter().flatten().map(|at| tried[at].clone()).collect()
}

/// A step towards the number of segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It is to be seen how well the candidate at this place is found again.
    Ask(usize),
    Take(usize),
}

/// The next step, of candidates that differ in the number of segments, in components and in refinement. Of those that are found
/// again, the least number that is as good as the best is taken; of equal numbers the best. If the highest scores are not found
/// again, it is the one among them that comes nearest to it.
pub fn clusters(tried: &[Tried], average: Average) -> Option<Step> {
    let again = |at: usize| tried[at].candidate.agreement;
    let by_score = |places: &mut Vec<usize>| {
        places.sort_by(|&a, &b| score(&tried[b]).total_cmp(&score(&tried[a])).then(a.cmp(&b)));
    };
    let is_close =
        |&at: &usize| best_of(tried, 0..tried.len()).is_some_and(|top| is_close(&tried[at], &tried[top], average));
    let mut left: Vec<usize> = (0..tried.len()).filter(is_close).collect();
    by_score(&mut left);
    let mut passed: Vec<usize> = Vec::new();
    let best = loop {
        let Some(&at) = left.first() else {
            let nearest = passed.into_iter().rev().max_by(|&a, &b| known(again(a)).total_cmp(&known(again(b))));
            return nearest.map(Step::Take);
        };
        match again(at) {
            None => return Some(Step::Ask(at)),
            Some(again) if again >= STABLE => break at,
            // With as many segments or more, others are hardly found again either.
            Some(_) => left.retain(|&other| tried[other].candidate.clusters < tried[at].candidate.clusters),
        }
        passed.push(at);
    };
    let fewer = |&at: &usize| tried[at].candidate.clusters < tried[best].candidate.clusters;
    let mut as_good: Vec<usize> =
        (0..tried.len()).filter(fewer).filter(|&at| is_as_good(&tried[at], &tried[best], average)).collect();
    by_score(&mut as_good);
    as_good.sort_by_key(|&at| tried[at].candidate.clusters);
    let next = as_good.into_iter().find(|&at| again(at).is_none_or(|again| again >= STABLE)).unwrap_or(best);
    Some(if again(next).is_none() { Step::Ask(next) } else { Step::Take(next) })
}

fn is_close(tried: &Tried, best: &Tried, average: Average) -> bool {
    let behind = score(best) - score(tried);
    behind <= (CLOSE * score(best).abs()).max(ERRORS * error(best, tried, average))
}

/// What is not known counts as none.
fn known(agreement: Option<f64>) -> f64 {
    agreement.unwrap_or(0.0)
}

fn is_as_good(tried: &Tried, best: &Tried, average: Average) -> bool {
    score(best) - score(tried) <= error(best, tried, average)
}

/// Whether the score of a candidate is more than chance gives.
pub fn tells(tried: &Tried) -> bool {
    score(tried) >= LEAST_SCORE.max(TELLING * tried.candidate.standard_error)
}

fn score(tried: &Tried) -> f64 {
    tried.candidate.score()
}

/// The standard error of the difference between the bits of two candidates.
fn error(a: &Tried, b: &Tried, average: Average) -> f64 {
    let difference: Vec<f64> = a.saved.iter().zip(&b.saved).map(|(a, b)| a - b).collect();
    average(&difference).standard_error
}

#[cfg(test)]
mod tests {
    use super::super::outcome::{Candidate, Round};
    use super::*;
    use crate::job::{Missing, Normalize, Refine, Weighting};

    fn tried(clusters: usize, bits: f64, null_bits: f64, agreement: Option<f64>) -> Tried {
        let candidate = Candidate {
            round: Round::Clusters,
            weighting: Weighting::Bm25,
            normalize: Normalize::L2,
            missing: Missing::Zero,
            components: 5,
            clusters,
            refine: Refine::None,
            bits,
            standard_error: 0.01,
            null_bits: Some(null_bits),
            agreement,
            seconds: 0.0,
        };
        Tried { candidate, saved: vec![bits; 4], segments: Vec::new() }
    }

    fn average(error: f64) -> impl Fn(&[f64]) -> Mean {
        move |of_users| Mean { mean: of_users.iter().sum::<f64>() / of_users.len() as f64, standard_error: error }
    }

    #[test]
    fn the_least_number_that_is_as_good_and_found_again_is_taken() {
        let all = [(3, 0.2, 0.9), (4, 0.30, 0.9), (5, 0.31, 0.9), (6, 0.33, 0.6)];
        let again = all.map(|(_, _, agreement)| agreement);
        let all = all.map(|(clusters, bits, _)| tried(clusters, bits, -0.1, None));
        // The best is asked first, then the next, and of what is as good the least number.
        assert_eq!(asked(&all, &again, 0.002), (vec![3, 2], 2));
        assert_eq!(asked(&all, &again, 0.04), (vec![3, 2, 1], 1));
        // Where none is found again, all of them count, and the nearest to it is taken.
        assert_eq!(asked(&all, &[0.2, 0.4, 0.3, 0.1], 0.002), (vec![3, 2, 1, 0], 1));
        assert_eq!(clusters(&[], &average(0.001)), None);
    }

    /// The places that are asked how well they are `again` found, and the one that is taken.
    fn asked(all: &[Tried], again: &[f64], error: f64) -> (Vec<usize>, usize) {
        let (mut all, mut asked) = (all.to_vec(), Vec::new());
        loop {
            match clusters(&all, &average(error)).unwrap() {
                Step::Take(at) => return (asked, at),
                Step::Ask(at) => {
                    asked.push(at);
                    all[at].candidate.agreement = Some(again[at]);
                }
            }
        }
    }

    #[test]
    fn of_equal_numbers_the_better_is_taken() {
        let all = [tried(4, 0.3, -0.1, None), tried(4, 0.31, -0.1, None), tried(5, 0.312, -0.1, None)];
        assert_eq!(asked(&all, &[0.9; 3], 1.0), (vec![2, 1], 1));
    }

    #[test]
    fn bits_that_chance_has_too_are_no_score() {
        let (activity, taste) = (tried(4, 0.3, 0.28, None), tried(4, 0.1, -0.2, None));
        assert_eq!(best(&[activity.clone(), taste.clone()]), Some(1));
        assert!(!tells(&activity) && tells(&taste));
    }

    #[test]
    fn at_most_three_come_into_the_last_round_the_best_first() {
        let all = [0.2, 0.29, 0.31, 0.3, 0.305].map(|bits| tried(4, bits, -0.1, None));
        assert_eq!(finalists(&all, &average(0.001)), [2, 4, 3]);
        assert_eq!(finalists(&all[..2], &average(0.001)), [1]);
        assert!(finalists(&[], &average(0.001)).is_empty());
    }
}
