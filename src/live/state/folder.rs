//! The folder of `--state`, as the session that holds it writes it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::disk::{STATE_REMEDY, lock};
use super::log::{self, Log, LoggedBatch};
use super::marks::{Mark, Marks};
use super::recover::{Left, Recovered};
use super::rejects::Rejects;
use super::snapshot::{Head, Making};
use crate::error::{Error, Result};
use crate::live::change::Positions;
use crate::results::rejects::RejectLine;

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

impl State {
    /// Takes hold of a folder, which is created where it is not there. `identity` says what the state belongs to.
    ///
    /// # Errors
    /// [`Error::Job`] for a folder that another process holds, or that has a state of another identity; [`Error::File`] for one that
    /// cannot be read or written, or is damaged. A batch that was being appended when its session ended is dropped.
    pub fn open(folder: &Path, identity: &str) -> Result<(State, Option<Recovered>)> {
        fs::create_dir_all(folder).map_err(|e| Error::file(folder, "cannot create", &e, STATE_REMEDY))?;
        let lock = lock(folder)?;
        let left = Left::read(folder, identity)?;
        let log = left.go_on(folder, identity)?;
        let marks = Marks::open(&folder.join("marks"))?;
        let rejects = Rejects::open(folder, marks.get().reject_bytes)?;
        let state = State {
            folder: folder.into(),
            identity: identity.into(),
            _lock: lock,
            log,
            last: left.last,
            positions: left.positions.clone(),
            snapshot_bytes: left.snapshot_bytes,
            marks,
            rejects,
        };
        Ok((state, left.recovered()))
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
        let making = Making::begin(&self.folder, &head)?;
        Ok(SnapshotWriter { state: self, making, number })
    }

    /// Begins a segment behind batch `number`, which is in the snapshot that counts now, and drops those before.
    fn begin_log(&mut self, number: u64) -> Result<()> {
        self.log = Log::create(&self.folder, &self.identity, number + 1)?;
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

/// Writes a snapshot. Dropped before [`SnapshotWriter::finish`], it leaves nothing.
pub struct SnapshotWriter<'s> {
    state: &'s mut State,
    making: Making,
    number: u64,
}

impl SnapshotWriter<'_> {
    /// A frame, which comes back as it is: of up to [`MOST_PAYLOAD`](super::frame::MOST_PAYLOAD) bytes, better a few MiB.
    pub fn write(&mut self, payload: &[u8]) -> Result<()> {
        self.making.write(payload)
    }

    /// All is written. On return the snapshot is the one that counts, and the log before it is gone.
    pub fn finish(self) -> Result<()> {
        self.state.snapshot_bytes = self.making.publish(&self.state.folder)?;
        self.state.begin_log(self.number)
    }
}
