//! What a sample says about the whole input.
//!
//! The number of rows follows from the bytes read: the mean length of a row is known closely. The number of different
//! users and items depends on how the rows lie. There are two cases:
//!
//! - **By user**: the rows of a user stand together. The user changes between neighbouring rows as often, per row, in
//!   the sample as in the whole, which gives their number; users that begin and end in a piece are weighted by 1 over
//!   the chance of that (Horvitz & Thompson 1952) and give activity and duplicates.
//! - **Mixed**: by time, or at random. In how many pieces an id is met follows a Poisson law with a rate that differs
//!   from id to id; the rates are taken as log-normal, as in the abundance of species (Bulmer 1974, "On fitting the
//!   Poisson lognormal distribution to species-abundance data"), fitted by maximum likelihood to the ids that were met.
//!   The ids never met are the zero class. The estimate is never less than Chao's lower bound S + f₁(f₁ − 1)/2(f₂ + 1)
//!   (Chao 1984). How unlike users are comes from pairs of rows of one user in two pieces, and the share of the busiest
//!   from a log-normal law as wide.
//!
//! Items are always counted the second way. A pair of user and item that comes twice within a piece was met with the
//! chance of the piece, in two pieces with its square, and so on; each is weighted by 1 over that.

mod items;
mod order;
mod sizes;
#[cfg(test)]
mod tests;
mod unseen;
mod users;

pub use order::Order;
pub use sizes::{Estimate, estimate};
