//! Standard input, and pipes that have a name: what can be read only once, to its end.

use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;

use super::feed::{Feed, Outlet, PATIENCE, Place};
use super::lines::Lines;
use crate::error::{Error, Result};

/// The most bytes that are read at once.
pub const MOST_READ: usize = 64 << 10;

/// Reads a pipe.
pub struct StreamFeed {
    name: String,
    pipe: OwnedFd,
}

impl StreamFeed {
    /// # Errors
    /// [`Error::File`] where there is no standard input.
    pub fn stdin(name: String) -> Result<StreamFeed> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            tracing::info!("reading changes from the terminal; Ctrl-D ends them");
        }
        let pipe = stdin.as_fd().try_clone_to_owned();
        let pipe = pipe.map_err(|e| Error::file(Path::new(&name), "cannot read", &e, "give it a standard input"))?;
        Ok(StreamFeed { name, pipe })
    }

    /// A pipe at a path. Does not wait for a writer.
    pub fn pipe(name: String, path: &Path) -> Result<StreamFeed> {
        let flags = OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path);
        let file: File = file.map_err(|e| Error::file(path, "cannot open", &e, "check --input"))?;
        Ok(StreamFeed { name, pipe: file.into() })
    }
}

impl Feed for StreamFeed {
    fn name(&self) -> &str {
        &self.name
    }

    fn run(self: Box<Self>, out: Outlet) -> Result<()> {
        let mut lines = Lines::new(out.parser(), 0, 0);
        let mut buffer = vec![0; MOST_READ];
        let failed = |e: io::Error| Error::file(Path::new(&self.name), "cannot read", &e, "check the pipe");
        while !out.stopped() {
            if !is_ready(&self.pipe, PollFlags::IN).map_err(failed)? {
                continue;
            }
            let chunk = match rustix::io::read(&self.pipe, &mut buffer) {
                Ok(0) => {
                    let _ = out.send(lines.finish(Place::Stream));
                    return Ok(());
                }
                Ok(length) => lines.take(&buffer[..length], Place::Stream),
                Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => continue,
                Err(e) => return Err(failed(e.into())),
            };
            if !out.send(chunk) {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Waits until something can be done with `what`, or it has failed, or [`PATIENCE`] is over.
pub(super) fn is_ready(what: &impl AsFd, flags: PollFlags) -> io::Result<bool> {
    let patience = Timespec { tv_sec: 0, tv_nsec: PATIENCE.subsec_nanos().into() };
    match poll(&mut [PollFd::new(what, flags)], Some(&patience)) {
        Ok(ready) => Ok(ready > 0),
        Err(rustix::io::Errno::INTR) => Ok(false),
        Err(e) => Err(e.into()),
    }
}
