//! Planted data: ratings whose segments are known, to try segmill on and to test it with.
//!
//! Every item has a theme and every user a segment; segment s likes theme s. A user draws the share `affinity` of their
//! ratings from their theme and the rest from the whole catalogue, in both by popularity. What a user does depends on
//! keyed draws only ([`crate::kernel::keyed`]), so the rows of any user can be made anywhere: the data is the same for
//! any number of workers and threads (arrival-blind).
//!
//! | what | law |
//! |---|---|
//! | popularity | Zipf–Mandelbrot: the item of rank r = 1, 2, … weighs 1/(r + 10); ranks are dealt to ids at random, and to themes in turn |
//! | activity | log-normal with the given mean and σ = 0.7 of its logarithm, at least 1 and at most what the catalogue has |
//! | segment sizes | shares fall linearly from segment 0 to the last, which has a third of the first |
//! | explicit | distinct items, drawn one after the other without replacement; half stars 0.5 … 5, about 4 for the user's theme and 2.75 elsewhere, a little more or less by item and user |
//! | implicit | events, each worth 1; three in ten repeat an earlier event of the user |
//!
//! The same users can be made in other months. In each month from 1 on, the share `movers` of them change taste, and
//! half of those move to one of `born` new segments. Activity and leniency of a user never change. Which items a user
//! rates, and how, is drawn anew every month.
//!
//! The planted segments differ in taste, not in activity. Distances between raw rows are mostly about activity, so
//! finding the segments takes rows of one length: `matrix.normalize = "l2"`.
//!
//! | module | what it does |
//! |---|---|
//! | [`generator`] | the catalogue: items, themes, titles |
//! | [`segments`] | the segment of a user |
//! | [`users`] | the rows of a user |
//! | [`laws`] | how active users are, and how large segments |
//! | [`draws`] | keyed draws, and what each is for |
//! | [`ranks`] | ranks of items, and drawing them by weight |
//! | [`words`] | words of titles |

mod draws;
mod generator;
mod laws;
mod ranks;
mod segments;
#[cfg(test)]
mod tests;
mod users;
mod words;

pub use generator::Generator;
