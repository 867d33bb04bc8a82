//! Columns of any kind as texts: for titles and metadata.

use super::groups::Groups;
use super::model::Place;
use super::values::{BATCH, Values};
use crate::error::Result;
use crate::job::Column;

/// Hands the columns that a section of the job file names to `each`, as texts, with the number of the row. A missing
/// value is an empty text.
pub fn read_texts(
    groups: &impl Groups,
    section: &'static str,
    keys: &[(&'static str, &Column)],
    mut each: impl FnMut(u64, &[String]) -> Result<()>,
) -> Result<()> {
    let columns = groups.columns(section);
    let places = keys.iter().map(|(key, column)| columns.place(key, column)).collect::<Result<Vec<Place>>>()?;
    let mut number = 0;
    for group in 0..groups.n_groups() {
        read_group(groups, group, &places, u64::MAX, |texts| {
            each(number, texts)?;
            number += 1;
            Ok(())
        })?;
    }
    Ok(())
}

/// The names of the columns that hold one value a row, and the first rows, as texts: `n_rows` of them at most.
pub fn first_rows(groups: &impl Groups, n_rows: usize) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    let (names, places): (Vec<String>, Vec<Place>) = groups.columns("input").plain().into_iter().unzip();
    let mut rows = Vec::new();
    for group in 0..groups.n_groups() {
        if rows.len() == n_rows {
            break;
        }
        read_group(groups, group, &places, (n_rows - rows.len()) as u64, |texts| {
            rows.push(texts.to_vec());
            Ok(())
        })?;
    }
    Ok((names, rows))
}

/// Hands the first `n_rows` rows of a group to `each`, as texts.
pub fn read_group(
    groups: &impl Groups,
    group: usize,
    places: &[Place],
    n_rows: u64,
    mut each: impl FnMut(&[String]) -> Result<()>,
) -> Result<()> {
    let mut values = Values::open(groups, group, places.iter())?;
    let mut texts = Vec::new();
    let mut left = groups.rows(group).unwrap_or(0).min(n_rows);
    while left > 0 {
        let wanted = left.min(BATCH as u64) as usize;
        values.iter_mut().try_for_each(|values| values.fill(wanted)).map_err(|e| groups.unreadable(&e))?;
        for row in 0..wanted {
            texts.clear();
            texts.extend(values.iter().map(|values| values.text(row)));
            each(&texts)?;
        }
        left -= wanted as u64;
    }
    Ok(())
}

/// The number of rows of a file that has these columns.
pub fn n_rows(groups: &impl Groups, section: &'static str, keys: &[(&str, Column)]) -> Result<u64> {
    let columns = groups.columns(section);
    keys.iter().try_for_each(|(key, column)| columns.place(key, column).map(drop))?;
    let total = (0..groups.n_groups()).try_fold(0u64, |total, group| total.checked_add(groups.rows(group)?));
    total.ok_or_else(|| groups.changed())
}
