//! What a finished run looks like to people: the page, its charts, and the words on the terminal.
//!
//! Knows: the results of a run ([`crate::results`]), what became of a publication, and how numbers are written ([`crate::watch::format`]). Does not
//! know: stages, data, workers, the output folder.
//!
//! **Invariant: only-draws.** Every number on the page comes from the results. Nothing is computed from ratings, and
//! nothing is fetched.
//!
//! | module | what it draws |
//! |---|---|
//! | [`page`] | `report.html`; `page/cards.rs` has the text of a segment's card, and each other section has a file too |
//! | [`charts`] | the charts of the page, as SVG |
//! | [`verdict`] | the words for what the evidence comes to |
//! | [`terminal`] | the summary of `segmill run` |
//! | [`forecast`], [`assigned`], [`followed`], [`published`] | the answers of `segmill plan`, `assign`, `follow` and `publish` |

pub mod assigned;
pub mod charts;
pub mod followed;
pub mod forecast;
pub mod page;
pub mod published;
pub mod terminal;
pub mod verdict;
