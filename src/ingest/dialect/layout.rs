//! Delimiter, header and columns of a text file, as a section of the job file asks for them.

use super::columns::Table;
use super::delimiter::{check_delimiter, delimiter, usual_columns};
use super::head::{HEAD_BYTES, bom, check_is_text, first_lines};
use super::header::has_header;
use super::want::{Row, Want, text};
use crate::error::{Error, Result};
use crate::ingest::fields::split;

/// What was found.
pub struct Layout {
    pub delimiter: Vec<u8>,
    pub data_start: u64,
    pub columns: usize,
    /// The column of each key.
    pub found: Vec<Option<usize>>,
}

/// Finds delimiter, header and columns in the head of a file.
pub fn layout(want: &Want<'_>, head: &[u8]) -> Result<Layout> {
    check_delimiter(want)?;
    let head_is_all = head.len() < HEAD_BYTES;
    let head = &head[..head.len().min(HEAD_BYTES)];
    check_is_text(want.path, head)?;
    let lines = first_lines(head, head_is_all);
    if lines.is_empty() {
        return empty_layout(want, head);
    }
    let texts: Vec<&[u8]> = lines.iter().map(|l| l.text).collect();
    let delimiter = delimiter(want, &texts)?;
    let rows = rows(want, &texts, &delimiter)?;
    let header = has_header(want, &rows)?;
    let columns = if header { rows[0].len() } else { usual_columns(&rows) };
    let names: Option<Vec<String>> = header.then(|| rows[0].iter().map(|f| text(f)).collect());
    let table = Table { names: names.as_deref(), columns, delimiter: &delimiter };
    let found = want.keys.iter().map(|key| want.resolve(key, &table)).collect::<Result<_>>()?;
    let data_start = if header { lines[0].next } else { bom(head) as u64 };
    Ok(Layout { delimiter, data_start, columns, found })
}

/// The fields of the lines in which no quote stays open; the first line is one of them.
fn rows(want: &Want<'_>, lines: &[&[u8]], delimiter: &[u8]) -> Result<Vec<Row>> {
    if split(lines[0], delimiter).is_none() {
        let remedy = format!("correct the line or set {}.delimiter", want.section);
        return Err(refused(want, "a quote in the first line stays open", remedy));
    }
    Ok(lines.iter().filter_map(|line| split(line, delimiter)).collect())
}

/// The layout of a file without lines.
fn empty_layout(want: &Want<'_>, head: &[u8]) -> Result<Layout> {
    if head.len() >= HEAD_BYTES {
        let problem = format!("no line within the first {} KiB", HEAD_BYTES >> 10);
        return Err(refused(want, problem, "check that it is a text file with one row a line"));
    }
    let delimiter = want.delimiter.unwrap_or(",").as_bytes().to_vec();
    Ok(Layout { delimiter, data_start: head.len() as u64, columns: 0, found: vec![None; want.keys.len()] })
}

fn refused(want: &Want<'_>, problem: impl Into<String>, remedy: impl Into<String>) -> Error {
    Error::data(want.path.display().to_string(), problem, remedy)
}
