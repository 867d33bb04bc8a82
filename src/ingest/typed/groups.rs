//! What a format has to offer.

use super::columns::Columns;
use super::field::Field;
use super::model::Kind;
use super::value::Raw;
use crate::error::{Error, Result};
use crate::ingest::source::InputFile;

/// An open file whose rows are in groups.
pub trait Groups {
    type Column: Column;

    fn file(&self) -> &InputFile;

    /// Its top-level columns.
    fn fields(&self) -> Vec<Field>;

    fn n_groups(&self) -> usize;

    /// The number of rows of a group; `None` where the file has no such group, or it has fewer than no rows.
    fn rows(&self, group: usize) -> Option<u64>;

    /// Columns of a group, before its first row: those with these indexes, in their order.
    ///
    /// # Errors
    /// Those of the file.
    fn open(&self, group: usize, leaves: &[(usize, Kind)]) -> Result<Vec<Self::Column>>;

    /// The error of a file whose values cannot be read.
    fn unreadable(&self, failure: &<Self::Column as Column>::Failure) -> Error;

    /// The columns, for the keys of a section of the job file.
    fn columns(&self, section: &'static str) -> Columns<'_> {
        Columns::of(section, &self.file().path, self.fields())
    }

    /// The error of a file that was replaced during the run.
    fn changed(&self) -> Error {
        Error::File {
            path: self.file().path.clone(),
            problem: "it holds other rows than when the list of files was made".into(),
            remedy: "give every machine the same files and do not change them during a run".into(),
        }
    }
}

/// A column of a group of rows, read in batches.
pub trait Column {
    type Failure;

    fn kind(&self) -> Kind;

    /// Whether bytes at one address are the same as long as the column is there, and come again.
    fn repeats(&self) -> bool;

    /// Goes on to the next `rows` rows, and returns how many there were.
    fn read(&mut self, rows: usize) -> std::result::Result<usize, Self::Failure>;

    /// Passes over the next rows, and returns how many there were.
    fn skip(&mut self, rows: usize) -> std::result::Result<usize, Self::Failure>;

    /// The value of a row of the batch.
    fn value(&self, row: usize) -> Raw<'_>;

    /// The failure of a column that has fewer rows than its group.
    fn too_few() -> Self::Failure;
}
