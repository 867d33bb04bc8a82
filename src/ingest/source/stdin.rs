//! Standard input. It can be read once and in one process, but a run reads its input from several places and perhaps
//! twice. So standard input goes into an unnamed file first, which every process of the same machine can open.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size, splice};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// An unnamed file of a process, with marks by which another process recognises it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Spool {
    /// Leads to the file while its process keeps it open.
    path: PathBuf,
    /// The boot id, which differs between machines and between starts of one machine.
    boot: String,
    device: u64,
    inode: u64,
}

/// Reads standard input to its end. Returns the file, its length, and the handle that keeps it.
pub fn spool(folder: &Path) -> Result<(Spool, u64, File)> {
    let failed = |e: io::Error| Error::file(folder, "cannot keep standard input", &e, "set scratch to a roomy folder");
    let mut file = tempfile::tempfile_in(folder).map_err(failed)?;
    let bytes = drain(&mut file, failed)?;
    let metadata = file.metadata().map_err(failed)?;
    let path = PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()));
    Ok((Spool { path, boot: boot(), device: metadata.dev(), inode: metadata.ino() }, bytes, file))
}

/// Bytes that a pipe is asked to hold, and that are moved at a time: fewer turns for whoever writes and for us.
const PIPE: usize = 1 << 20;

/// Moves all of standard input into a file; the kernel does it, where that is a pipe. `failed` makes the error of a failure to write.
fn drain(to: &mut File, failed: impl Fn(io::Error) -> Error) -> Result<u64> {
    let mut from = io::stdin().lock();
    // Where the system has none so large for us, it stays as it is.
    let _ = fcntl_setpipe_size(&from, PIPE);
    let mut bytes = 0;
    loop {
        match splice(&from, None, &to, None, PIPE, SpliceFlags::MOVE) {
            Ok(0) => return Ok(bytes),
            Ok(moved) => bytes += moved as u64,
            Err(Errno::INTR) => {}
            // It is no pipe, or the file system cannot do this.
            Err(Errno::INVAL | Errno::NOSYS) if bytes == 0 => return copy(&mut from, to, failed),
            Err(error) => return Err(failed(error.into())),
        }
    }
}

/// Copies all bytes. `failed` makes the error of a failure to write.
fn copy(from: &mut impl io::Read, to: &mut File, failed: impl Fn(io::Error) -> Error) -> Result<u64> {
    let mut buffer = vec![0; 1 << 20];
    let mut bytes = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(bytes),
            Ok(length) => {
                to.write_all(&buffer[..length]).map_err(&failed)?;
                bytes += length as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(Error::file(Path::new("-"), "cannot read standard input", &e, "check the pipe")),
        }
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_string()
}

impl Spool {
    /// The file, if this process can reach it.
    pub fn open(&self) -> io::Result<File> {
        let file = File::open(&self.path)?;
        let metadata = file.metadata()?;
        if self.boot == boot() && (metadata.dev(), metadata.ino()) == (self.device, self.inode) {
            return Ok(file);
        }
        Err(io::Error::new(io::ErrorKind::NotFound, "standard input belongs to a process of another machine"))
    }
}
