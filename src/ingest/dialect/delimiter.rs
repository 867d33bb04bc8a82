//! Which delimiter cuts the lines.

use super::head::shorten;
use super::want::{Key, Kind, Row, Want, text};
use crate::error::{Error, Result};
use crate::ingest::fields::split;
use crate::job::Column;

/// In order of preference where the lines fit several.
pub(crate) const DELIMITERS: [&str; 5] = ["\t", "::", "|", ";", ","];

/// Refuses a delimiter in the job file that cannot be one.
pub fn check_delimiter(want: &Want<'_>) -> Result<()> {
    match want.delimiter {
        Some(d) if d.is_empty() || d.contains(['\n', '\r', '"']) => Err(Error::job(
            format!("{}.delimiter", want.section),
            format!("{d:?} cannot delimit columns"),
            "give one or more characters without line ends or quotes",
        )),
        _ => Ok(()),
    }
}

/// The delimiter that the job file gives, or else the one under which the most lines have the usual number of columns
/// and clean ids.
pub fn delimiter(want: &Want<'_>, lines: &[&[u8]]) -> Result<Vec<u8>> {
    if let Some(given) = want.delimiter {
        return Ok(given.as_bytes().to_vec());
    }
    let mut best: Option<((usize, usize), &str)> = None;
    for delimiter in DELIMITERS {
        let Some(score) = score(want, lines, delimiter) else { continue };
        if best.is_none_or(|(highest, _)| score > highest) {
            best = Some((score, delimiter));
        }
    }
    best.map(|(_, delimiter)| delimiter.as_bytes().to_vec()).ok_or_else(|| {
        let problem = format!("no delimiter found in the first line {:?}", shorten(lines[0]));
        want.misfit("delimiter", problem, "set it to what stands between the columns")
    })
}

/// How many lines have the usual number of columns and clean ids, and how many have that number at all; `None` where
/// most lines have one column.
fn score(want: &Want<'_>, lines: &[&[u8]], delimiter: &str) -> Option<(usize, usize)> {
    let rows: Vec<Row> = lines.iter().filter_map(|line| split(line, delimiter.as_bytes())).collect();
    let columns = usual_columns(&rows);
    if columns < 2 {
        return None;
    }
    let ids = id_columns(want, &rows);
    let usual = rows.iter().filter(|row| row.len() == columns);
    let clean = usual.clone().filter(|row| has_clean_ids(row, &ids, delimiter)).count();
    Some((clean, usual.count()))
}

/// The columns of the ids where the lines are cut into `rows`; `None` where an id has none.
fn id_columns(want: &Want<'_>, rows: &[Row]) -> Option<Vec<usize>> {
    let place = |key: &Key| match &key.column {
        Column::Index(index) => Some(*index),
        Column::Name(name) => rows.first()?.iter().position(|f| text(f) == *name),
    };
    want.keys.iter().filter(|k| k.kind == Kind::Id && !want.is_partition(k)).map(place).collect()
}

fn has_clean_ids(row: &Row, ids: &Option<Vec<usize>>, delimiter: &str) -> bool {
    let others = || DELIMITERS.iter().filter(|d| **d != delimiter);
    let clean = |id: &Vec<u8>| !others().any(|d| memchr::memmem::find(id, d.as_bytes()).is_some());
    ids.as_ref().is_some_and(|ids| ids.iter().all(|&i| row.get(i).is_some_and(clean)))
}

/// The most frequent number of columns; the larger of two equally frequent ones.
pub fn usual_columns(rows: &[Row]) -> usize {
    let mut lengths: Vec<usize> = rows.iter().map(Vec::len).collect();
    lengths.sort_unstable();
    let runs = lengths.chunk_by(|a, b| a == b);
    runs.max_by_key(|run| run.len()).map_or(0, |run| run[0])
}
