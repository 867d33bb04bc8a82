//! How far this process is, for observers outside ([`crate::watch::status`], [`crate::watch::logs`]).
//!
//! Stages say what they do as they do it, once per batch of rows, sweep or iteration. Nothing is noted until
//! [`watch`] is called, and stages read nothing back (invariant `no-effect` of [`crate::watch`]). Workers that do one thing together say the same, so it does not
//! matter which of them says it last; rows are added up over the workers.

mod far;
mod here;
mod live;
mod noted;
mod snapshot;

pub use far::Far;
pub use here::{
    awaits, begin, bytes_sent, end, has_input, heard, input_done, is_watched, live, moved, now, publish, ready,
    row_rejected, rows_kept, rows_left_out, rows_read, rows_rejected, sent, sweeps_until, swept, trying, watch,
};
pub use live::{Live, LiveDrift, LiveItem, LiveMove, LiveSegment, LiveTrend, MOST_MOVES, RECENTLY};
pub use snapshot::{InputAt, Measure, Memory, Rows, RunAt, RunOf, Snapshot, Space, StageAt, Starts, Sweeps};
