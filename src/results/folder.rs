//! An output folder is written whole or not at all.
//!
//! Everything goes into a temporary folder beside the output, which is then renamed into place. A folder that an earlier
//! run left there is moved aside first and removed last; anything else in the way is refused and not touched. When
//! something fails, the temporary folder is removed with the parents made for it, and the earlier output stays.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::results::files::{self, DISK_REMEDY};
use crate::results::foreign::{self, in_the_way};
use crate::results::leftovers::{self, Parents};
use crate::results::remote::Remote;
use crate::store::is_address;

/// Users filter the log by targets, so this one stays whatever the module is called.
const LOG_TARGET: &str = "segmill::report::write";

/// Refuses, before any work is done, an output that cannot be written: something foreign is in the way, or nothing can be
/// created there. Leaves no trace.
pub fn check_output(output: &Path) -> Result<()> {
    if is_address(output) {
        return Remote::at(output)?.check();
    }
    leftovers::clear(output);
    try_output(output).map(drop)
}

/// The same without clearing up: what killed runs left there stays, and nothing is tried in a store. Returns whether something is to
/// be replaced.
pub fn try_output(output: &Path) -> Result<bool> {
    if is_address(output) {
        return Ok(!Remote::at(output)?.refuse_foreign()?.is_empty());
    }
    let target = Target::find(output)?;
    Staging::create(&target)?;
    Ok(target.occupied)
}

/// A folder beside an output, which is to take its place. Dropped before that, it is removed.
pub struct NewFolder {
    /// As it was named.
    output: PathBuf,
    target: Target,
    staging: Staging,
}

impl NewFolder {
    /// Beside `output`, which is refused where it cannot be replaced.
    pub fn create(output: &Path) -> Result<NewFolder> {
        let target = Target::find(output)?;
        let staging = Staging::create(&target)?;
        Ok(NewFolder { output: output.into(), target, staging })
    }

    /// Where to write to.
    pub fn path(&self) -> &Path {
        &self.staging.folder
    }

    /// Puts it in the place of the output, and returns that.
    pub fn publish(self) -> Result<PathBuf> {
        self.staging.publish(&self.target)?;
        Ok(self.output)
    }
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
            Err(e) if e.kind() == io::ErrorKind::NotFound => (output.to_path_buf(), false),
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

    /// A unique name beside the output: hidden, with the process and a number.
    fn sibling(&self, role: &str) -> PathBuf {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        self.parent.join(format!(".{}.{role}-{}-{number}", self.name, std::process::id()))
    }
}

/// Refuses what is neither an empty folder nor an earlier output.
fn refuse_foreign(path: &Path) -> Result<()> {
    if !path.is_dir() {
        return Err(in_the_way(path, "is a file, not a folder"));
    }
    let mut names = entries(path)?;
    for folder in [files::MODEL, files::SEGMENTS, files::MOVES].into_iter().filter(|name| path.join(name).is_dir()) {
        names.extend(entries(&path.join(folder))?.into_iter().map(|name| format!("{folder}/{name}")));
    }
    foreign::refuse(path, &names, |name| fs::read(path.join(name)).ok())
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let failed = |e| Error::file(folder, "cannot list", &e, DISK_REMEDY);
    let entries = fs::read_dir(folder).map_err(failed)?;
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
}

/// The temporary folder. Dropped before it is published, it takes along everything that was created for it.
struct Staging {
    folder: PathBuf,
    /// Held as long as this process fills the folder: see [`leftovers`].
    _lock: Option<File>,
    _parents: Parents,
    published: bool,
}

impl Staging {
    fn create(target: &Target) -> Result<Staging> {
        let failed = |e: io::Error| Error::file(&target.path, "cannot create the output", &e, DISK_REMEDY);
        let parents = Parents::create(&target.parent).map_err(failed)?;
        let folder = target.sibling("new");
        let mut staging = Staging { folder, _lock: None, _parents: parents, published: false };
        fs::create_dir(&staging.folder).map_err(failed)?;
        staging._lock = leftovers::claim(&staging.folder);
        Ok(staging)
    }

    /// Renames the folder into place. An earlier output is moved aside first and removed last.
    fn publish(mut self, target: &Target) -> Result<()> {
        let failed = |e: io::Error| Error::file(&target.path, "cannot move the output into place", &e, DISK_REMEDY);
        if !target.occupied {
            fs::rename(&self.folder, &target.path).map_err(failed)?;
            self.published = true;
            return Ok(());
        }
        let aside = target.sibling("old");
        exchange(&self.folder, &target.path, &aside).map_err(failed)?;
        self.published = true;
        // The new output is in place: an earlier one that cannot be removed is no failure of this run.
        if let Err(e) = fs::remove_dir_all(&aside) {
            let aside = aside.display();
            tracing::warn!(target: LOG_TARGET, "cannot remove the earlier output {aside}: {e}; remove it");
        }
        Ok(())
    }
}

/// Moves the folder at `place` to `aside` and `new` into its place. If the second move fails, the first is undone.
fn exchange(new: &Path, place: &Path, aside: &Path) -> io::Result<()> {
    fs::rename(place, aside)?;
    fs::rename(new, place).map_err(|e| match fs::rename(aside, place) {
        Ok(()) => e,
        Err(_) => io::Error::other(format!("{e}; the earlier one is now {}", aside.display())),
    })
}

impl Drop for Staging {
    fn drop(&mut self) {
        if self.published {
            return;
        }
        // What cannot be removed is left: the error that brought us here is the one to report.
        leftovers::remove(&self.folder);
    }
}
