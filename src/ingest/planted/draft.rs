//! A file that is removed again unless it is published.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A file that is being written. Dropping it removes it unless it was published.
pub struct Draft {
    file: File,
    path: PathBuf,
    draft: PathBuf,
    /// Written so far.
    pub bytes: u64,
    published: bool,
}

impl Draft {
    pub fn create(path: &Path) -> Result<Draft> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().unwrap_or_default());
        name.push(format!(".{}.draft", std::process::id()));
        let draft = path.with_file_name(name);
        let file = File::create(&draft)
            .map_err(|e| Error::file(path, "cannot create", &e, "check that the folder exists and is writable"))?;
        Ok(Draft { file, path: path.to_path_buf(), draft, bytes: 0, published: false })
    }

    pub fn write(&mut self, text: &[u8]) -> Result<()> {
        self.bytes += text.len() as u64;
        self.file.write_all(text).map_err(|e| self.failed("cannot write", &e))
    }

    pub fn write_lines(&mut self, header: &str, lines: impl Iterator<Item = String>) -> Result<()> {
        let mut text = format!("{header}\n");
        for line in lines {
            text.push_str(&line);
            text.push('\n');
            if text.len() > 1 << 20 {
                self.write(text.as_bytes())?;
                text.clear();
            }
        }
        self.write(text.as_bytes())
    }

    /// Puts the finished file in its place.
    pub fn publish(mut self) -> Result<()> {
        fs::rename(&self.draft, &self.path)
            .map_err(|e| self.failed("cannot put the finished file in its place", &e))?;
        self.published = true;
        Ok(())
    }

    fn failed(&self, action: &str, error: &std::io::Error) -> Error {
        Error::file(&self.path, action, error, "check the disk's space and the folder's permissions")
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if !self.published {
            // Nothing more can be done about a draft that cannot be removed.
            let _ = fs::remove_file(&self.draft);
        }
    }
}
