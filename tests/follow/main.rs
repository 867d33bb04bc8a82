//! `segmill follow`: whatever happens to the ratings, however and on how many workers, the tables that are kept up to date
//! equal, digit for digit, what `segmill assign` makes of the ratings that are left; and what is told on the way adds up to
//! them.
//!
//! `SEGMILL_FOLLOW_RUNS=50 cargo test --release --test follow exact` is the long run of the random sequences: so many
//! for each job.

#[path = "../util/mod.rs"]
mod util;

mod ends;
mod exact;
mod following;
mod growth;
mod kills;
mod layouts;
mod movielens;
mod page;
mod publish;
mod reference;
mod refit;
mod rejects;
mod told;
