//! Planted data as files: what `segmill generate` writes.
//!
//! | file | holds |
//! |---|---|
//! | `NAME.csv` | `user,item,rating` (explicit) or `user,item` (implicit), users in the order of their ids |
//! | `NAME.items.csv` | `item,title,theme` |
//! | `NAME.labels.csv` | `user,segment`: the planted truth |
//!
//! Threads make the text of blocks of users, and one writer puts the blocks on disk in order. So the bytes do not
//! depend on the number of threads (arrival-blind). Each file is written beside its place, and renamed when it is
//! complete.

mod blocks;
mod draft;
#[cfg(test)]
mod tests;
mod write;

pub use write::{Written, write_files};
