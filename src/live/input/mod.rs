//! From lines to changes: what is read, from where, and how far.
//!
//! | module | what it does |
//! |---|---|
//! | [`spec`] | `--input`, `--format` and `--every` |
//! | [`inputs`] | all inputs of a session, as batches, and their positions |
//! | [`feed`] | what an input is: a thread that gives lines and hears how far they are safe |
//! | [`stream`], [`file`], [`socket`], [`kafka`] | the kinds of inputs |
//! | [`lines`] | bytes to lines |
//! | [`parser`] | a line to a change |
//! | `json`, `delimited` | a line to a row |
//! | `row`, `rules` | what a line says, and what it is judged by |

mod delimited;
pub mod feed;
pub mod file;
pub mod inputs;
mod json;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(not(feature = "kafka"))]
#[path = "no_kafka.rs"]
pub mod kafka;
pub mod lines;
pub mod parser;
mod row;
mod rules;
pub mod socket;
pub mod spec;
pub mod stream;
