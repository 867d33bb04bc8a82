//! The first rows of a file as a run reads them, for somebody to look at.

use std::fs::File;
use std::io::Read as _;

use super::dialect::{Dialect, HEAD_BYTES};
use super::fields::{is_blank, split, trim, without_cr};
use super::files::InputFile;
use super::ids::Id;
use super::rejects::Reject;
use super::scan::{self, BadRow, Range, RawRow, RowSink};
use crate::error::{Error, Result};

/// What the beginning of a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Peek {
    /// What the header calls the columns; empty where there is none.
    pub names: Vec<String>,
    /// The first rows: user, item, rating.
    pub rows: Vec<(Id, Id, f64)>,
    /// Rows looked at, good and bad.
    pub n_looked_at: u64,
    pub bad: Vec<Reject>,
}

/// Looks at the beginning of a file; `index` is its place among the files of the job. Keeps so many rows.
pub fn peek(file: &InputFile, index: u32, dialect: &Dialect, n_rows: usize) -> Result<Peek> {
    let mut head = Vec::new();
    let read = File::open(&file.path).and_then(|f| f.take(HEAD_BYTES as u64).read_to_end(&mut head));
    read.map_err(|e| Error::file(&file.path, "cannot read", &e, "check input.ratings and the file's rights"))?;
    if (head.len() as u64) < file.bytes {
        // The last line may be cut.
        head.truncate(memchr::memrchr(b'\n', &head).map_or(0, |at| at + 1));
    }
    let mut looking = Looking { index, n_rows, found: Peek { names: names(&head, dialect), ..Peek::default() } };
    scan::scan(&head, &Range { file: index, start: 0, end: head.len() as u64 }, dialect, &mut looking);
    Ok(looking.found)
}

/// The last line before the data that is not blank.
fn names(head: &[u8], dialect: &Dialect) -> Vec<String> {
    let before = &head[..head.len().min(dialect.data_start as usize)];
    let before = before.strip_prefix(b"\xef\xbb\xbf").unwrap_or(before);
    let header = before.split(|&b| b == b'\n').map(without_cr).rfind(|line| !is_blank(line));
    let fields = header.and_then(|line| split(line, &dialect.delimiter)).unwrap_or_default();
    fields.iter().map(|field| String::from_utf8_lossy(trim(field)).into_owned()).collect()
}

struct Looking {
    index: u32,
    n_rows: usize,
    found: Peek,
}

impl RowSink for Looking {
    fn row(&mut self, row: RawRow<'_>) {
        self.found.n_looked_at += 1;
        if self.found.rows.len() < self.n_rows {
            self.found.rows.push((row.user.into(), row.item.into(), row.rating));
        }
    }

    fn bad(&mut self, bad: BadRow<'_>) {
        self.found.n_looked_at += 1;
        self.found.bad.push(Reject::new(self.index, bad));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::super::dialect::detect;
    use super::*;
    use crate::job::{Column, FilesSpec, RatingColumn};

    fn peek_at(text: &str) -> Peek {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let (user, item) = (Column::Index(0), Column::Index(1));
        let spec =
            FilesSpec { ratings: Vec::new(), delimiter: None, header: None, user, item, rating: RatingColumn::Default };
        let dialect = detect(&spec, file.path(), text.as_bytes()).unwrap();
        peek(&InputFile { path: file.path().into(), bytes: text.len() as u64 }, 0, &dialect, 2).unwrap()
    }

    #[test]
    fn names_and_first_rows_are_those_of_the_file() {
        let seen = peek_at("\u{feff}who, what ,stars\n1,\"a,b\",3.5\n2,c,x\n3,d,1\n4,e,2\n");
        assert_eq!(seen.names, ["who", "what", "stars"]);
        assert_eq!(seen.rows[0], (Id::Number(1), Id::Text("a,b".into()), 3.5));
        assert_eq!((seen.rows.len(), seen.n_looked_at, seen.bad.len(), seen.bad[0].line), (2, 4, 1, 1));
    }

    #[test]
    fn a_line_that_the_head_cuts_is_no_bad_row() {
        let seen = peek_at(&"1\t2\t3\n".repeat(HEAD_BYTES));
        assert!(seen.names.is_empty() && seen.bad.is_empty());
        assert!(seen.n_looked_at as usize <= HEAD_BYTES / 6 && seen.n_looked_at > 1000);
    }
}
