//! Finds the layout of a Parquet file in its footer.

use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};

use super::columns::Columns;
use super::failure::{guarded, unreadable};
use super::model::{Layout, Place};
use crate::error::{Error, Result};
use crate::ingest::rows::MOST_IN_FILE;
use crate::ingest::source::{InputFile, Opened, failed};
use crate::job::{FilesSpec, RatingColumn};

/// Bytes read from the end of a file at first: more than most footers have.
const TAIL: u64 = 64 << 10;

/// Tells a Parquet file by its first bytes.
pub fn is_parquet(head: &[u8]) -> bool {
    head.starts_with(b"PAR1")
}

/// The footer of a file.
pub fn metadata(opened: &Opened, file: &InputFile) -> Result<ParquetMetaData> {
    let mut tail = TAIL.min(file.bytes);
    loop {
        let start = file.bytes - tail;
        let bytes = opened.read_at(start, tail).map_err(|e| failed(&file.path, &e))?;
        let mut reader = ParquetMetaDataReader::new();
        match guarded(|| reader.try_parse_sized(&bytes, file.bytes)) {
            Ok(()) => return reader.finish().map_err(|e| unreadable(&file.path, &e)),
            Err(ParquetError::NeedMoreData(needed)) if needed as u64 > tail && needed as u64 <= file.bytes => {
                tail = needed as u64;
            }
            Err(error) => return Err(unreadable(&file.path, &error)),
        }
    }
}

/// The layout of a file.
///
/// Errors: [`Error::Job`] for a key that does not fit the file, [`Error::Data`] for a file that cannot be read.
pub fn layout(spec: &FilesSpec, file: &InputFile) -> Result<Layout> {
    let metadata = metadata(&file.open()?, file)?;
    let columns = Columns::of("input", &file.path, metadata.file_metadata().schema_descr());
    let mut layout = layout_of_columns(spec, &columns)?;
    layout.add_row_groups(metadata.row_groups(), file.bytes).ok_or_else(|| damaged(file))?;
    Ok(layout)
}

/// The places of the columns that count. There are no row groups yet.
fn layout_of_columns(spec: &FilesSpec, columns: &Columns<'_>) -> Result<Layout> {
    let user = columns.place("user", &spec.user)?;
    let item = columns.place("item", &spec.item)?;
    let rating = columns.rating(&spec.rating, [&user, &item])?;
    if user.column() == item.column() {
        return Err(columns.misfit("item", "user and item are the same column".into(), "name another column"));
    }
    let time = spec.time.as_ref().map(|time| columns.time(time)).transpose()?;
    let texts = spec.items.columns().map(|(key, column)| columns.place(key, column)).collect::<Result<_>>()?;
    let reading = spec.numbers.clone().into();
    let mut layout = Layout { row_groups: Vec::new(), bytes: Vec::new(), user, item, rating, reading, time, texts };
    layout.refuse_time_elsewhere(columns, &spec.rating)?;
    layout.time = layout.time.filter(|_| spec.time.as_ref().is_some_and(|time| time.asked));
    Ok(layout)
}

/// The error of a footer that cannot be true.
fn damaged(file: &InputFile) -> Error {
    let problem = "this Parquet file is damaged: its footer states more rows or bytes than a file can have";
    Error::data(file.path.display().to_string(), problem, "write the file again")
}

impl Layout {
    /// Adds the row groups of a file of `file_bytes` bytes; `None` where they have more rows or bytes than a file can
    /// have.
    fn add_row_groups(&mut self, groups: &[RowGroupMetaData], file_bytes: u64) -> Option<()> {
        let leaves: Vec<usize> = self.places().filter_map(Place::leaf).collect();
        let mut n_rows = 0u64;
        for group in groups {
            let size = |leaf: usize| u64::try_from(group.column(leaf).compressed_size()).ok();
            let bytes = leaves.iter().try_fold(0u64, |bytes, &leaf| bytes.checked_add(size(leaf)?))?;
            let rows = u64::try_from(group.num_rows()).ok()?;
            n_rows = n_rows.checked_add(rows)?;
            if bytes > file_bytes || n_rows >= MOST_IN_FILE {
                return None;
            }
            self.row_groups.push(rows);
            self.bytes.push(bytes);
        }
        Some(())
    }

    /// Refuses a time in the column of another role. A rating that is only looked for by default gives way to it.
    fn refuse_time_elsewhere(&mut self, columns: &Columns<'_>, rating: &RatingColumn) -> Result<()> {
        let Some(time) = &self.time else { return Ok(()) };
        let is_time = |place: &Place| place.column() == time.place.column();
        if *rating == RatingColumn::Default && self.rating.as_ref().is_some_and(is_time) {
            self.rating = None;
        }
        if [Some(&self.user), Some(&self.item), self.rating.as_ref()].into_iter().flatten().any(is_time) {
            let problem = "the time is in the column of an id or of the rating".into();
            return Err(columns.misfit("time", problem, "name another column"));
        }
        Ok(())
    }
}
