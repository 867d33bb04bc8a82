//! Files for data that does not fit in memory.
//!
//! A scratch file has no name, so it disappears with the process, however that ends. It belongs to one worker and holds only
//! what that worker wrote in this run.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A nameless file that grows at its end; opened when first written to.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    file: Option<File>,
    length: u64,
}

impl Scratch {
    pub fn new(folder: &Path) -> Scratch {
        Scratch { folder: folder.to_path_buf(), file: None, length: 0 }
    }

    /// Bytes written.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends `bytes` at the next multiple of `alignment`; returns their offset.
    pub fn append(&mut self, bytes: &[u8], alignment: u64) -> Result<u64> {
        let at = self.length.next_multiple_of(alignment);
        let written = self.open().and_then(|file| file.write_all_at(bytes, at));
        written.map_err(|e| self.failed("cannot write", &e))?;
        self.length = at + bytes.len() as u64;
        Ok(at)
    }

    /// Fills `bytes` from what was written at `at`.
    pub fn read(&self, at: u64, bytes: &mut [u8]) -> Result<()> {
        self.file().read_exact_at(bytes, at).map_err(|e| self.failed("cannot read back", &e))
    }

    /// The file. Something must have been written to it.
    pub fn file(&self) -> &File {
        self.file.as_ref().expect("a scratch file that is read has been written")
    }

    /// The error for a system call that failed: `what` says what was tried, as in "cannot write".
    pub fn failed(&self, what: &str, error: &std::io::Error) -> Error {
        let remedy = "see that the folder can be written and has room, name another as `scratch`, or raise `memory`";
        Error::file(&self.folder, &format!("{what} a scratch file in"), error, remedy)
    }

    fn open(&mut self) -> std::io::Result<&File> {
        if self.file.is_none() {
            self.file = Some(tempfile::tempfile_in(&self.folder)?);
        }
        Ok(self.file())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_leaves_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = Scratch::new(folder.path());
        let at = [scratch.append(b"abc", 8).unwrap(), scratch.append(b"defg", 8).unwrap()];
        assert_eq!(at, [0, 8]);
        let mut bytes = [0; 4];
        scratch.read(8, &mut bytes).unwrap();
        assert_eq!(&bytes, b"defg");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_of_files() {
        let error = Scratch::new(Path::new("/no/such/folder")).append(b"x", 8).unwrap_err();
        assert!(matches!(error, Error::File { .. }), "{error}");
        assert!(error.to_string().contains("/no/such/folder"), "{error}");
    }
}
