//! The types of a finished run, and what reads and writes them: tables, the model, the records.

pub mod assigned;
#[cfg(test)]
pub(crate) mod fixture;
pub mod followed;
pub mod forecast;
pub mod leftovers;
pub mod model;
mod outcome;
pub mod rejects;
pub mod run;
pub mod shown;
pub mod staged;
pub mod table;
pub mod tables;
pub mod write;

pub use outcome::{MapPoint, Measured, ModelTerms, Outcome, UserTable};
