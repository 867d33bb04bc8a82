//! What is said of items, in a file of their own or in the ratings.

use std::collections::HashMap;

use crate::ingest::ids::{Id, MAX_ID_BYTES};
use crate::ingest::items::Items;
use crate::ingest::metadata::Collector;
use crate::job::{Column, MetadataSpec, TitlesSpec};

/// What is said of items.
#[derive(Debug)]
pub struct Described<'a> {
    /// The number of the row of each item, from 0, among the rows that count.
    rows: HashMap<Id, u32>,
    /// By row.
    titles: Vec<Option<String>>,
    /// The columns of metadata.
    metadata: Vec<Collector<'a>>,
}

impl<'a> Described<'a> {
    /// Nothing is known yet.
    pub fn new(metadata: &'a [MetadataSpec]) -> Described<'a> {
        let metadata = metadata.iter().map(Collector::new).collect();
        Described { rows: HashMap::new(), titles: Vec::new(), metadata }
    }

    /// Items that have a title.
    pub fn n_titles(&self) -> usize {
        self.titles.iter().flatten().count()
    }

    /// The titles by item id.
    pub fn titles(&self) -> impl Iterator<Item = (&Id, &str)> {
        self.rows.iter().filter_map(|(id, &row)| Some((id, self.titles[row as usize].as_deref()?)))
    }

    /// The items `ids`, with what is said of them.
    pub fn of(mut self, ids: Vec<Id>) -> Items {
        let rows: Vec<Option<u32>> = ids.iter().map(|id| self.rows.get(id).copied()).collect();
        let titles = rows.iter().map(|row| self.titles[(*row)? as usize].take()).collect();
        let metadata = self.metadata.into_iter().map(|column| column.finish(&rows)).collect();
        Items { ids, titles, metadata }
    }

    /// Notes a row, or returns what is wrong with its id. `cell(c)` is the text in column `c` of those that
    /// [`columns`] lists.
    pub fn add<'t>(
        &mut self,
        id: &str,
        title: &str,
        cell: impl Fn(usize) -> Option<&'t str>,
    ) -> std::result::Result<(), String> {
        let id = id.trim_matches([' ', '\t']);
        if id.is_empty() || id.len() > MAX_ID_BYTES {
            return Err(format!("the item id must have 1 to {MAX_ID_BYTES} bytes, not {}", id.len()));
        }
        // Columns 0 and 1 are id and title.
        self.note(Id::parse(id), title, |at| cell(2 + at));
        Ok(())
    }

    /// Notes what is said of an item. `cell(c)` is the text in the `c`-th column of metadata.
    pub fn note<'t>(&mut self, id: Id, title: &str, cell: impl Fn(usize) -> Option<&'t str>) {
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let title = Some(title).filter(|title| !title.is_empty());
        let next = self.titles.len() as u32;
        let row = *self.rows.entry(id).or_insert(next);
        if row < next {
            let known = &mut self.titles[row as usize];
            *known = known.take().or(title);
        } else {
            self.titles.push(title);
            self.add_metadata(cell);
        }
    }

    fn add_metadata<'t>(&mut self, cell: impl Fn(usize) -> Option<&'t str>) {
        let mut first = 0;
        for column in &mut self.metadata {
            column.push(|at| cell(first + at));
            first += column.n_columns();
        }
    }
}

/// The columns that are read: id, title, and then those of each field of metadata.
pub fn columns(spec: &TitlesSpec) -> Vec<(&'static str, &Column)> {
    let metadata = spec.metadata.iter().flat_map(|metadata| metadata.from.columns()).map(|column| ("metadata", column));
    [("id", &spec.id), ("title", &spec.title)].into_iter().chain(metadata).collect()
}
