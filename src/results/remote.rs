//! An output in an object store.
//!
//! Nothing of it is to be seen while it is made. Then the earlier output's record goes, everything else is put in place, what the new
//! output does not have is removed, and the new record comes last: whoever finds a record finds an output that is whole. Until the end
//! the record lies there under another name, so that an output whose writer was killed is known for what it is, and replaced
//! by the next run.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::results::files::{self, DISK_REMEDY};
use crate::results::foreign;
use crate::store::failure::{failed, is_of_store};
use crate::store::{Folder, Ready, Upload, check_built};

/// The records that an output may have.
const RECORDS: [&str; 2] = [files::RUN, files::FOLLOWED];

/// An output at an address.
pub struct Remote {
    address: PathBuf,
    folder: Folder,
}

impl Remote {
    /// At `address`. Nothing is asked of the store yet.
    pub fn at(address: &Path) -> Result<Remote> {
        let text = address.to_string_lossy();
        check_built("output", &text)?;
        let folder = Folder::at(&text).map_err(|e| failed(address, "cannot write: ", &e))?;
        Ok(Remote { address: address.into(), folder })
    }

    /// Refuses, before any work is done, an output that cannot be written: something foreign is in the way, or the store takes
    /// nothing. Leaves no trace.
    pub fn check(&self) -> Result<()> {
        let there = self.refuse_foreign()?;
        if there.iter().any(|name| name == files::RECORD_TO_BE) {
            // An output whose writer was killed.
            return Ok(());
        }
        self.put(files::RECORD_TO_BE, foreign::NO_RECORD)?;
        self.remove([files::RECORD_TO_BE])
    }

    /// Refuses what is no earlier output. Returns the names of what is there.
    pub fn refuse_foreign(&self) -> Result<Vec<String>> {
        let names = self.names()?;
        foreign::refuse(&self.address, &names, |name| self.folder.get(name).ok().flatten())?;
        Ok(names)
    }

    /// The names of all that is there, as in `model/model.json`.
    pub fn names(&self) -> Result<Vec<String>> {
        self.folder.names().map_err(|e| self.cannot("list", &e))
    }

    /// Begins an object that is not to be seen yet.
    pub fn create(&self, name: &str) -> Upload {
        self.folder.create(name)
    }

    /// From here on there is no earlier output. `local` is a folder with the new record.
    pub fn begin(&self, local: &Path) -> Result<()> {
        let record = record_in(local);
        self.folder.put_file(files::RECORD_TO_BE, &local.join(record)).map_err(|e| self.cannot("write", &e))?;
        self.remove(RECORDS)
    }

    /// Lets everybody see an object.
    pub fn show(&self, object: Ready) -> Result<()> {
        object.publish().map_err(|e| self.cannot("write", &e))
    }

    /// Puts the files in `local` beside the objects `shown`, removes what was there besides, and ends with the record.
    pub fn end(&self, local: &Path, shown: &[String]) -> Result<()> {
        let record = record_in(local);
        let mut names = files_below(local).map_err(|e| Error::file(local, "cannot list", &e, DISK_REMEDY))?;
        names.retain(|name| name != record);
        for name in &names {
            self.folder.put_file(name, &local.join(name)).map_err(|e| self.cannot("write", &e))?;
        }
        let is_new = |name: &String| names.contains(name) || shown.contains(name) || name == files::RECORD_TO_BE;
        let there = self.names()?;
        self.remove(there.iter().filter(|name| !is_new(name)).map(String::as_str))?;
        self.folder.put_file(record, &local.join(record)).map_err(|e| self.cannot("write", &e))?;
        self.remove([files::RECORD_TO_BE])
    }

    /// Writes an object, in the place of an earlier one.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        self.folder.put(name, bytes).map_err(|e| self.cannot("write", &e))
    }

    /// Copies the objects of an output whose name is wanted to the folder `to`, whose subfolders are made. Returns their names.
    pub fn fetch(&self, to: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let mut names = self.names()?;
        names.retain(|name| foreign::is_output(name) && wanted(name));
        for name in &names {
            let place = to.join(name);
            let made = place.parent().map_or(Ok(()), fs::create_dir_all);
            made.and_then(|()| self.folder.fetch(name, &place)).map_err(|e| self.cannot("read", &e))?;
        }
        Ok(names)
    }

    fn remove<'n>(&self, names: impl IntoIterator<Item = &'n str>) -> Result<()> {
        self.folder.remove(names).map_err(|e| self.cannot("remove an object", &e))
    }

    fn cannot(&self, what: &str, error: &io::Error) -> Error {
        if is_of_store(error) {
            return failed(&self.address, &format!("cannot {what}: "), error);
        }
        Error::file(&self.address, &format!("cannot {what}"), error, DISK_REMEDY)
    }
}

/// The name of the record in a folder that is written whole.
fn record_in(local: &Path) -> &'static str {
    RECORDS.into_iter().find(|name| local.join(name).exists()).unwrap_or(files::RUN)
}

/// The names of all files in `folder` and in the folders in it.
fn files_below(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.file_type()?.is_dir() {
            names.extend(files_below(&entry.path())?.into_iter().map(|below| format!("{name}/{below}")));
        } else {
            names.push(name);
        }
    }
    names.sort_unstable();
    Ok(names)
}
