//! Which of the candidates to take.
//!
//! A candidate's score is the bits that it saves per hidden rating, above those of the null where these are above 0. Another is as
//! good if its score is less by no more than one standard error of the difference.

use std::collections::BTreeMap;

use super::trial::Tried;
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
    (0..tried.len()).max_by(|&a, &b| score(&tried[a]).total_cmp(&score(&tried[b])).then(b.cmp(&a)))
}

/// The best of each kind, in the order in which the kinds come first.
pub fn best_of_each<K: PartialEq>(tried: Vec<Tried>, kind: impl Fn(&Tried) -> K) -> Vec<Tried> {
    let mut of_kinds: Vec<(K, Vec<Tried>)> = Vec::new();
    for of in tried {
        let of_kind = kind(&of);
        match of_kinds.iter_mut().find(|(kind, _)| *kind == of_kind) {
            Some((_, same)) => same.push(of),
            None => of_kinds.push((of_kind, vec![of])),
        }
    }
    of_kinds.into_iter().filter_map(|(_, mut same)| best(&same).map(|at| same.swap_remove(at))).collect()
}

/// The place of the candidate whose score stands out most clearly; the first of equal ones.
pub fn clearest(tried: &[Tried]) -> Option<usize> {
    let clarity = |at: usize| tried[at].candidate.clarity();
    (0..tried.len()).max_by(|&a, &b| clarity(a).total_cmp(&clarity(b)).then(b.cmp(&a)))
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

/// The next step, of candidates that differ in the number of segments, in components and in refinement. Of each number the highest
/// score counts. Half of a score is worth no more than the segments are found again: it is score · (1 + agreement) / 2. The number
/// that is worth most is taken, of equal ones the least; only those are asked whose score is above that.
pub fn clusters(tried: &[Tried]) -> Option<Step> {
    let mut best_of_number: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, of) in tried.iter().enumerate() {
        let best = best_of_number.entry(of.candidate.clusters).or_insert(at);
        if score(of) > score(&tried[*best]) {
            *best = at;
        }
    }
    let mut highest: Vec<usize> = best_of_number.into_values().collect();
    highest.sort_by(|&a, &b| score(&tried[b]).total_cmp(&score(&tried[a])));
    let mut most: Option<(f64, usize)> = None;
    for at in highest {
        let score = score(&tried[at]);
        if most.is_some_and(|(worth, _)| worth >= score) {
            break;
        }
        let Some(agreement) = tried[at].candidate.agreement else { return Some(Step::Ask(at)) };
        let worth = score * (1.0 + agreement) / 2.0;
        let number = |at: usize| tried[at].candidate.clusters;
        if most.is_none_or(|(other, place)| worth > other || (worth == other && number(at) < number(place))) {
            most = Some((worth, at));
        }
    }
    most.map(|(_, at)| Step::Take(at))
}

fn is_close(tried: &Tried, best: &Tried, average: Average) -> bool {
    let behind = score(best) - score(tried);
    behind <= (CLOSE * score(best).abs()).max(ERRORS * error(best, tried, average))
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
    use crate::job::{Amounts, Missing, Normalize, Refine, Weighting};

    fn tried(clusters: usize, bits: f64, null_bits: f64, agreement: Option<f64>) -> Tried {
        let candidate = Candidate {
            round: Round::Clusters,
            weighting: Weighting::Bm25,
            normalize: Normalize::L2,
            missing: Missing::Zero,
            components: 5,
            clusters,
            refine: Refine::None,
            amounts: Amounts::None,
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

    /// The places that are asked how well they are `again` found, and the one that is taken.
    fn asked(all: &[Tried], again: &[f64]) -> (Vec<usize>, usize) {
        let (mut all, mut asked) = (all.to_vec(), Vec::new());
        loop {
            match clusters(&all).unwrap() {
                Step::Take(at) => return (asked, at),
                Step::Ask(at) => {
                    asked.push(at);
                    all[at].candidate.agreement = Some(again[at]);
                }
            }
        }
    }

    #[test]
    fn the_number_is_taken_that_tells_most_and_is_found_again() {
        let all = [(3, 0.2), (4, 0.30), (5, 0.31), (6, 0.33)];
        let all = all.map(|(clusters, bits)| tried(clusters, bits, -0.1, None));
        // What cannot be worth more is not asked.
        assert_eq!(asked(&all, &[0.9, 0.9, 0.9, 0.95]), (vec![3], 3));
        assert_eq!(asked(&all, &[0.9, 0.98, 0.9, 0.5]), (vec![3, 2, 1], 1));
        assert_eq!(asked(&all, &[1.0, 0.1, 0.1, 0.1]), (vec![3, 2, 1, 0], 0));
        assert_eq!(clusters(&[]), None);
    }

    #[test]
    fn of_equal_numbers_the_better_is_taken() {
        let all = [tried(4, 0.3, -0.1, None), tried(4, 0.31, -0.1, None), tried(5, 0.312, -0.1, None)];
        assert_eq!(asked(&all, &[1.0, 1.0, 0.9]), (vec![2, 1], 1));
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
