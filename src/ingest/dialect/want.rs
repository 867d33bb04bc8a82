//! What a section of the job file says about a text file.

use std::path::Path;

use crate::error::Error;
use crate::ingest::fields::trim;
use crate::job::Column;

/// What a section of the job file says about a text file.
pub struct Want<'a> {
    /// The section, for messages: `input` or `input.items`.
    pub section: &'static str,
    pub path: &'a Path,
    pub delimiter: Option<&'a str>,
    pub header: Option<bool>,
    pub keys: Vec<Key>,
    /// The names of the columns that the names of folders give.
    pub partitions: Vec<String>,
}

/// A column that the job needs.
pub struct Key {
    pub name: &'static str,
    pub column: Column,
    /// Whether a file without the column is a mistake.
    pub required: bool,
    pub kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Id,
    Number,
    Text,
}

impl Key {
    /// A required column of ids.
    pub fn id(name: &'static str, column: &Column) -> Key {
        Key { name, column: column.clone(), required: true, kind: Kind::Id }
    }

    /// A required column of any text.
    pub fn text(name: &'static str, column: &Column) -> Key {
        Key { name, column: column.clone(), required: true, kind: Kind::Text }
    }
}

impl Want<'_> {
    /// The column's name is known from a folder only.
    pub fn is_partition(&self, key: &Key) -> bool {
        matches!(&key.column, Column::Name(name) if self.partitions.contains(name))
    }

    /// The error of a key that does not fit the file.
    pub fn misfit(&self, key: &str, problem: String, remedy: &str) -> Error {
        Error::job(format!("{}.{key}", self.section), format!("{}: {problem}", self.path.display()), remedy)
    }
}

/// The fields of a line.
pub type Row = Vec<Vec<u8>>;

/// A field as text, without the spaces around it.
pub fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(trim(field)).into_owned()
}
