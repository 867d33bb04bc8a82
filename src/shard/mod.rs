//! The ratings of a worker's own users, packed and sealed: in blocks in memory, or in a scratch file.
//!
//! Knows: rows and ids of `ingest`, the filters and weightings of the job, packed rows of `kernel`. Does not know: files of
//! ratings, stages, timely.
//!
//! **Invariant: sealed-by-id.** The users of a block are sorted by id, and items are indexed by sorted id. Nothing in a sealed
//! shard depends on the order in which rows arrived.
//!
//! | module | what it does |
//! |---|---|
//! | [`incoming`] | rows in the order of their arrival, by partition |
//! | `pile`, `chunk` | rows of a partition while they wait; packed by column |
//! | [`sealing`] | partitions to sealed blocks |
//! | `users` | the [`Shard`]: users and their ratings |
//! | [`filter`] | leaves out users and items with too few ratings |
//! | [`store`] | blocks in memory or in a scratch file |
//! | [`spill`], [`scratch`] | blocks in a nameless file |
//! | [`sums`] | sums of real numbers over all users |
//! | [`weight`] | the matrix that PCA and k-means see |

pub(crate) mod chunk;
pub mod filter;
pub mod incoming;
mod pile;
pub mod scratch;
pub mod sealing;
pub mod spill;
pub mod store;
pub mod sums;
mod users;
pub mod weight;

pub use users::Shard;
