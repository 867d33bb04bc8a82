//! How workers meet: the only way data crosses between them once the ratings are in their shards.
//!
//! A stage is ordinary code that every worker runs on its own shard. One primitive, [`Collective::exchange_with`], carries
//! everything; the other collectives are built on it, along `routes` that leave a process as seldom as can be. Values
//! that differ from worker to worker, and are not added up, go in [`steps`]. [`Solo`] is the one-worker case: it tests a stage without
//! a cluster.
//!
//! Knows: errors, and plain numbers as bytes. Does not know: timely, sockets, processes (`flow` implements
//! [`Collective`] on them), what a stage computes.
//!
//! **Invariant: lockstep.** All workers call the same collectives in the same order, with arrays of the same length
//! where the collective asks for it. Sums are over integers ([`crate::kernel::fixed`]), so a result does not depend on
//! who adds first.
//!
//! A collective does not fail: a lost peer ends the process (see `flow::cluster`). A *stage* that can fail on one
//! worker alone (a file that only this worker reads) calls [`Collective::agree`], so that all workers end with the same
//! error.

mod element;
mod meet;
pub mod ordered;
pub mod owners;
mod routes;
mod solo;
pub mod steps;
#[cfg(test)]
pub mod testing;
#[cfg(test)]
mod tests;

pub use element::{Element, Summable};
pub use meet::Collective;
pub use solo::Solo;
