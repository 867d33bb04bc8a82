//! What `report.html` shows, and nothing else: `report.json`.
//!
//! The page is made from a [`Shown`] alone, which a run makes from its [`Outcome`] and leaves beside the page. Rendered
//! again from there, with the same names, the page has the same bytes. Nothing here grows with
//! the data: no table of users, only so many users as the map draws and the search box knows, only the items that are named.

mod content;
mod known;
mod made;
mod read;
#[cfg(test)]
mod tests;

pub use content::{Components, FILE, Items, KNOWN_BYTES, MAX_POINTS, Ratings, Segments, Shown, label};
pub use known::Known;
