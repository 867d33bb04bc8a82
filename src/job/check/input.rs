//! `[input]`: the source of the ratings and its columns.

use std::path::{Path, PathBuf};

use super::fields::{delimiter, resolve, switch};
use super::titles::{metadata, titles};
use super::units::max_bad;
use crate::error::Result;
use crate::job::column::{Column, RatingColumn};
use crate::job::filter::Filter;
use crate::job::generate::Feedback;
use crate::job::input::{Duplicates, FilesSpec, Find, Input, OnBad, Source, Time};
use crate::job::numbers::Numbers;
use crate::job::refuse::refuse;
use crate::job::spec::{CategoriesSpec, ColumnOrNone, InputSpec, MetadataEntry, Paths, Repeats};
use crate::job::titles::{ItemColumns, MetadataSpec};

pub fn input(spec: InputSpec, folder: &Path, filter: &Filter) -> Result<Input> {
    let on_bad = spec.on_bad.unwrap_or(OnBad::Fail);
    let max_bad = max_bad(spec.max_bad.as_ref(), on_bad)?;
    let duplicates = match spec.duplicates {
        Some(Repeats::Rule(rule)) => rule,
        Some(Repeats::Auto(_)) | None => default_duplicates(&spec),
    };
    let items = spec.items.clone().map(|items| titles(items, folder)).transpose()?;
    let source = source(spec, folder, filter)?;
    Ok(Input { source, duplicates, on_bad, max_bad, items })
}

/// A generated event log repeats by design; in files a repeated row is a mistake until the job says otherwise, or its columns do.
fn default_duplicates(spec: &InputSpec) -> Duplicates {
    match &spec.generate {
        Some(made) if made.feedback == Feedback::Implicit => Duplicates::Sum,
        _ => Duplicates::Error,
    }
}

fn source(spec: InputSpec, folder: &Path, filter: &Filter) -> Result<Source> {
    match (&spec.ratings, &spec.generate) {
        (None, None) => refuse(
            "input.ratings",
            "the job names no ratings",
            "name files, as in input.ratings = [\"ratings.csv\"], or have data made with [input.generate]",
        ),
        (Some(_), Some(_)) => refuse(
            "input.ratings",
            "the job names ratings and [input.generate], but can run on one of them only",
            "remove either",
        ),
        (None, Some(made)) => {
            refuse_keys_of_files(&spec)?;
            made.check(|field| format!("input.generate.{field}"))?;
            Ok(Source::Generate(made.clone()))
        }
        (Some(_), None) => Ok(Source::Files(files(spec, folder, filter)?)),
    }
}

/// Keys that say how files are read mean nothing for generated data.
fn refuse_keys_of_files(spec: &InputSpec) -> Result<()> {
    for (key, given) in [
        ("input.format", spec.format.is_some()),
        ("input.delimiter", spec.delimiter.is_some()),
        ("input.header", spec.header.is_some()),
        ("input.user", spec.user.is_some()),
        ("input.item", spec.item.is_some()),
        ("input.rating", spec.rating.is_some()),
        ("input.decimal", spec.decimal.is_some()),
        ("input.time", spec.time.is_some()),
        ("input.time_unit", spec.time_unit.is_some()),
        ("input.title", spec.title.is_some()),
        ("input.categories", spec.categories.is_some()),
        ("input.items", spec.items.is_some()),
    ] {
        if given {
            return refuse(key, "it says how files are read, but [input.generate] makes the data", "remove it");
        }
    }
    Ok(())
}

fn files(spec: InputSpec, folder: &Path, filter: &Filter) -> Result<FilesSpec> {
    let ratings = paths(spec.ratings)?;
    let [user, item, time] = [spec.user, spec.item, spec.time].map(|column| column.filter(|column| !is_auto(column)));
    let rating = rating(spec.rating)?;
    // A file of items wins over what the ratings say of them.
    let has_items = spec.items.is_some();
    let title = column_or_none("input.title", spec.title.filter(|_| !has_items))?;
    let categories = categories(spec.categories.filter(|_| !has_items), item.as_ref())?;
    let columns =
        [("user", user.as_ref()), ("item", item.as_ref()), ("rating", given(&rating)), ("time", time.as_ref())];
    refuse_shared_columns(columns)?;
    let unit = spec.time_unit.unwrap_or_default();
    let asked = filter.looks_at_time();
    let find = Find {
        user: user.is_none(),
        item: item.is_none(),
        rating: rating == RatingColumn::Default,
        time: time.is_none(),
        time_unit: spec.time_unit.filter(|_| time.is_none()),
        time_is_asked: asked && time.is_none(),
        duplicates: !matches!(spec.duplicates, Some(Repeats::Rule(_))),
        numbers: rating != RatingColumn::None,
        title: title.is_none() && !has_items,
        categories: categories.is_none() && !has_items,
    };
    let items = ItemColumns { title: title.flatten(), categories: categories.unwrap_or_default() };
    Ok(FilesSpec {
        ratings: ratings.iter().map(|path| resolve("input.ratings", path, folder)).collect::<Result<_>>()?,
        format: spec.format.unwrap_or_default(),
        delimiter: delimiter("input.delimiter", spec.delimiter.as_deref())?,
        header: switch("input.header", spec.header.as_ref())?,
        user: user.unwrap_or(Column::Index(0)),
        item: item.unwrap_or(Column::Index(1)),
        rating,
        numbers: Numbers { decimal: spec.decimal.unwrap_or_default(), currency: None },
        time: time.map(|column| Time { column, unit, asked }),
        items,
        find,
    })
}

fn paths(ratings: Option<Paths>) -> Result<Vec<PathBuf>> {
    let ratings = match ratings {
        Some(Paths::One(path)) => vec![path],
        Some(Paths::Many(paths)) => paths,
        None => Vec::new(),
    };
    match ratings.is_empty() {
        true => refuse("input.ratings", "the list is empty", "name at least one file, folder, glob or address"),
        false => Ok(ratings),
    }
}

fn rating(spec: Option<ColumnOrNone>) -> Result<RatingColumn> {
    Ok(match column_or_none("input.rating", spec)? {
        None => RatingColumn::Default,
        Some(None) => RatingColumn::None,
        Some(Some(column)) => RatingColumn::Given(column),
    })
}

/// A column, or that there is none; nothing where it is to be found.
fn column_or_none(key: &str, spec: Option<ColumnOrNone>) -> Result<Option<Option<Column>>> {
    match spec {
        None => Ok(None),
        Some(ColumnOrNone::Switch(false)) => Ok(Some(None)),
        Some(ColumnOrNone::Switch(true)) => refuse_true(key),
        Some(ColumnOrNone::Column(column)) if is_auto(&column) => Ok(None),
        Some(ColumnOrNone::Column(column)) => Ok(Some(Some(column))),
    }
}

/// The columns of categories; nothing where they are to be found.
fn categories(spec: Option<CategoriesSpec>, item: Option<&Column>) -> Result<Option<Vec<MetadataSpec>>> {
    let entries = match spec {
        None => return Ok(None),
        Some(CategoriesSpec::One(column)) if is_auto(&column) => return Ok(None),
        Some(CategoriesSpec::Switch(true)) => return refuse_true("input.categories"),
        Some(CategoriesSpec::Switch(false)) => Vec::new(),
        Some(CategoriesSpec::One(column)) => vec![MetadataEntry::Column(column)],
        Some(CategoriesSpec::Many(entries)) => entries,
    };
    metadata("input.categories", entries, item.map(|item| ("input.item", item))).map(Some)
}

fn refuse_true<T>(key: &str) -> Result<T> {
    refuse(key, "true does not say which column", "write its index from 0 or its name, or false for none")
}

/// `"auto"`: the column is to be found.
fn is_auto(column: &Column) -> bool {
    matches!(column, Column::Name(name) if name == "auto")
}

fn given(rating: &RatingColumn) -> Option<&Column> {
    match rating {
        RatingColumn::Given(column) => Some(column),
        RatingColumn::Default | RatingColumn::None => None,
    }
}

fn refuse_shared_columns(columns: [(&str, Option<&Column>); 4]) -> Result<()> {
    for (i, (name, column)) in columns.iter().enumerate() {
        if let Some((earlier, _)) = columns[..i].iter().find(|(_, c)| c.is_some() && c == column) {
            let problem = format!("it is the same column as input.{earlier}");
            return refuse(
                format!("input.{name}"),
                problem,
                "name another column, or input.rating = false for no rating",
            );
        }
    }
    Ok(())
}
