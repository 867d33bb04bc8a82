//! `segmill publish`: brings a database or a folder up to date with a finished run.

use std::path::Path;

use crate::error::Result;
use crate::publish::{self, Edition, Members, Place, Published, Terms};
use crate::results::fetched::Here;

/// Publishes the run in `output`. `new_segments` allows one whose numbers of segments have another meaning.
pub fn publish(output: &Path, place: &Place, new_segments: bool) -> Result<Published> {
    let here = Here::whole(output)?;
    let edition = Edition::of(here.path())?;
    let members = Members::of(here.path())?;
    publish::publish(&mut *place.open()?, &edition, None, members, Terms { key: "--to", new_segments })
}
