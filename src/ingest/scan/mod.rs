//! The scanner: bytes of a text file to rows, in ranges that workers read side by side.
//!
//! A file may be cut at any byte. A range owns the lines that *start* in it, and reads the last of them to its end in
//! the next range. So every line belongs to exactly one range, and the rows are the same for any cut (arrival-blind).
//!
//! Lines of plain numbers take the plain path ([`plain`]), all others the general one ([`line`]), which gives the same
//! row for a plain line. A good row without quotes allocates nothing. The rules of both:
//!
//! - Spaces and tabs around an id or a rating are not part of it.
//! - A rating is a text that [`crate::ingest::numbers`] reads as the job says, or that Rust's `f64` parses, to a finite number that is not negative, correctly rounded. −0 is 0.
//! - Digits with at most one point, worth less than 2⁵³ without it and with at most 22 digits after it, are parsed by
//!   hand: mantissa and power of ten are then exact, so one division rounds correctly (Clinger 1990).
//! - A row may have fewer columns than its file as long as user, item and rating are there, but not more.
//! - Lines that are empty, or only spaces, are counted but are not rows.

mod bad;
mod block;
mod line;
mod number;
mod plain;
mod range;
mod row;
#[cfg(test)]
mod tests;
mod values;

pub use bad::{BadCode, BadRow, Checked, Flaw};
pub use number::MAX_RATING;
#[cfg(any(test, fuzzing))]
pub(crate) use range::scan_generally;
pub use range::{Range, scan};
pub use row::{Cells, RawId, RawRow, Rest, RowSink, Shifted};
pub use values::{bad_time, id, rating, time};
