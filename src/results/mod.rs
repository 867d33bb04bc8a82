//! The types of a finished run, and what reads and writes them: the output folder with its tables, its model and its
//! records.
//!
//! Knows: the results of each stage, and the formats on disk. Does not know: how a run is made, and how it is drawn.
//!
//! **Invariant: digests-see-content.** A digest covers the canonical content of a table and nothing that differs between
//! layouts: no path, no time, no memory.
//!
//! | module | what it holds |
//! |---|---|
//! | [`outcome`], [`measured`], [`inputs`] | a finished run in memory: its results, how it went, the files it read |
//! | [`run`] | `run.json`, the record of a run |
//! | [`table`], [`tables`], [`curves`] | columnar tables and their digests; each table of the output; numbers they share with charts |
//! | [`users`] | rows of users, which lie over the workers |
//! | [`model`] | `model/`: the fitted model, written and read |
//! | [`shown`] | `report.json`: what the page shows |
//! | [`write`], [`files`] | the output: what goes into it, its files by name |
//! | [`folder`], [`remote`], [`foreign`] | how it is replaced as a whole, on a disk and in a store; what it may not replace |
//! | [`fetched`] | an output as a folder on this machine |
//! | [`staged`], [`leftovers`] | a single file that is replaced as a whole; what killed runs left behind |
//! | [`rejects`] | `rejects.tsv`: the rows that were refused |
//! | [`assigned`], [`followed`], [`forecast`] | the results of `segmill assign`, `follow` and `plan` |

pub mod assigned;
pub mod curves;
pub mod fetched;
pub mod files;
#[cfg(test)]
pub(crate) mod fixture;
mod folder;
pub mod followed;
pub mod forecast;
mod foreign;
pub mod inputs;
pub mod leftovers;
pub mod measured;
pub mod model;
pub mod outcome;
pub mod rejects;
pub mod remote;
pub mod run;
pub mod shown;
pub mod staged;
pub mod table;
pub mod tables;
pub mod users;
pub mod write;

pub use measured::Measured;
pub use outcome::{MapPoint, ModelTerms, Outcome, UserTable};

// The results of the stages, for those who know a run by its results alone.
pub use crate::ingest::estimate::{Estimate, Order};
pub use crate::ingest::ids::Id;
pub use crate::ingest::{Items, Ledger};
pub use crate::job::{Amounts, Missing, Refine};
pub use crate::stages::choose::{Candidate, Chosen, Round};
pub use crate::stages::continuity::matching::{Fate, Origin};
pub use crate::stages::continuity::{Ancestor, Continuity, Driver, Flow, Now, Then};
pub use crate::stages::evidence::{Evidence, HeldOut, Null, OfClusters, Stability, Verdict};
pub use crate::stages::profile::{Activity, Category, ItemShare, Near, Profile, ProfileItem, Summary, SummaryOf};
pub use crate::stages::validate::Confusion;
