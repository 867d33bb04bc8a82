//! The job file as written: every key of the TOML text with its default. Only types are checked here; [`JobSpec::check`]
//! checks ranges and combinations.
//!
//! A key is an `Option` where the check must know that it was left out; the others hold their default.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::checked::USERS_PER_FILE;
use super::column::Column;
use super::generate::GenerateSpec;
use super::input::{Duplicates, FileFormat, OnBad};
use super::numbers::Decimal;
use super::params::{Amounts, BayesModel, By, Missing, Normalize, Refine, Solver, Weighting};
use super::time::TimeUnit;
use super::titles::Encoding;

/// A job file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct JobSpec {
    /// Seeds everything that is random. The same seed gives the same bits in every layout.
    pub seed: u64,
    /// Memory for one process, such as "4GiB". What does not fit goes to files.
    pub memory: Size,
    /// Folder of the files for what does not fit memory.
    pub scratch: Option<PathBuf>,
    /// Seconds between two checkpoints in the middle of a stage, at least.
    pub checkpoint_every: f64,
    /// Output folder, or the address of one in an object store. Default: out/ and the name of the job file.
    pub output: Option<PathBuf>,
    /// Rows that a file of segments.parquet has at most.
    pub users_per_file: u64,
    /// Where the ratings are, and how they are read.
    pub input: InputSpec,
    /// Which ratings take part.
    pub filter: FilterSpec,
    /// What PCA and k-means see.
    pub matrix: MatrixSpec,
    /// The projection.
    pub pca: PcaSpec,
    /// The segments.
    pub kmeans: KMeansSpec,
    /// Numbers of segments to compare.
    pub sweep: SweepSpec,
    /// The Naive Bayes check.
    pub validate: ValidateSpec,
    /// What makes each segment different.
    pub profile: ProfileSpec,
    /// Whether the segments are real.
    pub evidence: EvidenceSpec,
    /// The run that this one goes on from.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a size such as \"4GiB\", \"512MiB\" or \"2GB\", or a number of bytes")]
pub enum Size {
    Bytes(u64),
    Text(String),
}

/// `[input]`. `None` for keys that were left out.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct InputSpec {
    /// Files, folders, globs, addresses, or "-" for standard input: a list, or a single text.
    pub ratings: Option<Paths>,
    /// How the files are written. auto: their first bytes tell.
    pub format: Option<FileFormat>,
    /// What separates the fields: ",", "tab", "|", "::". Default: found in the first lines.
    pub delimiter: Option<String>,
    /// Whether the first line names the columns.
    pub header: Option<Switch>,
    /// Column of the user: its index from 0, or its name in the header. Default: found.
    pub user: Option<Column>,
    /// Column of the item. Default: found.
    pub item: Option<Column>,
    /// Column of the rating; false: there is none, and each row counts 1. Default: found.
    pub rating: Option<ColumnOrNone>,
    /// What the fraction of a rating begins with.
    pub decimal: Option<Decimal>,
    /// Column of the time of a row. Default: found.
    pub time: Option<Column>,
    /// What plain numbers of input.time count since 1970.
    pub time_unit: Option<TimeUnit>,
    /// Column of the ratings that says what an item is called; false: none. Default: found.
    pub title: Option<ColumnOrNone>,
    /// Columns of the ratings that say more about an item; false: none. Default: found.
    pub categories: Option<CategoriesSpec>,
    /// What several rows of one user and item count as. Default: by what the columns hold.
    pub duplicates: Option<Repeats>,
    /// A row that cannot be read: fail ends the run, reject writes it to rejects.tsv.
    pub on_bad: Option<OnBad>,
    /// Largest share of rejected rows, such as "1.5%" or 0.015.
    pub max_bad: Option<Share>,
    /// Titles and metadata of items, in a file of their own.
    pub items: Option<ItemsSpec>,
    /// Made-up ratings, in place of input.ratings.
    pub generate: Option<GenerateSpec>,
}

/// One path or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a list of files, folders or globs, such as [\"ratings.csv\"]")]
pub enum Paths {
    One(PathBuf),
    Many(Vec<PathBuf>),
}

/// `true`, `false` or `"auto"`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "true, false or \"auto\"")]
pub enum Switch {
    Is(bool),
    Text(String),
}

/// A column, or `false` for none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a column (its index from 0, or its name in the header), or false for none")]
pub enum ColumnOrNone {
    Switch(bool),
    Column(Column),
}

/// A rule for repeated rows, or `"auto"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "\"auto\", \"error\", \"last\", \"sum\", \"mean\" or \"max\"")]
pub enum Repeats {
    Rule(Duplicates),
    Auto(Auto),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl<T: Serialize> Serialize for Setting<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Setting::Open => serializer.serialize_str("auto"),
            Setting::Is(value) => value.serialize(serializer),
        }
    }
}

impl<T: JsonSchema> JsonSchema for Setting<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("{} or auto", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<T>(), { "const": "auto" }] })
    }
}

/// A share of the rows: a number in 0..=1 or a text in percent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a share such as \"1.5%\", or a number from 0 to 1")]
pub enum Share {
    Number(f64),
    Text(String),
}

/// `[input.items]`
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ItemsSpec {
    /// File with one item per line, or Parquet.
    pub path: Option<PathBuf>,
    /// As input.delimiter.
    pub delimiter: Option<String>,
    /// As input.header.
    pub header: Option<Switch>,
    /// Column of the item's id.
    pub id: Column,
    /// Column of the title.
    pub title: Column,
    /// How texts are encoded.
    pub encoding: Encoding,
    /// Columns that say more about an item: genre, category, price.
    pub metadata: Vec<MetadataEntry>,
}

/// Columns of categories in the ratings; `"auto"` is the name of no column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    untagged,
    expecting = "a list of columns, each an index, a name, or a table such as { column = \"genre\", separator = \"|\" } or { name = \"genre\", flags = { Action = 6, Comedy = 10 } }"
)]
pub enum MetadataEntry {
    Column(Column),
    Table(MetadataTable),
}

/// An entry that is more than a column.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MetadataTable {
    /// The column, by index or name.
    pub column: Option<Column>,
    /// What it is called in the report.
    pub name: Option<String>,
    /// What separates several values in one field.
    pub separator: Option<String>,
    /// Values, each with the column that says whether an item has it.
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
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FilterSpec {
    /// Users with fewer ratings are left out.
    pub min_ratings_per_user: Option<u64>,
    /// Items that fewer users rated are left out.
    pub min_users_per_item: Option<u64>,
    /// Only so many items are kept: those that most users rated.
    pub top_items: Option<u64>,
    /// Rows with a lower rating are left out.
    pub min_rating: Option<f64>,
    /// Rows with a higher rating are left out.
    pub max_rating: Option<f64>,
    /// Rows before this time are left out. Needs input.time.
    pub after: Option<Moment>,
    /// Rows from this time on are left out. Needs input.time.
    pub before: Option<Moment>,
}

/// A point in time: a number in `input.time_unit`, or a text. A TOML date arrives as a text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MatrixSpec {
    /// What a rating weighs.
    pub weighting: Setting<Weighting>,
    /// l2 scales each user's row to length 1: k-means becomes spherical.
    pub normalize: Setting<Normalize>,
    /// What an item counts as that a user has not rated.
    pub missing: Setting<Missing>,
}

/// `[pca]`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PcaSpec {
    /// Components that users are projected on.
    pub components: Setting<usize>,
    /// gram is exact, for up to a few thousand items; krylov is iterative, for any number.
    pub solver: Solver,
    /// Krylov stops at a residual of this times the largest variance.
    pub tol: f64,
    /// Components in the explained-variance plot.
    pub report: usize,
}

impl Default for PcaSpec {
    fn default() -> Self {
        PcaSpec { components: Setting::Open, solver: Solver::Auto, tol: 1e-8, report: 20 }
    }
}

/// `[kmeans]`
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KMeansSpec {
    /// Number of segments, at least 2.
    pub clusters: Setting<usize>,
    /// Starts, of which the best one counts.
    pub n_init: usize,
    /// Iterations of a start at most.
    pub max_iter: usize,
    /// A start ends when the squared shift of the centroids is below this times the mean variance of the columns.
    pub tol: f64,
    /// mixture: segments are refined by what their members have rated.
    pub refine: Setting<Refine>,
    /// What amounts say beside that there is one.
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
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SweepSpec {
    /// Numbers of segments to try; an empty list for none.
    pub clusters: Option<Vec<usize>>,
    /// In the components, in the whole matrix, or both.
    pub spaces: Vec<Space>,
}

/// The numbers of clusters to try if the job file names none.
pub const DEFAULT_SWEEP: [usize; 8] = [5, 10, 25, 50, 100, 125, 150, 200];

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ValidateSpec {
    /// The kind of Naive Bayes.
    pub model: BayesModel,
    /// Folds of the cross-validation.
    pub folds: usize,
}

impl Default for ValidateSpec {
    fn default() -> Self {
        ValidateSpec { model: BayesModel::Multinomial, folds: 5 }
    }
}

/// `[profile]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ProfileSpec {
    /// Items in the profile of a segment.
    pub top: usize,
}

impl Default for ProfileSpec {
    fn default() -> Self {
        ProfileSpec { top: 10 }
    }
}

/// `[evidence]`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EvidenceSpec {
    /// Whether hidden ratings and refits are computed.
    pub enabled: bool,
    /// Refits to other users.
    pub refits: usize,
}

impl Default for EvidenceSpec {
    fn default() -> Self {
        EvidenceSpec { enabled: true, refits: 10 }
    }
}

/// `[compare]`
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CompareSpec {
    /// Folder of an earlier run, whose numbers of segments are kept.
    pub previous: Option<PathBuf>,
}
