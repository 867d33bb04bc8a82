//! Files to ratings.
//!
//! | module | what it does |
//! |---|---|
//! | [`files`], [`partitions`] | names in the job file to a list of files, and to columns |
//! | [`source`] | the bytes of a file: on a disk, from standard input, in an object store; packed or not |
//! | [`plan`], [`units`] | how each file is to be read, and which worker reads which piece |
//! | [`peek`] | the first rows of a file, to be looked at |
//! | [`dialect`] | how a text is laid out: delimiter, header, columns |
//! | [`scan`], [`fields`], [`stream`] | byte ranges of a text, or all of it block by block, to rows |
//! | [`parquet`] | row groups of a Parquet file to rows |
//! | [`ids`] | what users and items are called |
//! | [`rejects`] | bad rows, and the errors they end a run with |
//! | [`titles`], [`metadata`] | item titles, and what else is known of items, from a file of their own |
//! | [`sample`], [`estimate`] | a part of the input, and what it says of the whole |
//! | [`generate`], [`planted`] | planted data in place of files, and as files |

pub mod dialect;
pub mod dictionary;
pub mod duplicates;
pub mod estimate;
pub mod fields;
pub mod files;
pub mod generate;
pub mod ids;
pub mod keys;
pub mod metadata;
pub mod parquet;
mod partitions;
pub mod peek;
pub mod plan;
pub mod planted;
pub mod rejects;
pub mod rows;
pub mod sample;
pub mod scan;
pub mod source;
mod stream;
pub mod titles;
pub mod units;
mod words;

use serde::{Deserialize, Serialize};

use ids::Id;

/// All items, sorted by id. The coordinator's copy; workers only know indices.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Items {
    pub ids: Vec<Id>,
    /// A title for each item, where there is one.
    pub titles: Vec<Option<String>>,
    /// What else is known of them.
    #[serde(default)]
    pub metadata: Vec<metadata::Field>,
}

impl Items {
    /// The title, or the id where there is none.
    pub fn name(&self, item: usize) -> String {
        self.titles[item].clone().unwrap_or_else(|| self.ids[item].to_string())
    }
}

/// What became of every row: `read = accepted + rejected + merged + filtered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Ledger {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    /// Rows merged into another row of the same user and item.
    pub merged: u64,
    /// Rows, and ratings of the users and items, that the job's filters leave out.
    #[serde(default)]
    pub filtered: u64,
}

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
