//! Distances between users and centroids, and centroids from sums: the inner loops of k-means.
//!
//! A squared distance has one definition per kind of row, and its bits depend on nothing but the user and the centroid:
//! dense rows sum (xⱼ − cⱼ)² in column order; sparse rows take ‖x‖² − 2·x·c + ‖c‖², clamped at 0, each sum in column
//! order, so that no centroid is ever subtracted from a row that has few entries. The lanes of a vector are centroids
//! (sparse rows) or users (dense rows), never columns of one sum, so every vector width gives the same bits.
//!
//! Centroids lie in [`Tiles`]: up to 32 of them side by side, column by column. For sparse rows a tile's sums stay in
//! registers during the pass over a user's entries, and the tile stays in the cache during the pass over the users. Dense
//! rows are short: a handful of users is transposed and compared with one centroid after another. Most comparisons of dense
//! rows are spared, though, or decided in single precision: `bounds` and `odometers` tell which rows need one, `screen`,
//! `panels`, `sight` and `wide` make it, `guard` and `pairs` put it to use.

// Loops over lanes are written with an index, the same in several arrays: that is what becomes one vector instruction.
#![allow(clippy::needless_range_loop)]
pub mod bounds;
mod cloud;
pub mod dense;
mod guard;
mod nearest;
pub mod odometers;
mod pairs;
mod panels;
mod points;
mod screen;
mod sight;
mod sparse;
pub mod swap;
#[cfg(test)]
mod tests;
mod tiles;
#[cfg(target_arch = "x86_64")]
mod wide;

pub use cloud::{Cloud, distances};
pub use nearest::Nearest;
pub use pairs::Pairs;
pub use points::{Point, Points, Scores};
pub use screen::Screen;
pub use sparse::{add_centre, potential, scan};
pub use tiles::{Shift, Tiles, WIDTH, lengths};
