//! segmill: customer segments from `(user, item, rating)` data of any size.
//!
//! # The house
//!
//! Data walk one way, from files to pages:
//!
//! ```text
//!  files ──ingest──▶ ratings ──shard──▶ rows by user ──stages──▶ segments ──results──▶ tables, model ──report──▶ page
//!                                                          │
//!                     pca, kmeans, mixture, validate, profile, evidence, continuity, names; assign for new users
//! ```
//!
//! The code is in rooms. A room knows only rooms below it:
//!
//! ```text
//!  ┌──────────────────────────────────────────────────────────────────────────────┐
//!  │ cli         the command line                                                 │
//!  ├──────────────────────────────────────────────────────────────────────────────┤
//!  │ runs        what each command does: fit, assign, follow, plan, verify, report│
//!  ├───────────────────────────────────────────┬──────────────────────────────────┤
//!  │ live        segments kept up to date      │                                  │
//!  ├───────────────────────────────────────────┤ report     draws the page and    │
//!  │ flow        the cluster, on timely        │            what a terminal shows │
//!  ├───────────────────────────────────────────┴──────────────────────────────────┤
//!  │ results     a finished run: its types, tables and model                      │
//!  ├──────────────────────────────────────────────────────────────────────────────┤
//!  │ stages      local partial → sum → finish                                     │
//!  ├──────────────────────────────────────────────────────────────────────────────┤
//!  │ shard       each worker's own users, sealed                                  │
//!  ├──────────────────────────────────────────────────────────────────────────────┤
//!  │ ingest      files → ratings                                                  │
//!  ├──────────────────┬───────────────────────────┬───────────────────────────────┤
//!  │ job   job file → │ watch    how far a process│ collective    how workers meet│
//!  │       checked Job│          is, and who is   │                               │
//!  │                  │          told             │                               │
//!  ├──────────────────┴───────────────────────────┴───────────────────────────────┤
//!  │ kernel  pure numerics    store     object stores                             │
//!  │ error   errors           postgres  PostgreSQL                                │
//!  └──────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! `tests/layering.rs` holds this picture against every `use` line: no room names one that does not lie below it, and no two
//! files import each other in a circle. Each room's `mod.rs` says what the room is for, what it may know, and the invariant that it keeps.
//!
//! | room | for | invariant |
//! |---|---|---|
//! | [`error`] | what can go wrong | `one-line` |
//! | [`kernel`] | numerics on slices and `ndarray` views | `pure` |
//! | [`store`] | objects in S3 and the like, read and written | `unseen-until-whole` |
//! | [`postgres`] | addresses of databases, and connections to them | `no-secret-is-shown` |
//! | [`collective`] | how workers meet | `lockstep` |
//! | [`watch`] | progress, log, status port, what is said | `no-effect` |
//! | [`job`] | TOML → `JobSpec` → checked [`job::Job`] | `checked-once` |
//! | [`ingest`] | readers, columns, ids, rejects, titles; generated data | `arrival-blind` |
//! | [`shard`] | user → worker; packed rows, in memory or spilled | `sealed-by-id` |
//! | [`stages`] | PCA, k-means, Naive Bayes, TF-IDF and what is made of them | `partial-sum-finish` |
//! | [`results`] | the types of a finished run, read and written | `digests-see-content` |
//! | [`report`] | the page, and the words on the terminal | `only-draws` |
//! | [`flow`] | sockets, start-up, launcher, shuffle and collectives on timely | `timely-stays-here` |
//! | [`live`] | `segmill follow` on differential dataflow | `digit-for-digit` |
//! | [`runs`] | each command as a handful of calls; checkpoints | `whole-or-not-at-all` |
//! | [`cli`] | words → typed options → a command | `parsing-does-no-work` |
//!
//! # Where to look
//!
//! | for | in `src/` |
//! |---|---|
//! | the k-means iteration | `stages/kmeans/lockstep.rs` over `kernel/lloyd/` |
//! | the refinement of segments | `stages/mixture/fit.rs` |
//! | the sweeps of PCA | `stages/pca/swept.rs` over `kernel/krylov.rs` |
//! | how a fit goes, step by step | `runs/fit.rs` |
//! | the wire handshake | `flow/cluster/handshake.rs` |
//! | which column is taken for what | `ingest/columns/choose.rs` |
//! | a row that is refused | `ingest/rejects.rs` |
//! | a refused key of a job file | `job/check/mod.rs` |
//! | the text of a report card | `report/page/cards.rs` |
//! | the verdict | `stages/evidence/verdict.rs` |
//! | what a checkpoint holds | `runs/checkpoint.rs`; the states in it: `stages/resume.rs` |
//! | what a live session leaves on disk | `live/state/mod.rs` |
//! | what each command calls | `cli/dispatch.rs` |
//!
//! # The law of the house
//!
//! For one job and one input, every number in the outputs has the same bits for any number of workers and processes. What
//! is summed across users is summed in integers ([`kernel::fixed`]), random draws are keyed by what they are for
//! ([`kernel::keyed`]), and users and items are ordered by id, never by arrival.
//!
//! # As a library
//!
//! A job runs through the crate as it does through the command line:
//!
//! ```
//! use segmill::flow::cluster::Layout;
//! use segmill::{job, runs};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let ratings = folder.path().join("ratings.csv");
//! // Three users of action, three of romance: user, item, rating.
//! std::fs::write(&ratings, "1,10,5\n1,11,4\n2,10,4\n2,11,5\n3,10,5\n3,11,5\n4,20,5\n4,21,4\n5,20,4\n5,21,5\n6,20,5\n6,21,5\n")?;
//! let file = folder.path().join("job.toml");
//! std::fs::write(&file, "[input]\nratings = ['ratings.csv']\n[pca]\ncomponents = 2\n[kmeans]\nclusters = 2\n")?;
//!
//! let settings = [("sweep.clusters", "[]"), ("validate.folds", "2")].map(|(key, value)| (key.into(), value.into()));
//! let job = job::load(&file, &settings, Some(folder.path().join("out")))?;
//! let finished = runs::run::run(job, &Layout::single(2))?.expect("this process has the coordinator");
//!
//! for (profile, name) in finished.outcome.profiles.iter().zip(&finished.outcome.names) {
//!     println!("{} users in segment {}, {name}", profile.size, profile.segment);
//! }
//! assert_eq!(finished.outcome.kmeans.sizes, [3, 3]);
//! // Who is where is in `segments.parquet`.
//! assert!(finished.written.report.exists() && folder.path().join("out/segments.parquet").exists());
//! # Ok(())
//! # }
//! ```

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
pub mod postgres;
pub mod report;
pub mod results;
pub mod runs;
pub mod shard;
pub mod stages;
pub mod store;
pub mod watch;
