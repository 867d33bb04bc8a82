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
//! | [`tally`], [`users`], [`items`] | tables of profiles; numbers of users and items |
//! | [`drift`] | how far the ratings are from what the model was fitted on |
//! | [`event`] | what is told of a batch |

pub mod change;
pub mod drift;
pub mod engine;
pub mod event;
pub mod frame;
pub mod input;
pub mod items;
pub mod place;
pub mod resolve;
pub mod row;
pub mod state;
pub mod tally;
pub mod tell;
pub mod users;

#[cfg(test)]
mod tests;
