//! What live mode leaves at its end: the tables as a run has them, of the ratings as they are by then.
//!
//! ```text
//! follow.json        what became of the changes, how far the ratings have drifted, digests of the tables
//! segments.parquet   as a run has it
//! profiles.parquet   as a run has it
//! model/             a copy of the one that users were placed with
//! rejects.tsv        changes that were not made; only where there are any
//! ```

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::ingest::Items;
use crate::model;
use crate::profile::Profile;
use crate::report::run::{Digests, Versions};
use crate::report::table::DISK_REMEDY;
use crate::report::{UserTable, tables, write};

/// The record's name.
pub const FILE: &str = "follow.json";

/// What became of the changes: `changes = made + rejected + filtered`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Changes {
    pub changes: u64,
    pub made: u64,
    pub rejected: u64,
    /// Left out by the job's filters.
    pub filtered: u64,
    /// Of those made: of items that the model does not know.
    pub unknown: u64,
}

/// `follow.json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    pub versions: Versions,
    /// The output folder that the model is of.
    pub model: PathBuf,
    pub batches: u64,
    pub refits: u64,
    pub changes: Changes,
    pub users: u64,
    pub ratings: u64,
    pub unknown_items: u64,
    /// Mean squared distance of a user to their centroid, now and in the fit.
    pub inertia_per_user: f64,
    pub inertia_per_user_fit: f64,
    pub moved_share: f64,
    pub idf_drift: f64,
    /// Why a refit is due; absent where it is not.
    pub refit_due: Option<String>,
    /// As those of `run.json`.
    pub digests: Digests,
}

/// All there is to write, on the coordinator.
pub struct Followed<'a> {
    /// Its digests are made here.
    pub record: Record,
    pub users: UserTable,
    pub profiles: Vec<Profile>,
    pub items: &'a Items,
    /// Of the segments.
    pub names: &'a [String],
    /// The folder of the model.
    pub model: &'a Path,
    pub rejects: &'a Path,
}

impl Changes {
    pub fn add(&mut self, more: &Changes) {
        let Changes { changes, made, rejected, filtered, unknown } = more;
        self.changes += changes;
        self.made += made;
        self.rejected += rejected;
        self.filtered += filtered;
        self.unknown += unknown;
    }
}

impl Followed<'_> {
    /// Writes the folder `output`, whole or not at all. Returns the record with the digests.
    pub fn write(mut self, output: &Path) -> Result<Record> {
        write::replace(output, |folder| {
            let tables = [tables::users(&self.users), tables::profiles_of(&self.profiles, self.items, self.names)];
            for table in &tables {
                table.write_parquet(&folder.join(table.name()).with_extension("parquet"))?;
                self.record.digests.insert(table.name().into(), table.digest());
            }
            let to = folder.join(model::FOLDER);
            fs::create_dir(&to).map_err(|e| Error::file(&to, "cannot create", &e, DISK_REMEDY))?;
            model::FILES.iter().try_for_each(|file| copy(&self.model.join(file), &to.join(file)))?;
            if self.rejects.exists() {
                copy(self.rejects, &folder.join("rejects.tsv"))?;
            }
            let mut json = serde_json::to_vec_pretty(&self.record).expect("a record serialises");
            json.push(b'\n');
            write::write_file(&folder.join(FILE), |sink| sink.write_all(&json))
        })?;
        Ok(self.record)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).map_err(|e| Error::file(from, "cannot copy", &e, DISK_REMEDY))
}
