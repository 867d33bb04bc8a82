//! An open file: its bytes at any place, from its start, or mapped.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

use bytes::Bytes;
use memmap2::Mmap;

use super::codec::Codec;
use super::failure::failed;
use super::file::{InputFile, Place};
use crate::error::{Error, Result};
use crate::store::Object;

impl InputFile {
    pub fn open(&self) -> Result<Opened> {
        Opened::new(self)
    }

    /// The file's bytes from its start, unpacked.
    pub fn unpacked(&self, codec: Codec) -> Result<Box<dyn Read + Send>> {
        let raw = self.open()?.stream();
        codec.unpack(raw).map_err(|e| failed(&self.path, &e))
    }

    /// The first `length` of these bytes, or all where there are fewer.
    pub fn head(&self, codec: Codec, length: usize) -> Result<Vec<u8>> {
        let mut head = Vec::new();
        let read = self.unpacked(codec)?.take(length as u64).read_to_end(&mut head);
        read.map_err(|e| failed(&self.path, &e)).map(|_| head)
    }
}

#[derive(Debug)]
pub enum Opened {
    Disk(File),
    Store(Object),
}

impl Opened {
    fn new(file: &InputFile) -> Result<Opened> {
        match &file.place {
            Place::Disk => open_on_disk(file).map(Opened::Disk),
            Place::Spooled(spool) => spool.open().map(Opened::Disk).map_err(|e| cannot_open(file, &e, CHECK_INPUT)),
            Place::Store { version } => {
                let object = Object::open(&file.path.to_string_lossy(), version.as_deref());
                object.map(Opened::Store).map_err(|e| failed(&file.path, &e))
            }
            Place::Database { .. } => unreachable!("a database has rows, not bytes"),
            Place::Stdin => unreachable!("standard input is put into a file before it is read"),
        }
    }

    /// The bytes from `start` on: `length` of them, or fewer where the file ends.
    pub fn read_at(&self, start: u64, length: u64) -> io::Result<Bytes> {
        match self {
            Opened::Disk(file) => read_file_at(file, start, length),
            Opened::Store(object) => object.read_at(start, length),
        }
    }

    /// Announces that these bytes will be asked for soon. Disks read ahead by themselves.
    pub fn prefetch(&self, start: u64, length: u64) {
        match self {
            Opened::Disk(_) => {}
            Opened::Store(object) => object.prefetch(start, length),
        }
    }

    /// All bytes, from the start.
    pub fn stream(self) -> Box<dyn Read + Send> {
        match self {
            Opened::Disk(file) => Box::new(From { file, at: 0 }),
            Opened::Store(object) => object.stream(),
        }
    }

    /// The bytes of a file on a disk from byte `at` on.
    pub fn stream_from(self, at: u64) -> Box<dyn Read + Send> {
        match self {
            Opened::Disk(file) => Box::new(From { file, at }),
            Opened::Store(_) => unreachable!("an object is not cut"),
        }
    }

    /// The file mapped into memory, where it is on a disk.
    pub fn map(&self, of: &InputFile) -> Result<Option<Mmap>> {
        let Opened::Disk(file) = self else { return Ok(None) };
        // SAFETY: the map is read as bytes only. If the file is truncated meanwhile, a signal ends the process, as with
        // any reader of mapped files; changed bytes are read as they then are.
        let mapped = unsafe { Mmap::map(file) }.map_err(|e| failed(&of.path, &e))?;
        check_size(of, mapped.len() as u64)?;
        Ok(Some(mapped))
    }
}

const CHECK_INPUT: &str = "check input.ratings";

fn open_on_disk(file: &InputFile) -> Result<File> {
    let remedy = "check that every machine has the file and may read it";
    let opened = File::open(&file.path).map_err(|e| cannot_open(file, &e, remedy))?;
    let metadata = opened.metadata().map_err(|e| cannot_open(file, &e, CHECK_INPUT))?;
    check_size(file, metadata.len())?;
    Ok(opened)
}

fn cannot_open(file: &InputFile, error: &io::Error, remedy: &str) -> Error {
    Error::file(&file.path, "cannot open", error, remedy)
}

fn check_size(file: &InputFile, bytes: u64) -> Result<()> {
    if bytes == file.bytes {
        return Ok(());
    }
    Err(Error::File {
        path: file.path.clone(),
        problem: format!("it has {bytes} bytes here and now, but {} when the list of files was made", file.bytes),
        remedy: "give every machine the same files and do not change them during a run".into(),
    })
}

fn read_file_at(file: &File, start: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = vec![0; length as usize];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(&mut bytes[filled..], start + filled as u64) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    bytes.truncate(filled);
    Ok(bytes.into())
}

/// Reads on from a byte of a file without moving its position, which others may share.
struct From {
    file: File,
    at: u64,
}

impl Read for From {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read_at(buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}
