//! Where to publish: the two kinds of target.

use std::fmt;
use std::path::{Path, PathBuf};

use super::target::Target;
use super::{database, folder};
use crate::error::{Error, Result};
use crate::postgres::{self, Address};
use crate::store::address::scheme;

/// The schema where none is named.
pub const SCHEMA: &str = "segmill";

/// Where to publish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    Database { address: Box<Address>, schema: String },
    Folder(PathBuf),
}

impl Place {
    /// `key` is the option that names it.
    pub fn parse(key: &str, text: &str, schema: Option<&str>) -> Result<Place> {
        let refuse = |key: &str, problem: &str, remedy: &str| Err(Error::job(key, problem, remedy));
        if postgres::is_address(Path::new(text)) {
            postgres::check_built(key)?;
            let schema = schema.unwrap_or(SCHEMA);
            // PostgreSQL cuts longer names.
            if schema.is_empty() || schema.len() > 63 || schema.contains('\0') {
                return refuse("--schema", "a schema has a name of 1 to 63 bytes", "name another");
            }
            return Ok(Place::Database { address: Address::parse(key, text)?.into(), schema: schema.into() });
        }
        if scheme(text).is_some() {
            return refuse(
                key,
                "that is neither a database nor a folder",
                "name postgres://user@host/database, or a folder on a disk",
            );
        }
        if schema.is_some() {
            return refuse("--schema", "a folder has no schemas", "leave it out, or name a database");
        }
        Ok(Place::Folder(text.into()))
    }

    /// Connects; nothing is changed yet.
    pub fn open(&self) -> Result<Box<dyn Target>> {
        match self {
            Place::Database { address, schema } => database::open(address, schema),
            Place::Folder(folder) => Ok(Box::new(folder::Folder::at(folder))),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Database { address, schema } => write!(f, "{address} (schema {schema})"),
            Place::Folder(folder) => folder.display().fmt(f),
        }
    }
}
