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
    let top = score(&tried[best]);
    let is_close = |&at: &usize| {
        let behind = top - score(&tried[at]);
        behind <= (CLOSE * top.abs()).max(ERRORS * error(&tried[best], &tried[at], average))
    };
    let mut close: Vec<usize> = (0..tried.len()).filter(is_close).collect();
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

/// The place of the number of segments to take, of candidates that differ in it, and in components, by rising number. Of those that
/// are found again, it is the least number that is as good as the best; of equal numbers the one that is found again best. If none is
/// found again, it is the one of those as good as the best that comes nearest to it.
pub fn clusters(tried: &[Tried], average: Average) -> Option<usize> {
    let again = |at: usize| tried[at].candidate.agreement.unwrap_or(0.0);
    let stable: Vec<usize> = (0..tried.len()).filter(|&at| again(at) >= STABLE).collect();
    let is_any = !stable.is_empty();
    let eligible: Vec<usize> = if is_any { stable } else { (0..tried.len()).collect() };
    let best = best_of(tried, eligible.iter().copied())?;
    let as_good = eligible.into_iter().filter(|&at| at == best || is_as_good(&tried[at], &tried[best], average));
    let number = |at: usize| if is_any { tried[at].candidate.clusters } else { 0 };
    as_good.min_by(|&a, &b| number(a).cmp(&number(b)).then(again(b).total_cmp(&again(a))))
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
    use crate::job::{Missing, Normalize, Weighting};

    fn tried(clusters: usize, bits: f64, null_bits: f64, agreement: Option<f64>) -> Tried {
        let candidate = Candidate {
            round: Round::Clusters,
            weighting: Weighting::Bm25,
            normalize: Normalize::L2,
            missing: Missing::Zero,
            components: 5,
            clusters,
            bits,
            standard_error: 0.01,
            null_bits,
            agreement,
            seconds: 0.0,
        };
        Tried { candidate, saved: vec![bits; 4] }
    }

    fn average(error: f64) -> impl Fn(&[f64]) -> Mean {
        move |of_users| Mean { mean: of_users.iter().sum::<f64>() / of_users.len() as f64, standard_error: error }
    }

    #[test]
    fn the_least_number_that_is_as_good_and_found_again_is_taken() {
        let all = [(3, 0.2, 0.9), (4, 0.30, 0.9), (5, 0.31, 0.9), (6, 0.33, 0.6)];
        let all = all.map(|(clusters, bits, agreement)| tried(clusters, bits, -0.1, Some(agreement)));
        assert_eq!(clusters(&all, &average(0.001)), Some(2));
        assert_eq!(clusters(&all, &average(0.02)), Some(1));
        // Where none is found again, all of them count, and the nearest to it is taken.
        let arbitrary = all.map(|of| Tried { candidate: Candidate { agreement: Some(0.4), ..of.candidate }, ..of });
        assert_eq!(clusters(&arbitrary, &average(0.001)), Some(3));
        assert_eq!(clusters(&[], &average(0.001)), None);
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
