//! The values of one role in a group of rows, a batch at a time: a column of the file, or one value that the name of a
//! folder gives.

use super::groups::{Column, Groups};
use super::model::{Kind, Place};
use super::value::{Raw, show};
use crate::error::Result;

/// Rows read at a time: their values stay in the cache.
pub const BATCH: usize = 4096;

/// Where the values of one role come from.
pub enum Values<C> {
    Column(C),
    Same(String),
}

impl<C: Column> Values<C> {
    /// Those of several places, in their order.
    pub fn open<'p, G: Groups<Column = C>>(
        groups: &G,
        group: usize,
        places: impl Iterator<Item = &'p Place> + Clone,
    ) -> Result<Vec<Values<C>>> {
        let leaves: Vec<(usize, Kind)> = places.clone().filter_map(Place::leaf).collect();
        let mut columns = groups.open(group, &leaves)?.into_iter();
        let mut next = || columns.next().expect("a column is opened for each leaf");
        let values = |place: &Place| match place {
            Place::Leaf { .. } => Values::Column(next()),
            Place::Folder { value, .. } => Values::Same(value.clone()),
        };
        Ok(places.map(values).collect())
    }

    /// Reads a batch. Fewer rows than the group should have mean a damaged file.
    pub fn fill(&mut self, rows: usize) -> std::result::Result<(), C::Failure> {
        let Values::Column(column) = self else { return Ok(()) };
        if column.read(rows)? < rows { Err(C::too_few()) } else { Ok(()) }
    }

    /// Passes over rows.
    pub fn skip(&mut self, rows: usize) -> std::result::Result<(), C::Failure> {
        let Values::Column(column) = self else { return Ok(()) };
        if column.skip(rows)? < rows { Err(C::too_few()) } else { Ok(()) }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Values::Column(column) => column.kind(),
            Values::Same(_) => Kind::Text,
        }
    }

    /// [`Column::repeats`].
    pub fn repeats(&self) -> bool {
        match self {
            Values::Column(column) => column.repeats(),
            Values::Same(_) => true,
        }
    }

    /// The value of a row of the batch.
    #[inline(always)]
    pub fn value(&self, row: usize) -> Raw<'_> {
        match self {
            Values::Column(column) => column.value(row),
            Values::Same(value) => Raw::Bytes(value.as_bytes()),
        }
    }

    /// The same as text; empty where it is missing.
    pub fn text(&self, row: usize) -> String {
        let mut text = String::new();
        show(self.value(row), self.kind(), &mut text);
        text
    }
}
