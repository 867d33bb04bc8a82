//! Where item titles and metadata come from.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::column::Column;

/// Where item titles and metadata are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TitlesSpec {
    pub path: PathBuf,
    pub delimiter: Option<String>,
    pub header: Option<bool>,
    pub id: Column,
    pub title: Column,
    pub encoding: Encoding,
    /// Metadata of items; no two entries have the same name.
    #[serde(default)]
    pub metadata: Vec<MetadataSpec>,
}

/// The columns of the ratings that say more of an item than its id.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ItemColumns {
    pub title: Option<Column>,
    /// Metadata of items; no two entries have the same name.
    pub categories: Vec<MetadataSpec>,
}

impl ItemColumns {
    pub fn is_empty(&self) -> bool {
        self.title.is_none() && self.categories.is_empty()
    }

    /// All columns that are read, with their keys in `[input]`: the title's, if there is one, and then those of the categories.
    pub fn columns(&self) -> impl Iterator<Item = (&'static str, &Column)> {
        let categories = self.categories.iter().flat_map(|category| category.from.columns());
        self.title.iter().map(|column| ("title", column)).chain(categories.map(|column| ("categories", column)))
    }
}

/// A column of item metadata, such as genre, category or price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetadataSpec {
    pub name: String,
    pub from: MetadataFrom,
}

/// Where the values of an item come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MetadataFrom {
    /// One column, with one value or several with `separator` between them.
    Column { column: Column, separator: Option<String> },
    /// One column per value, which says whether the item has it.
    Flags(Vec<(String, Column)>),
}

impl MetadataFrom {
    /// All columns that are read for it.
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        let (one, flags) = match self {
            MetadataFrom::Column { column, .. } => (Some(column), &[][..]),
            MetadataFrom::Flags(flags) => (None, flags.as_slice()),
        };
        one.into_iter().chain(flags.iter().map(|(_, column)| column))
    }
}

/// The encoding of the file with the titles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    #[serde(alias = "utf-8")]
    Utf8,
    #[serde(alias = "latin-1", alias = "iso-8859-1")]
    Latin1,
}
