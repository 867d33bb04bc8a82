//! The header and some rows of a file of any kind.

use super::content::Content;
use super::words::{AMOUNTS, BASKETS, COUNTS, ITEMS, Name, OPINIONS, TIMES, USERS};
use crate::error::Result;
use crate::ingest::dialect::{HEAD_BYTES, Sketch, sketch};
use crate::ingest::fields::{split, trim, without_cr};
use crate::ingest::source::{Codec, InputFile, Opened, failed};
use crate::ingest::tables::{self, Kind};
use crate::job::{FileFormat, FilesSpec};

/// Rows that are looked at, about.
const ROWS: usize = 8_000;
/// A table with more columns is no list of ratings.
const WIDEST: usize = 256;
/// Places all over a text from which rows are taken.
const PLACES: u64 = 8;

/// What a file looks like.
pub struct Look {
    /// The names of the columns, where there is a header.
    pub names: Option<Vec<String>>,
    pub columns: usize,
    pub rows: Vec<Vec<String>>,
}

/// Looks at a file. `None` where it is no table that the job can mean, which reading it will then say.
pub fn look(spec: &FilesSpec, file: &InputFile) -> Result<Option<Look>> {
    look_at(spec, file, ROWS)
}

/// Looks at the head of a file only, which is enough for its names.
pub fn glance(spec: &FilesSpec, file: &InputFile) -> Result<Option<Look>> {
    look_at(spec, file, 0)
}

/// `n_rows` behind the head of a text, or in all of a file of typed columns; none where that is 0.
fn look_at(spec: &FilesSpec, file: &InputFile, n_rows: usize) -> Result<Option<Look>> {
    Ok(look_at_any(spec, file, n_rows)?.filter(|look| look.columns <= WIDEST))
}

fn look_at_any(spec: &FilesSpec, file: &InputFile, n_rows: usize) -> Result<Option<Look>> {
    if let Some(kind) = Kind::beside_files(file) {
        return look_at_table(kind, file, n_rows).map(Some);
    }
    let opened = file.open()?;
    let head = opened.read_at(0, (HEAD_BYTES as u64).min(file.bytes)).map_err(|e| failed(&file.path, &e))?;
    match (spec.format, Kind::of(&head)) {
        (FileFormat::Delimited, Some(_)) => Ok(None),
        (FileFormat::Parquet, kind) if kind != Some(Kind::Parquet) => Ok(None),
        (FileFormat::Arrow, kind) if kind != Some(Kind::Arrow) => Ok(None),
        (_, Some(kind)) => look_at_table(kind, file, n_rows).map(Some),
        _ => look_at_text(spec, file, &opened, &head, n_rows > 0),
    }
}

fn look_at_table(kind: Kind, file: &InputFile, n_rows: usize) -> Result<Look> {
    let (names, rows) = tables::first_rows(kind, file, n_rows)?;
    Ok(Look { columns: names.len(), names: Some(names), rows })
}

fn look_at_text(
    spec: &FilesSpec,
    file: &InputFile,
    opened: &Opened,
    head: &[u8],
    further: bool,
) -> Result<Option<Look>> {
    let codec = Codec::of(head);
    let unpacked = if codec == Codec::None { None } else { Some(file.head(codec, PLACES as usize * HEAD_BYTES)?) };
    let head = unpacked.as_deref().unwrap_or(head);
    let Some(Sketch { delimiter, columns, rows }) = sketch(head, spec.delimiter.as_deref()) else { return Ok(None) };
    let mut rows: Vec<Vec<String>> = rows.iter().map(|row| texts(row)).collect();
    if columns > WIDEST {
        return Ok(None);
    }
    let header = spec.header.unwrap_or_else(|| begins_with_header(&rows));
    let names = header.then(|| rows.remove(0));
    let columns = names.as_ref().map_or(columns, Vec::len);
    if !further {
        return Ok(Some(Look { names, columns, rows }));
    }
    if unpacked.is_some() {
        let first = memchr::memrchr(b'\n', &head[..head.len().min(HEAD_BYTES)]).unwrap_or(head.len() - 1);
        rows.extend(rows_of(&head[first + 1..], &delimiter));
    } else {
        rows.extend(rows_elsewhere(file, opened, &delimiter)?);
    }
    Ok(Some(Look { names, columns, rows }))
}

/// Rows of a text that is not packed, from places behind its head.
fn rows_elsewhere(file: &InputFile, opened: &Opened, delimiter: &[u8]) -> Result<Vec<Vec<String>>> {
    let length = HEAD_BYTES as u64;
    if file.bytes < PLACES * length {
        let rest = opened.read_at(0, file.bytes).map_err(|e| failed(&file.path, &e))?;
        let behind = rest.get(HEAD_BYTES..).unwrap_or_default();
        return Ok(rows_of(after_a_line(behind), delimiter));
    }
    let mut rows = Vec::new();
    for place in 1..PLACES {
        let start = file.bytes / PLACES * place;
        let bytes = opened.read_at(start, length).map_err(|e| failed(&file.path, &e))?;
        rows.extend(rows_of(after_a_line(&bytes), delimiter).into_iter().take(ROWS / PLACES as usize));
    }
    Ok(rows)
}

fn after_a_line(bytes: &[u8]) -> &[u8] {
    memchr::memchr(b'\n', bytes).map_or(&[], |end| &bytes[end + 1..])
}

/// The rows of whole lines.
fn rows_of(bytes: &[u8], delimiter: &[u8]) -> Vec<Vec<String>> {
    let whole = memchr::memrchr(b'\n', bytes).map_or(&[][..], |end| &bytes[..end]);
    let lines = whole.split(|&byte| byte == b'\n').filter(|line| !trim(line).is_empty()).take(ROWS);
    lines.filter_map(|line| split(without_cr(line), delimiter)).map(|row| texts(&row)).collect()
}

fn texts(row: &[Vec<u8>]) -> Vec<String> {
    row.iter().map(|field| String::from_utf8_lossy(trim(field)).into_owned()).collect()
}

/// Whether the first row holds the names of the columns: none of its fields is a number, a date or a value that comes again below,
/// and numbers or dates stand below one of them, or one is a word that headers use.
fn begins_with_header(rows: &[Vec<String>]) -> bool {
    let (first, rest) = (&rows[0], &rows[1..]);
    let of_first = |column: usize| Content::of(&rows[..1], column);
    let is_value = |content: &Content<'_>| content.is_number() || content.is_date();
    let fields = || first.iter().enumerate().filter(|(_, field)| !field.is_empty());
    let comes_again = |(column, field): (usize, &String)| rest.iter().any(|row| row.get(column) == Some(field));
    if fields().any(|(column, _)| is_value(&of_first(column))) || fields().any(comes_again) {
        return false;
    }
    let values_follow = fields().any(|(column, _)| is_value(&Content::of(rest, column)));
    values_follow || fields().any(|(_, field)| is_header_word(field))
}

/// A field with a digit in it is an id rather (`user-17`).
fn is_header_word(field: &str) -> bool {
    let name = Name::of(field);
    let is_word = name.names(USERS) > 0
        || name.names(ITEMS) > 0
        || [BASKETS, OPINIONS, COUNTS, AMOUNTS, TIMES].iter().any(|words| name.has(words));
    is_word && !field.contains(|letter: char| letter.is_ascii_digit())
}

/// What a message calls a column: its name, if that is short and stays on the line; else its index.
pub fn called(look: &Look, column: usize) -> String {
    const LONGEST: usize = 60;
    let is_short = |name: &&String| name.len() <= LONGEST && !name.is_empty() && !name.contains(char::is_control);
    let name = look.names.as_ref().and_then(|names| names.get(column)).filter(is_short);
    name.cloned().unwrap_or_else(|| column.to_string())
}
