//! How likely each segment is to have a user.

use serde::{Deserialize, Serialize};

use super::liking;
use crate::kernel::csr::Row;

/// Segments as distributions over items, and over how high ratings are. With q, r, Z and δ as in
/// [`guess`](crate::stages::evidence), a user u with the ratings x_ui is in segment s with a probability proportional to 2 to the power
///
/// ```text
/// prior_s + Σ_i (terms_is + slopes_is · e_ui)
///
/// terms_is = log₂(r_is / Z_s) − δ_is²/(2σ² ln 2)     slopes_is = δ_is/(σ² ln 2)     e_ui = x_ui − m_i − b_u
/// ```
///
/// All numbers are sums and products of 32-bit floats, added item by item in their order: a user's segment follows from the model and
/// the user's ratings alone, on every machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// log₂ of the share of the users in each segment `(n_segments)`; −∞ for one without users.
    pub prior: Vec<f32>,
    /// `(n_items, n_segments)`
    pub terms: Vec<f32>,
    /// Absent where ratings are no opinions.
    pub opinion: Option<Opinion>,
}

/// What ratings themselves say.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Opinion {
    /// m `(n_items)`
    pub item_means: Vec<f64>,
    /// `(n_items, n_segments)`
    pub slopes: Vec<f32>,
}

impl Mixture {
    pub fn n_segments(&self) -> usize {
        self.prior.len()
    }

    pub fn n_items(&self) -> usize {
        self.terms.len() / self.n_segments().max(1)
    }

    /// log₂ of the likelihood of each segment for a user, up to a constant, into `scores` `(n_segments)`.
    pub fn score(&self, row: Row, scores: &mut [f32]) {
        scores.copy_from_slice(&self.prior);
        match &self.opinion {
            None => row.indices.iter().for_each(|&item| add(scores, self.of(&self.terms, item as usize))),
            Some(opinion) => {
                let generosity = liking::generosity(&opinion.item_means, row);
                row.for_each(|item, value| {
                    let residual = (value - opinion.item_means[item] - generosity) as f32;
                    add(scores, self.of(&self.terms, item));
                    add_times(scores, self.of(&opinion.slopes, item), residual);
                });
            }
        }
    }

    /// The likeliest segment of a user; `scores` is room for a number for each.
    pub fn likeliest(&self, row: Row, scores: &mut [f32]) -> u32 {
        self.score(row, scores);
        best_two(scores)[0]
    }

    /// Gives segment `s` the number `numbers[s]`, for each s.
    pub fn renumber(&mut self, numbers: &[u32]) {
        let tables = [&mut self.prior, &mut self.terms].into_iter();
        for table in tables.chain(self.opinion.as_mut().map(|opinion| &mut opinion.slopes)) {
            for of_item in table.chunks_exact_mut(numbers.len()) {
                let before = of_item.to_vec();
                before.iter().zip(numbers).for_each(|(&term, &number)| of_item[number as usize] = term);
            }
        }
    }

    fn of<'a>(&self, table: &'a [f32], item: usize) -> &'a [f32] {
        let n = self.n_segments();
        &table[item * n..][..n]
    }
}

#[inline(always)]
fn add(scores: &mut [f32], terms: &[f32]) {
    scores.iter_mut().zip(terms).for_each(|(score, term)| *score += term);
}

#[inline(always)]
fn add_times(scores: &mut [f32], slopes: &[f32], residual: f32) {
    scores.iter_mut().zip(slopes).for_each(|(score, slope)| *score += slope * residual);
}

/// The places of the highest score and of the next; the first of equal ones. With one score, both are its.
pub fn best_two(scores: &[f32]) -> [u32; 2] {
    let (mut best, mut second) = (0, usize::MAX);
    for at in 1..scores.len() {
        if scores[at] > scores[best] {
            (best, second) = (at, best);
        } else if second == usize::MAX || scores[at] > scores[second] {
            second = at;
        }
    }
    [best as u32, if second == usize::MAX { best } else { second } as u32]
}
