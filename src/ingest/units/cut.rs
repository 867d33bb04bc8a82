//! Cuts the input into pieces and deals them to the workers. Every worker does so by itself and gets the same result.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::packed::Frames;
use super::unit::{Part, Unit};
use crate::collective::Collective;
use crate::ingest::database::{Pages, Source};
use crate::ingest::plan::{Format, PlannedFile};
use crate::ingest::scan::Range;
use crate::ingest::source::{Codec, Cut, Place};
use crate::ingest::tables::Stored;
use crate::ingest::typed::{GroupRows, Layout};

pub(super) const SMALLEST_RANGE: u64 = 64 << 10;
/// The pages of a range stay in memory while it is read.
pub(super) const LARGEST_RANGE: u64 = 4 << 20;
/// A request to a store takes long, however little it asks for.
const SMALLEST_FETCH: u64 = 1 << 20;
const LARGEST_FETCH: u64 = 8 << 20;

/// Ranges for each worker, at least: enough that the slowest worker ends soon after the others.
pub(super) const RANGES_PER_PEER: u64 = 8;

/// A group of rows is cut if it has the bytes of so many ranges.
const GROUP_PARTS: u64 = 2;

/// Unpacking a byte of a packed text takes as long as reading this many bytes of plain text.
const PACKED_WEIGHT: u64 = 6;
/// The same for the columns of a Parquet file, and of Arrow.
const PARQUET_WEIGHT: u64 = 4;
const ARROW_WEIGHT: u64 = 2;
const DATABASE_WEIGHT: u64 = 2;

/// The most connections to a database: a server has a hundred for all who use it.
const MOST_CONNECTIONS: usize = 16;
/// A statement for each of these is little of the work.
const SMALLEST_PAGES: u64 = 4 << 20;
const LARGEST_PAGES: u64 = 256 << 20;

/// Cuts all files into pieces for `peers` workers, in the order of the files.
pub fn cut(files: &[PlannedFile], peers: usize) -> Vec<Unit> {
    let total: u64 = files.iter().map(PlannedFile::bytes).sum();
    let even = total.div_ceil(RANGES_PER_PEER * peers.max(1) as u64);
    files.iter().enumerate().flat_map(|(index, planned)| cut_file(index as u32, planned, even)).collect()
}

fn cut_file(index: u32, planned: &PlannedFile, even: u64) -> Vec<Unit> {
    let bytes = planned.file.bytes;
    let unit = |part, weight| Unit { file: index, part, weight };
    match &planned.format {
        Format::Text { codec: Codec::None, .. } => {
            ranges(planned, even).map(|r| unit(Part::Range(r), r.end - r.start)).collect()
        }
        Format::Text { cuts, .. } if cuts.is_empty() => {
            vec![unit(Part::Whole, bytes.saturating_mul(PACKED_WEIGHT))]
        }
        Format::Text { cuts, .. } => {
            let pieces = frames(cuts, even);
            pieces.map(|piece| unit(Part::Frames(piece), piece.bytes().saturating_mul(PACKED_WEIGHT))).collect()
        }
        Format::Table { layout, stored: Stored::Database(source) } => match source.rows.is_cut() {
            true => pages(source, even)
                .map(|pages| unit(Part::Pages(pages), source.rows.bytes_of(pages).saturating_mul(DATABASE_WEIGHT)))
                .collect(),
            false => vec![unit(Part::Whole, layout.n_bytes().saturating_mul(DATABASE_WEIGHT))],
        },
        Format::Table { layout, stored } => {
            let of_a_byte = match stored {
                Stored::Parquet => PARQUET_WEIGHT,
                Stored::Arrow(_) => ARROW_WEIGHT,
                Stored::Database(_) => DATABASE_WEIGHT,
            };
            let pieces = row_ranges(planned, layout, even);
            pieces.map(|rows| unit(Part::Rows(rows), layout.bytes_of(&rows).saturating_mul(of_a_byte))).collect()
        }
    }
}

/// The groups of rows of a file, those of many bytes cut into ranges of rows.
fn row_ranges(planned: &PlannedFile, layout: &Layout, even: u64) -> impl Iterator<Item = GroupRows> {
    (0..layout.groups.len()).flat_map(move |group| {
        let pieces = layout.bytes[group].div_ceil(GROUP_PARTS * even.max(1));
        layout.whole(group).cut(pieces.min(planned.group_readers(layout, group)).max(1))
    })
}

/// The pages of tables, in ranges of about `even` bytes.
fn pages(source: &Source, even: u64) -> impl Iterator<Item = Pages> {
    let all = Pages { start: 0, end: source.rows.pages() };
    all.cut(even.clamp(SMALLEST_PAGES, LARGEST_PAGES), source.rows.bytes_of(Pages { start: 0, end: 1 }))
}

/// The pieces of a packed text, of at least `even` bytes each where there are so many.
fn frames(cuts: &[Cut], even: u64) -> impl Iterator<Item = Frames> {
    let mut left = cuts;
    std::iter::from_fn(move || {
        let (&start, rest) = left.split_first()?;
        let last = rest.len().checked_sub(1)?;
        let end = rest.partition_point(|cut| cut.packed - start.packed < even).min(last);
        left = &rest[end..];
        Some(Frames { start, end: rest[end] })
    })
}

/// The ranges of a plain text, of about `even` bytes each.
fn ranges(planned: &PlannedFile, even: u64) -> impl Iterator<Item = Range> {
    let bytes = planned.file.bytes;
    let size = match planned.file.place {
        Place::Store { .. } => even.clamp(SMALLEST_FETCH, LARGEST_FETCH),
        _ => even.clamp(SMALLEST_RANGE, LARGEST_RANGE),
    };
    (0..bytes.div_ceil(size)).map(move |i| Range { start: i * size, end: bytes.min((i + 1) * size) })
}

/// The pieces of worker `index` of `readers`, in the order of the input: the heaviest are dealt first, each to the
/// worker that has the least.
pub fn share(units: &[Unit], index: usize, readers: usize) -> Vec<Unit> {
    let mut by_weight: Vec<usize> = (0..units.len()).collect();
    by_weight.sort_by_key(|&unit| Reverse(units[unit].weight));
    let mut mine = Vec::new();
    let mut least: BinaryHeap<Reverse<(u64, usize)>> = (0..readers).map(|reader| Reverse((0, reader))).collect();
    for unit in by_weight {
        let Some(Reverse((load, reader))) = least.pop() else { break };
        if reader == index {
            mine.push(unit);
        }
        least.push(Reverse((load + units[unit].weight.max(1), reader)));
    }
    mine.sort_unstable();
    mine.into_iter().map(|unit| units[unit]).collect()
}

/// The pieces that this worker reads, in the order of the input. All workers call it together.
pub fn own_units<C: Collective>(c: &mut C, files: &[PlannedFile]) -> Vec<Unit> {
    let readers = readers(c, files);
    match readers.iter().position(|&reader| reader == c.index()) {
        Some(place) => share(&cut(files, readers.len()), place, readers.len()),
        None => Vec::new(),
    }
}

/// The workers that read: all of them, unless standard input is read, which only the processes of one machine can
/// reach, or a database, which has connections for some.
fn readers<C: Collective>(c: &mut C, files: &[PlannedFile]) -> Vec<usize> {
    let everyone = some(c.peers(), files);
    let spooled = |file: &&PlannedFile| matches!(file.file.place, Place::Spooled(_));
    if files.iter().find(spooled).is_none() {
        return everyone;
    }
    let reached = files.iter().filter(spooled).all(|file| file.file.open().is_ok());
    let reached = c.gather_values(&reached);
    let reached = c.broadcast_value(c.is_coordinator().then_some(&reached));
    everyone.into_iter().filter(|&peer| reached[peer]).collect()
}

/// All of so many workers; where there is a database, as many as it has connections for, from all over them.
fn some(peers: usize, files: &[PlannedFile]) -> Vec<usize> {
    let most = match files.iter().any(|planned| matches!(planned.file.place, Place::Database { .. })) {
        true => peers.min(MOST_CONNECTIONS),
        false => peers,
    };
    (0..most).map(|reader| reader * peers / most).collect()
}
