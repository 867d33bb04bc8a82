//! The settings that the job leaves open, chosen by evidence.
//!
//! Weighting, components and number of segments are compared by how well segments predict ratings that no fit has seen, on a keyed
//! sample of the users ([`Chosen`]). The ratings that the [evidence](super::evidence) hides are left out of the sample, so its
//! verdict is on ratings that no choice has seen either.
//!
//! Every worker has the whole sample. The candidates are dealt to the workers, and each is tried by one of them alone, so nothing
//! depends on the layout. There are three rounds:
//!
//! 1. every way to weigh ratings, on fewer users, in a few numbers of segments;
//! 2. the best of these, with as many components as stand out against the null and with more, in numbers of segments from 2 to 50;
//! 3. the best of these, in the numbers of segments around the best; and whether other users lead to the same segments.
//!
//! | file | what it does |
//! |---|---|
//! | `outcome` | what was [`Chosen`], and the [`Candidate`]s |
//! | `rounds` | the rounds |
//! | `sample` | some users, on every worker |
//! | `data` | their ratings with a tenth hidden, and the same without structure |
//! | `ground` | both, with their spaces, and trials dealt to the workers |
//! | `candidates` | the ways to weigh ratings |
//! | `space` | users on components, and how many of these stand out |
//! | `trial` | segments of one space, and how well they do |
//! | `rule` | which candidate to take |
//! | `why`, `weighed` | the reasons, and a way to weigh ratings, in words |

mod candidates;
mod data;
mod ground;
mod outcome;
mod rounds;
mod rule;
mod sample;
mod space;
#[cfg(test)]
mod tests;
mod trial;
mod weighed;
mod why;

pub use outcome::{Candidate, Chosen, Round};
pub use rounds::{Question, choose};
