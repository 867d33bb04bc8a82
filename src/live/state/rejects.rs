//! `rejects.tsv` of a session: lines are appended as their batches are told.
//!
//! The marks say how long the file was when the lines of a batch were complete. Anything behind that is a part of the lines of a
//! batch, left by a session that ended while it wrote them: it is cut off, and written again with the batch.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::disk::STATE_REMEDY;
use crate::error::{Error, Result};
use crate::results::rejects::{self, RejectLine};

pub(super) struct Rejects {
    path: PathBuf,
    /// Opened with the first line.
    file: Option<File>,
    bytes: u64,
}

impl Rejects {
    /// Opens the file, of which `bytes` are known to be complete.
    pub fn open(folder: &Path, bytes: u64) -> Result<Rejects> {
        let path = folder.join("rejects.tsv");
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        let mut rejects = Rejects { path, file: None, bytes: bytes.min(length) };
        if length > rejects.bytes {
            let bytes = rejects.bytes;
            rejects.written(|file| file.set_len(bytes))?;
        }
        Ok(rejects)
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// On the disk on return. Returns the length of the file.
    pub fn append(&mut self, lines: &[RejectLine]) -> Result<u64> {
        let mut text = if self.bytes == 0 { rejects::HEADER.to_vec() } else { Vec::new() };
        let at = self.bytes;
        self.written(|file| {
            rejects::encode(lines, &mut text)?;
            file.write_all_at(&text, at)?;
            file.sync_data()
        })?;
        self.bytes += text.len() as u64;
        Ok(self.bytes)
    }

    fn written(&mut self, write: impl FnOnce(&File) -> io::Result<()>) -> Result<()> {
        let open = || -> io::Result<()> {
            let file = match self.file.take() {
                Some(file) => file,
                None => OpenOptions::new().write(true).create(true).truncate(false).open(&self.path)?,
            };
            write(self.file.insert(file))
        };
        open().map_err(|e| Error::file(&self.path, "cannot write", &e, STATE_REMEDY))
    }
}
