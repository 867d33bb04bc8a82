//! Item titles and metadata, from a separate file (delimited text, packed or not, or Parquet), or from the ratings themselves
//! ([`said`]).
//!
//! The file is small beside the ratings, so it is read whole where it is needed. Delimiter and header are found as for
//! ratings ([`super::dialect`]). Unlike there, a quoted field may span lines. An item listed twice has its first title
//! and the metadata of its first row. An empty title counts as none. White space within a title counts as one space.

mod described;
mod read;
mod said;
#[cfg(test)]
mod tests;
mod text;
mod votes;

pub use described::Described;
pub use read::read;
pub use said::Said;
#[cfg(any(test, fuzzing))]
pub(crate) use text::from_bytes;
