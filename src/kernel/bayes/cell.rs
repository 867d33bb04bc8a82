//! What a class scores for one item.

use super::kind::Kind;

/// A class's own terms for an item, as [`Kind::tables`] has them.
pub(super) type Own = [f64; 2];

/// A class's weights for an item: a row's entry x adds x·`linear` + x²·`quadratic`, and the constant of the class has
/// `absent` of every item, present or not.
pub(super) struct Cell {
    pub linear: f64,
    pub quadratic: f64,
    pub absent: f64,
}

impl Cell {
    /// From the terms of a class with rows or without.
    #[inline(always)]
    pub fn of(kind: Kind, own: Own, has_rows: bool) -> Cell {
        match kind {
            Kind::Multinomial => Cell { linear: own[0], quadratic: 0.0, absent: 0.0 },
            // An absent item scores ln(1 − p).
            Kind::Bernoulli => Cell { linear: own[0] - own[1], quadratic: 0.0, absent: own[1] },
            Kind::Gaussian if !has_rows => Cell { linear: 0.0, quadratic: 0.0, absent: 0.0 },
            // ln N(x; θ, σ²) for every item, zeros included: an entry adds −(x − θ)²/2σ² + θ²/2σ² = xθ/σ² − x²/2σ² to
            // what an absent item scores.
            Kind::Gaussian => {
                let [theta, var] = own;
                let absent = -0.5 * (libm::log(2.0 * std::f64::consts::PI * var) + theta * theta / var);
                Cell { linear: theta / var, quadratic: -0.5 / var, absent }
            }
        }
    }
}
