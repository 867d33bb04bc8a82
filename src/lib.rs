//! segmill: customer segments from `(user, item, rating)` data of any size.
//!
//! ```text
//! ratings ──ingest──▶ shards ──pca──▶ scores ──kmeans──▶ segments ──validate──▶ confusion
//!                       │                                   │
//!                       └───────────────profile─────────────┴──▶ profiles ──report──▶ files, HTML
//! ```
//!
//! The modules, in the order of the data:
//!
//! | module | what it does |
//! |---|---|
//! | [`cli`] | the command line |
//! | [`job`] | the job file, checked |
//! | [`ingest`] | files to ratings: readers, ids, rejects, item titles; planted data |
//! | [`shard`] | each worker's own users, sealed |
//! | [`pca`], [`kmeans`], [`validate`], [`profile`] | one stage each: local partial → collective → finish |
//! | [`evidence`] | whether the segments are real: held-out ratings, refits, data without structure |
//! | [`continuity`] | what became of the segments of an earlier run |
//! | [`names`] | what segments are called |
//! | [`assign`] | users, new or known, to the segments of a fitted model |
//! | [`report`], [`model`] | result structs → tables, Parquet, HTML; the fitted model on disk |
//! | [`collective`] | how workers meet |
//! | [`progress`], [`status`] | how far the process is, and the line and the HTTP port that tell |
//! | [`say`], [`logs`] | errors, warnings and the log, as text or as JSON |
//! | [`checkpoint`] | what a run leaves behind for another to go on from |
//! | [`kernel`] | pure numerics |
//! | [`flow`] | everything that knows timely |
//! | [`live`] | segments kept up to date as ratings arrive, on differential dataflow |
//! | [`pipeline`] | the job as a handful of calls in data order |
//! | [`predict`] | how long a job will take and what it needs |
//! | [`verify`] | a finished run, run again and compared |
//! | [`launch`] | starting, watching and restarting the processes of a job |
//!
//! Imports run one way. [`kernel`] imports nothing of ours; a stage imports [`kernel`], [`collective`] and the result
//! types of the stages before it; only [`flow`] and [`live`] import timely; [`report`] imports result types only; [`pipeline`] alone
//! joins stages to [`flow`]. `tests/layering.rs` enforces it.
//!
//! One law holds everywhere: for one job and one input, every number in the outputs has the same bits for any number of
//! workers and processes. What is summed across users is summed in integers ([`kernel::fixed`]), random draws are keyed
//! by what they are for ([`kernel::keyed`]), and users and items are ordered by id, never by arrival.

pub mod cli;
pub mod collective;
pub mod error;
pub mod flow;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
#[path = "../tests/fuzz/laws/mod.rs"]
pub mod fuzzing;
pub mod ingest;
pub mod job;
pub mod kernel;
pub mod live;
pub mod report;
pub mod results;
pub mod runs;
pub mod shard;
pub mod stages;
pub mod watch;
