//! Users that were put into segments, as one file: Parquet or CSV by its ending, or CSV on standard output. Profiles of
//! their segments go into another, as Parquet.
//!
//! A file is written beside its place and renamed, like the output of a run; rejected rows go into `FILE.rejects.tsv`.

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::ingest::Ledger;
use crate::results::files::DISK_REMEDY;
use crate::results::leftovers;
use crate::results::rejects::{self, RejectLine};
use crate::results::staged::{Staged, resolved};
use crate::results::table::{CsvFile, ParquetFile, Table};

/// The remedy where something other than a file is in the way.
const ELSEWHERE: &str = "name another file with -o, or - for standard output";
const PROFILES_ELSEWHERE: &str = "name another file with --profiles";

/// What `segmill assign` found, on the coordinator.
#[derive(Debug, Clone, PartialEq)]
pub struct Assigned {
    pub n_users: u64,
    /// Users in each segment.
    pub sizes: Vec<u64>,
    pub ledger: Ledger,
    /// Ratings that count: not 0, of items that the model knows.
    pub ratings: u64,
    /// Items that the model does not know, and rows with them.
    pub unknown_items: u64,
    pub unknown_ratings: u64,
    /// Users without any rating that counts.
    pub blank_users: u64,
    pub rejects: Vec<RejectLine>,
}

/// Where the users go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    Parquet(PathBuf),
    Csv(PathBuf),
    /// CSV.
    Stdout,
}

impl Destination {
    /// As the ending of `path` says; `-` is standard output.
    pub fn of(path: &Path) -> Result<Destination> {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
        match ending.as_deref() {
            _ if path == Path::new("-") => Ok(Destination::Stdout),
            Some("parquet") => Ok(Destination::Parquet(path.to_path_buf())),
            Some("csv") => Ok(Destination::Csv(path.to_path_buf())),
            _ => {
                let problem = format!("{} is neither Parquet nor CSV", path.display());
                Err(Error::job(
                    "--output",
                    problem,
                    "name a file that ends in .parquet or .csv, or - for standard output",
                ))
            }
        }
    }

    pub fn path(&self) -> Option<&Path> {
        match self {
            Destination::Parquet(path) | Destination::Csv(path) => Some(path),
            Destination::Stdout => None,
        }
    }
}

/// All files that are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    pub users: Destination,
    /// Where profiles are wanted.
    pub profiles: Option<PathBuf>,
}

impl Places {
    pub fn of(users: &Path, profiles: Option<&Path>) -> Result<Places> {
        let users = Destination::of(users)?;
        if let Some(path) = profiles {
            let refuse = |problem: &str, remedy: &str| {
                Err(Error::job("--profiles", format!("{} {problem}", path.display()), remedy))
            };
            if path.extension().is_none_or(|ending| !ending.eq_ignore_ascii_case("parquet")) {
                return refuse("is not Parquet", "name a file that ends in .parquet");
            }
            if users.path().is_some_and(|users| resolved(users) == resolved(path)) {
                return refuse("is where the users go", PROFILES_ELSEWHERE);
            }
        }
        Ok(Places { users, profiles: profiles.map(Path::to_path_buf) })
    }

    /// Refuses, before any work is done, what [`Places::begin`] would refuse. Leaves no trace.
    pub fn check(&self) -> Result<()> {
        self.stage_users()?;
        self.stage_profiles().map(drop)
    }

    fn stage_users(&self) -> Result<Option<Staged>> {
        self.users.path().map(|path| Staged::create(path, ELSEWHERE)).transpose()
    }

    fn stage_profiles(&self) -> Result<Option<Staged>> {
        self.profiles.as_deref().map(|path| Staged::create(path, PROFILES_ELSEWHERE)).transpose()
    }

    /// Begins to write users; `like` has the columns of their table.
    pub fn begin(&self, like: &Table<'_>) -> Result<Writing<'_>> {
        let profiles = self.stage_profiles()?;
        let staged = self.stage_users()?;
        let users = match (&self.users, &staged) {
            (Destination::Parquet(_), Some(staged)) => UsersFile::Parquet(ParquetFile::create(staged.path(), like)?),
            (Destination::Csv(path), Some(staged)) => {
                let begun = File::create(staged.path()).and_then(|file| CsvFile::begin(file, like));
                UsersFile::Csv(begun.map_err(|e| cannot_write(path, &e))?)
            }
            _ => UsersFile::Stdout(read_on(CsvFile::begin(io::stdout(), like))?),
        };
        Ok(Writing { places: self, staged, users, profiles })
    }

    fn cannot_write(&self, error: &io::Error) -> Error {
        cannot_write(self.users.path().unwrap_or(Path::new("-")), error)
    }

    fn write_rejects(&self, rejects: &[RejectLine]) -> Result<()> {
        let Some(path) = self.users.path().map(rejects_beside) else { return Ok(()) };
        if rejects.is_empty() {
            leftovers::remove(&path);
            return Ok(());
        }
        let staged = Staged::create(&path, ELSEWHERE)?;
        rejects::write(rejects, staged.path())?;
        staged.publish()
    }
}

/// Users on their way to their place. What is not finished is not there.
pub struct Writing<'a> {
    places: &'a Places,
    staged: Option<Staged>,
    users: UsersFile,
    profiles: Option<Staged>,
}

enum UsersFile {
    Parquet(ParquetFile),
    Csv(CsvFile<File>),
    /// Nothing where the reader has left.
    Stdout(Option<CsvFile<io::Stdout>>),
}

impl Writing<'_> {
    pub fn append(&mut self, rows: &Table<'_>) -> Result<()> {
        match &mut self.users {
            UsersFile::Parquet(file) => file.append(rows),
            UsersFile::Csv(file) => file.append(rows).map_err(|e| self.places.cannot_write(&e)),
            UsersFile::Stdout(file) => {
                if let Some(csv) = file
                    && read_on(csv.append(rows))?.is_none()
                {
                    *file = None;
                }
                Ok(())
            }
        }
    }

    /// Writes the rejected rows beside the users, and the table of `profiles` where they are wanted, and puts all in their places.
    /// Rejects of an earlier file of this name go.
    pub fn finish(self, rejects: &[RejectLine], profiles: Option<&Table<'_>>) -> Result<()> {
        let Writing { places, staged, users, profiles: staged_profiles } = self;
        match users {
            UsersFile::Parquet(file) => file.finish().map(drop)?,
            UsersFile::Csv(file) => file.finish().map_err(|e| places.cannot_write(&e))?,
            UsersFile::Stdout(file) => drop(file.map(|csv| read_on(csv.finish())).transpose()?),
        }
        if let (Some(staged), Some(table)) = (&staged_profiles, profiles) {
            table.write_parquet(staged.path())?;
        }
        if let Some(staged) = staged {
            places.write_rejects(rejects)?;
            staged.publish()?;
        }
        staged_profiles.map_or(Ok(()), Staged::publish)
    }
}

fn cannot_write(path: &Path, error: &io::Error) -> Error {
    Error::file(path, "cannot write", error, DISK_REMEDY)
}

/// Nothing where the reader of standard output has stopped early (a pager, head): that is no failure.
fn read_on<T>(written: io::Result<T>) -> Result<Option<T>> {
    match written {
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Ok(None),
        written => written.map(Some).map_err(|e| cannot_write(Path::new("standard output"), &e)),
    }
}

/// Where the rejected rows go, beside the file of the users.
pub fn rejects_beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".rejects.tsv");
    name.into()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::results::UserTable;
    use crate::results::fixture::{self, SMALL};
    use crate::results::tables::{self, OfUsers};
    use crate::results::users::UserRows;

    fn write(places: &Places, rejects: &[RejectLine], profiles: Option<&Table<'_>>) -> Result<()> {
        let of_users = OfUsers { numeric: true, classed: true };
        let (nobody, users) = (UserTable::default(), fixture::users(SMALL));
        let mut writing = places.begin(&tables::segments(&nobody, of_users))?;
        for rows in [0..13, 13..SMALL.users as u32] {
            let rows = users.pick(&rows.collect::<Vec<u32>>());
            writing.append(&tables::segments(&rows, of_users))?;
        }
        writing.finish(rejects, profiles)
    }

    fn reject() -> RejectLine {
        let (code, field, raw) = ("BAD_RATING".into(), "rating".into(), "x".into());
        RejectLine { file: "u.data".into(), line: 1, byte: 0, code, field, raw }
    }

    fn listing(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_whole_and_its_rejects_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let below = folder.path().join("a/b");
        let places = Places::of(&below.join("users.csv"), None).unwrap();
        places.check().unwrap();
        assert!(listing(folder.path()).is_empty(), "the check leaves no trace");
        write(&places, &[reject()], None).unwrap();
        assert_eq!(listing(&below), ["users.csv", "users.csv.rejects.tsv"]);
        write(&places, &[], None).unwrap();
        assert_eq!(listing(&below), ["users.csv"]);
        let text = fs::read_to_string(below.join("users.csv")).unwrap();
        assert!(text.starts_with("user,segment,distance,second,second_distance,nb_segment\n1,"), "{text}");
        assert_eq!(text.lines().count(), 1 + SMALL.users);
    }

    #[test]
    fn other_endings_and_what_is_no_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["users", "users.txt", "users.csv.gz"] {
            assert_eq!(Destination::of(Path::new(name)).unwrap_err().exit_code(), 2);
        }
        fs::create_dir(folder.path().join("folder.csv")).unwrap();
        let error = Places::of(&folder.path().join("folder.csv"), None).unwrap().check().unwrap_err();
        assert!(error.exit_code() == 4 && error.to_string().contains("not a regular file"), "{error}");
        assert_eq!(listing(folder.path()), ["folder.csv"]);
    }

    #[test]
    fn profiles_have_a_file_of_their_own_and_come_with_the_users_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let refused = |profiles: &str| {
            let error = Places::of(&path("users.parquet"), Some(&path(profiles))).unwrap_err().to_string();
            assert!(error.starts_with("--profiles: "), "{error}");
            error
        };
        assert!(refused("profiles.csv").contains("not Parquet"));
        assert!(refused("users.parquet").contains("where the users go"));
        fs::create_dir(path("a")).unwrap();
        assert!(refused("a/../users.parquet").contains("where the users go"));
        fs::remove_dir(path("a")).unwrap();
        fs::create_dir(path("taken.parquet")).unwrap();
        let error =
            Places::of(&path("users.csv"), Some(&path("taken.parquet"))).unwrap().check().unwrap_err().to_string();
        assert!(error.contains("taken.parquet") && error.contains("--profiles"), "{error}");
        let outcome = fixture::outcome(SMALL);
        let table = tables::profiles(&outcome);
        let places = Places::of(&path("users.csv"), Some(&path("profiles.parquet"))).unwrap();
        write(&places, &[], Some(&table)).unwrap();
        assert_eq!(listing(folder.path()), ["profiles.parquet", "taken.parquet", "users.csv"]);
        let whole = fs::read(path("profiles.parquet")).unwrap();
        fs::remove_file(path("users.csv")).unwrap();
        fs::create_dir(path("users.csv")).unwrap();
        assert!(write(&places, &[], Some(&tables::items(&outcome))).is_err());
        assert_eq!(listing(folder.path()), ["profiles.parquet", "taken.parquet", "users.csv"]);
        assert!(fs::read(path("profiles.parquet")).unwrap() == whole, "the earlier ones stay");
    }
}
