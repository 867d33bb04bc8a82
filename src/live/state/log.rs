//! The log: batches in the order in which they are made, each on the disk before it is applied.
//!
//! The log is a row of segments, each named by its first batch, so that a snapshot can drop what lies before it. A segment is whole
//! from its beginning: it gets its name when its head is on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::coding::{self, Coding};
use super::disk::{STATE_REMEDY, damaged, sync_folder};
use super::frame::{self, Frames, MOST_PAYLOAD, Next};
use crate::error::{Error, Result};
use crate::live::change::{Change, Positions};
use crate::results::rejects::RejectLine;

/// As formats name it.
const KIND: &str = "log";

/// A batch as it was taken, before it is known what of it can be made.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct LoggedBatch {
    /// From 1, without gaps.
    pub number: u64,
    /// The names of the inputs that [`crate::live::change::Origin::input`] stands for.
    pub inputs: Vec<String>,
    pub changes: Vec<Change>,
    /// Lines that were not understood.
    pub rejects: Vec<RejectLine>,
    pub filtered: u64,
    /// How far the inputs had been read.
    pub positions: Positions,
}

/// How a segment begins.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Head {
    format: String,
    identity: String,
    first: u64,
}

/// What is in a segment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Found {
    pub coding: Coding,
    pub identity: String,
    pub first: u64,
    /// The last batch; the one before `first` where there is none.
    pub last: u64,
    /// Of the inputs that its batches read.
    pub positions: Positions,
    /// Where the next batch goes.
    pub end: u64,
    /// Something behind `end` is to be cut off.
    pub torn: bool,
}

/// The segment that is appended to. Its coding is [`Coding::WRITTEN`].
pub(super) struct Log {
    path: PathBuf,
    file: File,
    end: u64,
}

impl Log {
    /// A segment that begins with batch `first`. It takes the place of an empty one of the same name.
    pub fn create(folder: &Path, identity: &str, first: u64) -> Result<Log> {
        let path = path_of(folder, first);
        let beside = path.with_extension("new");
        let head = Head { format: Coding::WRITTEN.format(KIND), identity: identity.into(), first };
        let bytes = frame::encode(0, |into| coding::encode_into(&head, into));
        let created = || -> io::Result<File> {
            let file = File::create(&beside)?;
            file.write_all_at(&bytes, 0)?;
            file.sync_all()?;
            fs::rename(&beside, &path)?;
            sync_folder(folder)?;
            Ok(file)
        };
        let file = created().map_err(|e| Error::file(&path, "cannot create", &e, STATE_REMEDY))?;
        Ok(Log { path, file, end: bytes.len() as u64 })
    }

    /// Goes on behind the last segment: in it, or in another where its coding is no longer written.
    pub fn go_on(folder: &Path, identity: &str, path: &Path, found: &Found) -> Result<Log> {
        // What is torn goes even from a segment that another follows: nothing may lie between the two.
        let log = Log::open(path.into(), found)?;
        if found.coding == Coding::WRITTEN { Ok(log) } else { Log::create(folder, identity, found.last + 1) }
    }

    /// Cuts off what is torn of a segment.
    fn open(path: PathBuf, found: &Found) -> Result<Log> {
        let opened = || -> io::Result<File> {
            let file = OpenOptions::new().write(true).open(&path)?;
            if found.torn {
                file.set_len(found.end)?;
                file.sync_all()?;
            }
            Ok(file)
        };
        let file = opened().map_err(|e| Error::file(&path, "cannot write", &e, STATE_REMEDY))?;
        Ok(Log { path, file, end: found.end })
    }

    /// On the disk on return. What is written of a batch that fails is no batch, and the next takes its place.
    pub fn append(&mut self, batch: &LoggedBatch) -> Result<()> {
        let failed = |e: &io::Error| Error::file(&self.path, "cannot write", e, STATE_REMEDY);
        if coding::encoded_length(batch) > MOST_PAYLOAD {
            let problem = format!("a batch of {} changes is more than the log takes", batch.changes.len());
            return Err(Error::job("--every", problem, "take smaller batches"));
        }
        let bytes = frame::encode(batch.number, |into| coding::encode_into(batch, into));
        self.file.write_all_at(&bytes, self.end).and_then(|()| self.file.sync_data()).map_err(|e| failed(&e))?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    pub fn bytes(&self) -> u64 {
        self.end
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn path_of(folder: &Path, first: u64) -> PathBuf {
    folder.join(format!("log-{first:020}"))
}

/// The segments of a folder and their first batches, in order.
pub(super) fn segments(folder: &Path) -> Vec<(u64, PathBuf)> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut segments: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let first = name.strip_prefix("log-").filter(|number| number.len() == 20)?;
            Some((first.parse().ok()?, entry.path()))
        })
        .collect();
    segments.sort();
    segments
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(|e| Error::file(path, "cannot open", &e, STATE_REMEDY))?;
    Ok(BufReader::with_capacity(1 << 20, file))
}

/// Reads a segment through. `path` is for messages. A torn last batch is no error; everything else that is not as it was written is.
pub(crate) fn scan(input: impl Read, path: &Path) -> Result<Found> {
    let mut batches = Batches::begin(input, path)?;
    let identity = batches.identity.clone();
    let mut found = Found { coding: batches.coding, identity, first: batches.next, ..Found::default() };
    while let Some(batch) = batches.next(path)? {
        found.positions.extend(batch.positions);
    }
    Ok(Found { last: batches.next - 1, end: batches.end, torn: batches.torn, ..found })
}

/// Reads the batches of a segment.
pub(super) struct Batches<R> {
    frames: Frames<R>,
    coding: Coding,
    identity: String,
    /// The number of the next batch.
    next: u64,
    /// Where what was read ends.
    end: u64,
    torn: bool,
}

impl<R: Read> Batches<R> {
    pub fn begin(input: R, path: &Path) -> Result<Batches<R>> {
        let mut frames = Frames::new(input);
        let Next::Frame(frame) = read(&mut frames, path)? else {
            return Err(damaged(path, "it does not begin like a log"));
        };
        let coding = Coding::of_head(&frame.payload, KIND);
        let head = coding.and_then(|coding| Some((coding, coding.decode::<Head>(&frame.payload).ok()?)));
        match head {
            Some((coding, Head { identity, first, .. })) if first > 0 => {
                Ok(Batches { frames, coding, identity, next: first, end: frame.length(), torn: false })
            }
            _ => Err(damaged(path, "this version reads no such log")),
        }
    }

    pub fn next(&mut self, path: &Path) -> Result<Option<LoggedBatch>> {
        let frame = match read(&mut self.frames, path)? {
            Next::Frame(frame) => frame,
            Next::End => return Ok(None),
            Next::Torn => {
                self.torn = true;
                return Ok(None);
            }
            Next::Damaged => return Err(damaged(path, &format!("batch {} cannot be read", self.next))),
        };
        let batch: Option<LoggedBatch> = self.coding.decode(&frame.payload).ok();
        // The highest number has no successor, and no log gets that far.
        let is_next = frame.number == self.next && frame.number < u64::MAX;
        let batch = batch.filter(|batch| batch.number == frame.number && is_next);
        let Some(batch) = batch else { return Err(damaged(path, &format!("batch {} is not in its place", self.next))) };
        self.next += 1;
        self.end += frame.length();
        Ok(Some(batch))
    }
}

fn read<R: Read>(frames: &mut Frames<R>, path: &Path) -> Result<Next> {
    frames.next().map_err(|e| Error::file(path, "cannot read", &e, STATE_REMEDY))
}
