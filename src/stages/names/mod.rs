//! What segments are called: a short label for users that says what sets each segment apart.
//!
//! The members' taste comes first, if metadata of items tells it ("Horror & Thriller"). If the taste is close to that of all
//! users, the label says how much members rate, if that is unusual ("Light users"), and otherwise names the items that they have
//! more often than all users. Segments with the same label are told apart by what sets them apart next; the most distinctive
//! of them keeps the plain label. The same profiles always have the same names.

mod choose;
mod labels;
#[cfg(test)]
mod tests;
mod words;

pub use choose::names;
pub use labels::LONGEST;
