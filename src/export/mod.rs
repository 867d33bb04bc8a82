//! A fitted model in forms that other programs run: SQL for a database, ONNX for a runtime of models.
//!
//! Knows: the model of a finished run and how its ratings were read. Does not know: ratings, workers, the output folder, where
//! files go.
//!
//! **Invariant: same-place.** What is written puts a user where [`segmill assign`](crate::stages::assign) does, but for the last
//! digits: nearest centroids whose distances differ by less than 1e-6 of themselves may change places.
//!
//! With w the weights of a user's ratings ([`Weigher`](crate::shard::weight::Weigher)), L the components and μ the mean of the
//! columns, both from PCA, a user is at
//!
//! ```text
//! z_c = Σ_i w_i · L_ci − o_c        o_c = Σ_i μ_i · L_ci        z ← z/|z| where segments are on the sphere
//! d_s² = Σ_c (z_c − m_sc)²
//! ```
//!
//! so the mean is one number for each component, and only the items that the user has rated matter. The segment is the one with the
//! least d; of equal ones the first in the order of ties. The differences are squared as they stand, and not taken apart into
//! |z|² − 2 z·m + |m|², whose terms may be much larger than what is left of them. If a row has the length 1, the sum is divided by the
//! length of w. Where segments were refined by a mixture, the segment is the likeliest ([`Mixture`](crate::stages::mixture::Mixture)), and
//! the distances are still those.
//!
//! All numbers are of 64 bits, but for the tables of a mixture, which have 32 in the model. `assign` adds these in 32 bits too, so
//! there the margin is that of such a sum: likelihoods of users with very many ratings may differ by more than 1e-6 of themselves.
//!
//! | file | what it does |
//! |---|---|
//! | `terms` | the numbers of the formula |
//! | `reading` | what becomes of rows before the formula, and what is left to who brings them |
//! | [`sql`] | two tables and a view |
//! | [`onnx`] | a graph from rows of ratings to segments and distances |

pub mod onnx;
mod reading;
pub mod sql;
mod terms;

pub use reading::Reading;
pub use terms::Terms;
