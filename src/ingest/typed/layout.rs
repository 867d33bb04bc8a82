//! The layout of a file, by the columns that it says it has.

use super::columns::Columns;
use super::model::{Layout, Place};
use crate::error::Result;
use crate::job::{FilesSpec, RatingColumn};

/// The places of the columns that count in a file. Its groups of rows are still to be added.
///
/// # Errors
/// [`crate::error::Error::Job`] for a key that does not fit the file.
pub fn layout(spec: &FilesSpec, columns: &Columns<'_>) -> Result<Layout> {
    let user = columns.place("user", &spec.user)?;
    let item = columns.place("item", &spec.item)?;
    let rating = columns.rating(&spec.rating, [&user, &item])?;
    if user.column() == item.column() {
        return Err(columns.misfit("item", "user and item are the same column".into(), "name another column"));
    }
    let time = spec.time.as_ref().map(|time| columns.time(time)).transpose()?;
    let texts = spec.items.columns().map(|(key, column)| columns.place(key, column)).collect::<Result<_>>()?;
    let reading = spec.numbers.clone().into();
    let mut layout = Layout { groups: Vec::new(), bytes: Vec::new(), user, item, rating, reading, time, texts };
    layout.refuse_time_elsewhere(columns, &spec.rating)?;
    layout.time = layout.time.filter(|_| spec.time.as_ref().is_some_and(|time| time.asked));
    Ok(layout)
}

impl Layout {
    /// Refuses a time in the column of another role. A rating that is only looked for by default gives way to it.
    fn refuse_time_elsewhere(&mut self, columns: &Columns<'_>, rating: &RatingColumn) -> Result<()> {
        let Some(time) = &self.time else { return Ok(()) };
        let is_time = |place: &Place| place.column() == time.place.column();
        if *rating == RatingColumn::Default && self.rating.as_ref().is_some_and(is_time) {
            self.rating = None;
        }
        if [Some(&self.user), Some(&self.item), self.rating.as_ref()].into_iter().flatten().any(is_time) {
            let problem = "the time is in the column of an id or of the rating".into();
            return Err(columns.misfit("time", problem, "name another column"));
        }
        Ok(())
    }
}
