//! A piece of the input.

use crate::ingest::database::Pages;
use crate::ingest::plan::{Format, PlannedFile};
use crate::ingest::scan::Range;
use crate::ingest::tables::Stored;
use crate::ingest::typed::GroupRows;

use super::packed::Frames;

/// A piece of the input that one worker reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unit {
    /// Index of the file.
    pub file: u32,
    pub part: Part,
    /// The cost of reading it, in bytes of plain text.
    pub weight: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Range(Range),
    /// A packed file, or a query, from its start to its end.
    Whole,
    /// A part of one.
    Frames(Frames),
    /// Rows of a group.
    Rows(GroupRows),
    /// Pages of a database.
    Pages(Pages),
}

impl Unit {
    /// Bytes of its file that it takes, as they are stored.
    pub fn bytes(&self, files: &[PlannedFile]) -> u64 {
        let planned = &files[self.file as usize];
        match (self.part, &planned.format) {
            (Part::Range(range), _) => range.end - range.start,
            (Part::Frames(frames), _) => frames.bytes(),
            (Part::Rows(rows), Format::Table { layout, .. }) => layout.bytes_of(&rows),
            (Part::Pages(pages), Format::Table { stored: Stored::Database(source), .. }) => source.rows.bytes_of(pages),
            (Part::Whole, Format::Table { layout, .. }) => layout.n_bytes(),
            _ => planned.file.bytes,
        }
    }
}
