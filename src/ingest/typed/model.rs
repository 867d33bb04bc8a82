//! How a file of typed columns is read.

use serde::{Deserialize, Serialize};

use crate::ingest::numbers::Reading;
use crate::ingest::rows::MOST_IN_FILE;
use crate::job::TimeUnit;

/// How to read one file, and the places of its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The number of rows of each group: of a row group of Parquet, of a record batch of Arrow.
    pub groups: Vec<u64>,
    /// Bytes of the columns that count, as they are stored, of each group.
    pub bytes: Vec<u64>,
    pub user: Place,
    pub item: Place,
    /// `None`: each row counts 1.
    pub rating: Option<Place>,
    /// How ratings are read.
    pub reading: Reading,
    /// The place of the time, if the job uses times.
    pub time: Option<TimePlace>,
    /// The places of what says more of the items, in the order of [`crate::job::ItemColumns::columns`].
    pub texts: Vec<Place>,
}

/// Where a time comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimePlace {
    pub place: Place,
    /// The unit of numbers: the one that the column declares, or else the job's.
    pub unit: TimeUnit,
    /// Numbers count days.
    pub in_days: bool,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Place {
    /// A leaf column of the file, from 0.
    Leaf { leaf: usize, column: usize, kind: Kind },
    /// The name of a folder ([`crate::ingest::partitions`]).
    Folder { value: String, column: usize },
}

/// What a column's values are taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    Signed,
    Unsigned,
    Float,
    Boolean,
    /// Digits after the point.
    Decimal {
        scale: u32,
    },
    /// A date or a point in time: an integer.
    Time,
    Text,
    Uuid,
}

/// Rows of a group: of those, from 0, `start..end`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupRows {
    pub group: usize,
    pub start: u64,
    pub end: u64,
}

impl GroupRows {
    pub fn n_rows(&self) -> u64 {
        self.end - self.start
    }

    /// The first of them.
    pub fn first(self, n_rows: u64) -> GroupRows {
        GroupRows { end: self.end.min(self.start + n_rows), ..self }
    }

    /// The same in so many pieces of about the same size.
    pub fn cut(self, pieces: u64) -> impl Iterator<Item = GroupRows> {
        let at =
            move |piece: u64| self.start + (u128::from(self.n_rows()) * u128::from(piece) / u128::from(pieces)) as u64;
        (0..pieces).map(move |piece| GroupRows { start: at(piece), end: at(piece + 1), ..self })
    }
}

/// Fewer rows are not worth a reader of their own.
const FEWEST_ROWS: u64 = 64 << 10;

impl Layout {
    /// Adds groups, given by their rows and bytes, of a file of `file_bytes` bytes; `None` where they have more rows or bytes than a
    /// file can have.
    pub fn add_groups(&mut self, groups: impl Iterator<Item = Option<(u64, u64)>>, file_bytes: u64) -> Option<()> {
        let mut n_rows = self.n_rows();
        for group in groups {
            let (rows, bytes) = group?;
            n_rows = n_rows.checked_add(rows)?;
            if bytes > file_bytes || n_rows >= MOST_IN_FILE {
                return None;
            }
            self.groups.push(rows);
            self.bytes.push(bytes);
        }
        Some(())
    }

    /// All rows of a group.
    pub fn whole(&self, group: usize) -> GroupRows {
        GroupRows { group, start: 0, end: self.groups[group] }
    }

    /// Stored bytes of rows, about.
    pub fn bytes_of(&self, rows: &GroupRows) -> u64 {
        let share = rows.n_rows() as f64 / self.groups[rows.group].max(1) as f64;
        (self.bytes[rows.group] as f64 * share) as u64
    }

    /// How many workers can read a group side by side.
    pub fn most_readers(&self, group: usize) -> u64 {
        (self.groups[group] / FEWEST_ROWS).max(1)
    }

    pub fn n_rows(&self) -> u64 {
        self.groups.iter().sum()
    }

    pub fn n_bytes(&self) -> u64 {
        self.bytes.iter().sum()
    }

    /// The places of all columns that count.
    pub fn places(&self) -> impl Iterator<Item = &Place> + Clone {
        let time = self.time.as_ref().map(|time| &time.place);
        [Some(&self.user), Some(&self.item), self.rating.as_ref(), time].into_iter().flatten().chain(&self.texts)
    }

    /// The number in the file of the first row of a group.
    pub fn first_row(&self, group: usize) -> u64 {
        self.groups[..group].iter().sum()
    }
}

impl Place {
    /// The column of the file, and its kind.
    pub fn leaf(&self) -> Option<(usize, Kind)> {
        match self {
            Place::Leaf { leaf, kind, .. } => Some((*leaf, *kind)),
            Place::Folder { .. } => None,
        }
    }

    /// The index of the column, as the job file counts, from 0.
    pub fn column(&self) -> usize {
        match self {
            Place::Leaf { column, .. } | Place::Folder { column, .. } => *column,
        }
    }
}
