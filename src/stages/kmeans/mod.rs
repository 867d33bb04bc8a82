//! k-means: the segments, and inertia against their number.
//!
//! The iteration of Lloyd's algorithm is in `lockstep.rs`; its steps are in `assign.rs` (users to centroids), `state.rs`
//! (counts, sums and centroids of a run) and `refill.rs` (empty clusters). `fit.rs` has what other rooms call.
//!
//! A run begins with greedy k-means++ (Arthur & Vassilvitskii 2007; `seeding`) and goes on with Lloyd's algorithm, `n_init`
//! times for each number of clusters. Where points are dense, the seeding takes a sample of the users (`begin`), and local
//! search by random swaps follows there (Fränti 2018; `swaps`). Sparse points, in the space of all items, skip the local
//! search: a sweep there is for the shape of its curve, and distances are expensive. A fit from given centroids is Lloyd's
//! algorithm alone.
//!
//! All starts of all numbers of clusters are one batch of runs that move together: one pass over the users and a handful of
//! collectives per iteration, however many runs there are. Where the points are few, they are copied to every worker
//! instead and the runs are divided (`spread`).
//!
//! **Invariant: any-layout.** Every bit of the result follows from the points, their draw keys and the seed: draws are
//! keyed, sums over users are integers, and ties go to the lower index, draw key or start. So the result does not depend
//! on which worker holds which user, nor on which of the two ways the runs were spread.

mod assign;
mod begin;
mod candidates;
mod copied;
mod exchange;
mod finish;
mod fit;
mod knee;
mod lockstep;
mod model;
mod nearest;
mod outcome;
mod plan;
mod refill;
mod seeding;
mod spread;
mod state;
mod swaps;
#[cfg(test)]
mod tests;
mod users;

pub use fit::{fit, fit_and_sweep, fit_from, sweep};
pub use knee::knee;
pub use model::{Assignment, Fitted, KMeans, StartReport, Sweep, SweepCurve};
pub use nearest::Centroids;
#[cfg(any(test, fuzzing))]
pub(crate) use spread::Progress;
pub use spread::{Settings, would_copy};
