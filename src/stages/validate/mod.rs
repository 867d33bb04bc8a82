//! Can a Naive Bayes classifier, looking at the raw ratings, tell the segments apart?
//!
//! The in-sample confusion asks the classifier about the users that it was fitted on, and flatters. The out-of-fold confusion
//! asks about each user a classifier that was fitted without that user's fold; folds are a hash of the user's id.
//!
//! The items are processed in strips, each as wide as the memory for tables allows. For each strip every worker counts its
//! users by fold and segment; the owner of an item adds up the counts and fits the weights; the weights go to all workers; and
//! every worker adds to the scores of its users: in the model of all users, and in the model without the user's fold. After
//! the last strip the highest score wins.
//!
//! The folds take turns in the memory of one while they are counted, and so do the models while they are asked.
//!
//! | file | what it does |
//! |---|---|
//! | `outcome` | the result |
//! | `fit` | the stage as a handful of calls |
//! | `users` | the users by fold and segment, and how far their rows have been read |
//! | `train` | fits the models, strip by strip |
//! | `scores` | scores of users, and their answers |

mod fit;
mod outcome;
mod scores;
#[cfg(test)]
mod tests;
mod train;
mod users;

pub use fit::fit;
pub use outcome::{Confusion, Fitted, Validation};
