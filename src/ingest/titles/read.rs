//! Finds the file of titles, and reads it.

use std::fs;
use std::io::Read;

use super::described::{Described, columns};
use super::text::from_bytes;
use crate::error::{Error, Result};
use crate::ingest::database;
use crate::ingest::source::uri::{self, Named};
use crate::ingest::source::{Codec, InputFile, Place, failed, list_store};
use crate::ingest::tables::{self, Kind};
use crate::job::TitlesSpec;

/// Enough bytes to tell one kind of file from another.
const MAGIC: u64 = 8;

/// Titles and metadata.
///
/// Errors: [`Error::File`] for a file that cannot be read, [`Error::Job`] for a key that does not fit it,
/// [`Error::Row`] for a line that lacks the id or title column, or is not in the encoding.
pub fn read(spec: &TitlesSpec) -> Result<Described<'_>> {
    let file = find(spec)?;
    if let Some(kind) = Kind::beside_files(&file) {
        return read_table(kind, spec, &file);
    }
    let opened = file.open()?;
    let head = opened.read_at(0, MAGIC).map_err(|e| failed(&file.path, &e))?;
    if let Some(kind) = Kind::of(&head) {
        return read_table(kind, spec, &file);
    }
    let mut bytes = Vec::new();
    file.unpacked(Codec::of(&head))?.read_to_end(&mut bytes).map_err(|e| failed(&file.path, &e))?;
    from_bytes(spec, &bytes)
}

/// The file of titles, on a disk or in a store.
fn find(spec: &TitlesSpec) -> Result<InputFile> {
    let remedy = "check input.items.path";
    match uri::named(&spec.path)? {
        Named::Path(path) => {
            let metadata = fs::metadata(&path).map_err(|e| Error::file(&path, "cannot read", &e, remedy))?;
            Ok(InputFile { path, bytes: metadata.len(), place: Place::Disk })
        }
        Named::Database(address) => {
            database::check("input.items.path", &address)?;
            Ok(InputFile::in_database(address))
        }
        Named::Store(address) => match &list_store(&address)?[..] {
            [file] => Ok(file.clone()),
            many => {
                let problem = format!("{address} names {} objects", many.len());
                Err(Error::job("input.items.path", problem, "name one file"))
            }
        },
    }
}

fn read_table<'a>(kind: Kind, spec: &'a TitlesSpec, file: &InputFile) -> Result<Described<'a>> {
    let mut described = Described::new(&spec.metadata);
    tables::read_texts(kind, file, "input.items", &columns(spec), |row, cells| {
        let bad = |problem| {
            let remedy = "fix the row, or input.items.id if it names the wrong column".into();
            Error::Row { file: file.path.clone(), line: row + 1, problem, remedy }
        };
        described.add(&cells[0], &cells[1], |at| cells.get(at).map(String::as_str)).map_err(bad)
    })?;
    Ok(described)
}
