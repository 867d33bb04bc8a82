//! Finds the layout of a Parquet file in its footer.

use parquet::file::metadata::RowGroupMetaData;

use super::groups::RowGroups;
use crate::error::{Error, Result};
use crate::ingest::source::InputFile;
use crate::ingest::typed::{self, Groups, Layout, Place};
use crate::job::FilesSpec;

/// Tells a Parquet file by its first bytes.
pub fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

/// The layout of a file.
///
/// Errors: [`Error::Job`] for a key that does not fit the file, [`Error::Data`] for a file that cannot be read.
pub fn layout(spec: &FilesSpec, file: &InputFile) -> Result<Layout> {
    let groups = RowGroups::open(file)?;
    let mut layout = typed::layout(spec, &groups.columns("input"))?;
    let leaves: Vec<usize> = layout.places().filter_map(Place::leaf).map(|(leaf, _)| leaf).collect();
    let sizes = groups.all().iter().map(|group| size(group, &leaves));
    layout.add_groups(sizes, file.bytes).ok_or_else(|| damaged(file))?;
    Ok(layout)
}

/// The rows of a row group, and the bytes of these columns.
fn size(group: &RowGroupMetaData, leaves: &[usize]) -> Option<(u64, u64)> {
    let size = |leaf: usize| u64::try_from(group.column(leaf).compressed_size()).ok();
    let bytes = leaves.iter().try_fold(0u64, |bytes, &leaf| bytes.checked_add(size(leaf)?))?;
    Some((u64::try_from(group.num_rows()).ok()?, bytes))
}

/// The error of a footer that cannot be true.
fn damaged(file: &InputFile) -> Error {
    let problem = "this Parquet file is damaged: its footer states more rows or bytes than a file can have";
    Error::data(file.path.display().to_string(), problem, "write the file again")
}
