//! Naive Bayes over sparse rows: multinomial, Bernoulli and Gaussian, smoothed as in scikit-learn (α = 1; Gaussian
//! variances raised by 1e-9 of the largest feature variance).
//!
//! All three score a class as a constant plus a sum over the row's non-zero entries, so a row costs its entries times
//! the classes and nothing is made dense. Everything goes strip by strip: for a range of items, rows are counted
//! ([`Counts`]), weights of these items are fitted ([`Basis::fit`], into [`Weights`]), and what rows score for them is
//! added up ([`Weights::add`]). A score has the same bits however the items were cut into strips: its sum runs over the
//! row's entries in item order, the constant is added last.
//!
//! Rows are counted by fold, so that one count serves several models: the model of all rows, and for each fold the one
//! fitted without it.

// Loops over lanes are written with an index, the same in several arrays: that is what becomes one vector instruction.
#![allow(clippy::needless_range_loop)]

mod cell;
mod classifier;
mod counts;
mod entries;
mod fit;
mod kind;
mod look;
#[cfg(test)]
mod tests;
mod weights;

pub use classifier::Classifier;
pub use counts::{Counts, Scales};
pub use entries::Entries;
pub use fit::{Basis, CHUNK, Constants};
pub use kind::Kind;
pub use look::{Desk, Outlook};
pub use weights::{Weights, best_class, lanes};
