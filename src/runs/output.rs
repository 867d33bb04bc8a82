//! Writes an output folder: the tables of users by the workers, all else by the coordinator.
//!
//! A table of users is one file while it has no more rows than `users_per_file`, and past that a folder of parts with so many rows each,
//! by rising id. Where all processes see the folder, each part is written by the worker that has the middle of it; otherwise the rows
//! go through the coordinator, a row group at a time. A store is seen by all. The bytes are the same.

use std::fs::{self, File};
use std::io::{self, Write};
use std::mem;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::fit::Made;
use super::ranges::Ranges;
use super::room::scratch_folder;
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::Job;
use crate::report::page;
use crate::results::files::{self, DISK_REMEDY};
use crate::results::rejects::RejectLine;
use crate::results::remote::Remote;
use crate::results::run::Digests;
use crate::results::table::{ParquetFile, Parts, ROW_GROUP, Table, all_numbers, digest_of};
use crate::results::tables::{self, Names, OfUsers};
use crate::results::users::UserRows;
use crate::results::write::{self, NewFolder, Written};
use crate::results::{Outcome, UserTable};
use crate::stages::continuity::Moves;
use crate::store::{Ready, Upload, is_address};

/// A folder that is to become the output, as all workers know it.
pub struct Folder {
    place: Place,
    path: PathBuf,
    /// All processes see it.
    shared: bool,
    /// The tables of users that are written, with the parts that they have.
    names: Vec<String>,
    /// What this worker has written of them to a store.
    ready: Vec<Ready>,
}

enum Place {
    /// The new folder is on the coordinator.
    Disk(Option<NewFolder>),
    /// The coordinator has a folder for all but the tables of users.
    Store(Remote, Option<TempDir>),
}

/// What is to be done with a table.
type Then<'a> = &'a mut dyn FnMut(&Table<'_>);

/// What tells a folder from another one at the same place of another machine.
#[derive(Serialize, Deserialize)]
struct Sign {
    folder: PathBuf,
    word: String,
}

impl Sign {
    fn path(&self) -> PathBuf {
        self.folder.join(".sign")
    }

    fn is_here(&self) -> bool {
        fs::read_to_string(self.path()).is_ok_and(|word| word == self.word)
    }
}

impl Folder {
    /// Beside `output`, which is refused where it cannot be replaced. All workers call it together. `scratch` has room for what
    /// the coordinator sends to a store.
    pub fn create<C: Collective>(c: &mut C, output: &Path, scratch: &Path) -> Result<Folder> {
        if is_address(output) { Folder::in_store(c, output, scratch) } else { Folder::on_disk(c, output) }
    }

    fn in_store<C: Collective>(c: &mut C, output: &Path, scratch: &Path) -> Result<Folder> {
        let remote = c.agree(Remote::at(output))?;
        let local = || {
            remote.refuse_foreign()?;
            let made = tempfile::Builder::new().prefix(".segmill-output-").tempdir_in(scratch);
            made.map(Some).map_err(|e| cannot("create a folder in", scratch, &e))
        };
        let local = if c.is_coordinator() { local() } else { Ok(None) };
        let local = c.agree(local)?;
        Ok(Folder::of(Place::Store(remote, local), output.into(), true))
    }

    fn of(place: Place, path: PathBuf, shared: bool) -> Folder {
        Folder { place, path, shared, names: Vec::new(), ready: Vec::new() }
    }

    fn on_disk<C: Collective>(c: &mut C, output: &Path) -> Result<Folder> {
        let new = if c.is_coordinator() { NewFolder::create(output).map(Some) } else { Ok(None) };
        let new = c.agree(new)?;
        let sign = c.agree(new.as_ref().map(|new| put_up(new.path())).transpose())?;
        let sign: Sign = c.broadcast_value(sign.as_ref());
        let mut hidden = [u64::from(!sign.is_here())];
        c.max(&mut hidden);
        let removed = if new.is_some() { fs::remove_file(sign.path()) } else { Ok(()) };
        c.agree(removed.map_err(|e| cannot("write", &sign.folder, &e)))?;
        Ok(Folder::of(Place::Disk(new), sign.folder, hidden[0] == 0))
    }

    /// The folder for all but the tables of users, on the coordinator.
    pub fn local(&self) -> Option<&Path> {
        match &self.place {
            Place::Disk(new) => new.as_ref().map(NewFolder::path),
            Place::Store(_, local) => local.as_ref().map(TempDir::path),
        }
    }

    /// Puts it in the place of the output. All workers call it together.
    pub fn publish<C: Collective>(self, c: &mut C) -> Result<()> {
        let Folder { place, names, ready, .. } = self;
        match place {
            Place::Disk(new) => c.agree(new.map_or(Ok(()), |new| new.publish().map(drop))),
            Place::Store(remote, local) => {
                c.agree(local.as_ref().map_or(Ok(()), |local| remote.begin(local.path())))?;
                c.agree(ready.into_iter().try_for_each(|object| remote.show(object)))?;
                c.agree(local.map_or(Ok(()), |local| remote.end(local.path(), &names)))
            }
        }
    }

    fn remote(&self) -> Option<&Remote> {
        match &self.place {
            Place::Disk(_) => None,
            Place::Store(remote, _) => Some(remote),
        }
    }

    /// Writes where each user went. Returns the name of the table and its digest, on the coordinator.
    pub fn write_users<C: Collective>(
        &mut self,
        c: &mut C,
        users: &Ranges<UserTable>,
        of_users: OfUsers,
        per_file: u64,
    ) -> Result<Option<(String, String)>> {
        let with_table = |users: &UserTable, then: Then| then(&tables::segments(users, of_users));
        self.write_rows(c, files::SEGMENTS, users, per_file, with_table)
    }

    /// Writes a table of users as the file or folder `name`. `with_table` makes the table of some of its rows, for what is to be done
    /// with it. Returns the name of the table and its digest, on the coordinator.
    pub fn write_rows<C: Collective, T: UserRows>(
        &mut self,
        c: &mut C,
        name: &str,
        rows: &Ranges<T>,
        per_file: u64,
        with_table: impl Fn(&T, Then),
    ) -> Result<Option<(String, String)>> {
        let place = self.path.join(name);
        let n_rows = rows.n_rows();
        let in_parts = n_rows > per_file;
        let is_folder = in_parts && self.remote().is_none();
        let created = if is_folder && c.is_coordinator() { fs::create_dir(&place) } else { Ok(()) };
        c.agree(created.map_err(|e| cannot("create", &place, &e)))?;
        let mut wanted = vec![Vec::new(); c.peers()];
        let mut writer =
            Writer { remote: self.remote(), folder: &self.path, files: Vec::new(), open: None, ready: Vec::new() };
        let mut names = Vec::new();
        for (part, range) in chunks(0..n_rows, per_file).into_iter().enumerate() {
            let middle = (range.start + range.end) / 2;
            let by = if in_parts && self.shared { rows.owner(middle) } else { 0 };
            let groups = chunks(range, ROW_GROUP as u64);
            let name = if in_parts { format!("{name}/{}", files::part(part as u64)) } else { name.to_string() };
            if by == c.index() {
                writer.files.push((name.clone(), groups.len()));
            }
            names.push(name);
            wanted[by].extend(groups);
        }
        writer.files.reverse();
        rows.hand_out(c, &wanted, |rows| {
            let mut written = Ok(());
            with_table(&rows, &mut |table| written = writer.write(table));
            written
        })?;
        let ready = mem::take(&mut writer.ready);
        self.ready.extend(ready);
        self.names.extend(names);
        let mut found = None;
        with_table(&rows.rows, &mut |mine| found = digest(c, mine).map(|digest| (mine.name().to_string(), digest)));
        Ok(found)
    }
}

/// Writes the output folder of a run. All workers call it together; what was written is on the coordinator.
pub fn write<C: Collective>(
    c: &mut C,
    job: &Job,
    made: Made,
    rejects: &[RejectLine],
) -> Result<Option<(Outcome, Written)>> {
    let Made { outcome, users, moves } = made;
    let mut folder = Folder::create(c, &job.output, &scratch_folder(job, &job.output))?;
    let of_users = of_users(c, &users.rows);
    let per_file = job.users_per_file;
    let mut digests = Digests::new();
    digests.extend(folder.write_users(c, &users, of_users, per_file)?);
    let names: Option<Names> = c.broadcast_value(outcome.as_ref().map(Names::of).as_ref());
    if let (Some(moves), Some(names)) = (&moves, &names) {
        let with_table = |moves: &Moves, then: Then| then(&tables::moves(moves, of_users.numeric, names));
        let written = folder.write_rows(c, files::MOVES, moves, per_file, with_table)?;
        digests.extend(written);
    }
    let fill = |(outcome, local)| write::fill(local, outcome, digests, rejects, page::write);
    let digests = c.agree(outcome.as_ref().zip(folder.local()).map(fill).transpose())?;
    folder.publish(c)?;
    let written = digests.map(|digests| Written { digests, report: job.output.join(files::PAGE) });
    Ok(outcome.zip(written))
}

/// What all tables of users have in common.
pub fn of_users<C: Collective>(c: &mut C, mine: &UserTable) -> OfUsers {
    let mut flags = [!all_numbers(&mine.users), !mine.nb_segment.is_empty()].map(u64::from);
    c.max(&mut flags);
    OfUsers { numeric: flags[0] == 0, classed: flags[1] > 0 }
}

/// Leaves a word in the folder that no other folder has.
fn put_up(folder: &Path) -> Result<Sign> {
    let folder = std::path::absolute(folder).map_err(|e| cannot("find", folder, &e))?;
    let sign = Sign { word: format!("{} {:?}", std::process::id(), SystemTime::now()), folder };
    fs::write(sign.path(), &sign.word).map_err(|e| cannot("write", &sign.folder, &e))?;
    Ok(sign)
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::file(path, &format!("cannot {what}"), error, DISK_REMEDY)
}

/// Ranges of `most` rows, and a shorter one at the end; one where there are no rows.
pub fn chunks(rows: Range<u64>, most: u64) -> Vec<Range<u64>> {
    if rows.is_empty() {
        return vec![rows];
    }
    let end = rows.end;
    rows.step_by(most as usize).map(|start| start..end.min(start.saturating_add(most))).collect()
}

/// Writes the row groups of a worker's files, as they come.
struct Writer<'a> {
    remote: Option<&'a Remote>,
    folder: &'a Path,
    /// Names of files with the row groups that each is still to get; the last is the one that is written.
    files: Vec<(String, usize)>,
    open: Option<ParquetFile<Sink>>,
    ready: Vec<Ready>,
}

/// What a table is written to.
enum Sink {
    Disk(File),
    Store(Upload),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Sink::Disk(file) => file.write(bytes),
            Sink::Store(upload) => upload.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Sink::Disk(file) => file.flush(),
            Sink::Store(upload) => upload.flush(),
        }
    }
}

impl Sink {
    /// The file `name` of the output, which is called `path`.
    fn create(remote: Option<&Remote>, name: &str, path: &Path) -> Result<Sink> {
        match remote {
            Some(remote) => Ok(Sink::Store(remote.create(name))),
            None => File::create(path).map(Sink::Disk).map_err(|e| cannot("create", path, &e)),
        }
    }
}

impl Writer<'_> {
    fn write(&mut self, rows: &Table<'_>) -> Result<()> {
        let (name, left) = self.files.last_mut().expect("as many row groups as were asked for");
        let path = self.folder.join(&name);
        let mut file = match self.open.take() {
            Some(file) => file,
            None => ParquetFile::over(Sink::create(self.remote, name, &path)?, &path, rows)?,
        };
        file.append(rows)?;
        *left -= 1;
        if *left > 0 {
            self.open = Some(file);
            return Ok(());
        }
        if let Sink::Store(upload) = file.finish()? {
            self.ready.push(upload.finish().map_err(|e| cannot("write", &path, &e))?);
        }
        self.files.pop();
        Ok(())
    }
}

/// The digest of a table whose rows lie over the workers in order; on the coordinator.
fn digest<C: Collective>(c: &mut C, mine: &Table<'_>) -> Option<String> {
    let parts = Parts::of(&c.all_gather(&mine.measures()));
    let pieces = mine.pieces(&parts, c.index());
    let pieces = c.gather_values(&pieces);
    c.is_coordinator().then(|| digest_of(pieces))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::{run_processes, run_workers};
    use crate::results::fixture::{self, SMALL, Size};

    const OF_USERS: OfUsers = OfUsers { numeric: true, classed: true };

    fn share(c: &impl Collective, size: Size) -> UserTable {
        let users = fixture::users(size);
        let rows: Vec<u32> = (0..size.users as u32).filter(|row| row % c.peers() as u32 == c.index() as u32).collect();
        users.pick(&rows)
    }

    fn listing(folder: &Path) -> Vec<(String, Vec<u8>)> {
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<(String, Vec<u8>)> =
            names.map(|path| (path.file_name().unwrap().to_string_lossy().into(), fs::read(path).unwrap())).collect();
        all.sort();
        all
    }

    /// Writes `segments.parquet`, and returns what is there and its digest. No worker but those of the first process sees the folder
    /// where it is `hidden`.
    fn written(
        processes: usize,
        workers: usize,
        size: Size,
        per_file: u64,
        hidden: bool,
    ) -> (Vec<(String, Vec<u8>)>, String) {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let digests = run_processes(processes, workers, |c| {
            let rows = Ranges::of(c, share(c, size));
            let mut made = Folder::create(c, &output, folder.path()).unwrap();
            assert!(made.shared);
            made.shared &= !hidden;
            let digest = made.write_users(c, &rows, OF_USERS, per_file).unwrap();
            made.publish(c).unwrap();
            digest.map(|(_, digest)| digest)
        });
        let place = output.join(files::SEGMENTS);
        let there = if place.is_dir() { listing(&place) } else { listing(&output) };
        (there, digests.into_iter().next().flatten().unwrap())
    }

    // arrival-blind, and the same bits in every layout.
    #[test]
    fn files_and_digests_are_the_same_whoever_writes_them() {
        let size = Size { users: 200, ..SMALL };
        let users = fixture::users(size);
        let digest = tables::segments(&users, OF_USERS).digest();
        for (per_file, names) in [(1000, vec!["segments.parquet"]), (200, vec!["segments.parquet"])] {
            assert_eq!(
                written(1, 1, size, per_file, false).0.iter().map(|(name, _)| &name[..]).collect::<Vec<_>>(),
                names
            );
        }
        let parts = written(1, 1, size, 30, false);
        assert_eq!((parts.0.len(), &parts.0[6].0[..]), (7, "part-000006.parquet"));
        assert_eq!(parts.1, digest);
        for (processes, workers) in [(1, 2), (2, 1), (3, 2)] {
            for hidden in [false, true] {
                assert!(written(processes, workers, size, 30, hidden) == parts, "{processes} {workers} {hidden}");
                let whole = written(processes, workers, size, 1 << 24, hidden);
                assert!(whole == written(1, 1, size, 1 << 24, false), "{processes} {workers} {hidden}");
                assert_eq!(whole.1, digest);
            }
        }
    }

    #[test]
    fn one_that_cannot_write_fails_for_all_and_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let errors = run_workers(3, |c| {
            let rows = Ranges::of(c, share(c, SMALL));
            let mut made = Folder::create(c, &output, folder.path()).unwrap();
            if c.is_coordinator() {
                fs::create_dir_all(made.path.join(files::SEGMENTS).join("x")).unwrap();
            }
            c.agree(Ok(())).unwrap();
            made.write_users(c, &rows, OF_USERS, 1 << 24).unwrap_err().to_string()
        });
        assert!(errors.iter().all(|error| *error == errors[0]) && errors[0].contains("cannot create"), "{errors:?}");
        assert!(listing(folder.path()).is_empty());
    }

    #[test]
    fn a_table_without_rows_is_a_file_all_the_same() {
        assert!(chunks(0..0, 7).iter().all(Range::is_empty) && chunks(0..0, 7).len() == 1);
        assert_eq!(chunks(5..12, 3), [5..8, 8..11, 11..12]);
        let nobody = Size { users: 0, ..SMALL };
        assert_eq!(written(2, 1, nobody, 5, false).0.len(), 1);
    }
}
