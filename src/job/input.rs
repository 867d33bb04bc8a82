//! Where ratings and item titles come from, and how they are read.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::column::{Column, RatingColumn};
use super::generate::GenerateSpec;
use super::numbers::Numbers;
use super::time::TimeUnit;
use super::titles::{ItemColumns, TitlesSpec};

/// What `input.ratings` calls standard input.
pub const STDIN: &str = "-";

/// `[input]`, checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    pub source: Source,
    pub duplicates: Duplicates,
    pub on_bad: OnBad,
    /// Largest share of rejected rows, in 0..=1; 1 is no limit.
    pub max_bad: f64,
    pub items: Option<TitlesSpec>,
}

impl Input {
    /// Whether ratings come from a database, which may hold other rows the next time.
    pub fn reads_database(&self) -> bool {
        let is_database = |path: &PathBuf| {
            let text = path.to_string_lossy();
            text.starts_with("postgres://") || text.starts_with("postgresql://")
        };
        matches!(&self.source, Source::Files(spec) if spec.ratings.iter().any(is_database))
    }

    /// Whether ratings come from standard input, which can be read only once.
    pub fn reads_stdin(&self) -> bool {
        matches!(&self.source, Source::Files(spec) if spec.ratings.iter().any(|path| path.as_os_str() == STDIN))
    }
}

/// Ratings are read from files or generated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    Files(FilesSpec),
    Generate(GenerateSpec),
}

/// The files with the ratings, and how to read them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilesSpec {
    /// Files, folders, globs, addresses or `-`, as resolved against the job file's folder; not yet expanded.
    pub ratings: Vec<PathBuf>,
    pub format: FileFormat,
    /// `None`: detected from the first lines of each file.
    pub delimiter: Option<String>,
    /// `None`: detected.
    pub header: Option<bool>,
    pub user: Column,
    pub item: Column,
    pub rating: RatingColumn,
    /// How ratings are written; before that is found, what the job says of it.
    #[serde(default, skip_serializing_if = "Numbers::is_plain")]
    pub numbers: Numbers,
    #[serde(default)]
    pub time: Option<Time>,
    /// Empty where titles come from a file of their own ([`Input::items`]).
    #[serde(default, skip_serializing_if = "ItemColumns::is_empty")]
    pub items: ItemColumns,
    #[serde(default, skip_serializing_if = "Find::is_nothing")]
    pub find: Find,
}

/// What is to be found in the files ([`crate::ingest::columns`]). Until it is found, the fields of [`FilesSpec`] and [`Input`] hold a default.
/// Nothing is to be found for a run that is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Find {
    pub user: bool,
    pub item: bool,
    pub rating: bool,
    pub time: bool,
    /// The unit of the time, where the job says it.
    pub time_unit: Option<TimeUnit>,
    /// Whether the filter needs the time.
    pub time_is_asked: bool,
    /// [`Input::duplicates`].
    pub duplicates: bool,
    /// How ratings are written.
    pub numbers: bool,
    /// The column of titles.
    pub title: bool,
    /// The columns of categories.
    pub categories: bool,
}

impl Find {
    pub fn is_nothing(&self) -> bool {
        *self == Find::default()
    }
}

impl FilesSpec {
    /// These files with the default reading: the first columns are user and item.
    pub fn by_position(ratings: Vec<PathBuf>) -> FilesSpec {
        FilesSpec {
            ratings,
            format: FileFormat::Auto,
            delimiter: None,
            header: None,
            user: Column::Index(0),
            item: Column::Index(1),
            rating: RatingColumn::Default,
            numbers: Numbers::default(),
            time: None,
            items: ItemColumns::default(),
            find: Find::default(),
        }
    }
}

/// The column with the time of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    pub column: Column,
    /// What its numbers count.
    pub unit: TimeUnit,
    /// Whether the filter needs it. Otherwise the column only tells that it is not the rating.
    pub asked: bool,
}

/// The format of the files with the ratings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Detected from the first bytes of each file.
    #[default]
    Auto,
    Delimited,
    Parquet,
    /// IPC, as a file or as a stream.
    Arrow,
}

/// What to do with several rows of one user and item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    Error,
    Last,
    Sum,
    Mean,
    Max,
}

/// What to do with a row that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnBad {
    Fail,
    Reject,
}
