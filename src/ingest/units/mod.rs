//! Who reads what: the input is cut into pieces that can be read by themselves, and the pieces are dealt to the
//! workers.
//!
//! Plain text is cut at any byte, a Parquet file between its row groups, a packed text between frames that say how long they are; otherwise it
//! is one piece. The pieces of one
//! worker may lie anywhere in the input: the rows are the same for any cut (see the room's invariant, arrival-blind).

mod cut;
mod fetch;
mod packed;
mod read;
#[cfg(test)]
mod tests;
mod unit;

pub use cut::{cut, own_units, share};
pub use read::scan_units;
pub use unit::{Part, Unit};
