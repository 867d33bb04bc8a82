//! How far this process is, for somebody who looks on from outside ([`crate::watch::status`]).
//!
//! Stages say what they do as they do it, once per batch of rows, sweep or iteration. As long as nobody has called
//! [`watch`], nothing is noted and nothing read back. Workers that do one thing together say the same, so it does not
//! matter which of them says it last; rows are added up over the workers.

mod far;
mod here;
mod live;
mod noted;
mod snapshot;

pub use far::Far;
pub use here::{
    awaits, begin, bytes_sent, end, has_input, heard, input_done, is_watched, live, moved, now, publish, ready,
    row_rejected, rows_kept, rows_left_out, rows_read, rows_rejected, sent, sweeps_until, swept, watch,
};
pub use live::{Live, LiveDrift, LiveItem, LiveMove, LiveSegment, LiveTrend, MOST_MOVES, RECENTLY};
pub use snapshot::{InputAt, Measure, Memory, Rows, RunAt, RunOf, Snapshot, Space, StageAt, Starts, Sweeps};
