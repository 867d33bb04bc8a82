//! A sample of the input: enough rows to estimate its sizes, in a time that does not depend on how many there are.
//!
//! A small input is read whole. Of larger plain text [`RANGES`] pieces are read, one at a random place (keyed, so
//! always the same) in each of as many equal stretches: a stratified cluster sample of the rows (Cochran 1977,
//! "Sampling Techniques", chapters 5A and 9A). Of Parquet some row groups are read, evenly spaced; of packed texts,
//! which can only be read from their start, the beginnings of some. Of generated data, evenly spaced users are made.
//! [`super::estimate`] says what the sample means for the whole.

mod again;
mod collector;
mod model;
mod pieces;
mod take;
#[cfg(test)]
mod tests;

pub use again::read_again;
pub use model::{MOST_CODES, Sample, SampledRow};
pub use pieces::RANGES;
pub use take::take;
