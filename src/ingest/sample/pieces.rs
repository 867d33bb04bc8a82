//! The pieces of the input that a sample reads.

use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::collector::Taker;
use crate::error::Result;
use crate::ingest::plan::{BYTES_PER_ROW, Format, PACKED, PlannedFile};
use crate::ingest::scan::Range;
use crate::ingest::source::failed;
use crate::ingest::stream;
use crate::ingest::tables::{Stored, Table};
use crate::ingest::units::{self, Part, Unit, scan_units};
use crate::kernel::keyed::{self, Stream};

/// How many pieces of a large text are read.
pub const RANGES: u64 = 128;
/// The most packed texts whose beginning is read.
const MOST_BEGUN: usize = 8;

/// A piece of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    Unit(Unit),
    /// The first bytes of a packed text, at most `most` of the text; of a query, so many rows as these bytes have.
    Beginning {
        file: u32,
        most: u64,
    },
}

/// The pieces to read for about `most_bytes` bytes of text of each kind, and whether they are everything. What is read
/// whole is cut for `peers` readers.
pub fn choose(files: &[PlannedFile], most_bytes: u64, peers: usize) -> (Vec<Piece>, bool) {
    let (mut ranges, mut packed, mut groups) = (Vec::new(), Vec::new(), Vec::new());
    for unit in units::cut(files, peers) {
        match unit.part {
            Part::Range(_) => ranges.push(unit),
            Part::Whole | Part::Frames(_) => packed.push(unit.file),
            Part::Rows(_) | Part::Pages(_) => groups.push(unit),
        }
    }
    packed.dedup();
    let some_ranges = some_ranges(files, most_bytes);
    let some_groups = some_groups(files, &groups, most_bytes);
    let some_begun = some_begun(files, &packed, most_bytes);
    let whole = some_ranges.is_none() && some_groups.is_none() && some_begun.is_none();
    let units = some_ranges.unwrap_or(ranges).into_iter().chain(some_groups.unwrap_or(groups)).map(Piece::Unit);
    let all = || packed.iter().map(|&file| Piece::Beginning { file, most: u64::MAX }).collect();
    (units.chain(some_begun.unwrap_or_else(all)).collect(), whole)
}

/// Ranges at random places of the plain texts; `None` where these are small enough to be read whole.
fn some_ranges(files: &[PlannedFile], most_bytes: u64) -> Option<Vec<Unit>> {
    let size = |file: &PlannedFile| if file.is_plain_text() { file.file.bytes } else { 0 };
    let sizes: Vec<u64> = files.iter().map(size).collect();
    let unit = |(file, range): (u32, Range)| Unit { file, part: Part::Range(range), weight: 0 };
    (sizes.iter().sum::<u64>() > most_bytes).then(|| places(&sizes, most_bytes).into_iter().map(unit).collect())
}

/// Some of the pieces of groups of rows and of tables; `None` where all of them are few enough.
fn some_groups(files: &[PlannedFile], groups: &[Unit], most_bytes: u64) -> Option<Vec<Unit>> {
    let rows_of = |unit: &Unit| match (unit.part, &files[unit.file as usize].format) {
        (Part::Rows(rows), _) => rows.n_rows(),
        (Part::Pages(pages), Format::Table { stored: Stored::Database(source), layout }) => {
            (layout.n_rows() as f64 * pages.n() as f64 / source.rows.pages().max(1) as f64) as u64
        }
        _ => 0,
    };
    let (rows, most_rows) = (groups.iter().map(rows_of).sum::<u64>(), most_bytes / BYTES_PER_ROW);
    (rows > most_rows).then(|| spaced(groups, (groups.len() as u64 * most_rows / rows).max(1) as usize))
}

/// The beginnings of some packed texts; `None` where all of them are small enough to be read whole.
fn some_begun(files: &[PlannedFile], packed: &[u32], most_bytes: u64) -> Option<Vec<Piece>> {
    let bytes: u64 = packed.iter().map(|&file| files[file as usize].bytes()).sum();
    if bytes.saturating_mul(PACKED) <= most_bytes {
        return None;
    }
    let begun = spaced(packed, MOST_BEGUN.min(packed.len()));
    let most = most_bytes / begun.len() as u64;
    Some(begun.into_iter().map(|file| Piece::Beginning { file, most }).collect())
}

/// `some` elements of a list, evenly spaced, each from the middle of its stretch.
fn spaced<T: Copy>(list: &[T], some: usize) -> Vec<T> {
    (0..some).map(|i| list[(2 * i + 1) * list.len() / (2 * some)]).collect()
}

/// One place in each stretch of the plain texts with `sizes` bytes, in the order of the input; 0 where a file is none.
pub(super) fn places(sizes: &[u64], most_bytes: u64) -> Vec<(u32, Range)> {
    let total: u64 = sizes.iter().sum();
    let (stretch, length) = (total as f64 / RANGES as f64, most_bytes / RANGES);
    let place = |i: u64| {
        let free = stretch - length as f64;
        let at = (i as f64 * stretch + free * keyed::uniform(0, Stream::Sample, 1, i)) as u64;
        in_file(sizes, at.min(total - 1), length)
    };
    (0..RANGES).map(place).collect()
}

/// The piece of `length` bytes from byte `at` of all files on; shorter at a file's end.
fn in_file(sizes: &[u64], mut at: u64, length: u64) -> (u32, Range) {
    let mut file = 0;
    while at >= sizes[file] {
        at -= sizes[file];
        file += 1;
    }
    (file as u32, Range { start: at, end: sizes[file].min(at + length) })
}

impl Piece {
    /// Reads the piece; returns the stored bytes that it took.
    pub fn scan(&self, files: &[PlannedFile], sink: &mut impl Taker) -> Result<u64> {
        match *self {
            Piece::Unit(unit) => scan_units(&[unit], files, sink, |_, _| true).map(|()| unit.bytes(files)),
            Piece::Beginning { file, most } => scan_beginning(&files[file as usize], most, sink),
        }
    }
}

fn scan_beginning(planned: &PlannedFile, most: u64, sink: &mut impl Taker) -> Result<u64> {
    let (codec, dialect) = match &planned.format {
        Format::Text { codec, dialect, .. } => (codec, dialect),
        Format::Table { stored, layout } => {
            let most = (most < u64::MAX).then_some(most / BYTES_PER_ROW);
            Table::open(&planned.file, stored)?.scan_query(most, layout, sink)?;
            return Ok(most.map_or(layout.n_bytes(), |most| (most * BYTES_PER_ROW).min(layout.n_bytes())));
        }
    };
    let unreadable = |e: io::Error| failed(&planned.file.path, &e);
    let (raw, read) = Counted::of(planned.file.open()?.stream());
    let (text, given) = Counted::of(codec.unpack(Box::new(raw)).map_err(unreadable)?);
    stream::scan(Box::new(text.take(most)), dialect, sink).map_err(unreadable)?;
    if given.load(Ordering::Relaxed) == most {
        sink.forget_last();
    }
    Ok(read.load(Ordering::Relaxed))
}

/// Counts the bytes that are read.
struct Counted {
    inner: Box<dyn Read + Send>,
    read: Arc<AtomicU64>,
}

impl Counted {
    fn of(inner: Box<dyn Read + Send>) -> (Counted, Arc<AtomicU64>) {
        let read = Arc::new(AtomicU64::new(0));
        (Counted { inner, read: Arc::clone(&read) }, read)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}
