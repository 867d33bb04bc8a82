//! The layout of a file.

use super::batches::Batches;
use super::bytes::FileBytes;
use super::failure::unreadable;
use super::head::{MAGIC, is_file, is_old};
use super::index::{Batch, Index};
use super::{footer, stream};
use crate::error::{Error, Result};
use crate::ingest::source::InputFile;
use crate::ingest::typed::{self, Groups, Layout};
use crate::job::FilesSpec;

/// Opens a file that is not indexed yet.
///
/// # Errors
/// [`Error::Data`] for a file that cannot be read.
pub fn open(file: &InputFile) -> Result<Batches> {
    let bytes = FileBytes::open(file)?;
    let unreadable = |e| unreadable(&file.path, &e);
    let head = bytes.at(0, file.bytes.min(MAGIC.len() as u64)).map_err(unreadable)?;
    if is_old(&head) {
        let remedy = "write it again in version 2, as pyarrow and pandas do by default";
        return Err(Error::data(file.path.display().to_string(), "this is a Feather file of version 1", remedy));
    }
    let index = if is_file(&head) { footer::index(&bytes, file.bytes) } else { stream::index(&bytes, file.bytes) };
    Batches::new(file, bytes, index.map_err(unreadable)?)
}

/// The layout of a file, and where its messages are.
///
/// # Errors
/// [`Error::Job`] for a key that does not fit the file, [`Error::Data`] for a file that cannot be read.
pub fn layout(spec: &FilesSpec, file: &InputFile) -> Result<(Layout, Index)> {
    let batches = open(file)?;
    let mut layout = typed::layout(spec, &batches.columns("input"))?;
    let index = batches.index();
    let sizes = index.batches.iter().map(|Batch { at, rows }| Some((*rows, at.length())));
    layout.add_groups(sizes, file.bytes).ok_or_else(|| too_large(file))?;
    Ok((layout, index.clone()))
}

/// The error of a file that cannot be true.
fn too_large(file: &InputFile) -> Error {
    let problem = "these Arrow data are damaged: they claim more rows than a file can have";
    Error::data(file.path.display().to_string(), problem, "write them again")
}

impl Batches {
    /// Opens a file that has been indexed.
    pub fn open(file: &InputFile, index: &Index) -> Result<Batches> {
        Batches::new(file, FileBytes::open(file)?, index.clone())
    }
}
