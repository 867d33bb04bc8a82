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
        let written = File::create(path).and_then(|file| self.encode_csv(file));
        written.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
    }

    /// The same into `sink`, which need not be buffered.
    pub fn encode_csv(&self, sink: impl Write) -> io::Result<()> {
        let mut writer = csv::Writer::from_writer(sink);
        writer.write_record(self.columns.iter().map(|c| c.name))?;
        let mut cell = String::new();
        for row in 0..self.n_rows() {
            for column in &self.columns {
                cell.clear();
                column.values.write_cell(row, &mut cell);
                writer.write_field(&cell)?;
            }
            writer.write_record(None::<&[u8]>)?;
        }
        writer.flush()
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
