//! The job file as written: every key of the TOML text with its default. Only types are checked here; [`JobSpec::check`]
//! checks ranges and combinations.
//!
//! A key is an `Option` where the check must know that it was left out; the others hold their default.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer};

use super::checked::USERS_PER_FILE;
use super::column::Column;
use super::generate::GenerateSpec;
use super::input::{Duplicates, FileFormat, OnBad};
use super::numbers::Decimal;
use super::params::{Amounts, BayesModel, By, Missing, Normalize, Refine, Solver, Weighting};
use super::time::TimeUnit;
use super::titles::Encoding;

/// A job file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JobSpec {
    pub seed: u64,
    pub memory: Size,
    pub scratch: Option<PathBuf>,
    pub checkpoint_every: f64,
    pub output: Option<PathBuf>,
    pub users_per_file: u64,
    pub input: InputSpec,
    pub filter: FilterSpec,
    pub matrix: MatrixSpec,
    pub pca: PcaSpec,
    pub kmeans: KMeansSpec,
    pub sweep: SweepSpec,
    pub validate: ValidateSpec,
    pub profile: ProfileSpec,
    pub evidence: EvidenceSpec,
    pub compare: CompareSpec,
}

impl Default for JobSpec {
    fn default() -> Self {
        JobSpec {
            seed: 0,
            memory: Size::Text("4GiB".into()),
            scratch: None,
            checkpoint_every: 5.0,
            output: None,
            users_per_file: USERS_PER_FILE,
            input: InputSpec::default(),
            filter: FilterSpec::default(),
            matrix: MatrixSpec::default(),
            pca: PcaSpec::default(),
            kmeans: KMeansSpec::default(),
            sweep: SweepSpec::default(),
            validate: ValidateSpec::default(),
            profile: ProfileSpec::default(),
            evidence: EvidenceSpec::default(),
            compare: CompareSpec::default(),
        }
    }
}

/// Bytes: a plain number or a number with a unit.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a size such as \"4GiB\", \"512MiB\" or \"2GB\", or a number of bytes")]
pub enum Size {
    Bytes(u64),
    Text(String),
}

/// `[input]`. `None` for keys that were left out.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct InputSpec {
    pub ratings: Option<Paths>,
    pub format: Option<FileFormat>,
    pub delimiter: Option<String>,
    pub header: Option<Switch>,
    pub user: Option<Column>,
    pub item: Option<Column>,
    pub rating: Option<ColumnOrNone>,
    pub decimal: Option<Decimal>,
    pub time: Option<Column>,
    pub time_unit: Option<TimeUnit>,
    pub title: Option<ColumnOrNone>,
    pub categories: Option<CategoriesSpec>,
    pub duplicates: Option<Repeats>,
    pub on_bad: Option<OnBad>,
    pub max_bad: Option<Share>,
    pub items: Option<ItemsSpec>,
    pub generate: Option<GenerateSpec>,
}

/// One path or several.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a list of files, folders or globs, such as [\"ratings.csv\"]")]
pub enum Paths {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

/// `true`, `false` or `"auto"`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "true, false or \"auto\"")]
pub enum Switch {
    Is(bool),
    Text(String),
}

/// A column, or `false` for none.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a column (its index from 0, or its name in the header), or false for none")]
pub enum ColumnOrNone {
    Switch(bool),
    Column(Column),
}

/// A rule for repeated rows, or `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "\"auto\", \"error\", \"last\", \"sum\", \"mean\" or \"max\"")]
pub enum Repeats {
    Rule(Duplicates),
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auto {
    Auto,
}

/// The end of a message on a [`Setting`].
pub const OR_AUTO: &str = ", or \"auto\"";

/// A value, or `"auto"` (the default) for one that the run chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Setting<T> {
    #[default]
    Open,
    Is(T),
}

impl<T> Setting<T> {
    /// The value, or `until` it is chosen.
    pub fn or(self, until: T) -> T {
        match self {
            Setting::Open => until,
            Setting::Is(value) => value,
        }
    }

    pub fn by(&self) -> By {
        match self {
            Setting::Open => By::Open,
            Setting::Is(_) => By::Given,
        }
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Setting<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Setting<T>, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        if value.as_str() == Some("auto") {
            return Ok(Setting::Open);
        }
        T::deserialize(value)
            .map(Setting::Is)
            .map_err(|e| D::Error::custom(format!("{}{OR_AUTO}", e.message().trim_end())))
    }
}

/// A share of the rows: a number in 0..=1 or a text in percent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged, expecting = "a share such as \"1.5%\", or a number from 0 to 1")]
pub enum Share {
    Number(f64),
    Text(String),
}

/// `[input.items]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ItemsSpec {
    pub path: Option<PathBuf>,
    pub delimiter: Option<String>,
    pub header: Option<Switch>,
    pub id: Column,
    pub title: Column,
    pub encoding: Encoding,
    pub metadata: Vec<MetadataEntry>,
}

/// Columns of categories in the ratings; `"auto"` is the name of no column.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a list of columns, each an index, a name, or a table such as { column = \"genre\", separator = \"|\" }, or false for none"
)]
pub enum CategoriesSpec {
    Switch(bool),
    One(Column),
    Many(Vec<MetadataEntry>),
}

/// An entry of `input.items.metadata` or of `input.categories`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a list of columns, each an index, a name, or a table such as { column = \"genre\", separator = \"|\" } or { name = \"genre\", flags = { Action = 6, Comedy = 10 } }"
)]
pub enum MetadataEntry {
    Column(Column),
    Table(MetadataTable),
}

/// An entry that is more than a column.
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MetadataTable {
    pub column: Option<Column>,
    pub name: Option<String>,
    pub separator: Option<String>,
    pub flags: Option<BTreeMap<String, Column>>,
}

impl Default for ItemsSpec {
    fn default() -> Self {
        ItemsSpec {
            path: None,
            delimiter: None,
            header: None,
            id: Column::Index(0),
            title: Column::Index(1),
            encoding: Encoding::Utf8,
            metadata: Vec::new(),
        }
    }
}

/// `[filter]`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilterSpec {
    pub min_ratings_per_user: Option<u64>,
    pub min_users_per_item: Option<u64>,
    pub top_items: Option<u64>,
    pub min_rating: Option<f64>,
    pub max_rating: Option<f64>,
    pub after: Option<Moment>,
    pub before: Option<Moment>,
}

/// A point in time: a number in `input.time_unit`, or a text. A TOML date arrives as a text.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(
    untagged,
    expecting = "a date such as \"2024-05-01\", a date and time such as \"2024-05-01T17:30:00Z\", or a number as in input.time"
)]
pub enum Moment {
    Whole(i64),
    Number(f64),
    Text(String),
}

/// `[matrix]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixSpec {
    pub weighting: Setting<Weighting>,
    pub normalize: Setting<Normalize>,
    pub missing: Setting<Missing>,
}

/// `[pca]`
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PcaSpec {
    pub components: Setting<usize>,
    pub solver: Solver,
    pub tol: f64,
    pub report: usize,
}

impl Default for PcaSpec {
    fn default() -> Self {
        PcaSpec { components: Setting::Open, solver: Solver::Auto, tol: 1e-8, report: 20 }
    }
}

/// `[kmeans]`
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KMeansSpec {
    pub clusters: Setting<usize>,
    pub n_init: usize,
    pub max_iter: usize,
    pub tol: f64,
    pub refine: Setting<Refine>,
    pub amounts: Setting<Amounts>,
}

impl Default for KMeansSpec {
    fn default() -> Self {
        KMeansSpec {
            clusters: Setting::Open,
            n_init: 10,
            max_iter: 300,
            tol: 1e-4,
            refine: Setting::Open,
            amounts: Setting::Open,
        }
    }
}

/// `[sweep]`
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SweepSpec {
    /// Empty: no sweep. Left out: [`DEFAULT_SWEEP`].
    pub clusters: Option<Vec<usize>>,
    pub spaces: Vec<Space>,
}

/// The numbers of clusters to try if the job file names none.
pub const DEFAULT_SWEEP: [usize; 8] = [5, 10, 25, 50, 100, 125, 150, 200];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    Projected,
    Full,
}

impl Default for SweepSpec {
    fn default() -> Self {
        SweepSpec { clusters: None, spaces: vec![Space::Projected, Space::Full] }
    }
}

/// `[validate]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ValidateSpec {
    pub model: BayesModel,
    pub folds: usize,
}

impl Default for ValidateSpec {
    fn default() -> Self {
        ValidateSpec { model: BayesModel::Multinomial, folds: 5 }
    }
}

/// `[profile]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSpec {
    pub top: usize,
}

impl Default for ProfileSpec {
    fn default() -> Self {
        ProfileSpec { top: 10 }
    }
}

/// `[evidence]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceSpec {
    pub enabled: bool,
    pub refits: usize,
}

impl Default for EvidenceSpec {
    fn default() -> Self {
        EvidenceSpec { enabled: true, refits: 10 }
    }
}

/// `[compare]`
#[derive(Debug, Clone, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CompareSpec {
    pub previous: Option<PathBuf>,
}
