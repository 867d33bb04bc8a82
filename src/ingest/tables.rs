//! Files of typed columns, whatever their format.

use serde::{Deserialize, Serialize};

use super::arrow::{self, Batches};
use super::database::{self, Pages, Reader};
use super::parquet::{self, RowGroups};
use super::scan::RowSink;
use super::source::{InputFile, Place};
use super::typed::{self, GroupRows, Layout};
use crate::error::Result;
use crate::job::{Column, FilesSpec};

/// A format whose columns have types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Parquet,
    Arrow,
    Database,
}

impl Kind {
    /// What is no file.
    pub fn beside_files(file: &InputFile) -> Option<Kind> {
        matches!(file.place, Place::Database { .. }).then_some(Kind::Database)
    }

    /// By the first bytes of a file; its name does not matter.
    pub fn of(head: &[u8]) -> Option<Kind> {
        let found = [(Kind::Parquet, parquet::is_parquet(head)), (Kind::Arrow, arrow::is_arrow(head))];
        found.into_iter().find(|(_, is)| *is).map(|(kind, _)| kind)
    }

    /// As it is written in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Parquet => "Parquet",
            Kind::Arrow => "Arrow",
            Kind::Database => "PostgreSQL",
        }
    }
}

/// How the rows of a file are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stored {
    Parquet,
    Arrow(arrow::Index),
    Database(database::Source),
}

impl Stored {
    /// The same without what differs from file to file.
    pub fn shape(&self) -> Stored {
        match self {
            Stored::Parquet => Stored::Parquet,
            Stored::Arrow(_) => Stored::Arrow(arrow::Index::default()),
            Stored::Database(source) => Stored::Database(source.clone()),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Stored::Parquet => Kind::Parquet,
            Stored::Arrow(_) => Kind::Arrow,
            Stored::Database(_) => Kind::Database,
        }
    }
}

/// How a file is laid out and stored.
///
/// # Errors
/// [`crate::error::Error::Job`] for a key that does not fit the file, [`crate::error::Error::Data`] for a file that cannot be read.
pub fn layout(kind: Kind, spec: &FilesSpec, file: &InputFile) -> Result<(Layout, Stored)> {
    match kind {
        Kind::Parquet => parquet::layout(spec, file).map(|layout| (layout, Stored::Parquet)),
        Kind::Arrow => arrow::layout(spec, file).map(|(layout, index)| (layout, Stored::Arrow(index))),
        Kind::Database => database::layout(spec, file).map(|(layout, source)| (layout, Stored::Database(source))),
    }
}

/// An open file.
pub enum Table {
    Parquet(Box<RowGroups>),
    Arrow(Box<Batches>),
    Database(Box<Reader>),
}

impl Table {
    /// Opens a file that is laid out already.
    pub fn open(file: &InputFile, stored: &Stored) -> Result<Table> {
        match stored {
            Stored::Parquet => RowGroups::open(file).map(Box::new).map(Table::Parquet),
            Stored::Arrow(index) => Batches::open(file, index).map(Box::new).map(Table::Arrow),
            Stored::Database(source) => Reader::open(file, source).map(Box::new).map(Table::Database),
        }
    }

    /// [`typed::scan`]; `next` are the rows that will be read after these.
    pub fn scan(
        &self,
        rows: &GroupRows,
        next: Option<GroupRows>,
        layout: &Layout,
        sink: &mut impl RowSink,
    ) -> Result<()> {
        match self {
            Table::Parquet(groups) => typed::scan(&**groups, rows, layout, sink),
            Table::Arrow(batches) => {
                next.into_iter().for_each(|next| batches.prefetch(next.group));
                typed::scan(&**batches, rows, layout, sink)?;
                batches.give_back(rows.group);
                Ok(())
            }
            Table::Database(_) => unreachable!("a database is read in pages or as a whole"),
        }
    }

    /// Hands the rows in some pages of a database to `sink`.
    pub fn scan_pages(&self, pages: Pages, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        self.database().scan_pages(pages, layout, sink)
    }

    /// Hands the rows of a query to `sink`: `most` of them, or all.
    pub fn scan_query(&self, most: Option<u64>, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        self.database().scan_query(most, layout, sink)
    }

    /// Hands rows of tables of a database to `sink`, by their numbers, which rise.
    pub fn scan_rows(&self, numbers: &[u64], layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        self.database().scan_rows(numbers, layout, sink)
    }

    fn database(&self) -> &Reader {
        let Table::Database(reader) = self else { unreachable!("a file is read by its groups") };
        reader
    }
}

/// [`typed::read_texts`] of a file.
pub fn read_texts(
    kind: Kind,
    file: &InputFile,
    section: &'static str,
    keys: &[(&'static str, &Column)],
    each: impl FnMut(u64, &[String]) -> Result<()>,
) -> Result<()> {
    match kind {
        Kind::Parquet => typed::read_texts(&RowGroups::open(file)?, section, keys, each),
        Kind::Arrow => typed::read_texts(&arrow::open(file)?, section, keys, each),
        Kind::Database => database::read_texts(file, section, keys, each),
    }
}

/// [`typed::first_rows`] of a file.
pub fn first_rows(kind: Kind, file: &InputFile, n_rows: usize) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    match kind {
        Kind::Parquet => typed::first_rows(&RowGroups::open(file)?, n_rows),
        Kind::Arrow => typed::first_rows(&arrow::open(file)?, n_rows),
        Kind::Database => database::first_rows(file, n_rows),
    }
}

/// [`typed::n_rows`] of a Parquet file.
pub fn n_rows(file: &InputFile, section: &'static str, keys: &[(&str, Column)]) -> Result<u64> {
    typed::n_rows(&RowGroups::open(file)?, section, keys)
}
