//! k-means: the segments, and inertia against their number.
//!
//! Greedy k-means++ (Arthur & Vassilvitskii 2007; `seeding`) in a sample, local search by random swaps there where points
//! are dense (Fränti 2018; `swaps`), and Lloyd's algorithm (`lockstep`) from `n_init` starts. Sparse points, in all items, go without the
//! local search: a sweep there shows the shape of a curve, and distances cost too much. A fit from given centroids is Lloyd's
//! algorithm alone. All starts of all numbers of clusters are one batch of runs that move together: one pass over the
//! users and a handful of collectives per round, however many runs there are. Where the points are few they are copied
//! to every worker instead, and the runs are divided (`spread`).
//!
//! The law: every bit of the result follows from the points, their draw keys and the seed. Draws are keyed, sums over
//! users are integers, ties go to the lower index, draw key or start. So it does not matter who holds which user, nor
//! which of the two ways the work was spread.

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
