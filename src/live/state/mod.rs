//! What a session leaves on the disk, so that another goes on from it after any end, `kill -9` and power cuts included.
//!
//! ```text
//! DIR/lock      held while a session runs
//! DIR/snapshot  all that was known after some batch
//! DIR/log-N     batches from N on, as they were taken
//! DIR/marks     which batch was told, and how far the rejects are written
//! DIR/rejects.tsv
//! ```
//!
//! A batch is appended to the log, synced, applied, told, its rejects added, and only then acknowledged. A session that begins
//! reads the snapshot and applies the batches behind it again: a batch has the same consequences each time. The log may reach back
//! behind the snapshot, where a session ended before it could drop it; what the snapshot has is passed over. So at any moment
//! the newest snapshot and the log together hold all that was ever appended.
//!
//! **Invariant: logged-before-told.** A batch is on the disk before it is told or acknowledged.
//!
//! | module | what it does |
//! |---|---|
//! | [`folder`] | the folder as a session holds it: appends, snapshots, marks |
//! | [`recover`] | what earlier sessions left: snapshot and batches, in order |
//! | [`log`], [`snapshot`] | the two kinds of file, made of frames |
//! | `frame` | checksummed pieces of a file, and which of them are torn or damaged |
//! | [`coding`] | what is in a frame, by the version that wrote it |
//! | `marks` | a few numbers, set often |
//! | `rejects` | `rejects.tsv`, each line once |
//! | `disk` | what all files have in common |

pub mod coding;
mod disk;
pub mod folder;
pub(crate) mod frame;
pub mod log;
mod marks;
pub mod recover;
mod rejects;
pub mod snapshot;
#[cfg(test)]
mod tests;

pub use coding::Coding;
pub use folder::{SnapshotWriter, State};
pub use log::LoggedBatch;
pub use recover::Recovered;
