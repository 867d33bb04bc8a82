//! Named columns of one length, borrowed where the results already lie in columns: a table of a million users needs no
//! second copy of them.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use crate::ingest::ids::Id;

/// Named columns of one length.
#[derive(Debug, Clone)]
pub struct Table<'a> {
    pub(super) name: &'static str,
    pub(super) columns: Vec<Column<'a>>,
}

/// One column.
#[derive(Debug, Clone)]
pub struct Column<'a> {
    pub name: &'static str,
    pub values: Values<'a>,
}

/// Values of one type, one per row. `U32` and `U64` differ in memory only: both are whole numbers.
#[derive(Debug, Clone)]
pub enum Values<'a> {
    U32(Cow<'a, [u32]>),
    U64(Cow<'a, [u64]>),
    F64(Cow<'a, [f64]>),
    Text(Vec<Cow<'a, str>>),
    Nullable(Vec<Option<&'a str>>),
}

impl<'a> Values<'a> {
    /// Ids as whole numbers if `numeric`, otherwise as text. Columns that are to be joined must agree in `numeric`:
    /// decide it with [`all_numbers`] over the whole dictionary.
    pub fn ids(ids: impl IntoIterator<Item = &'a Id>, numeric: bool) -> Values<'a> {
        if numeric {
            Values::U64(ids.into_iter().map(number_of).collect())
        } else {
            Values::Text(ids.into_iter().map(text_of).collect())
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Values::U32(v) => v.len(),
            Values::U64(v) => v.len(),
            Values::F64(v) => v.len(),
            Values::Text(v) => v.len(),
            Values::Nullable(v) => v.len(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether every id is a number, so that a column of them can be one of integers.
pub fn all_numbers<'a>(ids: impl IntoIterator<Item = &'a Id>) -> bool {
    ids.into_iter().all(|id| matches!(id, Id::Number(_)))
}

fn number_of(id: &Id) -> u64 {
    match id {
        Id::Number(value) => *value,
        Id::Text(text) => unreachable!("a numeric id column holds the text {text:?}"),
    }
}

fn text_of(id: &Id) -> Cow<'_, str> {
    match id {
        Id::Number(value) => Cow::Owned(value.to_string()),
        Id::Text(text) => Cow::Borrowed(text),
    }
}

impl<'a> Table<'a> {
    /// A table of `columns` in order, all of one length.
    pub fn new(name: &'static str, columns: Vec<(&'static str, Values<'a>)>) -> Table<'a> {
        let columns: Vec<Column> = columns.into_iter().map(|(name, values)| Column { name, values }).collect();
        let rows = columns.first().map_or(0, |c| c.values.len());
        for column in &columns {
            assert_eq!(column.values.len(), rows, "column {} of table {name} has another length", column.name);
        }
        Table { name, columns }
    }

    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The table's file of this ending in `folder`.
    pub fn place(&self, folder: &Path, ending: &str) -> PathBuf {
        folder.join(self.name).with_extension(ending)
    }

    pub fn columns(&self) -> &[Column<'a>] {
        &self.columns
    }

    pub fn n_rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.values.len())
    }
}
