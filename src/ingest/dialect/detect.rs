//! The layout of a file of ratings.

use std::path::Path;

use super::layout::{Layout, layout};
use super::model::{Dialect, TimeColumn};
use super::want::{Key, Kind, Want};
use crate::error::Result;
use crate::ingest::partitions;
use crate::job::{Column, FilesSpec, RatingColumn};

/// The layout of the file at `path`, found in `head`: its first [`super::HEAD_BYTES`] bytes, or all of them if it has
/// fewer. `head` may be longer; the rest is not looked at. A file without a line has no rows in any layout.
///
/// Errors: [`Error::Job`](crate::error::Error::Job) for a key that does not fit the file;
/// [`Error::Data`](crate::error::Error::Data) for a file that is no text.
pub fn detect(spec: &FilesSpec, path: &Path, head: &[u8]) -> Result<Dialect> {
    let (names, values) = partitions::of(path).into_iter().unzip();
    let (delimiter, header) = (spec.delimiter.as_deref(), spec.header);
    let want = Want { section: "input", path, delimiter, header, keys: keys(spec), partitions: names };
    let layout = layout(&want, head)?;
    let roles = Roles::of(spec, &want, &layout);
    roles.check(&want)?;
    Ok(Dialect {
        user: roles.user,
        item: roles.item,
        rating: roles.rating.filter(|&column| !roles.is_id(column) && !roles.is_time(column)),
        time: roles.time.filter(|_| spec.time.as_ref().is_some_and(|time| time.asked)),
        reading: spec.numbers.clone().into(),
        texts: texts(&want, &layout),
        delimiter: layout.delimiter,
        data_start: layout.data_start,
        columns: layout.columns,
        partitions: values,
    })
}

/// The columns that a job needs of its ratings.
fn keys(spec: &FilesSpec) -> Vec<Key> {
    let rating = match &spec.rating {
        RatingColumn::Given(column) => Some((column.clone(), true)),
        RatingColumn::Default => Some((Column::Index(2), false)),
        RatingColumn::None => None,
    };
    let rating = rating.map(|(column, required)| Key { name: "rating", column, required, kind: Kind::Number });
    let time = spec.time.as_ref().map(|time| Key::text("time", &time.column));
    let texts = spec.items.columns().map(|(name, column)| Key::text(name, column));
    [Key::id("user", &spec.user), Key::id("item", &spec.item)]
        .into_iter()
        .chain(rating)
        .chain(time)
        .chain(texts)
        .collect()
}

/// The columns that say more of the items, behind those of the rows' own.
fn texts(want: &Want<'_>, layout: &Layout) -> Vec<usize> {
    let roles = ["user", "item", "rating", "time"];
    let found = want.keys.iter().zip(&layout.found).filter(|(key, _)| !roles.contains(&key.name));
    found.filter_map(|(_, column)| *column).collect()
}

/// Which column holds what.
struct Roles {
    user: usize,
    item: usize,
    rating: Option<usize>,
    /// The job file names the column of ratings. One that is only looked for by default gives way to the others.
    rating_is_given: bool,
    time: Option<TimeColumn>,
}

impl Roles {
    fn of(spec: &FilesSpec, want: &Want<'_>, layout: &Layout) -> Roles {
        let found = |name: &str| layout.found[want.keys.iter().position(|key| key.name == name)?];
        Roles {
            user: found("user").unwrap_or(0),
            item: found("item").unwrap_or(1),
            rating: found("rating"),
            rating_is_given: matches!(spec.rating, RatingColumn::Given(_)),
            time: spec.time.as_ref().and_then(|time| Some(TimeColumn { column: found("time")?, unit: time.unit })),
        }
    }

    fn is_id(&self, column: usize) -> bool {
        column == self.user || column == self.item
    }

    fn is_time(&self, column: usize) -> bool {
        self.time.is_some_and(|time| time.column == column)
    }

    /// Refuses one column for two roles.
    fn check(&self, want: &Want<'_>) -> Result<()> {
        let misfit = |key, problem: &str, remedy| Err(want.misfit(key, problem.into(), remedy));
        let rating = self.rating.filter(|_| self.rating_is_given);
        if self.user == self.item {
            return misfit("item", "user and item are the same column", "name another column");
        }
        if rating.is_some_and(|column| self.is_id(column)) {
            let remedy = "name another column, or set it to false to count rows";
            return misfit("rating", "the rating is in the column of an id", remedy);
        }
        if self.is_time(self.user) || self.is_time(self.item) || rating.is_some_and(|column| self.is_time(column)) {
            return misfit("time", "the time is in the column of an id or of the rating", "name another column");
        }
        Ok(())
    }
}
