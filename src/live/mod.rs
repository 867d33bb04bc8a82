//! Segments that stay up to date: the ratings of a finished run as a collection that changes, and everything that follows
//! from them.
//!
//! | module | what it does |
//! |---|---|
//! | [`change`] | what may happen to a rating |

pub mod change;
