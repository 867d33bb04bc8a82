//! Arrow IPC to rows: files (Feather version 2) and streams.
//!
//! | module | what it does |
//! |---|---|
//! | [`head`] | the kinds, told by their first bytes |
//! | [`index`](mod@index) | where the messages of a file are: its schema, dictionaries and record batches |
//! | [`footer`], [`stream`] | the index of a file, by its footer, and of a stream, by walking its messages |
//! | [`message`] | one message, checked |
//! | [`batches`] | the record batches of an open file |
//! | [`column`] | the values of one column |
//! | [`kind`] | what the values of a column are taken for |
//! | [`layout`](mod@layout) | the layout of a file |
//! | [`bytes`] | the bytes of a file: mapped, or fetched |
//! | [`failure`] | the error of a file that cannot be read |
//!
//! What becomes of the values is in [`super::typed`]. A record batch is read by one worker, or by several if it is large. A stream is
//! read where it stands still: on a disk, or in the unnamed file that keeps standard input. So the process that empties a pipe only
//! moves bytes, and all workers decode.

mod batches;
mod bytes;
mod column;
mod failure;
mod footer;
mod head;
mod index;
mod kind;
mod layout;
mod message;
mod stream;
#[cfg(test)]
mod tests;

pub use batches::Batches;
pub use head::{is_arrow, is_old};
pub use index::Index;
pub use layout::{layout, open};
