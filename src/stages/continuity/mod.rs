//! What became of the segments of an earlier run, and which users changed theirs.
//!
//! Facts about users stay on the worker that has them; all counts over users are sums of integers. The coordinator decides
//! what follows from the counts and sends it to all.
//!
//! | module | what it does |
//! |---|---|
//! | `outcome` | the [`Continuity`] of two runs |
//! | [`matching`] | which segment of this run continues which of the earlier one, and its number |
//! | [`likeness`] | how alike segments of both runs are in item space |
//! | [`moves`] | users who changed segment, as opposed to those near a border that has shifted |
//! | [`driving`] | the items that set apart those who moved |

pub mod driving;
pub mod likeness;
pub mod matching;
pub mod moves;
mod outcome;

pub use outcome::{Ancestor, Continuity, Driver, Flow, MOST_ANCESTORS, MOST_FLOWS, Moves, Now, Then};
