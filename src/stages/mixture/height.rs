//! How high a rating is.

use serde::{Deserialize, Serialize};

use crate::collective::Collective;
use crate::kernel::csr::Csr;

/// What x is of a rating.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Height {
    /// The rating itself: an opinion.
    Plain,
    /// log(1 + the rating): an amount. What is below 0 is taken as 0.
    Log,
}

impl Height {
    #[inline]
    pub fn of(self, value: f64) -> f64 {
        match self {
            Height::Plain => value,
            Height::Log => log(value),
        }
    }
}

/// log(1 + x); 0 for what is below 0, and no amount.
#[inline]
pub fn log(value: f64) -> f64 {
    libm::log1p(value.max(0.0))
}

/// The least and the highest rating over all workers: the highest is not above the least where there is none.
pub fn range<C: Collective>(c: &mut C, ratings: &Csr) -> [f64; 2] {
    let (least, most) = ratings.value_range().unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
    let mut range = [-least, most];
    c.max(&mut range);
    [-range[0], range[1]]
}
