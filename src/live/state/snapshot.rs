//! The snapshot: all that was known after some batch, in frames of any content.
//!
//! It is written beside the one before it and takes its name when all of it is on the disk.

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::frame::{self, Frames, MOST_PAYLOAD, Next};
use super::{STATE_REMEDY, State, damaged, sync_folder};
use crate::error::{Error, Result};
use crate::live::change::Positions;

const FORMAT: &str = "segmill follow snapshot 1";
/// The number of the frame that says that these were all.
const LAST: u64 = u64::MAX;

/// How a snapshot begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Head {
    format: String,
    pub identity: String,
    /// The last batch that is in it.
    pub number: u64,
    pub positions: Positions,
    /// The session's own.
    pub header: Vec<u8>,
}

impl Head {
    pub fn new(identity: &str, number: u64, positions: Positions, header: &[u8]) -> Head {
        Head { format: FORMAT.into(), identity: identity.into(), number, positions, header: header.to_vec() }
    }
}

/// Writes a snapshot. Dropped before [`SnapshotWriter::finish`], it leaves nothing.
pub struct SnapshotWriter<'s> {
    state: &'s mut State,
    beside: PathBuf,
    file: BufWriter<File>,
    number: u64,
    frames: u64,
    bytes: u64,
    finished: bool,
}

impl<'s> SnapshotWriter<'s> {
    pub(super) fn create(state: &'s mut State, head: &Head) -> Result<SnapshotWriter<'s>> {
        let beside = path_of(&state.folder).with_extension("new");
        let file = File::create(&beside).map_err(|e| Error::file(&beside, "cannot create", &e, STATE_REMEDY))?;
        let file = BufWriter::with_capacity(1 << 20, file);
        let number = head.number;
        let mut writer = SnapshotWriter { state, beside, file, number, frames: 0, bytes: 0, finished: false };
        let payload = bincode::serialize(head).expect("a head serialises");
        writer.frame(0, &payload)?;
        Ok(writer)
    }

    /// A frame, which comes back as it is: of up to [`MOST_PAYLOAD`] bytes, better a few MiB.
    pub fn write(&mut self, payload: &[u8]) -> Result<()> {
        self.frames += 1;
        self.frame(self.frames, payload)
    }

    /// All is written. On return the snapshot is the one that counts, and the log before it is gone.
    pub fn finish(mut self) -> Result<()> {
        let frames = self.frames;
        self.frame(LAST, &frames.to_le_bytes())?;
        let (beside, path) = (self.beside.clone(), path_of(&self.state.folder));
        let folder = self.state.folder.clone();
        let mut published = || -> io::Result<()> {
            self.file.flush()?;
            self.file.get_ref().sync_all()?;
            fs::rename(&beside, &path)?;
            sync_folder(&folder)
        };
        published().map_err(|e| Error::file(&path, "cannot write", &e, STATE_REMEDY))?;
        self.finished = true;
        self.state.snapshot_bytes = self.bytes;
        self.state.begin_log(self.number)
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

impl Drop for SnapshotWriter<'_> {
    fn drop(&mut self) {
        if !self.finished {
            let _ = fs::remove_file(&self.beside);
        }
    }
}

pub(super) fn path_of(folder: &Path) -> PathBuf {
    folder.join("snapshot")
}

/// The snapshot of a folder, if there is one, and its size.
pub(super) fn open(path: &Path) -> Result<Option<(SnapshotReader<BufReader<File>>, u64)>> {
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
        match bincode::deserialize::<Head>(&payload) {
            Ok(head) if number == 0 && head.format == FORMAT => {
                Ok(SnapshotReader { frames, path: path.into(), head, read: 0, ended: false })
            }
            _ => Err(damaged(path, "it is no snapshot of this version")),
        }
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
