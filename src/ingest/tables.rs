//! Files of typed columns, whatever their format.

use serde::{Deserialize, Serialize};

use super::arrow::{self, Batches};
use super::parquet::{self, RowGroups};
use super::scan::RowSink;
use super::source::InputFile;
use super::typed::{self, GroupRows, Layout};
use crate::error::Result;
use crate::job::{Column, FilesSpec};

/// A format whose columns have types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Parquet,
    Arrow,
}

impl Kind {
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
        }
    }
}

/// How the rows of a file are stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stored {
    Parquet,
    Arrow(arrow::Index),
}

impl Stored {
    /// The same without what differs from file to file.
    pub fn shape(&self) -> Stored {
        match self {
            Stored::Parquet => Stored::Parquet,
            Stored::Arrow(_) => Stored::Arrow(arrow::Index::default()),
        }
    }

    pub fn kind(&self) -> Kind {
        match self {
            Stored::Parquet => Kind::Parquet,
            Stored::Arrow(_) => Kind::Arrow,
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
    }
}

/// An open file.
pub enum Table {
    Parquet(Box<RowGroups>),
    Arrow(Box<Batches>),
}

impl Table {
    /// Opens a file that is laid out already.
    pub fn open(file: &InputFile, stored: &Stored) -> Result<Table> {
        match stored {
            Stored::Parquet => RowGroups::open(file).map(Box::new).map(Table::Parquet),
            Stored::Arrow(index) => Batches::open(file, index).map(Box::new).map(Table::Arrow),
        }
    }

    fn of(kind: Kind, file: &InputFile) -> Result<Table> {
        match kind {
            Kind::Parquet => RowGroups::open(file).map(Box::new).map(Table::Parquet),
            Kind::Arrow => arrow::open(file).map(Box::new).map(Table::Arrow),
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
        }
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
    match Table::of(kind, file)? {
        Table::Parquet(groups) => typed::read_texts(&*groups, section, keys, each),
        Table::Arrow(batches) => typed::read_texts(&*batches, section, keys, each),
    }
}

/// [`typed::first_rows`] of a file.
pub fn first_rows(kind: Kind, file: &InputFile, n_rows: usize) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    match Table::of(kind, file)? {
        Table::Parquet(groups) => typed::first_rows(&*groups, n_rows),
        Table::Arrow(batches) => typed::first_rows(&*batches, n_rows),
    }
}

/// [`typed::n_rows`] of a file.
pub fn n_rows(kind: Kind, file: &InputFile, section: &'static str, keys: &[(&str, Column)]) -> Result<u64> {
    match Table::of(kind, file)? {
        Table::Parquet(groups) => typed::n_rows(&*groups, section, keys),
        Table::Arrow(batches) => typed::n_rows(&*batches, section, keys),
    }
}
