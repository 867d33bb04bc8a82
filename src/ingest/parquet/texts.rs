//! Columns of any kind as texts: for titles and metadata.

use parquet::file::metadata::RowGroupMetaData;

use super::groups::RowGroups;
use super::model::Place;
use super::values::{BATCH, Values};
use crate::error::Result;
use crate::ingest::source::InputFile;
use crate::job::Column;

/// Hands the columns that a section of the job file names to `each`, as texts, with the number of the row. A missing
/// value is an empty text.
pub fn read_texts(
    file: &InputFile,
    section: &'static str,
    keys: &[(&'static str, &Column)],
    mut each: impl FnMut(u64, &[String]) -> Result<()>,
) -> Result<()> {
    let groups = RowGroups::open(file)?;
    let columns = groups.columns(section);
    let places = keys.iter().map(|(key, column)| columns.place(key, column)).collect::<Result<Vec<Place>>>()?;
    let mut number = 0;
    for group in groups.all() {
        read_group(&groups, group, &places, usize::MAX, |texts| {
            each(number, texts)?;
            number += 1;
            Ok(())
        })?;
    }
    Ok(())
}

/// The names of the columns that hold one value a row, and the first rows, as texts: `n_rows` of them at most, all of the
/// first row group.
pub fn first_rows(file: &InputFile, n_rows: usize) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let groups = RowGroups::open(file)?;
    let (names, places): (Vec<String>, Vec<Place>) = groups.columns("input").plain().into_iter().unzip();
    let mut rows = Vec::new();
    if let Some(group) = groups.all().first().filter(|_| n_rows > 0) {
        read_group(&groups, group, &places, n_rows, |texts| {
            rows.push(texts.to_vec());
            Ok(())
        })?;
    }
    Ok((names, rows))
}

/// The first `n_rows` rows of a group.
fn read_group(
    groups: &RowGroups,
    group: &RowGroupMetaData,
    places: &[Place],
    n_rows: usize,
    mut each: impl FnMut(&[String]) -> Result<()>,
) -> Result<()> {
    let chunks = groups.chunks(group, places.iter())?;
    let values = places.iter().map(|place| Values::open(&chunks, group, place));
    let mut values = values.collect::<parquet::errors::Result<Vec<_>>>().map_err(|e| groups.unreadable(&e))?;
    let mut texts = Vec::new();
    let mut left = n_rows.min(group.num_rows() as usize);
    while left > 0 {
        let wanted = BATCH.min(left);
        values.iter_mut().try_for_each(|values| values.fill(wanted)).map_err(|e| groups.unreadable(&e))?;
        for row in 0..wanted {
            texts.clear();
            texts.extend(values.iter().map(|values| values.text(row)));
            each(&texts)?;
        }
        left -= wanted;
    }
    Ok(())
}

/// The number of rows of a file that has these columns.
pub fn n_rows(file: &InputFile, section: &'static str, keys: &[(&str, Column)]) -> Result<u64> {
    let groups = RowGroups::open(file)?;
    let columns = groups.columns(section);
    keys.iter().try_for_each(|(key, column)| columns.place(key, column).map(drop))?;
    let rows = |group: &RowGroupMetaData| u64::try_from(group.num_rows()).ok();
    let total = groups.all().iter().try_fold(0u64, |total, group| total.checked_add(rows(group)?));
    total.ok_or_else(|| groups.changed())
}
