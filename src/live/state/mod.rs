//! What a session leaves on the disk, so that another goes on from it after any end, `kill -9` and power cuts included.
//!
//! ```text
//! DIR/lock      held while a session runs
//! DIR/snapshot  all that was known after some batch
//! DIR/log-N     batches from N on, as they were taken
//! DIR/marks     which batch was told, and how far the rejects are written
//! DIR/rejects.tsv
//! ```
//!
//! A batch is appended to the log, synced, applied, told, its rejects added, and only then acknowledged. A session that begins
//! reads the snapshot and applies the batches behind it again: what follows from a batch follows from it each time alike. The log
//! may reach back behind the snapshot, where a session ended before it could drop it; what the snapshot has is passed over.
//! So at any moment the newest snapshot and the log make together all that was ever appended.
//!
//! | module | what it does |
//! |---|---|
//! | `frame` | checksummed pieces of a file, and which of them are torn or damaged |
//! | [`log`], [`snapshot`] | the two kinds of file that are made of them |
//! | `marks` | a few numbers, set often |
//! | `rejects` | `rejects.tsv`, each line once |

pub(crate) mod frame;
pub mod log;
mod marks;
mod rejects;
pub mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

pub use log::LoggedBatch;
pub use snapshot::SnapshotWriter;

use crate::error::{Error, Result};
use crate::live::change::Positions;
use crate::results::rejects::RejectLine;
use log::{Batches, Found, Log};
use marks::{Mark, Marks};
use rejects::Rejects;
use snapshot::{Head, SnapshotReader};

const STATE_REMEDY: &str = "check the permissions and free space there, or choose another folder with --state";
const DAMAGED_REMEDY: &str = "put back a copy of the folder, or begin anew with another --state";

/// The folder of `--state`, held by this process.
pub struct State {
    folder: PathBuf,
    identity: String,
    _lock: File,
    log: Log,
    /// The last batch.
    last: u64,
    positions: Positions,
    snapshot_bytes: u64,
    marks: Marks,
    rejects: Rejects,
}

/// What there is to go on from.
pub struct Recovered {
    /// As it was given to [`State::snapshot`]; empty where no snapshot was ever finished.
    pub header: Vec<u8>,
    /// The last batch that is in the snapshot; 0 where there is none.
    pub number: u64,
    /// The last batch of all: [`Recovered::next_batch`] gives those from `number + 1` to it.
    pub last: u64,
    /// How far the inputs had been read after it.
    pub positions: Positions,
    snapshot: Option<SnapshotReader<BufReader<File>>>,
    log: Replay,
}

impl State {
    /// Takes hold of a folder, which is created where it is not there. `identity` says what the state belongs to.
    ///
    /// # Errors
    /// [`Error::Job`] for a folder that another process holds, or that has a state of another identity; [`Error::File`] for one that
    /// cannot be read or written, or is damaged. A batch that was being appended when its session ended is dropped.
    pub fn open(folder: &Path, identity: &str) -> Result<(State, Option<Recovered>)> {
        fs::create_dir_all(folder).map_err(|e| Error::file(folder, "cannot create", &e, STATE_REMEDY))?;
        let lock = lock(folder)?;
        // A piece that a session left when it was killed.
        let _ = fs::remove_file(snapshot::path_of(folder).with_extension("new"));
        let (snapshot, snapshot_bytes) = snapshot::open(&snapshot::path_of(folder))?.unzip();
        let number = snapshot.as_ref().map_or(0, |snapshot| snapshot.head.number);
        let mut positions = snapshot.as_ref().map(|snapshot| snapshot.head.positions.clone()).unwrap_or_default();
        let segments = scan_log(folder, number)?;
        let identities = segments.iter().map(|(_, found)| &found.identity);
        for known in snapshot.iter().map(|snapshot| &snapshot.head.identity).chain(identities) {
            if known != identity {
                let problem = format!("{}: the state there is of another model", folder.display());
                let remedy = "choose another folder with --state, or remove this one to begin anew";
                return Err(Error::job("--state", problem, remedy));
            }
        }
        let last = segments.last().map_or(number, |(_, found)| found.last.max(number));
        segments.iter().for_each(|(_, found)| positions.extend(found.positions.clone()));
        let log = match segments.last() {
            Some((path, found)) if found.last == last => Log::open(path.clone(), found)?,
            _ => Log::create(folder, identity, last + 1)?,
        };
        let marks = Marks::open(&folder.join("marks"))?;
        let rejects = Rejects::open(folder, marks.get().reject_bytes)?;
        let recovered = (snapshot.is_some() || last > 0).then(|| Recovered {
            header: snapshot.as_ref().map(|snapshot| snapshot.head.header.clone()).unwrap_or_default(),
            number,
            last,
            positions: positions.clone(),
            snapshot,
            log: Replay::of(segments, number, last),
        });
        let state = State {
            folder: folder.into(),
            identity: identity.into(),
            _lock: lock,
            log,
            last,
            positions,
            snapshot_bytes: snapshot_bytes.unwrap_or(0),
            marks,
            rejects,
        };
        Ok((state, recovered))
    }

    /// The last batch that was appended; 0 before the first.
    pub fn last(&self) -> u64 {
        self.last
    }

    /// How far every input that was ever read had been read after it.
    pub fn positions(&self) -> &Positions {
        &self.positions
    }

    /// Appends the next batch; it is on the disk on return.
    pub fn append(&mut self, batch: &LoggedBatch) -> Result<()> {
        if batch.number != self.last + 1 {
            let problem = format!("batch {} after batch {}", batch.number, self.last);
            return Err(Error::Bug { place: "log".into(), problem });
        }
        self.log.append(batch)?;
        self.last = batch.number;
        self.positions.extend(batch.positions.clone());
        Ok(())
    }

    /// Of the log since the last snapshot.
    pub fn log_bytes(&self) -> u64 {
        self.log.bytes()
    }

    /// Of the last snapshot.
    pub fn snapshot_bytes(&self) -> u64 {
        self.snapshot_bytes
    }

    /// Begins a snapshot of all up to batch `number`, the last. It must have been told, its rejects added, and what was told
    /// synced ([`crate::live::tell::Teller::sync`]): nothing before it will be seen again.
    pub fn snapshot(&mut self, header: &[u8], number: u64) -> Result<SnapshotWriter<'_>> {
        if number != self.last {
            let problem = format!("a snapshot of batch {number} after batch {}", self.last);
            return Err(Error::Bug { place: "snapshot".into(), problem });
        }
        self.marks.sync()?;
        let head = Head::new(&self.identity, number, self.positions.clone(), header);
        SnapshotWriter::create(self, &head)
    }

    /// A snapshot of batch `number` counts from now on: begins a segment behind it, and drops those before.
    fn begin_log(&mut self, number: u64) -> Result<()> {
        let log = Log::create(&self.folder, &self.identity, number + 1)?;
        self.log = log;
        for (_, path) in log::segments(&self.folder) {
            if path != self.log.path() {
                // What stays is passed over.
                let _ = fs::remove_file(path);
            }
        }
        Ok(())
    }

    /// The last batch that was told on standard output, or was about to be; 0 before the first.
    pub fn told(&self) -> u64 {
        self.marks.get().told
    }

    /// Batch `batch` is about to be told on standard output.
    pub fn tell(&mut self, batch: u64) -> Result<()> {
        self.marks.set(Mark { told: batch, ..self.marks.get() })
    }

    /// Writes the rejects of a batch behind those before, once, however often it is asked to. On the disk on return.
    pub fn add_rejects(&mut self, batch: u64, lines: &[RejectLine]) -> Result<()> {
        let mark = self.marks.get();
        if lines.is_empty() || batch <= mark.rejected {
            return Ok(());
        }
        let reject_bytes = self.rejects.append(lines)?;
        self.marks.set(Mark { rejected: batch, reject_bytes, ..mark })
    }

    /// The file of all rejects; it may not be there.
    pub fn rejects(&self) -> &Path {
        self.rejects.path()
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

impl Recovered {
    /// The frames of the snapshot, as they were written, one after the other.
    pub fn next_frame(&mut self) -> Result<Option<Vec<u8>>> {
        self.snapshot.as_mut().map_or(Ok(None), SnapshotReader::next)
    }

    /// The batches behind the snapshot, one after the other. They were appended, so inputs go on behind them.
    pub fn next_batch(&mut self) -> Result<Option<LoggedBatch>> {
        self.log.next()
    }
}

/// The segments that have something behind batch `number`, or could, and what is in them.
fn scan_log(folder: &Path, number: u64) -> Result<Vec<(PathBuf, Found)>> {
    let mut segments = log::segments(folder);
    let needed = segments.iter().rposition(|(first, _)| *first <= number + 1).unwrap_or(0);
    let mut found: Vec<(PathBuf, Found)> = Vec::new();
    for (first, path) in segments.split_off(needed) {
        let segment = log::scan(log::open(&path)?, &path)?;
        if found.last().is_some_and(|(_, before)| before.torn) {
            return Err(damaged(&found[found.len() - 1].0, "its last batch cannot be read, and a log follows"));
        }
        let follows = found.last().map_or(first <= number + 1, |(_, before)| before.last + 1 == first);
        if segment.first != first || !follows {
            return Err(damaged(&path, "the batches before it are missing"));
        }
        found.push((path, segment));
    }
    Ok(found)
}

/// Batches to be applied again.
struct Replay {
    segments: VecDeque<PathBuf>,
    open: Option<(PathBuf, Batches<BufReader<File>>)>,
    /// The last that is not to be.
    done: u64,
    last: u64,
}

impl Replay {
    fn of(segments: Vec<(PathBuf, Found)>, done: u64, last: u64) -> Replay {
        Replay { segments: segments.into_iter().map(|(path, _)| path).collect(), open: None, done, last }
    }

    fn next(&mut self) -> Result<Option<LoggedBatch>> {
        while self.done < self.last {
            if let Some((path, batches)) = &mut self.open {
                match batches.next(path)? {
                    Some(batch) if batch.number <= self.done => {}
                    Some(batch) => {
                        self.done = batch.number;
                        return Ok(Some(batch));
                    }
                    None => self.open = None,
                }
                continue;
            }
            let Some(path) = self.segments.pop_front() else {
                let problem = format!("batch {} has gone from the log", self.done + 1);
                return Err(Error::Bug { place: "log".into(), problem });
            };
            let batches = Batches::begin(log::open(&path)?, &path)?;
            self.open = Some((path, batches));
        }
        Ok(None)
    }
}

/// Keeps other processes out for as long as the file is open.
fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let open = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
    let file = open.map_err(|e| Error::file(&path, "cannot create", &e, STATE_REMEDY))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            let problem = format!("{}: another process follows with this state", folder.display());
            Err(Error::job("--state", problem, "stop it, or choose another folder with --state"))
        }
        // A file system without locks.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(file),
    }
}

fn damaged(path: &Path, how: &str) -> Error {
    Error::File { path: path.into(), problem: format!("the state is damaged: {how}"), remedy: DAMAGED_REMEDY.into() }
}

/// What was renamed in a folder stays so.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
