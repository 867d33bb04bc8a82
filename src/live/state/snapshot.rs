//! The snapshot: all that was known after some batch, in frames of any content.
//!
//! It is written beside the one before it and takes its name when all of it is on the disk.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::coding::{self, Coding};
use super::disk::{STATE_REMEDY, damaged, sync_folder};
use super::frame::{self, Frames, MOST_PAYLOAD, Next};
use crate::error::{Error, Result};
use crate::live::change::Positions;

/// As formats name it.
const KIND: &str = "snapshot";
/// The number of the frame that says how many came before it.
const LAST: u64 = u64::MAX;

/// How a snapshot begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    format: String,
    pub identity: String,
    /// The last batch that is in it.
    pub number: u64,
    pub positions: Positions,
    /// What the session says of itself.
    pub header: Vec<u8>,
}

impl Head {
    pub fn new(identity: &str, number: u64, positions: Positions, header: &[u8]) -> Head {
        let format = Coding::WRITTEN.format(KIND);
        Head { format, identity: identity.into(), number, positions, header: header.to_vec() }
    }
}

/// A snapshot in the making. Dropped before [`Making::publish`], it leaves nothing.
pub(super) struct Making {
    path: PathBuf,
    beside: PathBuf,
    file: BufWriter<File>,
    frames: u64,
    bytes: u64,
    published: bool,
}

impl Making {
    pub fn begin(folder: &Path, head: &Head) -> Result<Making> {
        let path = path_of(folder);
        let beside = path.with_extension("new");
        let file = File::create(&beside).map_err(|e| Error::file(&beside, "cannot create", &e, STATE_REMEDY))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let mut making = Making { path, beside, file, frames: 0, bytes: 0, published: false };
        making.frame(0, &coding::encode(head))?;
        Ok(making)
    }

    pub fn write(&mut self, payload: &[u8]) -> Result<()> {
        self.frames += 1;
        self.frame(self.frames, payload)
    }

    /// Makes it the snapshot that counts, once all of it is on the disk. Returns its size.
    pub fn publish(mut self, folder: &Path) -> Result<u64> {
        let frames = self.frames;
        self.frame(LAST, &frames.to_le_bytes())?;
        let mut published = || -> io::Result<()> {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&self.beside, &self.path)?;
            sync_folder(folder)
        };
        published().map_err(|e| Error::file(&self.path, "cannot write", &e, STATE_REMEDY))?;
        self.published = true;
        Ok(self.bytes)
    }

    fn frame(&mut self, number: u64, payload: &[u8]) -> Result<()> {
        if payload.len() > MOST_PAYLOAD {
            let problem = format!("a frame of {} bytes", payload.len());
            return Err(Error::Bug { place: "snapshot".into(), problem });
        }
        let bytes = frame::encode(number, |into| into.extend(payload));
        self.bytes += bytes.len() as u64;
        self.file.write_all(&bytes).map_err(|e| Error::file(&self.beside, "cannot write", &e, STATE_REMEDY))
    }
}

impl Drop for Making {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.beside);
        }
    }
}

/// Removes the piece of a snapshot that a session left when it was killed.
pub(super) fn clear(folder: &Path) {
    let _ = fs::remove_file(path_of(folder).with_extension("new"));
}

fn path_of(folder: &Path) -> PathBuf {
    folder.join("snapshot")
}

/// The snapshot of a folder, if there is one, and its size.
pub(super) fn open(folder: &Path) -> Result<Option<(SnapshotReader<BufReader<File>>, u64)>> {
    let path = &path_of(folder);
    let cannot = |e: io::Error| Error::file(path, "cannot open", &e, STATE_REMEDY);
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot(e)),
    };
    let bytes = file.metadata().map_err(cannot)?.len();
    Ok(Some((SnapshotReader::begin(BufReader::with_capacity(1 << 20, file), path)?, bytes)))
}

/// Reads a snapshot frame by frame.
pub(crate) struct SnapshotReader<R> {
    frames: Frames<R>,
    path: PathBuf,
    /// Of the header and of what is in the frames.
    pub coding: Coding,
    pub head: Head,
    /// Frames so far.
    read: u64,
    ended: bool,
}

impl<R: Read> SnapshotReader<R> {
    /// `path` is for messages.
    pub fn begin(input: R, path: &Path) -> Result<SnapshotReader<R>> {
        let mut frames = Frames::new(input);
        let (number, payload) = next(&mut frames, path)?;
        let coding = Coding::of_head(&payload, KIND).filter(|_| number == 0);
        let head = coding.and_then(|coding| Some((coding, coding.decode(&payload).ok()?)));
        let Some((coding, head)) = head else { return Err(damaged(path, "this version reads no such snapshot")) };
        Ok(SnapshotReader { frames, path: path.into(), coding, head, read: 0, ended: false })
    }

    /// The next frame as it was written; nothing after the last.
    pub fn next(&mut self) -> Result<Option<Vec<u8>>> {
        if self.ended {
            return Ok(None);
        }
        let (number, payload) = next(&mut self.frames, &self.path)?;
        if number == LAST && payload == self.read.to_le_bytes() {
            self.ended = true;
            return Ok(None);
        }
        self.read += 1;
        if number == self.read { Ok(Some(payload)) } else { Err(damaged(&self.path, "a frame is not in its place")) }
    }
}

fn next<R: Read>(frames: &mut Frames<R>, path: &Path) -> Result<(u64, Vec<u8>)> {
    match frames.next().map_err(|e| Error::file(path, "cannot read", &e, STATE_REMEDY))? {
        Next::Frame(frame) => Ok((frame.number, frame.payload)),
        Next::End | Next::Torn => Err(damaged(path, "it ends too early")),
        Next::Damaged => Err(damaged(path, "a frame cannot be read")),
    }
}
