//! A row group to rows.

use parquet::basic::Encoding;
use parquet::errors::Result as ParquetResult;
use parquet::file::metadata::RowGroupMetaData;

use super::chunks::Chunks;
use super::groups::RowGroups;
use super::model::{GroupRows, Layout, Place};
use super::value::{Ids, rating_of, time_of};
use super::values::{BATCH, Values};
use crate::error::Result;
use crate::ingest::scan::{BadRow, Cells, Checked, Flaw, RawRow, Rest, RowSink};

impl RowGroups {
    /// Hands rows of a row group to `sink`, in order; the `byte` of a row is its number in the file.
    pub fn scan(&self, rows: &GroupRows, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
        let group = self.group(rows.group, layout)?;
        let chunks = self.chunks(group, layout.places())?;
        let scanned = scan_rows(&chunks, group, rows, layout, sink);
        scanned.map_err(|e| self.unreadable(&e))
    }
}

fn scan_rows(
    chunks: &Chunks,
    group: &RowGroupMetaData,
    rows: &GroupRows,
    layout: &Layout,
    sink: &mut impl RowSink,
) -> ParquetResult<()> {
    let mut roles = Roles::open(chunks, group, layout)?;
    let mut ids = RowIds::new(group, &roles);
    roles.skip(rows.start)?;
    let first_row = layout.first_row(rows.group) + rows.start;
    let (mut done, n_rows) = (0, rows.n_rows());
    while done < n_rows {
        let wanted = BATCH.min((n_rows - done) as usize);
        roles.fill(wanted)?;
        for row in 0..wanted {
            let number = first_row + done + row as u64;
            match roles.row(row, number, &mut ids) {
                Ok(row) => sink.row(row),
                Err(flaw) => sink.bad(bad(*flaw, roles.shown(row).as_bytes(), number)),
            }
        }
        done += wanted as u64;
    }
    Ok(())
}

/// The values of every role.
struct Roles<'l> {
    user: Values,
    item: Values,
    rating: Option<Values>,
    time: Option<Values>,
    texts: Texts,
    layout: &'l Layout,
    rating_column: usize,
}

/// What says more of the items.
struct Texts(Vec<Values>);

impl Cells for Texts {
    fn text(&self, at: usize, row: usize) -> String {
        self.0[at].text(row)
    }
}

/// What reads the ids of both kinds.
struct RowIds {
    users: Ids,
    items: Ids,
}

impl RowIds {
    fn new(group: &RowGroupMetaData, roles: &Roles<'_>) -> RowIds {
        let ids = |name, values: &Values, place: &Place| {
            let dictionary = place.leaf().is_none_or(|leaf| has_dictionary(group, leaf));
            Ids::new(name, place.column(), values.kind(), dictionary)
        };
        RowIds {
            users: ids("user", &roles.user, &roles.layout.user),
            items: ids("item", &roles.item, &roles.layout.item),
        }
    }
}

impl<'l> Roles<'l> {
    fn open(chunks: &Chunks, group: &RowGroupMetaData, layout: &'l Layout) -> ParquetResult<Roles<'l>> {
        let open = |place: &Place| Values::open(chunks, group, place);
        Ok(Roles {
            user: open(&layout.user)?,
            item: open(&layout.item)?,
            rating: layout.rating.as_ref().map(open).transpose()?,
            time: layout.time.as_ref().map(|time| open(&time.place)).transpose()?,
            texts: Texts(layout.texts.iter().map(open).collect::<ParquetResult<_>>()?),
            layout,
            rating_column: layout.rating.as_ref().map_or(0, Place::column),
        })
    }

    /// Reads a batch of all of them.
    fn fill(&mut self, rows: usize) -> ParquetResult<()> {
        self.all().try_for_each(|values| values.fill(rows))
    }

    /// Passes over the next rows of all of them.
    fn skip(&mut self, rows: u64) -> ParquetResult<()> {
        self.all().try_for_each(|values| values.skip(rows as usize))
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Values> {
        let all = [Some(&mut self.user), Some(&mut self.item), self.rating.as_mut(), self.time.as_mut()];
        all.into_iter().flatten().chain(&mut self.texts.0)
    }

    /// A row of the batch, with its number in the file.
    #[inline(always)]
    fn row<'a>(&'a self, row: usize, number: u64, ids: &'a mut RowIds) -> Checked<RawRow<'a>> {
        let user = ids.users.id(self.user.value(row))?;
        let item = ids.items.id(self.item.value(row))?;
        let rating = match &self.rating {
            Some(values) => rating_of(values.value(row), values.kind(), self.rating_column, &self.layout.reading)?,
            None => 1.0,
        };
        let time = match (&self.time, &self.layout.time) {
            (Some(values), Some(of)) => time_of(values.value(row), values.kind(), of)?,
            _ => 0,
        };
        let rest = Rest::Row { of: &self.texts, row };
        Ok(RawRow { user, item, rating, time, byte: number, line: number, rest })
    }

    /// The values of a row as a line of text.
    fn shown(&self, row: usize) -> String {
        let all = [Some(&self.user), Some(&self.item), self.rating.as_ref(), self.time.as_ref()];
        all.into_iter().flatten().map(|values| values.text(row)).collect::<Vec<_>>().join(",")
    }
}

fn has_dictionary(group: &RowGroupMetaData, leaf: usize) -> bool {
    let dictionaries = [Encoding::PLAIN_DICTIONARY, Encoding::RLE_DICTIONARY];
    group.column(leaf).encodings().any(|encoding| dictionaries.contains(&encoding))
}

fn bad(flaw: Flaw, raw: &[u8], row: u64) -> BadRow<'_> {
    BadRow { code: flaw.code, field: flaw.field, problem: flaw.problem, raw, byte: row, line: row }
}
