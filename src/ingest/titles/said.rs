//! Titles and metadata that stand in the ratings themselves, gathered while the rows are read.
//!
//! A worker notes what a few users of each item say of it ([`super::votes`]), and looks at the texts of a row only if its user is one of
//! these. So it holds a few words for each item that it meets, not one for each row.

use serde::{Deserialize, Serialize};

use super::described::Described;
use super::votes::Votes;
use crate::collective::Collective;
use crate::ingest::fields::{Splitter, without_cr};
use crate::ingest::ids::Id;
use crate::ingest::items::Items;
use crate::ingest::keys::KeyMap;
use crate::ingest::plan::{Format, PlannedFile};
use crate::ingest::scan::Rest;
use crate::job::ItemColumns;
use crate::kernel::keyed;

/// What rows say of their items.
pub struct Said {
    n_columns: usize,
    items: KeyMap<OfItem>,
    /// How the lines of the file being read are cut; nothing where rows are no lines.
    lines: Option<Lines>,
}

/// What was said of one item.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct OfItem {
    /// A larger draw has no say.
    highest: u32,
    /// Of each column.
    columns: Vec<Votes>,
}

/// The columns of a text.
struct Lines {
    splitter: Splitter,
    columns: Vec<Place>,
}

/// Where a text is.
enum Place {
    Field(usize),
    /// The name of a folder gives it.
    Folder(String),
}

impl Said {
    /// Nothing is known yet; `None` where there are no such columns.
    pub fn new(columns: &ItemColumns) -> Option<Said> {
        let n_columns = columns.columns().count();
        (n_columns > 0).then(|| Said { n_columns, items: KeyMap::default(), lines: None })
    }

    /// The rows to come are those of this file.
    pub fn begin(&mut self, planned: &PlannedFile) {
        self.lines = match &planned.format {
            Format::Table { .. } => None,
            Format::Text { dialect, .. } => {
                let place = |&column: &usize| match dialect.partition(column) {
                    Some(value) => Place::Folder(value.to_string()),
                    None => Place::Field(column),
                };
                let columns = dialect.texts.iter().map(place).collect();
                Some(Lines { splitter: Splitter::new(&dialect.delimiter), columns })
            }
        };
    }

    /// Hears what a row says. User and item are given by their keys.
    #[inline]
    pub fn hear(&mut self, user: u64, item: u64, rest: Rest<'_>) {
        let draw = (keyed::mix(user ^ keyed::mix(item)) >> 32) as u32;
        if self.items.get(&item).is_none_or(|of_item| draw <= of_item.highest) {
            self.note(draw, item, rest);
        }
    }

    #[inline(never)]
    fn note(&mut self, draw: u32, item: u64, rest: Rest<'_>) {
        let n_columns = self.n_columns;
        let of_item = self.items.entry(item).or_insert_with(|| OfItem::new(n_columns));
        match (rest, &mut self.lines) {
            (Rest::Row { of, row }, _) => {
                (0..n_columns).for_each(|at| of_item.columns[at].hear(draw, &of.text(at, row)));
            }
            (Rest::Line { text, at }, Some(lines)) => {
                lines.read(&text[at..], |at, text| of_item.columns[at].hear(draw, text))
            }
            (Rest::Line { .. }, None) => {}
        }
        of_item.count();
    }

    /// What all workers have heard, on the coordinator. All workers call it together.
    pub fn gather<C: Collective>(mut self, c: &mut C) -> Said {
        let mut mine: Vec<(u64, OfItem)> = self.items.drain().collect();
        mine.sort_unstable_by_key(|(item, _)| *item);
        for (item, heard) in c.gather_values(&mine).into_iter().flatten() {
            let n_columns = self.n_columns;
            self.items.entry(item).or_insert_with(|| OfItem::new(n_columns)).merge(&heard);
        }
        self
    }

    /// The items `ids`, with what was said of them. `hash_seed` is that of their keys.
    pub fn of(self, columns: &ItemColumns, ids: Vec<Id>, hash_seed: u64) -> Items {
        let mut described = Described::new(&columns.categories);
        let first = usize::from(columns.title.is_some());
        for id in &ids {
            let Some(of_item) = self.items.get(&id.key(hash_seed)) else { continue };
            let texts: Vec<Option<&str>> = of_item.columns.iter().map(Votes::winner).collect();
            let title = if first > 0 { texts[0] } else { None };
            described.note(id.clone(), title.unwrap_or_default(), |at| texts.get(first + at).copied().flatten());
        }
        described.of(ids)
    }
}

impl OfItem {
    fn new(n_columns: usize) -> OfItem {
        OfItem { highest: u32::MAX, columns: vec![Votes::default(); n_columns] }
    }

    fn count(&mut self) {
        self.highest = self.columns.iter().map(Votes::highest).max().unwrap_or(0);
    }

    fn merge(&mut self, other: &OfItem) {
        self.columns.iter_mut().zip(&other.columns).for_each(|(mine, other)| mine.merge(other));
    }
}

impl Lines {
    /// Hands the texts of the line that `text` begins with to `each`, with the number of the column.
    fn read(&mut self, text: &[u8], mut each: impl FnMut(usize, &str)) {
        let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
        let Some(fields) = self.splitter.read(without_cr(&text[..end])) else { return };
        for (at, place) in self.columns.iter().enumerate() {
            match place {
                Place::Field(column) => each(at, &String::from_utf8_lossy(fields.get(*column).unwrap_or_default())),
                Place::Folder(value) => each(at, value),
            }
        }
    }
}
