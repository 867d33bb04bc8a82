//! What to read, and how.

use serde::{Deserialize, Serialize};

use crate::ingest::dialect::Dialect;
use crate::ingest::source::{Codec, Cut, InputFile, Place};
use crate::ingest::tables::Stored;
use crate::ingest::typed::Layout;
use crate::job::GenerateSpec;

/// What to read, the same on every worker.
#[derive(Debug, Serialize, Deserialize)]
pub enum Plan {
    Files(Vec<PlannedFile>),
    Generate(GenerateSpec),
}

/// A file, and how it is to be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedFile {
    pub file: InputFile,
    pub format: Format,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Format {
    Text {
        codec: Codec,
        /// Where a packed text can be cut; empty where it cannot, and for plain text, which can be cut anywhere.
        cuts: Vec<Cut>,
        dialect: Dialect,
    },
    /// Columns that have types.
    Table { stored: Stored, layout: Layout },
}

impl Format {
    /// The same, with numbers below 0 read as returns or not.
    pub fn with(mut self, returns: bool) -> Format {
        match &mut self {
            Format::Text { dialect, .. } => dialect.reading.returns = returns,
            Format::Table { layout, .. } => layout.reading.returns = returns,
        }
        self
    }
}

/// Bytes of a short row of text: two ids and a rating.
pub const BYTES_PER_ROW: u64 = 16;

/// About how many bytes of text are in a byte of a packed one.
pub const PACKED: u64 = 4;

impl Plan {
    /// About how many rows there are.
    pub fn expected_rows(&self) -> u64 {
        match self {
            Plan::Files(files) => files.iter().map(PlannedFile::expected_rows).sum(),
            Plan::Generate(spec) => (spec.users as f64 * spec.ratings_per_user) as u64,
        }
    }

    /// The files to read; none where data are generated.
    pub fn planned_files(&self) -> &[PlannedFile] {
        match self {
            Plan::Files(files) => files,
            Plan::Generate(_) => &[],
        }
    }

    /// The files to read, without how they are read.
    pub fn files(&self) -> Vec<InputFile> {
        self.planned_files().iter().map(|planned| planned.file.clone()).collect()
    }
}

impl PlannedFile {
    fn expected_rows(&self) -> u64 {
        match &self.format {
            Format::Text { codec: Codec::None, .. } => self.file.bytes / BYTES_PER_ROW,
            Format::Text { .. } => self.file.bytes.saturating_mul(PACKED) / BYTES_PER_ROW,
            Format::Table { layout, .. } => layout.n_rows(),
        }
    }

    /// Its bytes; of a database about.
    pub fn bytes(&self) -> u64 {
        match &self.format {
            Format::Table { stored: Stored::Database(_), layout } => layout.n_bytes(),
            _ => self.file.bytes,
        }
    }

    /// Its bytes that count, as they are stored.
    pub fn stored_bytes(&self) -> u64 {
        match &self.format {
            Format::Table { layout, .. } => layout.bytes.iter().sum(),
            Format::Text { .. } => self.file.bytes,
        }
    }

    /// The number of rows, where the file says it.
    pub fn known_rows(&self) -> Option<u64> {
        match &self.format {
            Format::Table { stored: Stored::Database(_), .. } | Format::Text { .. } => None,
            Format::Table { layout, .. } => Some(layout.n_rows()),
        }
    }

    /// How many workers can read it side by side; `None` where there may be any number.
    pub fn readers(&self) -> Option<u64> {
        match &self.format {
            Format::Table { stored: Stored::Database(source), .. } => (!source.rows.is_cut()).then_some(1),
            Format::Table { layout, .. } => {
                Some((0..layout.groups.len()).map(|group| self.group_readers(layout, group)).sum())
            }
            Format::Text { codec: Codec::None, .. } => None,
            Format::Text { cuts, .. } => Some((cuts.len() as u64).saturating_sub(1).max(1)),
        }
    }

    /// How many workers can read a group side by side. A reader of some of its rows passes over what comes before them, which is
    /// cheap on a disk; from a store it would be sent all of them.
    pub fn group_readers(&self, layout: &Layout, group: usize) -> u64 {
        match self.file.place {
            Place::Store { .. } => 1,
            _ => layout.most_readers(group),
        }
    }

    /// A text that is not packed, which can be cut anywhere.
    pub fn is_plain_text(&self) -> bool {
        matches!(self.format, Format::Text { codec: Codec::None, .. })
    }
}
