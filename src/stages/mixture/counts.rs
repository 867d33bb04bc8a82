//! What is counted of the members of each segment, and the mixture that follows.

use super::PSEUDO_RATINGS;
use super::liking::Liking;
use super::model::{Mixture, Shifts};
use super::reading::{Reading, Weights};
use crate::collective::Collective;
use crate::kernel::csr::Row;
use crate::kernel::fixed::Scale;

/// A whole user, in the units of degrees.
pub const WHOLE: i64 = 1024;

/// Degrees of users in a segment, and the share of their units that are counted.
pub type Degrees = [(u32, i64)];

/// Sums over users by degree, in integers.
pub struct Counts {
    n_segments: usize,
    /// Users of each segment `(n_segments)`, in units of [`WHOLE`].
    users: Vec<i64>,
    /// The weight of their ratings of each item `(n_items, n_segments)`, in the same units, of units of the weights.
    ratings: Vec<i64>,
    /// Σ e over these ratings, in units of `scale` and [`WHOLE`]; absent where it does not matter how high ratings are.
    residuals: Option<Vec<i64>>,
}

/// What is the same in every iteration.
pub struct Ground {
    /// q `(n_items)`
    pub shares: Vec<f64>,
    pub weights: Weights,
    pub liking: Option<Liking>,
    /// Of residuals, with room for the units of degrees.
    scale: Scale,
}

impl Ground {
    pub fn new(reading: Reading) -> Ground {
        let Reading { weights, liking, counts } = reading;
        let total = counts.iter().sum::<i64>().max(1);
        let bound = liking.as_ref().map_or(1.0, |liking| liking.bound);
        Ground {
            shares: counts.iter().map(|&count| count as f64 / total as f64).collect(),
            weights,
            liking,
            scale: Scale::new(bound, (total * WHOLE) as u64),
        }
    }
}

impl Counts {
    pub fn zeros(ground: &Ground, n_segments: usize) -> Counts {
        let size = ground.shares.len() * n_segments;
        Counts {
            n_segments,
            users: vec![0; n_segments],
            ratings: vec![0; size],
            residuals: ground.liking.as_ref().map(|_| vec![0; size]),
        }
    }

    /// The same room, empty.
    pub fn zeroed(mut self) -> Counts {
        self.users.fill(0);
        self.ratings.fill(0);
        if let Some(residuals) = &mut self.residuals {
            residuals.fill(0);
        }
        self
    }

    /// Adds a user by degree.
    pub fn add(&mut self, ground: &Ground, row: Row, degrees: &Degrees) {
        let n = self.n_segments;
        degrees.iter().for_each(|&(segment, degree)| self.users[segment as usize] += degree);
        match (&mut self.residuals, &ground.liking) {
            (Some(residuals), Some(liking)) => {
                let generosity = liking.generosity(row);
                row.for_each(|item, value| {
                    let residual = ground.scale.fix(liking.beyond(item, value, generosity));
                    for &(segment, degree) in degrees {
                        let at = item * n + segment as usize;
                        self.ratings[at] += degree;
                        residuals[at] += degree * residual;
                    }
                });
            }
            _ if ground.weights == Weights::Equal => row.indices.iter().for_each(|&item| {
                let of_item = &mut self.ratings[item as usize * n..][..n];
                degrees.iter().for_each(|&(segment, degree)| of_item[segment as usize] += degree);
            }),
            _ => row.for_each(|item, value| {
                let weight = i64::from(ground.weights.units_of(value));
                let of_item = &mut self.ratings[item * n..][..n];
                degrees.iter().for_each(|&(segment, degree)| of_item[segment as usize] += weight * degree);
            }),
        }
    }

    /// Over all workers.
    pub fn sum<C: Collective>(&mut self, c: &mut C) {
        c.sum(&mut self.users);
        c.sum(&mut self.ratings);
        if let Some(residuals) = &mut self.residuals {
            c.sum(residuals);
        }
    }

    /// The mixture that makes these counts most likely, but for the pseudo-ratings.
    pub fn mixture(&self, ground: &Ground) -> Mixture {
        let n = self.n_segments;
        let whole = |units: i64| units as f64 / (WHOLE * i64::from(ground.weights.units())) as f64;
        let mut totals = vec![0i64; n];
        self.ratings.chunks_exact(n).for_each(|of_item| {
            totals.iter_mut().zip(of_item).for_each(|(total, units)| *total += units);
        });
        let ratio = |units: i64, share: f64, segment: usize| {
            (whole(units) + PSEUDO_RATINGS) / (whole(totals[segment]) * share + PSEUDO_RATINGS)
        };
        let mut norms = vec![0.0; n];
        for (of_item, &share) in self.ratings.chunks_exact(n).zip(&ground.shares) {
            let add = |(segment, norm): (usize, &mut f64)| *norm += share * ratio(of_item[segment], share, segment);
            norms.iter_mut().enumerate().for_each(add);
        }
        let mut terms: Vec<f32> = Vec::with_capacity(self.ratings.len());
        for (of_item, &share) in self.ratings.chunks_exact(n).zip(&ground.shares) {
            let term =
                |(segment, &units): (usize, &i64)| libm::log2f((ratio(units, share, segment) / norms[segment]) as f32);
            terms.extend(of_item.iter().enumerate().map(term));
        }
        let shifts = self.residuals.as_ref().zip(ground.liking.as_ref()).map(|(residuals, liking)| {
            let shift =
                |(&sum, &units): (&i64, &i64)| ground.scale.real(sum) / WHOLE as f64 / (whole(units) + PSEUDO_RATINGS);
            let shifts: Vec<f64> = residuals.iter().zip(&self.ratings).map(shift).collect();
            terms.iter_mut().zip(&shifts).for_each(|(term, shift)| *term -= (shift * shift * liking.bits) as f32);
            let slopes = shifts.iter().map(|shift| (2.0 * shift * liking.bits) as f32).collect();
            Shifts { height: liking.height, item_means: liking.of_items.clone(), slopes }
        });
        let n_users = self.users.iter().sum::<i64>().max(1) as f64;
        Mixture {
            prior: self.users.iter().map(|&units| libm::log2(units as f64 / n_users) as f32).collect(),
            terms,
            weights: ground.weights,
            shifts,
        }
    }
}
