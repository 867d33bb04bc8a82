//! The layout that was found.

use serde::{Deserialize, Serialize};

use crate::ingest::numbers::Reading;
use crate::job::TimeUnit;

/// How to read one file of ratings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dialect {
    /// Not empty; more than one byte means no quoting.
    pub delimiter: Vec<u8>,
    /// The byte at which the first line after the header starts; no row starts before it.
    pub data_start: u64,
    /// A row with more columns than this is bad.
    pub columns: usize,
    pub user: usize,
    pub item: usize,
    /// `None`: each row counts 1.
    pub rating: Option<usize>,
    /// How ratings are read.
    pub reading: Reading,
    /// The column of the time, if the job uses times.
    pub time: Option<TimeColumn>,
    /// The columns that say more of the items, in the order of [`crate::job::ItemColumns::columns`]. A row may lack them.
    pub texts: Vec<usize>,
    /// The values that the names of the file's folders give (`year=2024/`): columns after those of the file.
    pub partitions: Vec<String>,
}

/// The column of the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeColumn {
    pub column: usize,
    /// The unit of its numbers.
    pub unit: TimeUnit,
}

impl Dialect {
    /// User, item and rating in `columns` columns, without a header.
    #[cfg(test)]
    pub fn example(delimiter: &str, columns: usize) -> Dialect {
        let delimiter = delimiter.as_bytes().to_vec();
        Dialect {
            delimiter,
            data_start: 0,
            columns,
            user: 0,
            item: 1,
            rating: Some(2),
            reading: Reading::default(),
            time: None,
            texts: Vec::new(),
            partitions: Vec::new(),
        }
    }

    /// The last column that a row must have. Columns that the names of folders give are not in the rows.
    #[inline]
    pub fn last_column(&self) -> usize {
        let own = |column: usize| if self.partition(column).is_none() { column } else { 0 };
        let time = self.time.map_or(0, |time| own(time.column));
        own(self.user).max(own(self.item)).max(self.rating.map_or(0, own)).max(time)
    }

    /// Whether the names of folders give a column that counts.
    pub fn needs_partitions(&self) -> bool {
        let time = self.time.map(|time| time.column);
        let columns = [Some(self.user), Some(self.item), self.rating, time];
        columns.into_iter().flatten().any(|column| self.partition(column).is_some())
    }

    /// The value of a column that the names of folders give.
    #[inline(always)]
    pub fn partition(&self, column: usize) -> Option<&str> {
        self.partitions.get(column.checked_sub(self.columns)?).map(String::as_str)
    }
}
