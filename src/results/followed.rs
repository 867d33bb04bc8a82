//! What live mode leaves at its end: the tables of a run, for the ratings as they are then.
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
use crate::results::files::{self, DISK_REMEDY};
use crate::results::folder;
use crate::results::foreign::IN_THE_WAY;
use crate::results::run::{Digests, Versions};
use crate::results::staged::resolved;
use crate::results::tables;
use crate::stages::profile::Profile;

/// Where a session of live mode has its files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The output folder of the run.
    pub run: PathBuf,
    pub state: PathBuf,
    /// Where the tables go at the end, if anywhere.
    pub last: Option<PathBuf>,
}

impl Places {
    /// Refuses, before anything is read, a folder for the tables that could not be written, or that would take
    /// the place of the run or the state. Leaves no trace.
    pub fn check(&self) -> Result<()> {
        let Some(last) = &self.last else { return Ok(()) };
        for (what, other) in [("the run", &self.run), ("the state", &self.state)] {
            let (ours, theirs) = (resolved(last), resolved(other));
            if ours.starts_with(&theirs) || theirs.starts_with(&ours) {
                let problem = format!("{} and {what} in {} would be in one place", last.display(), other.display());
                return Err(Error::job("--final", problem, "name another folder"));
            }
        }
        folder::check_output(last).map_err(|error| match error {
            Error::File { path, problem, remedy } if remedy == IN_THE_WAY => {
                Error::File { path, problem, remedy: "name another folder with --final, or move it away".into() }
            }
            other => other,
        })
    }
}

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
    /// With the digest of the users; the others are made here.
    pub record: Record,
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
    /// Writes all but the users into `folder`. Returns the record with the digests.
    pub fn fill(mut self, folder: &Path) -> Result<Record> {
        let profiles = tables::profiles_of(&self.profiles, self.items, self.names);
        profiles.write_parquet(&profiles.place(folder, "parquet"))?;
        self.record.digests.insert(profiles.name().into(), profiles.digest());
        let to = files::create_model_folder(folder)?;
        files::OF_MODEL.iter().try_for_each(|file| copy(&self.model.join(file), &to.join(file)))?;
        if self.rejects.exists() {
            copy(self.rejects, &folder.join(files::REJECTS))?;
        }
        let mut json = serde_json::to_vec_pretty(&self.record).expect("a record serialises");
        json.push(b'\n');
        files::write(&folder.join(files::FOLLOWED), |sink| sink.write_all(&json))?;
        Ok(self.record)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(drop).map_err(|e| Error::file(from, "cannot copy", &e, DISK_REMEDY))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::results::fixture::{self, SMALL};
    #[test]
    fn the_tables_go_neither_over_the_run_nor_over_the_state_nor_over_what_is_not_ours() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fixture::write(&fixture::outcome(SMALL), &path("out"), &[]).unwrap();
        fixture::write(&fixture::outcome(SMALL), &path("earlier"), &[]).unwrap();
        fs::create_dir(path("photos")).unwrap();
        fs::write(path("photos/cat.jpg"), "cat").unwrap();
        let check = |last: &str| Places { run: path("out"), state: path("out.follow"), last: Some(path(last)) }.check();
        for last in ["out", "photos/../out", "out/model", "out.follow", "out.follow/end", ""] {
            let error = check(last).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("--final: "), "{last}: {error}");
        }
        let error = check("photos").unwrap_err();
        assert!(error.exit_code() == 4 && error.to_string().contains("with --final"), "{error}");
        assert_eq!((check("end"), check("earlier")), (Ok(()), Ok(())));
        assert!(!path("end").exists() && path("earlier/run.json").exists());
        assert_eq!(Places { run: path("out"), state: path("out"), last: None }.check(), Ok(()));
    }
}
