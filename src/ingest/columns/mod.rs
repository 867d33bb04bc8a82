//! Which columns hold user, item, rating and time, where the job file leaves it open (`"auto"`).
//!
//! The first file is looked at: its header, and rows from all over it. A column gets its role by its name, in six languages, and
//! by what it holds: row numbers are no users, dates are no ratings. Where no name says anything, the first columns are user, item
//! and rating, if there are no more than these and a time. Where two readings are close, nothing is guessed: the run
//! ends with both of them named.
//!
//! | module | what it does |
//! |---|---|
//! | [`look`](mod@look) | the header and some rows of a file of any kind |
//! | [`words`] | what headers call users, items, ratings and times |
//! | [`content`] | what the values of a column are like |
//! | [`choose`](mod@choose) | from names and values to roles |
//! | [`written`](mod@written) | how ratings are written: decimal commas, thousands parted, currencies |
//! | [`settle`](mod@settle) | a job's input, with what was found in place of what was open |

mod choose;
mod content;
mod look;
mod settle;
#[cfg(test)]
mod tests;
mod words;
mod written;

pub use settle::{Settled, settle};
