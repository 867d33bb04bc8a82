//! In place of a database where segmill is built without the feature `postgres`: nothing can be read.

use std::convert::Infallible;

use super::model::{Pages, Source};
use crate::error::{Error, Result};
use crate::ingest::scan::RowSink;
use crate::ingest::source::InputFile;
use crate::ingest::typed::Layout;
use crate::job::{Column, FilesSpec};
use crate::postgres::check_built;

const KEY: &str = "input.ratings";

fn refuse<T>() -> Result<T> {
    check_built(KEY)?;
    Err(Error::Bug { place: KEY.into(), problem: "there is no reader of databases".into() })
}

/// Cannot exist.
pub struct Reader(Infallible);

/// Cannot exist.
pub struct Session(#[allow(dead_code)] Infallible);

pub fn begin(_file: &mut InputFile) -> Result<Session> {
    refuse()
}

pub fn layout(_spec: &FilesSpec, _file: &InputFile) -> Result<(Layout, Source)> {
    refuse()
}

pub fn first_rows(_file: &InputFile, _n_rows: usize) -> Result<(Vec<String>, Vec<Vec<String>>)> {
    refuse()
}

pub fn read_texts(
    _file: &InputFile,
    _section: &'static str,
    _keys: &[(&'static str, &Column)],
    _each: impl FnMut(u64, &[String]) -> Result<()>,
) -> Result<()> {
    refuse()
}

impl Reader {
    pub fn open(_file: &InputFile, _source: &Source) -> Result<Reader> {
        refuse()
    }

    pub fn scan_pages(&self, _pages: Pages, _layout: &Layout, _sink: &mut impl RowSink) -> Result<()> {
        match self.0 {}
    }

    pub fn scan_query(&self, _most: Option<u64>, _layout: &Layout, _sink: &mut impl RowSink) -> Result<()> {
        match self.0 {}
    }

    pub fn scan_rows(&self, _numbers: &[u64], _layout: &Layout, _sink: &mut impl RowSink) -> Result<()> {
        match self.0 {}
    }
}
