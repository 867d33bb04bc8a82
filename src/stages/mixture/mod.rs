//! Segments refined in the space of all items: a mixture of multinomials.
//!
//! k-means finds segments of users on the principal components. From there, expectation-maximisation (Dempster, Laird & Rubin
//! 1977; for texts: Nigam et al. 2000, where Naive Bayes is its one step) moves each user to the segment whose members are most
//! likely to have rated what the user has, and as highly. A segment predicts items by the popularity among its members,
//! smoothed towards that among all users, and ratings by how far its members differ from what is expected of each rating
//! ([`Liking`]); that is the model by which the [evidence](super::evidence) guesses ratings that are hidden.
//!
//! A user is in every segment by degree. Degrees are whole thousandths, so that all sums are integers: every bit follows from
//! the ratings, the segments to begin with and the seed, whichever worker holds which user.
//!
//! | file | what it does |
//! |---|---|
//! | `fit` | the iterations |
//! | `counts` | what is counted of the members of each segment, and the [`Mixture`] that follows |
//! | `model` | the [`Mixture`]: how likely each segment is to have a user |
//! | `scorer` | the same laid out to score users |
//! | `place` | users to its segments, and these on the principal components |
//! | `reading` | how ratings are read: how much each counts, and how high it is |
//! | `liking` | what is expected of each rating |
//! | `height` | how high a rating is: itself, or its logarithm |

mod counts;
mod fit;
mod height;
pub mod liking;
mod model;
mod place;
pub mod reading;
mod scorer;
#[cfg(test)]
mod tests;

pub use fit::{Refined, Start, fit, refined};
pub use height::Height;
pub use liking::{Liking, USER_PRIOR};
pub use model::{Mixture, Shifts};
pub use place::{centroids, placed};
pub use reading::{Reading, Weights};
pub use scorer::{Scorer, Scores};

/// κ: the pseudo-ratings of an item in a segment, with the popularity and the liking among all users.
pub const PSEUDO_RATINGS: f64 = 10.0;
