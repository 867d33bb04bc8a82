//! Parquet files to rows.
//!
//! | module | what it does |
//! |---|---|
//! | [`layout`](mod@layout), [`columns`], [`kind`] | which columns hold user, item and rating, and how many rows each row group has |
//! | [`model`] | the layout that was found |
//! | [`groups`] | the row groups of an open file |
//! | [`rows`] | a row group, or some rows of it, to rows |
//! | [`texts`] | columns of any kind as texts |
//! | [`values`], [`column`] | the values of one column, batch by batch |
//! | [`value`] | a value to an id or a rating, by the rules that text follows |
//! | [`pages`] | the pages of a column, checked |
//! | [`chunks`] | how the `parquet` crate gets at the bytes |
//! | [`failure`] | the error of a file that cannot be read |
//!
//! Row groups are read side by side, large ones of a disk by several workers, and only the columns that count. A Parquet file has no lines,
//! so a row is known by its number in the file.

mod chunks;
mod column;
mod columns;
mod failure;
mod groups;
mod kind;
mod layout;
mod model;
mod pages;
mod rows;
mod texts;
mod value;
mod values;

pub use groups::RowGroups;
pub use layout::{is_parquet, layout};
pub use model::{GroupRows, Kind, Layout, Place, TimePlace};
pub use texts::{first_rows, n_rows, read_texts};
