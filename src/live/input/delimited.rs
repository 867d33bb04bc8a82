//! Delimited text to rows: `op,user,item[,rating[,time]]`, or the job's own columns where the operation is given.
//!
//! How the lines of a stream are laid out is found in the first of them that says so:
//!
//! - With an operation in each line, the delimiter is what follows the first field, which must be an operation or `op`: of the
//!   job's own delimiter, tab, `::`, `|`, `;` and comma. A header (`op,user,item`, in any order) says where the columns are.
//! - With the operation given, delimiter and header are found as in an input file ([`crate::ingest::dialect`]), but from one line.
//!   Columns that the job names must be in it. A rating or a time may be missing in any line.
//!
//! Until then every line is bad. An empty field counts as missing for the rating and the time of a line with an operation in it,
//! so that `withdraw,u1,i9,,2024-05-01` can be written.

use std::path::Path;

use super::row::{BAD_HEADER, BAD_OP, Read, Row, Wrong, op, wrong};
use super::rules::Rules;
use crate::ingest::dialect::{self, DELIMITERS};
use crate::ingest::fields::{Fields, Splitter, split, trim};
use crate::ingest::ids::Id;
use crate::ingest::numbers::Reading;
use crate::ingest::scan::{BadCode, id, rating, time};
use crate::job::{Column, FilesSpec, RatingColumn};

/// Reads delimited lines of one stream.
#[derive(Default)]
pub(super) struct Delimited {
    layout: Option<Layout>,
}

/// Which field is what.
struct Layout {
    splitter: Splitter,
    op: Option<usize>,
    user: usize,
    item: usize,
    rating: Option<usize>,
    time: Option<usize>,
    /// How ratings are read: with an operation in each line, plainly.
    reading: Reading,
    /// A line with more fields is bad.
    most: usize,
    /// The first line holds the names of the columns.
    header: bool,
}

impl Delimited {
    pub fn knows_layout(&self) -> bool {
        self.layout.is_some()
    }

    /// The row of a line that is not blank.
    pub fn read(&mut self, line: &[u8], rules: &Rules) -> Read {
        if let Some(layout) = &mut self.layout {
            return layout.read(line, rules).map(Some);
        }
        let found =
            if rules.op.is_some() { Layout::of_job(line, &rules.spec)? } else { Layout::of_changes(line, rules)? };
        let layout = self.layout.insert(found);
        if layout.header { Ok(None) } else { layout.read(line, rules).map(Some) }
    }
}

/// The columns of `op,user,item,rating,time`, in this order where no header says otherwise.
const COLUMNS: [&str; 5] = ["op", "user", "item", "rating", "time"];

impl Layout {
    /// Of lines that begin with an operation.
    fn of_changes(line: &[u8], rules: &Rules) -> Result<Layout, Wrong> {
        let own = rules.spec.delimiter.as_deref().filter(|own| !own.is_empty());
        let cuts = own.into_iter().chain(DELIMITERS).filter_map(|delimiter| {
            let fields = split(line, delimiter.as_bytes())?;
            let header = trim(fields.first()?) == b"op";
            let begins = header || op(&fields[0]).is_ok();
            (fields.len() > 1 && begins).then_some((delimiter, fields, header))
        });
        // Of equals the first.
        let (delimiter, fields, header) = cuts.rev().max_by_key(|(_, fields, _)| fields.len()).ok_or((BAD_OP, "op"))?;
        let mut columns = [0, 1, 2, 3, 4].map(Some);
        if header {
            let named = |name: &str| fields.iter().position(|field| trim(field) == name.as_bytes());
            columns = COLUMNS.map(named);
        }
        let [op, Some(user), Some(item), rating, time] = columns else { return Err((BAD_HEADER, "row")) };
        let most = if header { fields.len() } else { COLUMNS.len() };
        let (splitter, reading) = (Splitter::new(delimiter.as_bytes()), Reading::default());
        Ok(Layout { splitter, op, user, item, rating, time, reading, most, header })
    }

    /// Of rows as the job's files have them.
    fn of_job(line: &[u8], spec: &FilesSpec) -> Result<Layout, Wrong> {
        let given = match &spec.rating {
            RatingColumn::Given(column) => by_index(column),
            _ => None,
        };
        let time = spec.time.as_ref().and_then(|time| by_index(&time.column));
        // The line end makes it a whole line.
        let head = [line, b"\n"].concat();
        let wanted = to_detect(spec, given.is_some(), time.is_some());
        let found = dialect::detect(&wanted, Path::new("changes"), &head).map_err(|_| (BAD_HEADER, "row"))?;
        let (user, item) = (found.user, found.item);
        let time = time.or(found.time.map(|time| time.column));
        let is_free = |column: &usize| ![Some(user), Some(item), time].contains(&Some(*column));
        let by_default = matches!(spec.rating, RatingColumn::Default).then_some(2).filter(is_free);
        let rating = given.or(found.rating).or(by_default);
        let needed = [Some(user), Some(item), rating, time].into_iter().flatten().max().unwrap_or_default() + 1;
        let (splitter, header) = (Splitter::new(&found.delimiter), found.data_start > 0);
        let (most, reading) = (found.columns.max(needed), found.reading);
        Ok(Layout { splitter, op: None, user, item, rating, time, reading, most, header })
    }

    fn read(&mut self, line: &[u8], rules: &Rules) -> Result<Row, Wrong> {
        let fields = self.splitter.read(line).ok_or((BadCode::BadQuote.name(), "row"))?;
        let op = match self.op {
            Some(column) => op(fields.get(column).unwrap_or_default())?,
            None => rules.op.ok_or((BAD_OP, "op"))?,
        };
        if fields.len() <= self.user.max(self.item) {
            return Err((BadCode::ShortRow.name(), "row"));
        }
        if fields.len() > self.most {
            return Err((BadCode::LongRow.name(), "row"));
        }
        let may_be_empty = self.op.is_some();
        let given = |column: Option<usize>| {
            let field = fields.get(column?)?;
            (!may_be_empty || !trim(field).is_empty()).then_some(field)
        };
        let (user, item) = (id_in(&fields, self.user, "user")?, id_in(&fields, self.item, "item")?);
        let rating = given(self.rating).map(|field| rating(field, 0, &self.reading)).transpose().map_err(wrong)?;
        let time = given(self.time).filter(|_| rules.times);
        let time = time.map(|field| time_of(field, rules)).transpose()?;
        Ok(Row { op, user, item, rating, time })
    }
}

/// A column given by its number.
fn by_index(column: &Column) -> Option<usize> {
    match column {
        Column::Index(index) => Some(*index),
        Column::Name(_) => None,
    }
}

/// What is to be found in the first line: a column given by its number need not be in it, and that a file had a header does not
/// say that this stream has one.
fn to_detect(spec: &FilesSpec, rating_is_known: bool, time_is_known: bool) -> FilesSpec {
    let mut wanted = spec.clone();
    wanted.header = spec.header.filter(|has| !has);
    if rating_is_known {
        wanted.rating = RatingColumn::None;
    }
    wanted.time = wanted.time.filter(|_| !time_is_known);
    wanted.time.iter_mut().for_each(|time| time.asked = true);
    wanted
}

fn time_of(field: &[u8], rules: &Rules) -> Result<i64, Wrong> {
    time(field, 0, rules.unit).map_err(wrong)
}

fn id_in(fields: &Fields<'_>, column: usize, name: &'static str) -> Result<Id, Wrong> {
    id(fields.get(column).unwrap_or_default(), name, column).map(Id::from).map_err(wrong)
}
