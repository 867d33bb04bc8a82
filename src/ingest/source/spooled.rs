//! Puts standard input, where a job reads it, into a file.

use std::fs::File;
use std::path::Path;

use super::file::{InputFile, Place};
use super::stdin;
use crate::error::Result;

/// Reads standard input to its end into a file in `folder`, where `file` is [`Place::Stdin`]. Returns
/// the handle that keeps that file.
pub fn spool_stdin(file: &mut InputFile, folder: &Path) -> Result<Option<File>> {
    if file.place != Place::Stdin {
        return Ok(None);
    }
    let (spool, bytes, keep) = stdin::spool(folder)?;
    (file.place, file.bytes) = (Place::Spooled(spool), bytes);
    Ok(Some(keep))
}
