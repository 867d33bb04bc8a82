//! Which of the candidates to take.
//!
//! A candidate's score is the bits that it saves per hidden rating, above those of the null where these are above 0. Another is as
//! good if its score is less by no more than one standard error of the difference.

use super::trial::Tried;
use crate::stages::evidence::guess::Mean;

/// The least mean adjusted Rand index of segments that are found again, as in the verdict.
const STABLE: f64 = 0.75;

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

/// The place of the number of segments to take, of candidates that differ in it alone, by rising number: the least one that is as
/// good as the best, of those that are found again if there are any.
pub fn clusters(tried: &[Tried], average: Average) -> Option<usize> {
    let is_stable = |tried: &Tried| tried.candidate.agreement.is_none_or(|agreement| agreement >= STABLE);
    let stable: Vec<usize> = (0..tried.len()).filter(|&at| is_stable(&tried[at])).collect();
    let eligible = if stable.is_empty() { (0..tried.len()).collect() } else { stable };
    let best =
        eligible.iter().copied().max_by(|&a, &b| score(&tried[a]).total_cmp(&score(&tried[b])).then(b.cmp(&a)))?;
    let is_as_good =
        |at: usize| at == best || score(&tried[best]) - score(&tried[at]) <= error(&tried[best], &tried[at], average);
    eligible.into_iter().find(|&at| is_as_good(at))
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
