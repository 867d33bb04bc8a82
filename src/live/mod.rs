//! Segments that stay up to date: the ratings of a finished run as a collection that changes, and everything that follows
//! from them.
//!
//! | module | what it does |
//! |---|---|
//! | [`change`] | what may happen to a rating |
//! | [`row`], [`resolve`] | rows of a user and item, and what a change does to them |
//! | [`frame`] | what stays as it is until a refit |
//! | [`engine`] | the dataflow of a worker: rows in, placements and tables out |
//! | [`place`] | the operator that follows the rows |
//! | [`tally`], [`users`] | tables of profiles; numbers of users |

pub mod change;
pub mod engine;
pub mod frame;
pub mod place;
pub mod resolve;
pub mod row;
pub mod tally;
pub mod users;

#[cfg(test)]
mod tests;
