//! Where the bytes of an input file are, and how to get at them: a disk, standard input, or an object store; as they are,
//! or packed.

mod codec;
mod failure;
mod opened;
mod stdin;
#[cfg(feature = "stores")]
mod store;
#[cfg(not(feature = "stores"))]
#[path = "no_store.rs"]
mod store;
pub mod uri;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use codec::Codec;
pub use failure::failed;
pub use opened::{Bytes, Opened};
pub use stdin::Spool;

use crate::error::{Error, Result};
use crate::job::STDIN;

/// A file to read, and its size when the list was made.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InputFile {
    /// A path, an address such as `s3://bucket/ratings.csv`, or [`STDIN`].
    pub path: PathBuf,
    /// As they are stored: packed bytes of a packed file. 0 for standard input until it has been read.
    pub bytes: u64,
    pub place: Place,
}

/// Where a file is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    Disk,
    /// Standard input of the coordinator's process, which can be read once.
    Stdin,
    /// What came from standard input, in a nameless file.
    Spooled(Spool),
    /// An object store, with what the store calls this version of the object.
    Store {
        version: Option<String>,
    },
}

impl InputFile {
    /// A file on a disk.
    pub fn on_disk(path: PathBuf) -> Result<InputFile> {
        let metadata = fs::metadata(&path).map_err(|e| Error::file(&path, "cannot open", &e, "check input.ratings"))?;
        Ok(InputFile { path, bytes: metadata.len(), place: Place::Disk })
    }

    pub fn stdin() -> InputFile {
        InputFile { path: STDIN.into(), bytes: 0, place: Place::Stdin }
    }

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

/// Reads standard input to its end into a file in `folder`, where it is [`Place::Stdin`].
pub fn spool_stdin(file: &mut InputFile, folder: &Path) -> Result<Option<fs::File>> {
    if file.place != Place::Stdin {
        return Ok(None);
    }
    let (spool, bytes, keep) = stdin::spool(folder)?;
    (file.place, file.bytes) = (Place::Spooled(spool), bytes);
    Ok(Some(keep))
}

/// All objects that an address stands for.
pub fn list_store(address: &str) -> Result<Vec<InputFile>> {
    store::list(address)
}
