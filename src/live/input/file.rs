//! A file that grows, followed by its name as `tail -F` does.
//!
//! At its end the file is looked at again every [`PATIENCE`]. A last line without a line feed is one that is still being
//! written: it is left until its end comes, also where the run is stopped, and read on the next start. Where the input ends with
//! the file (`--stop-at-end`), it counts.
//!
//! When another file has taken the name (a log was rotated), the rest of the old one is read, its last line counts, and the new one
//! is read from its start. That also holds between two sessions: the position names the file it is of by its inode, and the old one
//! is looked for in the same folder. A file that has become shorter than what was read of it is an error: there is no telling what
//! of it is new.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::thread;

use super::feed::{Feed, Outlet, PATIENCE, Place};
use super::lines::Lines;
use super::parser::Parser;
use super::stream::{MOST_READ, StreamFeed};
use crate::error::{Error, Result};
use crate::live::change::Position;

/// How much of a file is looked at for its layout.
const HEAD_BYTES: u64 = 64 << 10;

/// The feed of the file at `path`, from `position` on; of a pipe where there is one.
///
/// # Errors
/// [`Error::File`] for one that is not there; [`Error::Data`] for one that is not the file that was read, or has become shorter.
pub fn open(name: String, path: &Path, position: Option<&Position>, stop_at_end: bool) -> Result<Box<dyn Feed>> {
    let missing =
        |e: io::Error| Error::file(path, "cannot open", &e, "check --input; the file is to be there, if empty");
    let position = position.filter(|position| position.bytes > 0).cloned().unwrap_or_default();
    let file = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => {
            return Err(Error::job("--input", format!("{name}: this is a folder"), "name a file"));
        }
        Ok(metadata) if metadata.file_type().is_fifo() || metadata.file_type().is_char_device() => {
            return Ok(Box::new(StreamFeed::pipe(name, path)?));
        }
        Ok(metadata) if position.bytes > 0 && position.inode != metadata.ino() => moved(path, &position)?,
        Err(e) if e.kind() == io::ErrorKind::NotFound && position.bytes > 0 => moved(path, &position)?,
        _ => File::open(path).map_err(missing)?,
    };
    let feed = FileFeed { name, path: path.into(), file, position, stop_at_end };
    feed.check_length(feed.position.bytes)?;
    Ok(Box::new(feed))
}

/// The file that was read before, in the folder of `path`, which now names another.
fn moved(path: &Path, position: &Position) -> Result<File> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files = entries.filter(|entry| entry.metadata().is_ok_and(|m| m.is_file() && m.ino() == position.inode));
    let found = files.find_map(|entry| File::open(entry.path()).ok());
    found.ok_or_else(|| {
        let problem = format!("the file that was read up to byte {} has gone from here", position.bytes);
        let remedy = "put it back, or name the file by another path, as in ./NAME, to read it from its start";
        Error::data(path.display().to_string(), problem, remedy)
    })
}

struct FileFeed {
    name: String,
    path: PathBuf,
    file: File,
    position: Position,
    stop_at_end: bool,
}

impl Feed for FileFeed {
    fn name(&self) -> &str {
        &self.name
    }

    fn position(&self) -> Position {
        self.position.clone()
    }

    fn run(mut self: Box<Self>, out: Outlet) -> Result<()> {
        let parser = self.parser(&out)?;
        let mut lines = Lines::new(parser, self.position.bytes, self.position.lines);
        loop {
            match self.read_to_end(&mut lines, &out)? {
                Reached::End => {}
                Reached::Stop => return Ok(()),
            }
            match self.next_file()? {
                Some(next) => match self.finish_file(&mut lines, &out)? {
                    Reached::End => self.file = next,
                    Reached::Stop => return Ok(()),
                },
                None if self.stop_at_end => {
                    let _ = out.send(lines.finish(self.place()?));
                    return Ok(());
                }
                None => {
                    thread::sleep(PATIENCE);
                    continue;
                }
            }
            lines = Lines::new(out.parser(), 0, 0);
        }
    }
}

enum Reached {
    /// Of the file, for now.
    End,
    /// No more is wanted.
    Stop,
}

impl FileFeed {
    fn failed(&self, e: &io::Error) -> Error {
        Error::file(&self.path, "cannot read", e, "check the disk")
    }

    fn place(&self) -> Result<Place> {
        Ok(Place::File { inode: self.file.metadata().map_err(|e| self.failed(&e))?.ino() })
    }

    /// A parser that knows the layout of the lines before the position.
    fn parser(&self, out: &Outlet) -> Result<Parser> {
        let mut parser = out.parser();
        let mut head = Vec::new();
        let read = (&self.file).take(self.position.bytes.min(HEAD_BYTES)).read_to_end(&mut head);
        read.and_then(|_| (&self.file).seek(SeekFrom::Start(self.position.bytes))).map_err(|e| self.failed(&e))?;
        for line in head.split_inclusive(|&byte| byte == b'\n') {
            match line.strip_suffix(b"\n") {
                Some(line) if !parser.knows_layout() => drop(parser.line(line)),
                _ => break,
            }
        }
        Ok(parser)
    }

    fn read_to_end(&mut self, lines: &mut Lines, out: &Outlet) -> Result<Reached> {
        let place = self.place()?;
        let mut buffer = vec![0; MOST_READ];
        while !out.stopped() {
            match self.file.read(&mut buffer) {
                Ok(0) => {
                    self.check_length(lines.end())?;
                    return Ok(Reached::End);
                }
                Ok(length) => {
                    if !out.send(lines.take(&buffer[..length], place)) {
                        return Ok(Reached::Stop);
                    }
                }
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.failed(&e)),
            }
        }
        Ok(Reached::Stop)
    }

    /// Reads the rest of a file whose name another has taken.
    fn finish_file(&mut self, lines: &mut Lines, out: &Outlet) -> Result<Reached> {
        // Its writer may have been late to notice.
        thread::sleep(PATIENCE);
        if let Reached::Stop = self.read_to_end(lines, out)? {
            return Ok(Reached::Stop);
        }
        Ok(if out.send(lines.finish(self.place()?)) { Reached::End } else { Reached::Stop })
    }

    fn check_length(&self, read: u64) -> Result<()> {
        let length = self.file.metadata().map_err(|e| self.failed(&e))?.len();
        if length >= read {
            return Ok(());
        }
        let problem = format!("it has {length} bytes, fewer than the {read} that were read of it");
        let remedy = "rotate it by renaming, not by cutting it; to read it from its start, name it by another path, as in ./NAME";
        Err(Error::data(self.path.display().to_string(), problem, remedy))
    }

    /// The file that has taken the name of this one, if any.
    fn next_file(&self) -> Result<Option<File>> {
        let own = self.file.metadata().map_err(|e| self.failed(&e))?;
        let same = |m: &fs::Metadata| (m.dev(), m.ino()) == (own.dev(), own.ino());
        match File::open(&self.path).and_then(|file| Ok((file.metadata()?, file))) {
            Ok((metadata, _)) if same(&metadata) => Ok(None),
            Ok((_, file)) => Ok(Some(file)),
            // It has been renamed, and the next one is still to come.
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(self.failed(&e)),
        }
    }
}
