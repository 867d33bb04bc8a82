//! Rows whose columns have types, whatever they are stored in: what Parquet, Arrow and databases share.
//!
//! | module | what it does |
//! |---|---|
//! | [`model`] | the layout of a file: where user, item and rating are, and how many rows each group has |
//! | [`field`](mod@field) | what a file says of its columns |
//! | [`columns`], [`layout`](mod@layout) | the column that each key of the job file means |
//! | [`groups`] | what a format has to offer: groups of rows, and their columns |
//! | [`rows`] | a group, or some of its rows, to rows of ratings |
//! | [`texts`] | columns of any kind as texts |
//! | [`values`] | the values of one role, batch by batch |
//! | [`value`] | a value to an id or a rating, by the rules that text follows |
//!
//! Such a file has no lines, so a row is known by its number in the file.

mod columns;
mod field;
mod groups;
mod layout;
mod model;
mod rows;
mod texts;
mod value;
mod values;

pub use columns::Columns;
pub use field::{Clock, Field, Held};
pub use groups::{Column, Groups};
pub use layout::layout;
pub use model::{GroupRows, Kind, Layout, Place, TimePlace};
pub use rows::{scan, scan_group};
pub use texts::{first_rows, n_rows, read_group, read_texts};
pub use value::Raw;
