//! Files for data that does not fit in memory.
//!
//! A scratch file has no name, so it disappears with the process, however that ends. It belongs to one worker and holds only
//! what that worker wrote in this run.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use crate::error::{Error, Result};

/// A nameless file that grows at its end; opened when first written to.
#[derive(Debug)]
pub struct Scratch {
    folder: Arc<Path>,
    file: Option<Arc<File>>,
    length: u64,
}

/// Bytes in a scratch file.
#[derive(Debug, Clone)]
pub struct Section {
    folder: Arc<Path>,
    file: Arc<File>,
    at: u64,
    length: usize,
}

impl Scratch {
    pub fn new(folder: &Path) -> Scratch {
        Scratch { folder: folder.into(), file: None, length: 0 }
    }

    /// Bytes written.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends `bytes`.
    pub fn append(&mut self, bytes: &[u8]) -> Result<Section> {
        let (folder, at) = (self.folder.clone(), self.length);
        let written = self.open().and_then(|file| file.write_all_at(bytes, at).map(|()| file));
        let file = written.map_err(|e| failed(&folder, "cannot write", &e))?;
        self.length += bytes.len() as u64;
        Ok(Section { folder, file, at, length: bytes.len() })
    }

    fn open(&mut self) -> std::io::Result<Arc<File>> {
        if self.file.is_none() {
            self.file = Some(Arc::new(tempfile::tempfile_in(&self.folder)?));
        }
        Ok(self.file.clone().expect("the file has been opened"))
    }
}

/// Whether scratch files can be made in a folder.
///
/// # Errors
/// [`Error::File`] with the folder if not.
pub fn check(folder: &Path) -> Result<()> {
    tempfile::tempfile_in(folder).map(drop).map_err(|e| failed(folder, "cannot write", &e))
}

impl Section {
    /// Number of bytes.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Reads the bytes into `bytes`, which must be as many.
    pub fn read(&self, bytes: &mut [u8]) -> Result<()> {
        debug_assert_eq!(bytes.len(), self.length);
        self.file.read_exact_at(bytes, self.at).map_err(|e| failed(&self.folder, "cannot read back", &e))
    }
}

/// `what` says what was tried, as in "cannot write".
fn failed(folder: &Path, what: &str, error: &std::io::Error) -> Error {
    let remedy = "see that the folder can be written and has room, name another as `scratch`, or raise `memory`";
    Error::file(folder, &format!("{what} a scratch file in"), error, remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_back_and_leaves_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let mut scratch = Scratch::new(folder.path());
        for text in [&b"abc"[..], b"defg"].map(|text| (scratch.append(text).unwrap(), text)) {
            let mut bytes = vec![0; text.0.length()];
            text.0.read(&mut bytes).unwrap();
            assert_eq!(bytes, text.1);
        }
        assert_eq!(scratch.length(), 7);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_folder_that_is_not_there_is_an_error_of_files() {
        let folder = Path::new("/no/such/folder");
        for error in [Scratch::new(folder).append(b"x").unwrap_err(), check(folder).unwrap_err()] {
            assert!(matches!(error, Error::File { .. }), "{error}");
            assert!(error.to_string().contains("/no/such/folder"), "{error}");
        }
    }
}
