//! The digest of a table: BLAKE3 over its canonical form, all integers and lengths as 8 little-endian bytes.
//!
//! ```text
//! "segmill table 1\n"
//! length and bytes of the table's name; number of columns; number of rows
//! for each column: length and bytes of its name; one byte for its type: i (whole), f (real), t (text), o (nullable text)
//!                  whole: each value      real: the IEEE 754 bits of each value
//!                  text: length and UTF-8 bytes of each value; a missing text has the length 2⁶⁴ − 1 and no bytes
//! ```

use std::fs::File;
use std::path::Path;

use super::columns::{Column, Table, Values};

const DOMAIN: &str = "segmill table 1\n";
/// The length that stands for a missing text in the canonical form.
const MISSING: u64 = u64::MAX;

impl Table<'_> {
    /// BLAKE3 of the canonical form, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        self.begin(self.n_rows() as u64, &mut hasher);
        for column in &self.columns {
            column.begin(&mut hasher);
            column.values.put(&mut hasher);
        }
        hasher.finalize().to_hex().to_string()
    }

    /// What comes before the columns of a table of `n_rows` rows.
    pub(super) fn begin(&self, n_rows: u64, sink: &mut impl Sink) {
        sink.take(DOMAIN.as_bytes());
        text(self.name, sink);
        whole(self.columns.len() as u64, sink);
        whole(n_rows, sink);
    }
}

impl Column<'_> {
    /// What comes before the values.
    pub(super) fn begin(&self, sink: &mut impl Sink) {
        text(self.name, sink);
        sink.take(match self.values {
            Values::U32(_) | Values::U64(_) => b"i",
            Values::F64(_) => b"f",
            Values::Text(_) => b"t",
            Values::Nullable(_) => b"o",
        });
    }
}

impl Values<'_> {
    pub(super) fn put(&self, sink: &mut impl Sink) {
        match self {
            Values::U32(v) => words(v, u64::from, sink),
            Values::U64(v) => words(v, |x| x, sink),
            Values::F64(v) => words(v, f64::to_bits, sink),
            Values::Text(v) => v.iter().for_each(|value| text(value, sink)),
            Values::Nullable(v) => v.iter().for_each(|value| match value {
                Some(value) => text(value, sink),
                None => whole(MISSING, sink),
            }),
        }
    }
}

/// What takes the bytes of a canonical form, in order.
pub(super) trait Sink {
    fn take(&mut self, bytes: &[u8]);
}

impl Sink for blake3::Hasher {
    fn take(&mut self, bytes: &[u8]) {
        self.update(bytes);
    }
}

fn whole(value: u64, sink: &mut impl Sink) {
    sink.take(&value.to_le_bytes());
}

fn text(text: &str, sink: &mut impl Sink) {
    whole(text.len() as u64, sink);
    sink.take(text.as_bytes());
}

/// 8-byte words, through a buffer: hashers are fast on long inputs only.
fn words<T: Copy>(values: &[T], word: impl Fn(T) -> u64, sink: &mut impl Sink) {
    let mut buffer = [0u8; 16 << 10];
    for chunk in values.chunks(buffer.len() / 8) {
        for (bytes, &value) in buffer.chunks_exact_mut(8).zip(chunk) {
            bytes.copy_from_slice(&word(value).to_le_bytes());
        }
        sink.take(&buffer[..chunk.len() * 8]);
    }
}

/// A hash over a self-delimiting form: lengths before contents, so no two inputs share a form.
pub(crate) struct Digest(blake3::Hasher);

impl Digest {
    pub(crate) fn new(domain: &str) -> Digest {
        let mut hasher = blake3::Hasher::new();
        hasher.update(domain.as_bytes());
        Digest(hasher)
    }

    pub(crate) fn whole(&mut self, value: u64) {
        whole(value, &mut self.0);
    }

    pub(crate) fn text(&mut self, value: &str) {
        text(value, &mut self.0);
    }

    /// All of a file, which may be larger than memory.
    pub(crate) fn file(&mut self, path: &Path) -> std::io::Result<()> {
        let file = File::open(path)?;
        self.whole(file.metadata()?.len());
        self.0.update_reader(file).map(drop)
    }

    pub(crate) fn reals(&mut self, values: &[f64]) {
        words(values, f64::to_bits, &mut self.0);
    }

    pub(crate) fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }
}
