//! What each command does, as a handful of calls in the order of the data.
//!
//! | file | command |
//! |---|---|
//! | [`run`] with `fit` | `segmill run`: reads, fits, writes |
//! | [`preview`] | `segmill run --dry-run` |
//! | [`init`] | `segmill init`: the job file of some data |
//! | [`plan`] with `calibrate` and [`predict`] | `segmill plan`: what a job would take |
//! | [`assign`] | `segmill assign`: users into the segments of a finished run |
//! | [`follow`] | `segmill follow`: a finished run kept up to date |
//! | [`publish`] | `segmill publish`: a finished run where other programs look for it |
//! | [`verify`] | `segmill verify`: a finished run again, and its digests compared |
//! | [`export`] | `segmill export`: the model for other programs |
//! | [`report`] | `segmill report`: the page again |
//!
//! The rest is what these share: `checkpoint` (what a run leaves for another to go on from), `clock` (stages, timed), `compare` (an earlier
//! run), `fingerprint` (what makes two jobs the same), `gather` (what the coordinator needs of every worker), `fits` (jobs that need more memory than they give), `ranges` and
//! `output` (rows of users in order over the workers, and the folder that is written), `room` and `settle` (memory and scratch folders).
//!
//! Knows: every room but the command line. It alone joins stages to the cluster.
//!
//! **Invariant: whole-or-not-at-all.** Before a command has done all its work, what it was to write is not there; whatever ends it, an
//! earlier output is left as it was, and what it needs to go on is in the checkpoint or the state beside it.

pub mod assign;
mod calibrate;
pub(crate) mod checkpoint;
mod choose;
mod clock;
mod compare;
mod evidence;
pub mod export;
mod fingerprint;
mod fit;
mod fits;
pub mod follow;
mod gather;
pub mod init;
mod output;
pub mod plan;
pub mod predict;
pub mod preview;
pub mod publish;
mod ranges;
mod refine;
pub mod report;
mod room;
pub mod run;
mod settle;
mod simd;
mod sizes;
pub mod verify;
mod warnings;

pub use simd::choose_vector_code;
