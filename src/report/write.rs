//! The output folder, written whole or not at all.
//!
//! Everything is written into a temporary folder beside the output, which is then renamed into place. A folder that an
//! earlier run left there is moved aside first and removed last; anything else in the way is refused and not touched.
//! When something fails, the temporary folder goes, parents made for it go, and the earlier output stays.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::model;
use crate::report::rejects::{self, RejectLine};
use crate::report::run::{self, Digests, RunRecord};
use crate::report::table::DISK_REMEDY;
use crate::report::{Outcome, page, tables};

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// By table, and `model` for the model's tensors.
    pub digests: Digests,
    /// Where `report.html` is.
    pub report: PathBuf,
}

/// Refuses an output that [`write`] would refuse, before any work is done: something in the way that is not ours, or a
/// place where nothing can be created. Leaves no trace.
pub fn check_output(output: &Path) -> Result<()> {
    let target = Target::find(output)?;
    Staging::create(&target).map(drop)
}

/// Writes the output folder `output`. `rejects` are written where there are any.
pub fn write(outcome: &Outcome, output: &Path, rejects: Option<&[RejectLine]>) -> Result<Written> {
    let target = Target::find(output)?;
    let staging = Staging::create(&target)?;
    let digests = write_files(outcome, &staging.folder, rejects.unwrap_or_default())?;
    staging.publish(&target)?;
    Ok(Written { digests, report: output.join("report.html") })
}

/// The digests of an outcome, in every layout the same.
pub fn digests(outcome: &Outcome) -> Digests {
    let tables = [
        tables::segments(outcome),
        tables::profiles(outcome),
        tables::explained_variance(outcome),
        tables::inertia(outcome),
        tables::confusion(outcome),
        tables::items(outcome),
    ];
    let mut digests: Digests = tables.iter().map(|table| (table.name().to_string(), table.digest())).collect();
    digests.insert("model".into(), model::digest(outcome));
    digests
}

fn write_files(outcome: &Outcome, folder: &Path, rejects: &[RejectLine]) -> Result<Digests> {
    for table in [tables::segments(outcome), tables::profiles(outcome)] {
        table.write_parquet(&folder.join(table.name()).with_extension("parquet"))?;
    }
    for table in [tables::explained_variance(outcome), tables::inertia(outcome), tables::confusion(outcome)] {
        table.write_csv(&folder.join(table.name()).with_extension("csv"))?;
    }
    let model_folder = folder.join("model");
    fs::create_dir(&model_folder).map_err(|e| Error::file(&model_folder, "cannot create", &e, DISK_REMEDY))?;
    model::write(outcome, &model_folder)?;
    if !rejects.is_empty() {
        rejects::write(rejects, &folder.join("rejects.tsv"))?;
    }
    let digests = digests(outcome);
    write_file(&folder.join("report.html"), |sink| page::write(outcome, &digests, !rejects.is_empty(), sink))?;
    let record = RunRecord::new(outcome, digests);
    write_file(&folder.join(run::FILE), |sink| sink.write_all(record.to_json().as_bytes()))?;
    Ok(record.digests)
}

fn write_file(path: &Path, fill: impl FnOnce(&mut BufWriter<File>) -> std::io::Result<()>) -> Result<()> {
    let written = File::create(path).and_then(|file| {
        let mut sink = BufWriter::new(file);
        fill(&mut sink)?;
        sink.flush()
    });
    written.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
}

/// Where the output goes, and what is there now.
struct Target {
    /// The output with links resolved, so that a link to a folder stays a link.
    path: PathBuf,
    parent: PathBuf,
    name: String,
    occupied: bool,
}

impl Target {
    /// Finds out what is at `output`; refuses what is neither absent, an empty folder, nor an earlier output.
    fn find(output: &Path) -> Result<Target> {
        let (path, occupied) = match fs::canonicalize(output) {
            Ok(path) => (path, true),
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => (output.to_path_buf(), false),
            Err(e) => return Err(Error::file(output, "cannot look at", &e, DISK_REMEDY)),
        };
        if occupied {
            refuse_foreign(&path)?;
        } else if fs::symlink_metadata(output).is_ok() {
            return Err(in_the_way(output, "is a link to nothing"));
        }
        let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
            return Err(in_the_way(output, "is not the name of a folder"));
        };
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_path_buf(),
            _ => PathBuf::from("."),
        };
        Ok(Target { path, parent, name, occupied })
    }

    /// A name beside the output that nobody else uses: hidden, with the process and a number.
    fn sibling(&self, role: &str) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.parent.join(format!(".{}.{role}-{}-{number}", self.name, std::process::id()))
    }
}

fn refuse_foreign(path: &Path) -> Result<()> {
    if !path.is_dir() {
        return Err(in_the_way(path, "is a file, not a folder"));
    }
    if let Ok(json) = fs::read(path.join(run::FILE)) {
        return if run::is_ours(&json) {
            Ok(())
        } else {
            Err(in_the_way(path, "holds a run.json that is not segmill's"))
        };
    }
    let mut entries = fs::read_dir(path).map_err(|e| Error::file(path, "cannot list", &e, DISK_REMEDY))?;
    match entries.next() {
        None => Ok(()),
        Some(_) => Err(in_the_way(path, "holds files that segmill did not write")),
    }
}

fn in_the_way(path: &Path, problem: &str) -> Error {
    Error::File {
        path: path.to_path_buf(),
        problem: format!("the output {problem}"),
        remedy: "choose another output with -o, or move it away".into(),
    }
}

/// The temporary folder. Dropped before it is published, it takes along everything that was created for it.
struct Staging {
    folder: PathBuf,
    /// Parents that were missing, the deepest first.
    made: Vec<PathBuf>,
    published: bool,
}

impl Staging {
    fn create(target: &Target) -> Result<Staging> {
        let missing = target.parent.ancestors().take_while(|p| !p.as_os_str().is_empty() && !p.exists());
        let made: Vec<PathBuf> = missing.map(Path::to_path_buf).collect();
        let staging = Staging { folder: target.sibling("new"), made, published: false };
        fs::create_dir_all(&target.parent)
            .and_then(|()| fs::create_dir(&staging.folder))
            .map_err(|e| Error::file(&target.path, "cannot create the output", &e, DISK_REMEDY))?;
        Ok(staging)
    }

    /// Renames the folder into place. An earlier output is moved aside, and back if the rename fails.
    fn publish(mut self, target: &Target) -> Result<()> {
        let failed =
            |e: std::io::Error| Error::file(&target.path, "cannot move the output into place", &e, DISK_REMEDY);
        if !target.occupied {
            fs::rename(&self.folder, &target.path).map_err(failed)?;
            self.published = true;
            return Ok(());
        }
        let aside = target.sibling("old");
        fs::rename(&target.path, &aside).map_err(failed)?;
        if let Err(e) = fs::rename(&self.folder, &target.path) {
            return match fs::rename(&aside, &target.path) {
                Ok(()) => Err(failed(e)),
                Err(_) => {
                    Err(failed(std::io::Error::other(format!("{e}; the earlier one is now {}", aside.display()))))
                }
            };
        }
        self.published = true;
        fs::remove_dir_all(&aside).map_err(|e| Error::file(&aside, "cannot remove the earlier output", &e, "remove it"))
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // What cannot be removed is left: the error that brought us here is the one to report.
        let _ = fs::remove_dir_all(&self.folder);
        for parent in &self.made {
            let _ = fs::remove_dir(parent);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixture::{self, MOVIELENS, SMALL, Size};

    /// Reports to look at, in a folder of the system's temporary one: `cargo test --lib reports_to_look_at -- --ignored`.
    #[test]
    #[ignore = "writes pages for a person to look at"]
    fn reports_to_look_at() {
        let folder = std::env::temp_dir().join("segmill-reports");
        let many = Size { users: 30_000, items: 500, clusters: 200, components: 12, top: 10 };
        let one = Size { users: 1, items: 1, clusters: 1, components: 1, top: 10 };
        for (name, size) in [("movielens", MOVIELENS), ("small", SMALL), ("many", many), ("one", one)] {
            let mut outcome = fixture::outcome(size);
            outcome.job.output = name.into();
            let written = write(&outcome, &folder.join(name), None).unwrap();
            eprintln!("{}", written.report.display());
        }
    }
}
