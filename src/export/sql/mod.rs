//! A model as SQL: a table of the items, one of the segments, and a view that puts the users of a table of ratings into segments.
//!
//! ```text
//! ITEMS      item, position, idf, p1 … (L), mean, t0 … and s0 … (a mixture's)      a row for each item
//! SEGMENTS   segment, name, place (in the order of ties), p1 … (m), prior         a row for each segment
//! ASSIGNED   user, segment, name, distance, second, second_distance               a row for each user of the ratings
//! ```
//!
//! There is a column for each component, and no array or row for each: sums over columns are what databases do fastest, and all do them
//! alike. A view reads the ratings anew whenever it is asked. The script is one transaction, and can be run again.
//!
//! Both dialects have the same text, but for how a transaction begins; they differ in what fits.
//!
//! | file | what it has |
//! |---|---|
//! | `names` | names of tables and columns, as they are asked for and as they are written |
//! | `text` | identifiers, literals, numbers |
//! | `data` | the two tables |
//! | `steps` | the view, step by step |
//! | `script` | the whole |

mod data;
mod names;
mod script;
mod steps;
#[cfg(test)]
mod tests;
mod text;

pub use names::{Dialect, Names, Wanted};
pub use script::write;
