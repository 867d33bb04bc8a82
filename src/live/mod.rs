//! Segments that stay up to date: the ratings of a finished run as a collection that changes, and everything that follows
//! from them.
//!
//! Knows: timely and differential dataflow, a finished model, and the stages whose code it shares with the fit. Does not know:
//! how a session is led (`runs/follow`), or how a model is fitted.
//!
//! **Invariant: digit-for-digit.** After every batch, users, segments and tables are what `segmill assign` says of the ratings
//! that are left, to the last digit and in any layout.
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
//! | [`placements`], [`tally`] | what it finds, added up: where users are, tables of profiles |
//! | [`users`], [`items`] | numbers of users and items |
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
pub mod placements;
pub mod resolve;
pub mod row;
pub mod state;
pub mod tally;
pub mod tell;
pub mod users;

#[cfg(test)]
mod tests;
