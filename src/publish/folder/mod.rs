//! A folder that is brought up to date.
//!
//! ```text
//! DIR/current                    a link to the version that counts
//! DIR/versions/000007/           the seventh publication
//!     publication.json           which it is, of what, and when
//!     segments.parquet           number, name, size, profile (JSON)
//!     memberships.parquet        user, segment, since; by user
//!     changes/part-000007.parquet    user, from, to, when, publication; a part for each publication, or for several of long ago
//! DIR/lock                       held by the publisher
//! ```
//!
//! A version is written whole and brought to the disk, and then `current` is renamed into place. Whoever reads several files follows
//! the link once and reads all of them there: a version stays until two others have come after it. Parts of changes that both have are
//! one file with two names.

mod failure;
mod merge;
mod parquet;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use self::failure::cannot;
use self::merge::Merge;
use self::parquet::{Kind, Writer};
use super::edition::{Edition, Segment};
use super::record::{Position, Record};
use super::rows::Rows;
use super::target::{Begun, Members, Sizes, Target};
use crate::error::{Error, Result};
use crate::results::leftovers;
use crate::results::table::{Table, Values};

const CURRENT: &str = "current";
const LOCK: &str = "lock";
const VERSIONS: &str = "versions";
const RECORD: &str = "publication.json";
const MEMBERSHIPS: &str = "memberships.parquet";
const CHANGES: &str = "changes";
/// Versions that are left for those who read them, beside the one that counts.
const KEPT: u64 = 2;
/// Parts of changes after which one takes their place.
const PARTS: usize = 32;
/// The columns of the changes but for the user.
const OF_CHANGES: [&str; 4] = ["from", "to", "when", "publication"];
const KINDS_OF_CHANGES: [(&str, Kind); 4] =
    [("from", Kind::Optional), ("to", Kind::Optional), ("when", Kind::Time), ("publication", Kind::Number)];
const KINDS_OF_MEMBERSHIPS: [(&str, Kind); 2] = [("segment", Kind::Number), ("since", Kind::Time)];

/// A folder to publish in.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    pub fn at(path: &Path) -> Folder {
        Folder(path.into())
    }

    fn hold(&self) -> Result<File> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries.collect::<io::Result<Vec<_>>>().map_err(|e| cannot("list", &self.0, &e))?,
            Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(cannot("list", &self.0, &e)),
        };
        if let Some(foreign) = entries.iter().find(|entry| !is_ours(&entry.file_name().to_string_lossy())) {
            return Err(Error::File {
                path: self.0.clone(),
                problem: format!("{:?} is there, which no publication has", foreign.file_name().to_string_lossy()),
                remedy: "name an empty folder, or one that does not exist yet".into(),
            });
        }
        fs::create_dir_all(self.0.join(VERSIONS)).map_err(|e| cannot("create", &self.0, &e))?;
        let path = self.0.join(LOCK);
        let held = File::options().write(true).create(true).truncate(false).open(&path).and_then(|file| {
            match file.lock() {
                // Some file systems have no locks.
                Err(e) if e.kind() != io::ErrorKind::Unsupported => Err(e),
                _ => Ok(file),
            }
        });
        held.map_err(|e| cannot("lock", &path, &e))
    }
}

fn is_ours(name: &str) -> bool {
    [CURRENT, LOCK, VERSIONS].contains(&name) || name == new_link()
}

fn new_link() -> String {
    format!(".{CURRENT}.new")
}

impl Target for Folder {
    fn begin(&mut self) -> Result<Box<dyn Begun + '_>> {
        let lock = self.hold()?;
        let version = match fs::read_link(self.0.join(CURRENT)) {
            Ok(link) => Some(self.0.join(link)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(cannot("read", &self.0.join(CURRENT), &e)),
        };
        let last = version.as_deref().map(read_record).transpose()?;
        Ok(Box::new(Held { folder: &self.0, _lock: lock, version: version.zip(last) }))
    }
}

fn read_record(version: &Path) -> Result<Record> {
    let path = version.join(RECORD);
    let json = fs::read(&path).map_err(|e| cannot("read", &path, &e))?;
    serde_json::from_slice(&json).map_err(|e| {
        let remedy = "publish into another folder, or with the version of segmill that wrote it";
        Error::data(path.display().to_string(), format!("this is not the record of a publication: {e}"), remedy)
    })
}

/// A folder that this process holds.
struct Held<'a> {
    folder: &'a Path,
    _lock: File,
    /// The one that counts, and its record.
    version: Option<(PathBuf, Record)>,
}

impl Begun for Held<'_> {
    fn last(&self) -> Option<&Record> {
        self.version.as_ref().map(|(_, record)| record)
    }

    fn put(
        self: Box<Self>,
        edition: &Edition,
        live: Option<Position>,
        members: Members<'_>,
        renewed: &[u32],
    ) -> Result<Record> {
        let publication = self.last().map_or(0, |last| last.publication) + 1;
        let version = self.version_of(publication);
        self.clear(publication);
        fs::create_dir(&version).map_err(|e| cannot("create", &version, &e))?;
        let changes = version.join(CHANGES);
        fs::create_dir(&changes).map_err(|e| cannot("create", &changes, &e))?;
        let now = Timestamp::from_microsecond(Timestamp::now().as_microsecond()).unwrap_or_default();
        let earlier = self.version.as_ref().map(|(path, _)| path.join(MEMBERSHIPS));
        let merge = Merge::of(earlier, members, renewed, now.as_microsecond())?;
        let numeric = merge.is_numeric();
        self.keep_changes(&changes)?;
        let mut memberships = Writer::create(&version.join(MEMBERSHIPS), numeric, &KINDS_OF_MEMBERSHIPS)?;
        let mut part = Writer::create(&changes.join(part(publication)), numeric, &KINDS_OF_CHANGES)?;
        let mut sizes = Sizes::of(edition);
        let is_first = self.version.is_none();
        let mut n_changes = 0;
        merge.run(
            |user, segment, since| {
                sizes.add(segment)?;
                memberships.push(user, &[Some(segment), Some(since)])
            },
            |user, from, to| {
                if is_first {
                    return Ok(());
                }
                n_changes += 1;
                part.push(user, &[from, to, Some(now.as_microsecond()), Some(publication as i64)])
            },
        )?;
        memberships.finish()?;
        part.finish()?;
        write_segments(&version, &edition.segments, &sizes.0)?;
        let record = Record {
            publication,
            when: now.to_string(),
            content: edition.content.clone(),
            model: edition.model.clone(),
            lineage: edition.lineage.clone(),
            live,
            users: sizes.total(),
            changes: n_changes,
            segmill: env!("CARGO_PKG_VERSION").into(),
        };
        self.show(&version, &record)?;
        Ok(record)
    }
}

fn part(publication: u64) -> String {
    format!("part-{publication:06}.parquet")
}

impl Held<'_> {
    fn version_of(&self, publication: u64) -> PathBuf {
        self.folder.join(VERSIONS).join(format!("{publication:06}"))
    }

    /// Removes what killed publishers began, and what is too old to be read.
    fn clear(&self, publication: u64) {
        for entry in fs::read_dir(self.folder.join(VERSIONS)).into_iter().flatten().flatten() {
            let number = entry.file_name().to_string_lossy().parse::<u64>();
            if number.is_ok_and(|number| number >= publication || number + KEPT < publication) {
                leftovers::remove(&entry.path());
            }
        }
    }

    /// Gives the new version the changes that there are.
    fn keep_changes(&self, to: &Path) -> Result<()> {
        let Some((version, _)) = &self.version else { return Ok(()) };
        let from = version.join(CHANGES);
        let entries = fs::read_dir(&from)
            .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>());
        let mut parts = entries.map_err(|e| cannot("list", &from, &e))?;
        parts.sort_by_key(|path| (path.as_os_str().len(), path.clone()));
        if parts.len() < PARTS {
            return parts.iter().try_for_each(|part| {
                let link = to.join(part.file_name().unwrap_or_default());
                // Not all file systems have links.
                let kept = fs::hard_link(part, &link).or_else(|_| fs::copy(part, &link).map(drop));
                kept.map_err(|e| cannot("write", &link, &e))
            });
        }
        join_parts(&parts, to)
    }

    /// Brings a version to the disk, and makes it the one that counts.
    fn show(&self, version: &Path, record: &Record) -> Result<()> {
        let mut json = serde_json::to_vec_pretty(record).expect("a record serialises");
        json.push(b'\n');
        let path = version.join(RECORD);
        fs::write(&path, json).map_err(|e| cannot("write", &path, &e))?;
        let changes = version.join(CHANGES);
        let synced =
            [path, version.join(MEMBERSHIPS), version.join("segments.parquet"), changes.join(part(record.publication))];
        let folders = [changes, version.to_path_buf(), self.folder.join(VERSIONS)];
        synced.iter().chain(&folders).try_for_each(|path| sync(path))?;
        let link = self.folder.join(new_link());
        leftovers::remove(&link);
        let target = Path::new(VERSIONS).join(version.file_name().unwrap_or_default());
        let shown = symlink(&target, &link).and_then(|()| fs::rename(&link, self.folder.join(CURRENT)));
        shown.map_err(|e| cannot("write", &link, &e))?;
        sync(self.folder)
    }
}

fn sync(path: &Path) -> Result<()> {
    File::open(path).and_then(|file| file.sync_all()).map_err(|e| cannot("write", path, &e))
}

/// One part in the place of all of them, under the name of the last.
fn join_parts(parts: &[PathBuf], to: &Path) -> Result<()> {
    let mut numeric = true;
    for part in parts {
        numeric &= Rows::any(vec![part.clone()], &OF_CHANGES).is_numeric()?;
    }
    let path = to.join(parts[parts.len() - 1].file_name().unwrap_or_default());
    let mut writer = Writer::create(&path, numeric, &KINDS_OF_CHANGES)?;
    let mut rows = Rows::any(parts.to_vec(), &OF_CHANGES);
    while let Some(group) = rows.next_group()? {
        for (at, user) in group.users.iter().enumerate() {
            writer.push(user, &[0, 1, 2, 3].map(|column: usize| group.numbers[column][at]))?;
        }
    }
    writer.finish()?;
    sync(&path)
}

fn write_segments(version: &Path, segments: &[Segment], sizes: &[u64]) -> Result<()> {
    let names = segments.iter().map(|segment| segment.name.as_str().into()).collect();
    let profiles = segments.iter().map(|segment| segment.profile.to_string().into()).collect();
    let table = Table::new(
        "segments",
        vec![
            ("number", Values::U32((0..segments.len() as u32).collect())),
            ("name", Values::Text(names)),
            ("size", Values::U64(sizes.into())),
            ("profile", Values::Text(profiles)),
        ],
    );
    table.write_parquet(&table.place(version, "parquet"))
}
