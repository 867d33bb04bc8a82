//! A row group to rows.

use std::sync::Arc;

use parquet::basic::Encoding;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

use super::chunks::Chunks;
use super::column::{Column, Raw};
use super::layout::{self, Columns, Kind, Layout, Place};
use super::unreadable;
use super::value::{Ids, rating_of, show, time_of};
use crate::error::{Error, Result};
use crate::ingest::scan::{BadRow, Checked, Flaw, RawRow, RowSink};
use crate::ingest::source::{InputFile, Opened, failed};
use crate::job::Column as ColumnKey;

/// Rows read at a time: their values stay in the cache.
const BATCH: usize = 4096;

/// The row groups of an open file.
pub struct RowGroups {
    file: InputFile,
    opened: Arc<Opened>,
    metadata: ParquetMetaData,
}

/// Where the values of one role come from.
enum Values {
    Column(Box<Column>),
    Same(ByteArray),
}

impl Values {
    fn kind(&self) -> Kind {
        match self {
            Values::Column(column) => column.kind,
            Values::Same(_) => Kind::Text,
        }
    }

    #[inline(always)]
    fn value(&self, row: usize) -> Raw<'_> {
        match self {
            Values::Column(column) => column.value(row),
            Values::Same(bytes) => Raw::Bytes(bytes),
        }
    }

    fn text(&self, row: usize) -> String {
        let mut text = String::new();
        show(self.value(row), self.kind(), &mut text);
        text
    }
}

impl RowGroups {
    pub fn open(file: &InputFile) -> Result<RowGroups> {
        let opened = file.open()?;
        let metadata = layout::metadata(&opened, file)?;
        Ok(RowGroups { file: file.clone(), opened: Arc::new(opened), metadata })
    }

    /// Hands every row of a row group to `sink`, in order; the `byte` of a row is its number in the file.
    pub fn scan(&self, index: usize, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        let group = self.metadata.row_groups().get(index);
        let group =
            group.filter(|group| group.num_rows() as u64 == layout.row_groups[index]).ok_or_else(|| self.changed())?;
        let chunks = self.chunks(group, layout.places())?;
        let scanned = scan_group(&chunks, group, layout, layout.first_row(index), sink);
        scanned.map_err(|e| unreadable(&self.file.path, &e))
    }

    /// The bytes of the columns of a row group.
    fn chunks<'p>(&self, group: &RowGroupMetaData, places: impl Iterator<Item = &'p Place>) -> Result<Chunks> {
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

    fn changed(&self) -> Error {
        Error::File {
            path: self.file.path.clone(),
            problem: "it holds other row groups than when the list of files was made".into(),
            remedy: "give every machine the same files and do not change them during a run".into(),
        }
    }
}

/// Hands the columns that a section of the job file names to `each`, as texts, with the number of the row. A missing
/// value is an empty text.
pub fn read_texts(
    file: &InputFile,
    section: &'static str,
    keys: &[(&'static str, &ColumnKey)],
    mut each: impl FnMut(u64, &[String]) -> Result<()>,
) -> Result<()> {
    let groups = RowGroups::open(file)?;
    let columns = Columns::of(section, &file.path, groups.metadata.file_metadata().schema_descr());
    let places = keys.iter().map(|(key, column)| columns.place(key, column)).collect::<Result<Vec<Place>>>()?;
    let unreadable = |e: ParquetError| unreadable(&file.path, &e);
    let mut number = 0;
    let mut texts = Vec::new();
    for group in groups.metadata.row_groups() {
        let chunks = groups.chunks(group, places.iter())?;
        let values =
            places.iter().map(|place| open(&chunks, group, place)).collect::<parquet::errors::Result<Vec<_>>>();
        let mut values = values.map_err(unreadable)?;
        let mut left = group.num_rows() as usize;
        while left > 0 {
            let wanted = BATCH.min(left);
            values.iter_mut().try_for_each(|values| fill(values, wanted)).map_err(unreadable)?;
            for row in 0..wanted {
                texts.clear();
                texts.extend(values.iter().map(|values| values.text(row)));
                each(number, &texts)?;
                number += 1;
            }
            left -= wanted;
        }
    }
    Ok(())
}

/// The rows of a file that has these columns.
pub fn n_rows(file: &InputFile, section: &'static str, keys: &[(&str, ColumnKey)]) -> Result<u64> {
    let groups = RowGroups::open(file)?;
    let metadata = &groups.metadata;
    let columns = Columns::of(section, &file.path, metadata.file_metadata().schema_descr());
    keys.iter().try_for_each(|(key, column)| columns.place(key, column).map(drop))?;
    let rows = |group: &RowGroupMetaData| u64::try_from(group.num_rows()).ok();
    let total = metadata.row_groups().iter().try_fold(0u64, |total, group| total.checked_add(rows(group)?));
    total.ok_or_else(|| groups.changed())
}

fn scan_group(
    chunks: &Chunks,
    group: &RowGroupMetaData,
    layout: &Layout,
    first_row: u64,
    sink: &mut impl RowSink,
) -> parquet::errors::Result<()> {
    let mut user = open(chunks, group, &layout.user)?;
    let mut item = open(chunks, group, &layout.item)?;
    let mut rating = layout.rating.as_ref().map(|place| open(chunks, group, place)).transpose()?;
    let mut time = layout.time.as_ref().map(|time| open(chunks, group, &time.place)).transpose()?;
    let ids = |name, values: &Values, place: &Place| {
        let dictionary = place.leaf().is_none_or(|leaf| has_dictionary(group, leaf));
        Ids::new(name, place.column(), values.kind(), dictionary)
    };
    let mut users = ids("user", &user, &layout.user);
    let mut items = ids("item", &item, &layout.item);
    let rating_column = layout.rating.as_ref().map_or(0, Place::column);
    let (mut done, n_rows) = (0, group.num_rows() as u64);
    while done < n_rows {
        let wanted = BATCH.min((n_rows - done) as usize);
        for values in [Some(&mut user), Some(&mut item), rating.as_mut(), time.as_mut()].into_iter().flatten() {
            fill(values, wanted)?;
        }
        for row in 0..wanted {
            let number = first_row + done + row as u64;
            let read = users.id(user.value(row)).and_then(|user| {
                let item = items.id(item.value(row))?;
                let rating = rating_at(rating.as_ref(), row, rating_column)?;
                let time = match (&time, &layout.time) {
                    (Some(values), Some(of)) => time_of(values.value(row), values.kind(), of)?,
                    _ => 0,
                };
                Ok((user, item, rating, time))
            });
            match read {
                Ok((user, item, rating, time)) => {
                    sink.row(RawRow { user, item, rating, time, byte: number, line: number });
                }
                Err(flaw) => {
                    let raw = shown([Some(&user), Some(&item), rating.as_ref(), time.as_ref()], row);
                    sink.bad(bad(*flaw, raw.as_bytes(), number));
                }
            }
        }
        done += wanted as u64;
    }
    Ok(())
}

#[inline(always)]
fn rating_at(rating: Option<&Values>, row: usize, column: usize) -> Checked<f64> {
    match rating {
        Some(values) => rating_of(values.value(row), values.kind(), column),
        None => Ok(1.0),
    }
}

fn open(chunks: &Chunks, group: &RowGroupMetaData, place: &Place) -> parquet::errors::Result<Values> {
    Ok(match place {
        Place::Leaf { leaf, kind, .. } => Values::Column(Box::new(Column::open(chunks, group, *leaf, *kind)?)),
        Place::Folder { value, .. } => Values::Same(ByteArray::from(value.as_str())),
    })
}

/// Reads a batch. Fewer rows than the footer says mean a damaged file.
fn fill(values: &mut Values, rows: usize) -> parquet::errors::Result<()> {
    let Values::Column(column) = values else { return Ok(()) };
    if column.read(rows)? < rows {
        return Err(ParquetError::EOF("a column has fewer rows than its row group".into()));
    }
    Ok(())
}

fn has_dictionary(group: &RowGroupMetaData, leaf: usize) -> bool {
    let dictionaries = [Encoding::PLAIN_DICTIONARY, Encoding::RLE_DICTIONARY];
    group.column(leaf).encodings().any(|encoding| dictionaries.contains(&encoding))
}

/// The values of a row as a line of text.
fn shown(values: [Option<&Values>; 4], row: usize) -> String {
    values.into_iter().flatten().map(|values| values.text(row)).collect::<Vec<_>>().join(",")
}

fn bad(flaw: Flaw, raw: &[u8], row: u64) -> BadRow<'_> {
    BadRow { code: flaw.code, field: flaw.field, problem: flaw.problem, raw, byte: row, line: row }
}
