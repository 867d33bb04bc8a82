//! Files to ratings: what to read, which worker reads which piece of it, and how bytes become rows or refused rows.
//!
//! Knows: the job's `input`, disks, standard input, object stores and databases, delimited text, Parquet and Arrow, and the ids of users
//! and items. Does not know: timely, how a worker keeps its users, what the stages make of the ratings.
//!
//! **Invariant: arrival-blind.** Nothing that leaves the room depends on the order in which rows, files or workers
//! arrive. Every row is accounted for in the [`Ledger`]: read = accepted + rejected + merged + filtered.
//!
//! | what | module |
//! |---|---|
//! | names in the job file to a list of files, and to columns | [`files`], [`partitions`] |
//! | the bytes of a file: on a disk, from standard input, in an object store; packed or not | [`source`] |
//! | how each file is to be read | [`plan`] |
//! | which worker reads which piece of it | [`units`] |
//! | which columns hold what, where the job leaves it open | [`columns`] |
//! | how a text is laid out: delimiter, header, columns | [`dialect`] |
//! | how ratings are written: with decimal commas, thousands parted, currencies | [`numbers`] |
//! | a text to rows: a range of its bytes, or all of it block by block | [`scan`], [`stream`], [`fields`] |
//! | typed columns to rows, whatever the format; a Parquet file; Arrow files and streams; a database | [`typed`], [`tables`]; [`parquet`]; [`arrow`]; [`database`] |
//! | **the row that is refused**, and the errors that end a run because of it | [`rejects`] |
//! | why a row is refused | [`scan::BadCode`] |
//! | the line that it is in | [`lines`] |
//! | two rows of one user and item | [`duplicates`] |
//! | more returned than there is | [`returns`] |
//! | users and items: their ids, the keys that stand for ids, the dictionary of all items | [`ids`], [`keys`], [`dictionary`] |
//! | rows in transit to the worker of their user | [`rows`] |
//! | what became of every row | [`ledger`] |
//! | items: their titles, and what else a file says of them | [`items`], [`titles`], [`metadata`] |
//! | the first rows of a file, to be looked at | [`peek`] |
//! | a part of the input, and what it says about the whole | [`sample`], [`estimate`] |
//! | planted data in place of files, and as files | [`generate`], [`planted`] |

pub mod arrow;
pub mod columns;
pub mod database;
pub mod dialect;
pub mod dictionary;
pub mod duplicates;
pub mod estimate;
pub mod fields;
pub mod files;
pub mod generate;
pub mod ids;
pub mod items;
pub mod keys;
pub mod ledger;
mod lines;
pub mod metadata;
pub mod numbers;
pub mod parquet;
mod partitions;
pub mod peek;
pub mod plan;
pub mod planted;
pub mod ranges;
pub mod rejects;
pub mod returns;
pub mod rows;
pub mod sample;
pub mod scan;
pub mod source;
mod stream;
pub mod tables;
pub mod titles;
pub mod typed;
pub mod units;

pub use items::Items;
pub use ledger::Ledger;

/// A file of MovieLens 100K, for the tests that read it; they are skipped where it is not there.
#[cfg(test)]
pub(crate) fn movielens_100k(name: &str) -> Option<std::path::PathBuf> {
    let beside = || std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/ml-100k");
    let path = std::env::var_os("SEGMILL_ML100K").map_or_else(beside, Into::into).join(name);
    if !path.exists() {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{} is not there", path.display());
        eprintln!("skipped: {} is not there; set SEGMILL_ML100K to the folder of MovieLens 100K", path.display());
        return None;
    }
    Some(path)
}
