//! The row groups of an open file.

use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::chunks::Chunks;
use super::columns::Columns;
use super::failure::unreadable;
use super::layout::metadata;
use super::model::{Layout, Place};
use crate::error::{Error, Result};
use crate::ingest::source::{InputFile, Opened, failed};

/// The row groups of an open file.
pub struct RowGroups {
    file: InputFile,
    opened: Arc<Opened>,
    metadata: ParquetMetaData,
}

impl RowGroups {
    pub fn open(file: &InputFile) -> Result<RowGroups> {
        let opened = file.open()?;
        let metadata = metadata(&opened, file)?;
        Ok(RowGroups { file: file.clone(), opened: Arc::new(opened), metadata })
    }

    /// All of them, in the order of the file.
    pub(super) fn all(&self) -> &[RowGroupMetaData] {
        self.metadata.row_groups()
    }

    /// A row group, which has the rows that `layout` says.
    pub(super) fn group(&self, index: usize, layout: &Layout) -> Result<&RowGroupMetaData> {
        let group = self.all().get(index).filter(|group| group.num_rows() as u64 == layout.row_groups[index]);
        group.ok_or_else(|| self.changed())
    }

    /// The columns of the file, for the keys of a section of the job file.
    pub(super) fn columns(&self, section: &'static str) -> Columns<'_> {
        Columns::of(section, &self.file.path, self.metadata.file_metadata().schema_descr())
    }

    /// The bytes of the columns of a row group.
    pub(super) fn chunks<'p>(
        &self,
        group: &RowGroupMetaData,
        places: impl Iterator<Item = &'p Place>,
    ) -> Result<Chunks> {
        let leaves = places.filter_map(Place::leaf);
        let pieces = leaves.map(|leaf| self.piece(group, leaf)).collect::<Result<Vec<_>>>()?;
        let mut chunks = Chunks::new(Arc::clone(&self.opened), &self.file);
        chunks.fetch(&pieces).map_err(|e| failed(&self.file.path, &e))?;
        Ok(chunks)
    }

    /// Where the bytes of a column are; in a damaged file anywhere.
    fn piece(&self, group: &RowGroupMetaData, leaf: usize) -> Result<(u64, u64)> {
        let column = group.column(leaf);
        let start = column.dictionary_page_offset().unwrap_or(column.data_page_offset());
        let end = start.checked_add(column.compressed_size());
        match (u64::try_from(start), end.and_then(|end| u64::try_from(end).ok())) {
            (Ok(start), Some(end)) if start <= end && end <= self.file.bytes => Ok((start, end - start)),
            _ => {
                let place = self.file.path.display().to_string();
                let problem = "this Parquet file is damaged: a column lies outside of the file";
                Err(Error::data(place, problem, "write the file again"))
            }
        }
    }

    /// The error of a file that was replaced during the run.
    pub(super) fn changed(&self) -> Error {
        Error::File {
            path: self.file.path.clone(),
            problem: "it holds other row groups than when the list of files was made".into(),
            remedy: "give every machine the same files and do not change them during a run".into(),
        }
    }
    /// The error of a file that the `parquet` crate cannot read.
    pub(super) fn unreadable(&self, error: &ParquetError) -> Error {
        unreadable(&self.file.path, error)
    }
}
