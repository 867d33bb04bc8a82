//! The layout of a text file: its delimiter, its header, and the columns that hold user, item and rating.
//!
//! What the job file leaves open is found in the first lines of each file. The rules look at those lines only:
//!
//! - **Delimiter**: tab, `::`, `|`, `;` or comma: the one that cuts the most lines into the same number of columns,
//!   with ids that contain none of the others.
//! - **Header**: a column given by name needs one. Otherwise the first line is data if one of its ids or its rating
//!   is a number or is missing, or if one of its ids occurs again further down. It is a header if a column of ids or
//!   ratings holds numbers below it. Where numbers decide nothing (text ids and no rating), it is a header only if its
//!   names are those that headers use (`user`, `customer_id`, `sku` ...). A file of that kind with other names needs
//!   `header = true`.
//! - **Columns**: as many as the header has, otherwise as many as most of the first lines have. The columns that the
//!   names of folders give ([`super::partitions`]) come after them.
//!
//! | module | what it does |
//! |---|---|
//! | [`detect`](mod@detect) | the layout of a file of ratings, from its first bytes |
//! | [`layout`](mod@layout) | delimiter, header and columns, for any section of the job file |
//! | [`delimiter`], [`header`], [`columns`] | the three rules |
//! | [`head`] | the first lines |
//! | [`sketch`](mod@sketch) | how a text is cut, before anybody knows what its columns are for |
//! | [`want`] | what a section of the job file says about a file |
//! | [`model`] | what was found |

mod columns;
mod delimiter;
mod detect;
mod head;
mod header;
mod layout;
mod model;
mod sketch;
#[cfg(test)]
mod tests;
mod want;

pub(crate) use delimiter::DELIMITERS;
pub use detect::detect;
pub(crate) use head::BOM;
pub use head::HEAD_BYTES;
pub(super) use head::shorten;
pub(super) use layout::{Layout, layout};
pub use model::{Dialect, TimeColumn};
pub(super) use sketch::{Sketch, sketch};
pub(super) use want::{Key, Want};
