//! The ways to weigh ratings that are compared.

use crate::collective::Solo;
use crate::job::{Amounts, Choices, Matrix, Missing, Normalize, Weighting};
use crate::kernel::csr::Csr;
use crate::stages::mixture::reading::may_be_amounts;

const WEIGHTINGS: [Weighting; 5] =
    [Weighting::Bm25, Weighting::Tfidf, Weighting::Log1p, Weighting::Raw, Weighting::Binary];

/// The share of all items that users have where they have most.
const MOST_ITEMS: f64 = 2.0 / 3.0;

/// All ways that differ on these ratings and keep what is given.
pub fn matrices(given: Matrix, choices: Choices, ratings: &Csr) -> Vec<Matrix> {
    let weightings = if choices.weighting.is_open() { WEIGHTINGS.to_vec() } else { vec![given.weighting] };
    let normalize =
        if choices.normalize.is_open() { vec![Normalize::L2, Normalize::None] } else { vec![given.normalize] };
    let missing = if choices.missing.is_open() { vec![Missing::Zero, Missing::UserMean] } else { vec![given.missing] };
    let is_one_value = ratings.value_range().is_none_or(|(least, most)| least == most);
    let mut all = Vec::new();
    for weighting in weightings {
        for &normalize in &normalize {
            for &missing in &missing {
                let matrix = Matrix { weighting, normalize, missing };
                let is_bm25 = choices.weighting.is_open() && is_one_value && is_bm25(matrix);
                if differs(matrix, is_one_value) && !is_bm25 {
                    all.push(matrix);
                }
            }
        }
    }
    if all.is_empty() { vec![given] } else { all }
}

/// The ways to read amounts; `given` where that is no choice.
///
/// How high they are is read only where users have most items. Elsewhere a single one is the least that is seen of an item, and an active
/// user has more than that of popular items alone: activity would be taken for taste.
pub fn amounts(given: Amounts, choices: Choices, ratings: &Csr) -> Vec<Amounts> {
    if !choices.amounts.is_open() {
        return vec![given];
    }
    let cells = ratings.n_rows() as f64 * ratings.n_cols as f64;
    match may_be_amounts(&mut Solo, ratings) {
        true if ratings.nnz() as f64 >= MOST_ITEMS * cells => vec![Amounts::None, Amounts::Share, Amounts::Level],
        true => vec![Amounts::None, Amounts::Share],
        false => vec![Amounts::None],
    }
}

/// Whether a way is `bm25` but for a factor of each user, where all ratings are equal.
fn is_bm25(matrix: Matrix) -> bool {
    matrix.weighting == Weighting::Tfidf && matrix.normalize == Normalize::L2
}

/// Whether a way is another than those that are compared anyway. Where all ratings are equal, all plain weights are `binary` but for
/// a factor, and equal to the mean of the user.
fn differs(matrix: Matrix, is_one_value: bool) -> bool {
    let is_plain = !matches!(matrix.weighting, Weighting::Tfidf | Weighting::Bm25);
    let is_mean = matrix.missing == Missing::UserMean;
    match matrix.weighting {
        Weighting::Binary => !is_mean,
        _ => !(is_one_value && is_plain),
    }
}
