//! `[input.items]`: titles and metadata of items; metadata in the ratings too.

use std::path::Path;

use super::fields::{delimiter, resolve, switch};
use crate::error::Result;
use crate::job::column::Column;
use crate::job::refuse::refuse;
use crate::job::spec::{ItemsSpec, MetadataEntry, MetadataTable};
use crate::job::titles::{MetadataFrom, MetadataSpec, TitlesSpec};

pub fn titles(spec: ItemsSpec, folder: &Path) -> Result<TitlesSpec> {
    let Some(path) = spec.path else {
        return refuse("input.items.path", "it is missing", "name the file with the titles, or remove [input.items]");
    };
    if spec.id == spec.title {
        return refuse("input.items.title", "it is the same column as input.items.id", "name another column");
    }
    let key = "input.items.metadata";
    Ok(TitlesSpec {
        metadata: metadata(key, spec.metadata, Some(("input.items.id", &spec.id)))?,
        path: resolve("input.items.path", &path, folder)?,
        delimiter: delimiter("input.items.delimiter", spec.delimiter.as_deref())?,
        header: switch("input.items.header", spec.header.as_ref())?,
        id: spec.id,
        title: spec.title,
        encoding: spec.encoding,
    })
}

/// The columns that `key` lists. None of them is that of the ids, which is given with its key.
pub fn metadata(key: &str, entries: Vec<MetadataEntry>, id: Option<(&str, &Column)>) -> Result<Vec<MetadataSpec>> {
    let metadata = entries.into_iter().map(|entry| one(key, entry, id)).collect::<Result<Vec<_>>>()?;
    refuse_names_given_twice(key, &metadata)?;
    Ok(metadata)
}

/// A column of metadata. Without a name it is called like its column.
fn one(key: &str, entry: MetadataEntry, id: Option<(&str, &Column)>) -> Result<MetadataSpec> {
    let table = match entry {
        MetadataEntry::Column(column) => MetadataTable { column: Some(column), ..MetadataTable::default() },
        MetadataEntry::Table(table) => table,
    };
    let name = table.name.clone().unwrap_or_else(|| default_name(table.column.as_ref())).trim().to_string();
    let from = from(key, &name, table)?;
    if is_empty(&name) {
        return refuse(key, "an entry has no name", "give it one, as in { name = \"genre\", ... }");
    }
    refuse_empty(key, &name, &from)?;
    if let Some((id_key, _)) = id.filter(|(_, id)| from.columns().any(|column| column == *id)) {
        return refuse(key, format!("{name:?} is in the same column as {id_key}"), "name another column");
    }
    Ok(MetadataSpec { name, from })
}

fn default_name(column: Option<&Column>) -> String {
    match column {
        Some(Column::Name(name)) => name.clone(),
        Some(Column::Index(index)) => format!("column {index}"),
        None => String::new(),
    }
}

/// Either a column or flags.
fn from(key: &str, name: &str, table: MetadataTable) -> Result<MetadataFrom> {
    let MetadataTable { column, separator, flags, .. } = table;
    match (column, flags) {
        (Some(column), None) => Ok(MetadataFrom::Column { column, separator }),
        (None, Some(_)) if separator.is_some() => {
            refuse(key, format!("{name:?} has flags, and so nothing to separate"), "remove its separator")
        }
        (None, Some(flags)) => Ok(MetadataFrom::Flags(flags.into_iter().collect())),
        (Some(_), Some(_)) => refuse(key, format!("{name:?} names both a column and flags"), "remove one of them"),
        (None, None) => {
            let remedy = "name its column, or the columns of its values in flags";
            refuse(key, format!("{name:?} names no column"), remedy)
        }
    }
}

fn refuse_empty(key: &str, name: &str, from: &MetadataFrom) -> Result<()> {
    match from {
        MetadataFrom::Column { separator: Some(separator), .. } if separator.is_empty() => {
            let problem = format!("the separator of {name:?} is empty");
            refuse(key, problem, "write what parts the values, or remove it")
        }
        MetadataFrom::Flags(flags) if flags.is_empty() || flags.iter().any(|(value, _)| is_empty(value)) => {
            let remedy = "name each value and its column, as in flags = { Action = 6, Comedy = 10 }";
            refuse(key, format!("the flags of {name:?} name no values"), remedy)
        }
        _ => Ok(()),
    }
}

fn is_empty(text: &str) -> bool {
    text.trim().is_empty()
}

fn refuse_names_given_twice(key: &str, metadata: &[MetadataSpec]) -> Result<()> {
    let twice = (1..metadata.len()).find(|&at| metadata[..at].iter().any(|earlier| earlier.name == metadata[at].name));
    match twice {
        None => Ok(()),
        Some(at) => {
            let problem = format!("two entries are called {:?}", metadata[at].name);
            refuse(key, problem, "give one of them another name")
        }
    }
}
