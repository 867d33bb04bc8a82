//! A table as CSV.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use super::columns::{Table, Values};
use crate::error::{Error, Result};
use crate::results::files::DISK_REMEDY;

impl Table<'_> {
    /// Writes the table as CSV with a header: comma, LF, quotes where needed.
    pub fn write_csv(&self, path: &Path) -> Result<()> {
        let written = File::create(path).and_then(|file| {
            let mut csv = CsvFile::begin(file, self)?;
            csv.append(self)?;
            csv.finish()
        });
        written.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
    }
}

/// CSV that a table is written to part by part, into a sink that need not be buffered.
pub struct CsvFile<W: Write>(csv::Writer<W>);

impl<W: Write> CsvFile<W> {
    /// With a header of the columns of `like`.
    pub fn begin(sink: W, like: &Table) -> io::Result<CsvFile<W>> {
        let mut writer = csv::Writer::from_writer(sink);
        writer.write_record(like.columns.iter().map(|c| c.name))?;
        Ok(CsvFile(writer))
    }

    pub fn append(&mut self, rows: &Table) -> io::Result<()> {
        let mut cell = String::new();
        for row in 0..rows.n_rows() {
            for column in &rows.columns {
                cell.clear();
                column.values.write_cell(row, &mut cell);
                self.0.write_field(&cell)?;
            }
            self.0.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Values<'_> {
    /// The value in `row` as CSV writes it: reals in the shortest form that reads back to the same bits.
    fn write_cell(&self, row: usize, cell: &mut String) {
        let written = match self {
            Values::U32(v) => write!(cell, "{}", v[row]),
            Values::U64(v) => write!(cell, "{}", v[row]),
            Values::F64(v) => write!(cell, "{:?}", v[row]),
            Values::Text(v) => write!(cell, "{}", v[row]),
            Values::Nullable(v) => write!(cell, "{}", v[row].unwrap_or_default()),
        };
        written.expect("writing to a string does not fail");
    }
}
