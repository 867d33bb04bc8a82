//! Segments that stay up to date: the ratings of a finished run as a collection that changes, and everything that follows
//! from them.
//!
//! | module | what it does |
//! |---|---|
//! | [`change`] | what may happen to a rating |
//! | [`input`] | lines from files, sockets and topics to changes |

pub mod change;
pub mod input;
