//! The columns of a file, and the one that each key of the job file means.

use std::path::Path;

use super::field::{Clock, Field, Held};
use super::model::{Kind, Place, TimePlace};
use crate::error::{Error, Result};
use crate::ingest::partitions;
use crate::job::{Column, RatingColumn, Time};

/// The columns of a file and of its folders.
pub struct Columns<'a> {
    /// The section of the job file that names them, for messages.
    section: &'static str,
    path: &'a Path,
    own: Vec<Field>,
    folders: Vec<(String, String)>,
}

impl<'a> Columns<'a> {
    pub fn of(section: &'static str, path: &'a Path, own: Vec<Field>) -> Columns<'a> {
        Columns { section, path, own, folders: partitions::of(path) }
    }

    /// Those of a table, which is in no folder.
    pub fn of_table(section: &'static str, path: &'a Path, own: Vec<Field>) -> Columns<'a> {
        Columns { section, path, own, folders: Vec::new() }
    }

    /// The error of a key that does not fit the file.
    pub fn misfit(&self, key: &str, problem: String, remedy: &str) -> Error {
        Error::job(format!("{}.{key}", self.section), format!("{}: {problem}", self.path.display()), remedy)
    }

    fn len(&self) -> usize {
        self.own.len() + self.folders.len()
    }

    fn names(&self) -> Vec<&str> {
        let own = self.own.iter().map(|field| field.name.as_str());
        own.chain(self.folders.iter().map(|(name, _)| name.as_str())).collect()
    }

    /// The file's own columns that hold one value a row, by name.
    pub fn plain(&self) -> Vec<(String, Place)> {
        let place = |name: &String| Some((name.clone(), self.place("user", &Column::Name(name.clone())).ok()?));
        self.own.iter().filter_map(|field| place(&field.name)).collect()
    }

    /// Where the values of the column of a key are.
    pub fn place(&self, key: &str, column: &Column) -> Result<Place> {
        let index = self.index(key, column)?;
        let Some(Field { name, held }) = self.own.get(index) else {
            let value = self.folders[index - self.own.len()].1.clone();
            return Ok(Place::Folder { value, column: index });
        };
        let Some(Held { leaf, kind, stored, .. }) = held else {
            let problem = format!("column {name:?} holds lists or groups, not one value a row");
            return Err(self.misfit(key, problem, "name a plain column"));
        };
        match kind {
            Some(kind) => Ok(Place::Leaf { leaf: *leaf, column: index, kind: *kind }),
            None => {
                let problem = format!("column {name:?} holds neither ids nor numbers ({stored})");
                Err(self.misfit(key, problem, "name a column of integers, floats or text"))
            }
        }
    }

    /// The index of the column of a key, among the file's own columns and then those of its folders.
    fn index(&self, key: &str, column: &Column) -> Result<usize> {
        let names = self.names();
        let misfit = |problem: String| {
            let problem = format!("{problem}: the columns are {}", names.join(", "));
            self.misfit(key, problem, "name one of them, or give its index, counted from 0")
        };
        match column {
            Column::Index(index) if *index < self.len() => Ok(*index),
            Column::Index(index) => Err(misfit(format!("there is no column {index}, counted from 0"))),
            Column::Name(name) => {
                let found = names.iter().position(|known| known == name);
                found.ok_or_else(|| misfit(format!("no column is called {name:?}")))
            }
        }
    }

    /// Where times are, and what their numbers count.
    pub fn time(&self, spec: &Time) -> Result<TimePlace> {
        let place = self.place("time", &spec.column)?;
        let own = self.own.get(place.column()).and_then(|field| field.held.as_ref());
        let (unit, in_days) = match own.map(|held| held.clock) {
            None | Some(Clock::OfJob) => (spec.unit, false),
            Some(Clock::Counts(unit)) => (unit, false),
            Some(Clock::Days) => (spec.unit, true),
            Some(Clock::OfDay) => {
                let problem = "it holds times of the day, without a date".into();
                return Err(self.misfit("time", problem, "name a column of dates or points in time"));
            }
        };
        Ok(TimePlace { place, unit, in_days })
    }

    /// Where ratings are; `None` where each row counts 1.
    pub fn rating(&self, spec: &RatingColumn, ids: [&Place; 2]) -> Result<Option<Place>> {
        let is_id = |place: &Place| ids.iter().any(|id| id.column() == place.column());
        match spec {
            RatingColumn::None => Ok(None),
            RatingColumn::Default if self.own.len() < 3 => Ok(None),
            RatingColumn::Default => {
                let place = self.place("rating", &Column::Index(2))?;
                if is_id(&place) { Ok(None) } else { self.check_default_rating(&place).map(|()| Some(place)) }
            }
            RatingColumn::Given(column) => {
                let place = self.place("rating", column)?;
                if is_id(&place) {
                    let remedy = "name another column, or set it to false to count rows";
                    return Err(self.misfit("rating", "the rating is in the column of an id".into(), remedy));
                }
                Ok(Some(place))
            }
        }
    }

    fn check_default_rating(&self, place: &Place) -> Result<()> {
        if !matches!(place, Place::Leaf { kind: Kind::Time | Kind::Uuid, .. }) {
            return Ok(());
        }
        let problem = format!("column 2 ({:?}), where ratings are by default, holds no numbers", self.own[2].name);
        Err(self.misfit("rating", problem, "name the column of ratings, or set it to false to count rows"))
    }
}
