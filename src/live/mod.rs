//! Segments that stay up to date: the ratings of a finished run as a collection that changes, and everything that follows
//! from them.
//!
//! | module | what it does |
//! |---|---|
//! | [`change`] | what may happen to a rating |
//! | [`input`] | lines from files, sockets and topics to changes |
//! | [`state`] | log and snapshot: what a session leaves for the next |
//! | [`tell`] | lines to standard output or a file, each batch once |
//! | [`row`], [`resolve`] | rows of a user and item, and what a change does to them |
//! | [`frame`] | what stays as it is until a refit |
//! | [`engine`] | the dataflow of a worker: rows in, placements and tables out |
//! | [`place`] | the operator that follows the rows |
//! | [`tally`], [`users`] | tables of profiles; numbers of users |

pub mod change;
pub mod engine;
pub mod frame;
pub mod input;
pub mod place;
pub mod resolve;
pub mod row;
pub mod state;
pub mod tally;
pub mod tell;
pub mod users;

#[cfg(test)]
mod tests;
