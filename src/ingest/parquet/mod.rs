//! Parquet files to rows.
//!
//! | module | what it does |
//! |---|---|
//! | [`footer`], [`layout`](mod@layout), [`kind`] | which columns a file has, and how many rows each row group has |
//! | [`groups`] | the row groups of an open file |
//! | [`column`] | the values of one column, batch by batch |
//! | [`pages`] | the pages of a column, checked |
//! | [`chunks`] | how the `parquet` crate gets at the bytes |
//! | [`failure`] | the error of a file that cannot be read |
//!
//! What becomes of the values is in [`super::typed`]. Row groups are read side by side, large ones of a disk by several workers, and only
//! the columns that count.

mod chunks;
mod column;
mod failure;
mod footer;
mod groups;
mod kind;
mod layout;
mod pages;

pub use groups::RowGroups;
pub use layout::{is_parquet, layout};
