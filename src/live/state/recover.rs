//! What earlier sessions left in a folder: the newest snapshot, and the batches behind it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use super::coding::Coding;
use super::disk::damaged;
use super::log::{self, Batches, Found, Log, LoggedBatch};
use super::snapshot::{self, SnapshotReader};
use crate::error::{Error, Result};
use crate::live::change::Positions;

/// What there is to go on from.
pub struct Recovered {
    /// As it was given to [`State::snapshot`](super::folder::State::snapshot); empty where no snapshot was ever finished.
    pub header: Vec<u8>,
    /// Of the header and of the frames.
    pub coding: Coding,
    /// The last batch that is in the snapshot; 0 where there is none.
    pub number: u64,
    /// The last batch of all: [`Recovered::next_batch`] gives those from `number + 1` to it.
    pub last: u64,
    /// How far the inputs had been read after it.
    pub positions: Positions,
    snapshot: Option<SnapshotReader<BufReader<File>>>,
    log: Replay,
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

/// The files of a folder, as far as they count.
pub(super) struct Left {
    snapshot: Option<SnapshotReader<BufReader<File>>>,
    pub snapshot_bytes: u64,
    segments: Vec<(PathBuf, Found)>,
    /// The last batch that is in the snapshot; 0 where there is none.
    number: u64,
    /// The last batch of all.
    pub last: u64,
    /// How far the inputs had been read after it.
    pub positions: Positions,
}

impl Left {
    /// Reads all of the log, and the head of the snapshot.
    ///
    /// # Errors
    /// [`Error::Job`] for a state of another identity, [`Error::File`] for one that cannot be read or is damaged.
    pub fn read(folder: &Path, identity: &str) -> Result<Left> {
        snapshot::clear(folder);
        let (snapshot, snapshot_bytes) = snapshot::open(folder)?.unzip();
        let head = snapshot.as_ref().map(|snapshot| &snapshot.head);
        let number = head.map_or(0, |head| head.number);
        let mut positions = head.map(|head| head.positions.clone()).unwrap_or_default();
        let segments = scan_log(folder, number)?;
        let identities = segments.iter().map(|(_, found)| &found.identity);
        if head.map(|head| &head.identity).into_iter().chain(identities).any(|known| known != identity) {
            let problem = format!("{}: the state there is of another model", folder.display());
            let remedy = "choose another folder with --state, or remove this one to begin anew";
            return Err(Error::job("--state", problem, remedy));
        }
        segments.iter().for_each(|(_, found)| positions.extend(found.positions.clone()));
        let last = segments.last().map_or(number, |(_, found)| found.last.max(number));
        Ok(Left { snapshot, snapshot_bytes: snapshot_bytes.unwrap_or(0), segments, number, last, positions })
    }

    /// Where the next batch goes.
    pub fn go_on(&self, folder: &Path, identity: &str) -> Result<Log> {
        match self.segments.last() {
            Some((path, found)) if found.last == self.last => Log::go_on(folder, identity, path, found),
            _ => Log::create(folder, identity, self.last + 1),
        }
    }

    /// What there is to go on from, if there is anything.
    pub fn recovered(self) -> Option<Recovered> {
        let Left { snapshot, segments, number, last, positions, .. } = self;
        let (coding, header) = match &snapshot {
            Some(snapshot) => (snapshot.coding, snapshot.head.header.clone()),
            None if last == 0 => return None,
            None => (Coding::WRITTEN, Vec::new()),
        };
        let log = Replay::of(segments, number, last);
        Some(Recovered { header, coding, number, last, positions, snapshot, log })
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
            let Some((path, batches)) = &mut self.open else {
                self.open_next()?;
                continue;
            };
            match batches.next(path)? {
                Some(batch) if batch.number <= self.done => {}
                Some(batch) => {
                    self.done = batch.number;
                    return Ok(Some(batch));
                }
                None => self.open = None,
            }
        }
        Ok(None)
    }

    fn open_next(&mut self) -> Result<()> {
        let Some(path) = self.segments.pop_front() else {
            let problem = format!("batch {} has gone from the log", self.done + 1);
            return Err(Error::Bug { place: "log".into(), problem });
        };
        let batches = Batches::begin(log::open(&path)?, &path)?;
        self.open = Some((path, batches));
        Ok(())
    }
}
