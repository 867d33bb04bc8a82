//! What `report.html` shows, and nothing else: `report.json`.
//!
//! The page is made from a [`Shown`] alone, which a run makes from its [`Outcome`] and leaves beside the page. Rendered
//! again from there, with the same names, the page has the same bytes. What grows with the data stays out: no table of
//! users, of the map as many as are drawn, of the items those that are named.

mod content;
mod made;
mod read;
#[cfg(test)]
mod tests;

pub use content::{Components, FILE, Items, MAX_POINTS, Ratings, Segments, Shown, label};
