//! The pieces of a worker to rows.

use std::io::{self, Read};

use memmap2::Mmap;

use super::fetch::{Piece, prefetch};
use super::unit::{Part, Unit};
use crate::error::Result;
use crate::ingest::dialect::Dialect;
use crate::ingest::plan::{Format, PlannedFile};
use crate::ingest::scan::{self, RowSink};
use crate::ingest::source::{Codec, Opened, failed, give_back};
use crate::ingest::stream;
use crate::ingest::tables::Table;
use crate::watch::progress::{self, Measure};

/// Scans pieces in their order, opening each file once. `each` is called before each piece, and stops the reading by
/// returning false. No more of a text is in memory than the piece being scanned.
pub fn scan_units<S: RowSink>(
    units: &[Unit],
    files: &[PlannedFile],
    sink: &mut S,
    mut each: impl FnMut(&mut S, &Unit) -> bool,
) -> Result<()> {
    let mut reader = None;
    progress::has_input(units.iter().map(|unit| unit.bytes(files)).sum(), Measure::Bytes);
    for (at, unit) in units.iter().enumerate() {
        if !each(sink, unit) {
            break;
        }
        let planned = &files[unit.file as usize];
        let next = units.get(at + 1).filter(|next| next.file == unit.file);
        reader_of(unit.file, planned, &mut reader)?.scan(unit, next, planned, sink)?;
        // What is packed is told while it is read.
        if unit.part != Part::Whole || matches!(planned.format, Format::Table { .. }) {
            progress::input_done(unit.bytes(files));
        }
    }
    Ok(())
}

/// The reader of a file: the `last` one, if it is of this file.
fn reader_of<'r>(file: u32, planned: &PlannedFile, last: &'r mut Option<(u32, FileReader)>) -> Result<&'r FileReader> {
    let kept = last.take().filter(|(of, _)| *of == file);
    let reader = match kept {
        Some((_, reader)) => reader,
        None => FileReader::open(planned)?,
    };
    Ok(&last.insert((file, reader)).1)
}

/// Reports how much of a packed file has been read.
struct Told(Box<dyn Read + Send>);

impl Read for Told {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).inspect(|&read| progress::input_done(read as u64))
    }
}

/// A file that stays open while its pieces are read.
enum FileReader {
    Mapped(Mmap),
    Fetched(Opened),
    Packed,
    Table(Table),
}

impl FileReader {
    fn open(planned: &PlannedFile) -> Result<FileReader> {
        Ok(match &planned.format {
            Format::Text { codec: Codec::None, .. } => {
                let opened = planned.file.open()?;
                match opened.map(&planned.file)? {
                    Some(mapped) => FileReader::Mapped(mapped),
                    None => FileReader::Fetched(opened),
                }
            }
            Format::Text { .. } => FileReader::Packed,
            Format::Table { stored, .. } => FileReader::Table(Table::open(&planned.file, stored)?),
        })
    }

    fn scan(&self, unit: &Unit, next: Option<&Unit>, planned: &PlannedFile, sink: &mut impl RowSink) -> Result<()> {
        match (self, unit.part, &planned.format) {
            (FileReader::Mapped(bytes), Part::Range(range), Format::Text { dialect, .. }) => {
                scan::scan(bytes, &range, dialect, sink);
                give_back(bytes, range.start, range.end);
                Ok(())
            }
            (FileReader::Fetched(opened), Part::Range(range), Format::Text { dialect, .. }) => {
                let piece = Piece::fetch(opened, &range, planned)?;
                if let Some(Part::Range(next)) = next.map(|next| next.part) {
                    prefetch(opened, &next, planned);
                }
                piece.scan(&range, dialect, sink);
                Ok(())
            }
            (FileReader::Packed, Part::Whole, Format::Text { codec, dialect, .. }) => {
                scan_packed(planned, *codec, dialect, sink)
            }
            (FileReader::Packed, Part::Frames(frames), Format::Text { codec, dialect, .. }) => {
                frames.scan(planned, *codec, dialect, sink)
            }
            (FileReader::Table(table), Part::Pages(pages), Format::Table { layout, .. }) => {
                table.scan_pages(pages, layout, sink)
            }
            (FileReader::Table(table), Part::Whole, Format::Table { layout, .. }) => {
                table.scan_query(None, layout, sink)
            }
            (FileReader::Table(table), Part::Rows(rows), Format::Table { layout, .. }) => {
                let next = next.and_then(|next| if let Part::Rows(rows) = next.part { Some(rows) } else { None });
                table.scan(&rows, next, layout, sink)
            }
            _ => unreachable!("a file is cut and read by its format"),
        }
    }
}

fn scan_packed(planned: &PlannedFile, codec: Codec, dialect: &Dialect, sink: &mut impl RowSink) -> Result<()> {
    let unreadable = |e: io::Error| failed(&planned.file.path, &e);
    let packed = Box::new(Told(planned.file.open()?.stream()));
    let text = codec.unpack(packed).map_err(unreadable)?;
    stream::scan(text, dialect, sink).map_err(unreadable)
}
