//! A group of rows to rows of ratings.

use super::groups::{Column, Groups};
use super::model::{GroupRows, Layout, Place};
use super::value::{Ids, rating_of, time_of};
use super::values::{BATCH, Values};
use crate::error::Result;
use crate::ingest::scan::{BadRow, Cells, Checked, Flaw, RawRow, Rest, RowSink};

/// Hands rows of a group to `sink`, in order; the `byte` of a row is its number in the file.
///
/// # Errors
/// Those of a file that cannot be read, or is another one than `layout` was made of.
pub fn scan(groups: &impl Groups, rows: &GroupRows, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
    if groups.rows(rows.group) != layout.groups.get(rows.group).copied() {
        return Err(groups.changed());
    }
    scan_numbered(groups, rows, layout.first_row(rows.group) + rows.start, layout, sink)
}

/// Hands all rows of the only group to `sink`, the first of them with this number.
///
/// # Errors
/// Those of what cannot be read.
pub fn scan_group(groups: &impl Groups, first_row: u64, layout: &Layout, sink: &mut impl RowSink) -> Result<()> {
    let rows = GroupRows { group: 0, start: 0, end: groups.rows(0).unwrap_or(0) };
    scan_numbered(groups, &rows, first_row, layout, sink)
}

fn scan_numbered(
    groups: &impl Groups,
    rows: &GroupRows,
    first_row: u64,
    layout: &Layout,
    sink: &mut impl RowSink,
) -> Result<()> {
    let roles = Roles::open(groups, rows.group, layout)?;
    scan_rows(roles, rows, first_row, sink).map_err(|e| groups.unreadable(&e))
}

fn scan_rows<C: Column>(
    mut roles: Roles<'_, C>,
    rows: &GroupRows,
    first_row: u64,
    sink: &mut impl RowSink,
) -> std::result::Result<(), C::Failure> {
    let mut ids = RowIds::new(&roles);
    roles.skip(rows.start)?;
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
struct Roles<'l, C> {
    user: Values<C>,
    item: Values<C>,
    rating: Option<Values<C>>,
    time: Option<Values<C>>,
    texts: Texts<C>,
    layout: &'l Layout,
    rating_column: usize,
}

/// What says more of the items.
struct Texts<C>(Vec<Values<C>>);

impl<C: Column> Cells for Texts<C> {
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
    fn new<C: Column>(roles: &Roles<'_, C>) -> RowIds {
        let ids =
            |name, values: &Values<C>, place: &Place| Ids::new(name, place.column(), values.kind(), values.repeats());
        RowIds {
            users: ids("user", &roles.user, &roles.layout.user),
            items: ids("item", &roles.item, &roles.layout.item),
        }
    }
}

impl<'l, C: Column> Roles<'l, C> {
    fn open(groups: &impl Groups<Column = C>, group: usize, layout: &'l Layout) -> Result<Roles<'l, C>> {
        let mut values = Values::open(groups, group, layout.places())?.into_iter();
        let mut next = || values.next().expect("values are opened for each place");
        Ok(Roles {
            user: next(),
            item: next(),
            rating: layout.rating.as_ref().map(|_| next()),
            time: layout.time.as_ref().map(|_| next()),
            texts: Texts(layout.texts.iter().map(|_| next()).collect()),
            layout,
            rating_column: layout.rating.as_ref().map_or(0, Place::column),
        })
    }

    /// Reads a batch of all of them.
    fn fill(&mut self, rows: usize) -> std::result::Result<(), C::Failure> {
        self.all().try_for_each(|values| values.fill(rows))
    }

    /// Passes over the next rows of all of them.
    fn skip(&mut self, rows: u64) -> std::result::Result<(), C::Failure> {
        self.all().try_for_each(|values| values.skip(rows as usize))
    }

    fn all(&mut self) -> impl Iterator<Item = &mut Values<C>> {
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

fn bad(flaw: Flaw, raw: &[u8], row: u64) -> BadRow<'_> {
    BadRow { code: flaw.code, field: flaw.field, problem: flaw.problem, raw, byte: row, line: row }
}
