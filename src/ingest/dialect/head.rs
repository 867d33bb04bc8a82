//! The first lines of a file.

use std::path::Path;

use crate::error::{Error, Result};
use crate::ingest::fields::{is_blank, without_cr};

/// How many bytes of a file [`super::detect`] looks at.
pub const HEAD_BYTES: usize = 64 << 10;

/// The most lines that are looked at.
const HEAD_LINES: usize = 1000;

pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

pub struct Line<'a> {
    pub text: &'a [u8],
    /// Where the next line starts.
    pub next: u64,
}

/// The complete lines of the head that are not blank.
pub fn first_lines(head: &[u8], head_is_all: bool) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut at = bom(head);
    while at < head.len() && lines.len() < HEAD_LINES {
        let end = match memchr::memchr(b'\n', &head[at..]) {
            Some(length) => at + length,
            None if head_is_all => head.len(),
            None => break,
        };
        let text = without_cr(&head[at..end]);
        at = (end + 1).min(head.len());
        if !is_blank(text) {
            lines.push(Line { text, next: at as u64 });
        }
    }
    lines
}

/// The length of the byte-order mark; 0 where there is none.
pub fn bom(head: &[u8]) -> usize {
    if head.starts_with(BOM) { BOM.len() } else { 0 }
}

pub fn check_is_text(path: &Path, head: &[u8]) -> Result<()> {
    let refuse = |problem: &str, remedy: &str| Err(Error::data(path.display().to_string(), problem, remedy));
    match head {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => refuse("this is UTF-16 text", "save it as UTF-8"),
        _ if head.contains(&0) => refuse("this is not a text file", "name files of delimited text"),
        _ => Ok(()),
    }
}

/// The beginning of an input, for a message of one line.
pub fn shorten(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(40) {
        Some((cut, _)) => format!("{}…", &text[..cut]),
        None => text.into_owned(),
    }
}
