//! The first rows of a file as a run reads them, to be shown.

use super::dialect::{BOM, Dialect, HEAD_BYTES};
use super::fields::{is_blank, split, trim, without_cr};
use super::ids::Id;
use super::plan::{Format, PlannedFile};
use super::rejects::Reject;
use super::scan::{self, BadRow, Range, RawRow, RowSink};
use super::tables::{Stored, Table};
use crate::error::Result;

/// What the beginning of a file holds.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Peek {
    /// The names of the columns in the header of a text; empty where there is none.
    pub names: Vec<String>,
    /// The first rows: user, item, rating.
    pub rows: Vec<(Id, Id, f64)>,
    /// Rows that were read, good and bad.
    pub n_looked_at: u64,
    pub bad: Vec<Reject>,
}

/// Rows of a file of typed columns that are looked at.
const LOOK_ROWS: u64 = 64 << 10;

/// Reads the beginning of a file; of one of typed columns up to 65,536 rows of the first group. `index` is its place among the files of the
/// job. Keeps `n_rows` rows.
pub fn peek(planned: &PlannedFile, index: u32, n_rows: usize) -> Result<Peek> {
    let mut looking = Looking { index, n_rows, found: Peek::default() };
    match &planned.format {
        Format::Text { dialect, .. } => {
            let head = head(planned)?;
            looking.found.names = names(&head, dialect);
            scan::scan(&head, &Range { start: 0, end: head.len() as u64 }, dialect, &mut looking);
        }
        Format::Table { layout, .. } if layout.groups.is_empty() => {}
        Format::Table { stored, layout } => {
            let table = Table::open(&planned.file, stored)?;
            if let Stored::Database(_) = stored {
                table.scan_query(Some(LOOK_ROWS), layout, &mut looking)?;
                return Ok(looking.found);
            }
            let rows = layout.whole(0).first(LOOK_ROWS);
            table.scan(&rows, None, layout, &mut looking)?
        }
    }
    Ok(looking.found)
}

/// The first lines of a text, unpacked, none of them cut.
fn head(planned: &PlannedFile) -> Result<Vec<u8>> {
    let Format::Text { codec, .. } = planned.format else { return Ok(Vec::new()) };
    let mut head = planned.file.head(codec, HEAD_BYTES)?;
    if head.len() == HEAD_BYTES {
        head.truncate(memchr::memrchr(b'\n', &head).map_or(0, |at| at + 1));
    }
    Ok(head)
}

/// The last line before the data that is not blank.
fn names(head: &[u8], dialect: &Dialect) -> Vec<String> {
    let before = &head[..head.len().min(dialect.data_start as usize)];
    let before = before.strip_prefix(BOM).unwrap_or(before);
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

    use super::super::plan;
    use super::*;
    use crate::collective::Solo;
    use crate::job::{Duplicates, FilesSpec, Input, OnBad, Source};

    fn peek_at(name: &str, content: &[u8]) -> Peek {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::File::create(&path).and_then(|mut file| file.write_all(content)).unwrap();
        let spec = FilesSpec::by_position(vec![path]);
        let (duplicates, on_bad) = (Duplicates::Error, OnBad::Reject);
        let input = Input { source: Source::Files(spec), duplicates, on_bad, max_bad: 1.0, items: None };
        let planned = plan::plan(&mut Solo, &input, folder.path()).unwrap();
        peek(&planned.plan.planned_files()[0], 0, 2).unwrap()
    }

    #[test]
    fn names_and_first_rows_are_those_of_the_file() {
        let text = "\u{feff}who, what ,stars\n1,\"a,b\",3.5\n2,c,x\n3,d,1\n4,e,2\n";
        let seen = peek_at("r.csv", text.as_bytes());
        assert_eq!(seen.names, ["who", "what", "stars"]);
        assert_eq!(seen.rows[0], (Id::Number(1), Id::Text("a,b".into()), 3.5));
        assert_eq!((seen.rows.len(), seen.n_looked_at, seen.bad.len(), seen.bad[0].line), (2, 4, 1, 0));
        assert_eq!(peek_at("r.csv.zst", &zstd::encode_all(text.as_bytes(), 0).unwrap()), seen);
    }

    #[test]
    fn a_line_that_the_head_cuts_is_no_bad_row() {
        let seen = peek_at("r.tsv", "1\t2\t3\n".repeat(HEAD_BYTES).as_bytes());
        assert!(seen.names.is_empty() && seen.bad.is_empty());
        assert!(seen.n_looked_at as usize <= HEAD_BYTES / 6 && seen.n_looked_at > 1000);
    }
}
