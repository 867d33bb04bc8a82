//! The row groups of an open file.

use std::sync::Arc;

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::chunks::Chunks;
use super::column::Leaf;
use super::failure::{guarded, unreadable};
use super::footer::metadata;
use super::kind::fields;
use crate::error::{Error, Result};
use crate::ingest::source::{InputFile, Opened, failed};
use crate::ingest::typed::{Field, Groups, Kind};

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

    /// The bytes of columns of a row group.
    fn chunks(&self, group: &RowGroupMetaData, leaves: &[(usize, Kind)]) -> Result<Chunks> {
        let pieces = leaves.iter().map(|&(leaf, _)| self.piece(group, leaf)).collect::<Result<Vec<_>>>()?;
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
}

impl Groups for RowGroups {
    type Column = Leaf;

    fn file(&self) -> &InputFile {
        &self.file
    }

    fn fields(&self) -> Vec<Field> {
        fields(self.metadata.file_metadata().schema_descr())
    }

    fn n_groups(&self) -> usize {
        self.all().len()
    }

    fn rows(&self, group: usize) -> Option<u64> {
        u64::try_from(self.all().get(group)?.num_rows()).ok()
    }

    fn open(&self, group: usize, leaves: &[(usize, Kind)]) -> Result<Vec<Leaf>> {
        let group = self.all().get(group).ok_or_else(|| self.changed())?;
        let chunks = self.chunks(group, leaves)?;
        let open = |&(leaf, kind): &(usize, Kind)| guarded(|| Leaf::open(&chunks, group, leaf, kind));
        leaves.iter().map(open).collect::<std::result::Result<_, _>>().map_err(|e| self.unreadable(&e))
    }

    fn unreadable(&self, error: &ParquetError) -> Error {
        unreadable(&self.file.path, error)
    }
}
