//! How likely each segment is to have a user.

use serde::{Deserialize, Serialize};

use super::height::Height;
use super::reading::Weights;

/// Segments as distributions over items, and over how high ratings are. With q, r, Z and δ as in
/// [`guess`](crate::stages::evidence), a user u with the ratings x_ui is in segment s with a probability proportional to 2 to the power
///
/// ```text
/// prior_s + Σ_i (w_ui · terms_is + slopes_is · e_ui)
///
/// terms_is = log₂(r_is / Z_s) − δ_is²/(2σ² ln 2)     slopes_is = δ_is/(σ² ln 2)     e_ui = x_ui − m_i − b_u
/// ```
///
/// w_ui is how much the rating counts ([`Weights`]); either all of them are 1, or there are no slopes.
///
/// All numbers are sums and products of 32-bit floats, added item by item in their order: a user's segment follows from the model and
/// the user's ratings alone, on every machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Mixture {
    /// log₂ of the share of the users in each segment `(n_segments)`; −∞ for one without users.
    pub prior: Vec<f32>,
    /// `(n_items, n_segments)`
    pub terms: Vec<f32>,
    #[serde(default)]
    pub weights: Weights,
    /// Absent where how high ratings are says nothing.
    pub shifts: Option<Shifts>,
}

/// How the segments shift ratings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shifts {
    /// What x is of a rating.
    pub height: Height,
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

    /// Gives segment `s` the number `numbers[s]`, for each s.
    pub fn renumber(&mut self, numbers: &[u32]) {
        let tables = [&mut self.prior, &mut self.terms].into_iter();
        for table in tables.chain(self.shifts.as_mut().map(|shifts| &mut shifts.slopes)) {
            for of_item in table.chunks_exact_mut(numbers.len()) {
                let before = of_item.to_vec();
                before.iter().zip(numbers).for_each(|(&term, &number)| of_item[number as usize] = term);
            }
        }
    }
}
