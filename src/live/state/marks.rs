//! What the log does not say: which batch was told, and how far the rejects are written.
//!
//! Two places in a file take turns, so that one is whole whatever happens to the other. Marks are written without a sync: a
//! process that is killed loses none, a machine that loses its power may fall back to an earlier mark, after which more is told
//! again from the log. Before a snapshot, which drops the log, the marks are synced.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::disk::{STATE_REMEDY, unusable};
use crate::error::{Error, Result};

/// Each place is in a separate page.
const PLACES: [u64; 2] = [0, 4096];
/// Four numbers of eight bytes.
const BYTES: usize = 32;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Mark {
    /// How many times it was set.
    pub sequence: u64,
    /// The last batch that was told.
    pub told: u64,
    /// The last batch whose rejects are written.
    pub rejected: u64,
    /// Bytes of the rejects up to then.
    pub reject_bytes: u64,
}

/// A mark in a file.
pub(super) struct Marks {
    path: PathBuf,
    file: File,
    mark: Mark,
}

impl Marks {
    pub fn open(path: &Path) -> Result<Marks> {
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let file = open.map_err(|e| Error::file(path, "cannot open", &e, STATE_REMEDY))?;
        let read = |e: io::Error| Error::file(path, "cannot read", &e, STATE_REMEDY);
        let length = file.metadata().map_err(read)?.len();
        let mut found = Vec::new();
        for place in PLACES {
            let mut bytes = [0; BYTES + 4];
            match file.read_exact_at(&mut bytes, place) {
                Ok(()) => found.extend(decode(&bytes)),
                Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(e) => return Err(read(e)),
            }
        }
        let newest = found.into_iter().max_by_key(|mark: &Mark| mark.sequence);
        if newest.is_none() && length > 0 {
            return Err(unusable(path, "the marks are damaged".into()));
        }
        Ok(Marks { path: path.into(), file, mark: newest.unwrap_or_default() })
    }

    pub fn get(&self) -> Mark {
        self.mark
    }

    pub fn set(&mut self, mark: Mark) -> Result<()> {
        let mark = Mark { sequence: self.mark.sequence + 1, ..mark };
        let place = PLACES[(mark.sequence % 2) as usize];
        self.file.write_all_at(&encode(&mark), place).map_err(|e| self.failed(&e))?;
        self.mark = mark;
        Ok(())
    }

    pub fn sync(&self) -> Result<()> {
        self.file.sync_data().map_err(|e| self.failed(&e))
    }

    fn failed(&self, e: &io::Error) -> Error {
        Error::file(&self.path, "cannot write", e, STATE_REMEDY)
    }
}

/// The numbers of a mark, then their CRC-32, all little-endian.
fn encode(mark: &Mark) -> Vec<u8> {
    let numbers = [mark.sequence, mark.told, mark.rejected, mark.reject_bytes];
    let mut bytes = numbers.map(u64::to_le_bytes).concat();
    let sum = crc32fast::hash(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

fn decode(bytes: &[u8; BYTES + 4]) -> Option<Mark> {
    let (numbers, sum) = bytes.split_at(BYTES);
    if crc32fast::hash(numbers).to_le_bytes() != sum {
        return None;
    }
    let number = |at: usize| u64::from_le_bytes(numbers.as_chunks().0[at]);
    let mark = Mark { sequence: number(0), told: number(1), rejected: number(2), reject_bytes: number(3) };
    (mark.sequence > 0).then_some(mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_four_numbers_and_their_sum_as_it_always_was() {
        let bytes = encode(&Mark { sequence: 1, told: 2, rejected: 3, reject_bytes: 1 << 32 | 4 });
        let numbers = [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0];
        assert_eq!(bytes[..BYTES], numbers);
        assert_eq!(bytes[BYTES..], crc32fast::hash(&numbers).to_le_bytes());
    }

    #[test]
    fn the_newest_whole_mark_counts() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("marks");
        for told in 1..=5 {
            let mut marks = Marks::open(&path).unwrap();
            assert_eq!(marks.get().told, told - 1);
            let mark = Mark { told, reject_bytes: 10 * told, ..marks.get() };
            marks.set(mark).unwrap();
            marks.sync().unwrap();
        }
        let good = std::fs::read(&path).unwrap();
        // The fifth is in the second place.
        for at in 4096..4096 + BYTES + 4 {
            let mut bad = good.clone();
            bad[at] ^= 16;
            std::fs::write(&path, &bad).unwrap();
            assert_eq!(Marks::open(&path).unwrap().get().told, 4, "byte {at}");
            std::fs::write(&path, &good[..at]).unwrap();
            assert_eq!(Marks::open(&path).unwrap().get().told, 4, "{at} bytes");
        }
        let mut bad = good;
        (bad[1], bad[4097]) = (9, 9);
        std::fs::write(&path, &bad).unwrap();
        assert_eq!(Marks::open(&path).err().unwrap().exit_code(), 4);
    }
}
