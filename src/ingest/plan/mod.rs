//! What to read: found by the coordinator, and sent to every worker.

mod find;
mod model;
mod names;

#[cfg(any(test, fuzzing))]
pub(crate) use find::format;
pub use find::{Planned, plan};
pub use model::{BYTES_PER_ROW, Format, PACKED, Plan, PlannedFile};
pub use names::name_items;
