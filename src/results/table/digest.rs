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

use super::columns::{Table, Values};

/// The length that stands for a missing text in the canonical form.
const MISSING: u64 = u64::MAX;

impl Table<'_> {
    /// BLAKE3 of the canonical form, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut digest = Digest::new("segmill table 1\n");
        digest.text(self.name);
        digest.whole(self.columns.len() as u64);
        digest.whole(self.n_rows() as u64);
        for column in &self.columns {
            digest.text(column.name);
            digest.values(&column.values);
        }
        digest.finish()
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
        self.0.update(&value.to_le_bytes());
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.whole(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    /// All of a file, which may be larger than memory.
    pub(crate) fn file(&mut self, path: &Path) -> std::io::Result<()> {
        let file = File::open(path)?;
        self.whole(file.metadata()?.len());
        self.0.update_reader(file).map(drop)
    }

    pub(crate) fn reals(&mut self, values: &[f64]) {
        self.words(values, |v| v.to_bits());
    }

    pub(crate) fn finish(self) -> String {
        self.0.finalize().to_hex().to_string()
    }

    /// Hashes 8-byte words through a buffer: the hasher is fast on long inputs only.
    fn words<T: Copy>(&mut self, values: &[T], word: impl Fn(T) -> u64) {
        let mut buffer = [0u8; 16 << 10];
        for chunk in values.chunks(buffer.len() / 8) {
            for (bytes, &value) in buffer.chunks_exact_mut(8).zip(chunk) {
                bytes.copy_from_slice(&word(value).to_le_bytes());
            }
            self.0.update(&buffer[..chunk.len() * 8]);
        }
    }

    fn values(&mut self, values: &Values) {
        self.0.update(match values {
            Values::U32(_) | Values::U64(_) => b"i",
            Values::F64(_) => b"f",
            Values::Text(_) => b"t",
            Values::Nullable(_) => b"o",
        });
        match values {
            Values::U32(v) => self.words(v, u64::from),
            Values::U64(v) => self.words(v, |x| x),
            Values::F64(v) => self.reals(v),
            Values::Text(v) => v.iter().for_each(|text| self.text(text)),
            Values::Nullable(v) => v.iter().for_each(|text| match text {
                Some(text) => self.text(text),
                None => self.whole(MISSING),
            }),
        }
    }
}
