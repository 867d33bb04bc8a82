//! The files that an address in an object store names.

use std::path::Path;

use super::failure::failed;
use super::file::{InputFile, Place};
use super::hidden::is_hidden;
use crate::error::{Error, Result};
use crate::store::{self, Stored};

/// The objects that `address` names: one object, all under a prefix, or all that match a pattern.
pub fn list_store(address: &str) -> Result<Vec<InputFile>> {
    store::check_built("input.ratings", address)?;
    let path = Path::new(address);
    let is_data = |below: &str| !below.split('/').any(is_hidden);
    let found = store::list(address, is_data).map_err(|e| failed(path, &e))?;
    if found.is_empty() {
        return Err(Error::File {
            path: path.into(),
            problem: "no object is there".into(),
            remedy: "check the address in input.ratings".into(),
        });
    }
    Ok(found.into_iter().map(file).collect())
}

fn file(Stored { address, bytes, version }: Stored) -> InputFile {
    InputFile { path: address.into(), bytes, place: Place::Store { version } }
}
