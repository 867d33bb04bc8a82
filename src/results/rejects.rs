//! `rejects.tsv`: the rows that were left out, and why.
//!
//! One line per row, tab-separated, with a header. In every text a tab, line feed, carriage return or backslash is
//! written `\t`, `\n`, `\r`, `\\`, so that a line stays a line and the raw text can be had back.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use crate::error::{Error, Result};
use crate::results::files::DISK_REMEDY;

/// A row that was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct RejectLine {
    pub file: String,
    /// From 1.
    pub line: u64,
    /// Where the line begins in the file, from 0.
    pub byte: u64,
    /// A short stable name of what is wrong, such as `BAD_RATING`.
    pub code: String,
    /// The field it is wrong with.
    pub field: String,
    /// The line as it was read.
    pub raw: String,
}

/// Writes the lines in the order given.
pub fn write(lines: &[RejectLine], path: &Path) -> Result<()> {
    let file = File::create(path).map_err(|e| Error::file(path, "cannot create", &e, DISK_REMEDY))?;
    let mut sink = BufWriter::new(file);
    let written = sink.write_all(HEADER).and_then(|()| encode(lines, &mut sink));
    written.map_err(|e| Error::file(path, "cannot write", &e, DISK_REMEDY))
}

/// The first line of a file.
pub const HEADER: &[u8] = b"file\tline\tbyte\tcode\tfield\traw\n";

/// The lines behind it.
pub fn encode(lines: &[RejectLine], mut sink: impl Write) -> std::io::Result<()> {
    for l in lines {
        let [file, code, field, raw] = [&l.file, &l.code, &l.field, &l.raw].map(|text| escape(text));
        writeln!(sink, "{file}\t{}\t{}\t{code}\t{field}\t{raw}", l.line, l.byte)?;
    }
    sink.flush()
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_stays_one_line_whatever_it_holds() {
        let raw = "1\t2\tx\\y\r\n".to_string();
        let line = RejectLine {
            file: "u.data".into(),
            line: 3,
            byte: 20,
            code: "BAD_RATING".into(),
            field: "rating".into(),
            raw,
        };
        let mut sink = HEADER.to_vec();
        encode(&[line], &mut sink).unwrap();
        let text = String::from_utf8(sink).unwrap();
        assert_eq!(
            text,
            "file\tline\tbyte\tcode\tfield\traw\nu.data\t3\t20\tBAD_RATING\trating\t1\\t2\\tx\\\\y\\r\\n\n"
        );
    }
}
