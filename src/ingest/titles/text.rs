//! A delimited file of titles.

use std::borrow::Cow;
use std::path::Path;

use super::described::{Described, columns};
use crate::error::{Error, Result};
use crate::ingest::dialect::{self, Key, Layout, Want};
use crate::ingest::fields::{is_blank, without_cr};
use crate::job::{Column, Encoding, TitlesSpec};

/// What the bytes of a delimited file say of its items.
pub(crate) fn from_bytes<'a>(spec: &'a TitlesSpec, bytes: &[u8]) -> Result<Described<'a>> {
    let text = decode(spec, bytes)?;
    let layout = dialect::layout(&want(spec), text.as_bytes())?;
    let described = Described::new(&spec.metadata);
    let Some(columns) = layout.found.iter().copied().collect() else { return Ok(described) };
    let mut reader = Reader { path: &spec.path, columns, described };
    match layout.delimiter[..] {
        [delimiter] => reader.read_csv(&text, delimiter, &layout)?,
        _ => reader.read_lines(&text, &layout)?,
    }
    Ok(reader.described)
}

/// What the job file says about the layout.
fn want(spec: &TitlesSpec) -> Want<'_> {
    let key = |(name, column): &(&'static str, &Column)| match *name {
        "id" => Key::id(name, column),
        _ => Key::text(name, column),
    };
    Want {
        section: "input.items",
        path: &spec.path,
        delimiter: spec.delimiter.as_deref(),
        header: spec.header,
        keys: columns(spec).iter().map(key).collect(),
        partitions: Vec::new(),
    }
}

/// The file as UTF-8. Both encodings keep line ends, so line numbers stay.
fn decode<'b>(spec: &TitlesSpec, bytes: &'b [u8]) -> Result<Cow<'b, str>> {
    match spec.encoding {
        Encoding::Latin1 => Ok(Cow::Owned(bytes.iter().map(|&b| b as char).collect())),
        Encoding::Utf8 => std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|e| Error::Row {
            file: spec.path.clone(),
            line: 1 + newlines(&bytes[..e.valid_up_to()]),
            problem: "not valid UTF-8".into(),
            remedy: "set input.items.encoding = \"latin1\" or save the file as UTF-8".into(),
        }),
    }
}

fn newlines(bytes: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', bytes).count() as u64
}

/// The empty lines at the start of a text.
fn blank_lines(text: &[u8]) -> u64 {
    let ends = text.iter().take_while(|b| matches!(b, b'\r' | b'\n'));
    ends.filter(|b| **b == b'\n').count() as u64
}

/// Reads the rows of the file.
struct Reader<'a, 's> {
    path: &'a Path,
    /// The index in the file of each column that [`columns`] lists.
    columns: Vec<usize>,
    described: Described<'s>,
}

impl Reader<'_, '_> {
    fn read_csv(&mut self, text: &str, delimiter: u8, layout: &Layout) -> Result<()> {
        let (header, body) = text.split_at(layout.data_start as usize);
        let lines_before = newlines(header.as_bytes());
        let mut reader = csv::ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(delimiter)
            .from_reader(body.as_bytes());
        let mut record = csv::StringRecord::new();
        loop {
            let (line, byte) = (reader.position().line(), reader.position().byte() as usize);
            // The reader has yet to skip the blank lines before the record.
            let line = lines_before + line + blank_lines(&body.as_bytes()[byte..]);
            match reader.read_record(&mut record) {
                Ok(true) if record.len() == 1 && is_blank(record[0].as_bytes()) => {}
                Ok(true) => self.add(|column| record.get(column), line)?,
                Ok(false) => return Ok(()),
                Err(error) => return Err(self.bad(line, error.to_string())),
            }
        }
    }

    fn read_lines(&mut self, text: &str, layout: &Layout) -> Result<()> {
        let delimiter = std::str::from_utf8(&layout.delimiter).unwrap_or_default();
        let (header, body) = text.split_at(layout.data_start as usize);
        let first = 1 + newlines(header.as_bytes());
        for (line, row) in (first..).zip(body.split('\n')) {
            if !is_blank(without_cr(row.as_bytes())) {
                let row = row.strip_suffix('\r').unwrap_or(row);
                let cells: Vec<&str> = row.split(delimiter).collect();
                self.add(|column| cells.get(column).copied(), line)?;
            }
        }
        Ok(())
    }

    fn add<'t>(&mut self, cell: impl Fn(usize) -> Option<&'t str>, line: u64) -> Result<()> {
        let [id, title] = [self.columns[0], self.columns[1]];
        let (Some(id), Some(title)) = (cell(id), cell(title)) else {
            let needed = 1 + id.max(title);
            return Err(self.bad(line, format!("the row has fewer than the {needed} columns that are needed")));
        };
        let columns = &self.columns;
        let added = self.described.add(id, title, |at| cell(columns[at]));
        added.map_err(|problem| self.bad(line, problem))
    }

    fn bad(&self, line: u64, problem: String) -> Error {
        let remedy = "fix the row, or input.items.delimiter if the columns are cut wrongly".into();
        Error::Row { file: self.path.to_path_buf(), line, problem, remedy }
    }
}
