//! Who reads what: the input is cut into pieces that can be read by themselves, and the pieces are dealt to the workers.
//!
//! Plain text is cut at any bytes, a Parquet file between its row groups; a packed text is one piece. Every worker deals
//! them out for itself and comes to the same end.

use std::io::{self, Read};
use std::sync::Arc;

use memmap2::{Mmap, UncheckedAdvice};

use super::parquet::RowGroups;
use super::plan::{Format, PlannedFile};
use super::scan::{self, Range, RowSink, Shifted};
use super::source::{Bytes, Codec, Opened, Place, failed};
use super::stream;
use crate::error::Result;
use crate::watch::progress::{self, Measure};

const SMALLEST_RANGE: u64 = 64 << 10;
/// The pages of a range are in memory while it is read.
const LARGEST_RANGE: u64 = 4 << 20;
/// A request to a store takes its time, however little is asked for.
const SMALLEST_FETCH: u64 = 1 << 20;
const LARGEST_FETCH: u64 = 8 << 20;

/// At least so many that the slowest worker ends soon after the others.
const RANGES_PER_PEER: u64 = 8;

/// A piece of the input that one worker reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Index of the file.
    pub file: u32,
    pub part: Part,
    /// What reading it takes, in bytes of plain text.
    pub weight: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Range(Range),
    /// A packed file, from its start to its end.
    Whole,
    RowGroup(usize),
}

impl Unit {
    /// What it takes of its file, as it is stored.
    fn bytes(&self, files: &[PlannedFile]) -> u64 {
        let planned = &files[self.file as usize];
        match (self.part, &planned.format) {
            (Part::Range(range), _) => range.end - range.start,
            (Part::RowGroup(group), Format::Parquet(layout)) => layout.bytes[group],
            _ => planned.file.bytes,
        }
    }
}

/// Unpacking a byte of a packed text takes as long as reading so many bytes of plain text.
const PACKED_WEIGHT: u64 = 6;
/// The same for the columns of a Parquet file.
const PARQUET_WEIGHT: u64 = 4;

/// Cuts all files into pieces for `peers` workers, in the order of the files.
pub fn cut(files: &[PlannedFile], peers: usize) -> Vec<Unit> {
    let total: u64 = files.iter().map(|planned| planned.file.bytes).sum();
    let even = total.div_ceil(RANGES_PER_PEER * peers.max(1) as u64);
    files.iter().enumerate().flat_map(|(index, planned)| cut_file(index as u32, planned, even)).collect()
}

fn cut_file(index: u32, planned: &PlannedFile, even: u64) -> Vec<Unit> {
    let bytes = planned.file.bytes;
    let unit = |part, weight| Unit { file: index, part, weight };
    match &planned.format {
        Format::Text { codec: Codec::None, .. } => {
            let size = match planned.file.place {
                Place::Store { .. } => even.clamp(SMALLEST_FETCH, LARGEST_FETCH),
                _ => even.clamp(SMALLEST_RANGE, LARGEST_RANGE),
            };
            let range = |i| Range { start: i * size, end: bytes.min((i + 1) * size) };
            (0..bytes.div_ceil(size)).map(range).map(|r| unit(Part::Range(r), r.end - r.start)).collect()
        }
        Format::Text { .. } => vec![unit(Part::Whole, bytes.saturating_mul(PACKED_WEIGHT))],
        Format::Parquet(layout) => {
            let of_group =
                |(group, bytes): (usize, &u64)| unit(Part::RowGroup(group), bytes.saturating_mul(PARQUET_WEIGHT));
            layout.bytes.iter().enumerate().map(of_group).collect()
        }
    }
}

/// The pieces of worker `index` of `readers`, in the order of the input: the heaviest are dealt first, each to the worker
/// that has the least.
pub fn share(units: &[Unit], index: usize, readers: usize) -> Vec<Unit> {
    let mut by_weight: Vec<usize> = (0..units.len()).collect();
    by_weight.sort_by_key(|&unit| std::cmp::Reverse(units[unit].weight));
    let mut loads: Vec<(u64, usize)> = (0..readers).map(|reader| (0, reader)).collect();
    let mut mine = Vec::new();
    let mut least = std::collections::BinaryHeap::from_iter(loads.drain(..).map(std::cmp::Reverse));
    for unit in by_weight {
        let Some(std::cmp::Reverse((load, reader))) = least.pop() else { break };
        if reader == index {
            mine.push(unit);
        }
        least.push(std::cmp::Reverse((load + units[unit].weight.max(1), reader)));
    }
    mine.sort_unstable();
    mine.into_iter().map(|unit| units[unit]).collect()
}

/// Scans pieces in their order, opening each file once; `each` is called before each piece, and stops the reading by false.
/// No more of a text is in memory than the piece being scanned.
pub fn scan_units<S: RowSink>(
    units: &[Unit],
    files: &[PlannedFile],
    sink: &mut S,
    mut each: impl FnMut(&mut S, &Unit) -> bool,
) -> Result<()> {
    let mut reader: Option<(u32, FileReader)> = None;
    progress::has_input(units.iter().map(|unit| unit.bytes(files)).sum(), Measure::Bytes);
    for (at, unit) in units.iter().enumerate() {
        if !each(sink, unit) {
            break;
        }
        let planned = &files[unit.file as usize];
        if reader.as_ref().is_none_or(|(file, _)| *file != unit.file) {
            reader = Some((unit.file, FileReader::open(planned)?));
        }
        let (_, open) = reader.as_ref().expect("the file has just been opened");
        let next = units.get(at + 1).filter(|next| next.file == unit.file);
        open.scan(unit, next, planned, sink)?;
        if unit.part != Part::Whole {
            progress::input_done(unit.bytes(files));
        }
    }
    Ok(())
}

/// Tells how much of a packed file has been read.
struct Told(Box<dyn Read + Send>);

impl Read for Told {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).inspect(|&read| progress::input_done(read as u64))
    }
}

/// A file that is open for as long as its pieces come.
enum FileReader {
    Mapped(Mmap),
    Fetched(Arc<Opened>),
    Packed,
    RowGroups(Box<RowGroups>),
}

impl FileReader {
    fn open(planned: &PlannedFile) -> Result<FileReader> {
        Ok(match &planned.format {
            Format::Text { codec: Codec::None, .. } => {
                let opened = planned.file.open()?;
                match opened.map(&planned.file)? {
                    Some(mapped) => FileReader::Mapped(mapped),
                    None => FileReader::Fetched(Arc::new(opened)),
                }
            }
            Format::Text { .. } => FileReader::Packed,
            Format::Parquet(_) => FileReader::RowGroups(Box::new(RowGroups::open(&planned.file)?)),
        })
    }

    fn scan(&self, unit: &Unit, next: Option<&Unit>, planned: &PlannedFile, sink: &mut impl RowSink) -> Result<()> {
        match (self, unit.part, &planned.format) {
            (FileReader::Mapped(bytes), Part::Range(range), Format::Text { dialect, .. }) => {
                scan::scan(bytes, &range, dialect, sink);
                give_back(bytes, &range);
                Ok(())
            }
            (FileReader::Fetched(opened), Part::Range(range), Format::Text { dialect, .. }) => {
                let piece = fetch(opened, &range, planned)?;
                if let Some(Part::Range(next)) = next.map(|next| next.part) {
                    let (start, length) = fetched_range(&next, planned);
                    opened.prefetch(start, length);
                }
                let dialect = super::dialect::Dialect {
                    data_start: dialect.data_start.saturating_sub(piece.start),
                    ..dialect.clone()
                };
                let inner = Range { start: range.start - piece.start, end: range.end - piece.start };
                scan::scan(&piece.bytes, &inner, &dialect, &mut Shifted { sink, bytes: piece.start });
                Ok(())
            }
            (FileReader::Packed, Part::Whole, Format::Text { codec, dialect }) => {
                let packed = Box::new(Told(planned.file.open()?.stream()));
                let text = codec.unpack(packed).map_err(|e| failed(&planned.file.path, &e))?;
                stream::scan(text, dialect, sink).map_err(|e| failed(&planned.file.path, &e))
            }
            (FileReader::RowGroups(groups), Part::RowGroup(group), Format::Parquet(layout)) => {
                groups.scan(group, layout, sink)
            }
            _ => unreachable!("a file is cut and read by its format"),
        }
    }
}

/// A piece of a file that is in no memory as a whole.
struct Piece {
    start: u64,
    bytes: Bytes,
}

/// More than almost every line has.
const LINE: u64 = 4 << 10;

/// What is fetched for a range: a byte before it, which tells whether a line starts there, and room for its last line.
fn fetched_range(range: &Range, planned: &PlannedFile) -> (u64, u64) {
    let start = range.start.saturating_sub(1);
    (start, (range.end + LINE).min(planned.file.bytes) - start)
}

/// Fetches a range with the whole of its last line.
fn fetch(opened: &Opened, range: &Range, planned: &PlannedFile) -> Result<Piece> {
    let (start, mut length) = fetched_range(range, planned);
    let get = |length| opened.read_at(start, length).map_err(|e| failed(&planned.file.path, &e));
    let mut bytes = get(length)?;
    let last = (range.end - 1 - start) as usize;
    while start + length < planned.file.bytes && memchr::memchr(b'\n', bytes.get(last..).unwrap_or_default()).is_none()
    {
        length = (length + length).min(planned.file.bytes - start);
        bytes = get(length)?;
    }
    Ok(Piece { start, bytes })
}

/// Lets go of the pages of a scanned range, which would otherwise count as this process's memory until the file is
/// unmapped. Those around it too: its last line ends there, and the kernel maps neighbours of a page that is read.
fn give_back(mapped: &Mmap, range: &Range) {
    const AROUND: u64 = 2 << 20;
    let start = range.start.saturating_sub(AROUND);
    let end = (range.end + AROUND).min(mapped.len() as u64);
    // SAFETY: the map is shared and read-only, so a page that is read again is read from the file again.
    let advised =
        unsafe { mapped.unchecked_advise_range(UncheckedAdvice::DontNeed, start as usize, (end - start) as usize) };
    // Where the kernel will not, more memory is taken: no reason to end the run.
    advised.unwrap_or_else(|e| tracing::debug!("pages of the input stay in memory: {e}"));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::dialect::Dialect;
    use crate::ingest::source::InputFile;

    fn planned(bytes: u64, codec: Codec) -> PlannedFile {
        let dialect = Dialect::example(",", 3);
        let file = InputFile { path: "f".into(), bytes, place: Place::Disk };
        PlannedFile { file, format: Format::Text { codec, dialect } }
    }

    #[test]
    fn ranges_cover_every_byte_once() {
        for (sizes, peers) in [(vec![0, 5], 3), (vec![10 << 20, 1, 0, 700 << 20], 4), (vec![1 << 30], 1)] {
            let files: Vec<_> = sizes.iter().map(|&bytes| planned(bytes, Codec::None)).collect();
            let units = cut(&files, peers);
            for (file, &bytes) in sizes.iter().enumerate() {
                let of_file = units.iter().filter(|unit| unit.file == file as u32);
                let ranges: Vec<Range> = of_file
                    .map(|unit| match unit.part {
                        Part::Range(range) => range,
                        other => panic!("{other:?} of a plain text"),
                    })
                    .collect();
                assert_eq!(ranges.iter().map(|r| r.end - r.start).sum::<u64>(), bytes);
                assert!(ranges.windows(2).all(|w| w[0].end == w[1].start));
                assert!(ranges.iter().all(|r| r.start < r.end && r.end - r.start <= LARGEST_RANGE));
            }
            let total: u64 = sizes.iter().sum();
            assert!(units.len() as u64 >= (RANGES_PER_PEER * peers as u64).min(total / SMALLEST_RANGE));
        }
    }

    proptest! {
        #[test]
        fn every_piece_has_one_reader_and_none_has_much_more_than_another(
            sizes in prop::collection::vec((0u64..50_000_000, any::<bool>()), 1..20),
            readers in 1usize..9,
        ) {
            let codec = |packed| if packed { Codec::Gzip } else { Codec::None };
            let files: Vec<_> = sizes.iter().map(|&(bytes, packed)| planned(bytes, codec(packed))).collect();
            let units = cut(&files, readers);
            let shares: Vec<Vec<Unit>> = (0..readers).map(|reader| share(&units, reader, readers)).collect();
            let mut dealt = 0;
            for unit in &units {
                dealt += shares.iter().filter(|share| share.contains(unit)).count();
            }
            prop_assert_eq!(dealt, units.len());
            let place = |unit: &Unit| units.iter().position(|other| other == unit);
            prop_assert!(shares.iter().all(|share| share.is_sorted_by_key(place)));
            let load = |share: &Vec<Unit>| share.iter().map(|unit| unit.weight.max(1)).sum::<u64>();
            let heaviest = units.iter().map(|unit| unit.weight.max(1)).max().unwrap_or(0);
            let loads: Vec<u64> = shares.iter().map(load).collect();
            prop_assert!(loads.iter().max() <= loads.iter().min().map(|least| least + heaviest).as_ref());
        }
    }
}
