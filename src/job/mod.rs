//! What to run: [`JobSpec`] is the job file as written, [`Job`] the checked form, the only one that runs.
//!
//! [`load`] goes from one to the other: text → keys with their positions → [`JobSpec`] → [`JobSpec::check`] → [`Job`].
//! Each refusal is one line that names the key and the remedy. The guide for people is `jobs/README.md`.

mod again;
mod check;
mod keys;
mod load;
mod spec;
#[cfg(test)]
mod tests;
mod time;

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

#[cfg(any(test, fuzzing))]
pub(crate) use load::from_bytes;
pub use load::load;
pub use spec::{DEFAULT_AFFINITY, DEFAULT_MOVERS, DEFAULT_SWEEP, JobSpec};
pub use time::TimeUnit;

/// What `input.ratings` calls standard input.
pub const STDIN: &str = "-";

/// A checked job. Paths are resolved; every number is in range.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Job {
    pub seed: u64,
    /// Bytes of memory per process.
    pub memory: u64,
    /// The folder of files for what does not fit `memory`; absent: the one that the output folder is in.
    pub scratch: Option<PathBuf>,
    /// Between two checkpoints in the middle of a stage.
    pub checkpoint_every: Duration,
    pub output: PathBuf,
    pub input: Input,
    #[serde(default)]
    pub filter: Filter,
    pub matrix: Matrix,
    pub pca: PcaParams,
    pub kmeans: KMeansParams,
    /// Absent when the sweep is switched off (`sweep.clusters = []`).
    pub sweep: Option<SweepParams>,
    pub validate: ValidateParams,
    pub profile: ProfileParams,
    /// Absent when it is switched off (`evidence.enabled = false`).
    #[serde(default)]
    pub evidence: Option<EvidenceParams>,
    /// The output folder of an earlier run, whose segments these are compared with.
    #[serde(default)]
    pub compare: Option<PathBuf>,
}

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
    /// Ratings come from standard input, which can be read but once.
    pub fn reads_stdin(&self) -> bool {
        matches!(&self.source, Source::Files(spec) if spec.ratings.iter().any(|path| path.as_os_str() == STDIN))
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Source {
    Files(FilesSpec),
    Generate(GenerateSpec),
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FilesSpec {
    /// Files, folders, globs, addresses or `-`, as resolved against the job file's folder; not yet expanded.
    pub ratings: Vec<PathBuf>,
    pub format: FileFormat,
    /// `None`: find out from the first lines of each file.
    pub delimiter: Option<String>,
    /// `None`: find out.
    pub header: Option<bool>,
    pub user: Column,
    pub item: Column,
    pub rating: RatingColumn,
    #[serde(default)]
    pub time: Option<Time>,
}

impl FilesSpec {
    /// These files, read as they are by default: user and item are the first columns.
    pub fn by_position(ratings: Vec<PathBuf>) -> FilesSpec {
        FilesSpec {
            ratings,
            format: FileFormat::Auto,
            delimiter: None,
            header: None,
            user: Column::Index(0),
            item: Column::Index(1),
            rating: RatingColumn::Default,
            time: None,
        }
    }
}

/// The column that says when a row was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    pub column: Column,
    /// What its numbers count.
    pub unit: TimeUnit,
    /// The filter asks for it. Otherwise it is only known not to be the rating.
    pub asked: bool,
}

/// What kind of files the ratings are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// Found by each file's first bytes.
    #[default]
    Auto,
    Delimited,
    Parquet,
}

/// A column by index from 0 or by its name in the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, expecting = "a column: its index from 0, or its name in the header")]
pub enum Column {
    Index(usize),
    Name(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RatingColumn {
    /// Named in the job file: must be there.
    Given(Column),
    /// Column 2 where the file has one, otherwise each row counts 1.
    Default,
    /// No rating: each row counts 1.
    None,
}

/// What to do with several rows of one user and item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Duplicates {
    Error,
    Last,
    Sum,
    Mean,
    Max,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnBad {
    Fail,
    Reject,
}

/// Where item titles and metadata are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TitlesSpec {
    pub path: PathBuf,
    pub delimiter: Option<String>,
    pub header: Option<bool>,
    pub id: Column,
    pub title: Column,
    pub encoding: Encoding,
    /// What else is known of items, each with a name of its own.
    #[serde(default)]
    pub metadata: Vec<MetadataSpec>,
}

/// A piece of metadata of items: genre, category, price.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MetadataSpec {
    pub name: String,
    pub from: MetadataFrom,
}

/// Where the values of an item are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum MetadataFrom {
    /// In one column: one value, or several with `separator` between them.
    Column { column: Column, separator: Option<String> },
    /// In a column for each value, which says whether the item has it.
    Flags(Vec<(String, Column)>),
}

impl MetadataFrom {
    pub fn columns(&self) -> impl Iterator<Item = &Column> {
        let (one, flags) = match self {
            MetadataFrom::Column { column, .. } => (Some(column), &[][..]),
            MetadataFrom::Flags(flags) => (None, flags.as_slice()),
        };
        one.into_iter().chain(flags.iter().map(|(_, column)| column))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encoding {
    #[serde(alias = "utf-8")]
    Utf8,
    #[serde(alias = "latin-1", alias = "iso-8859-1")]
    Latin1,
}

/// Planted data, made in place of being read: `[input.generate]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GenerateSpec {
    pub users: u64,
    pub items: u64,
    /// Mean number of ratings of a user.
    pub ratings_per_user: f64,
    pub segments: u64,
    pub feedback: Feedback,
    /// Share of a user's ratings drawn from the themes of their segment, in 0..=1: the difficulty. The rest follow overall popularity.
    pub affinity: f64,
    pub seed: u64,
    /// Which month of the same users and items: their ratings are drawn anew in each.
    pub month: u64,
    /// Share of the users who change taste from one month to the next.
    pub movers: f64,
    /// Segments that nobody is in before month 1, founded by half of those who change taste.
    pub born: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Feedback {
    /// Half-star ratings, one per user and item.
    Explicit,
    /// An event log: rows repeat, each counts 1.
    Implicit,
}

/// Which ratings take part. What is absent leaves out nothing.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Ratings, of items that are left, that a user needs to be left.
    pub min_ratings_per_user: Option<u64>,
    /// Users that are left who must have rated an item that is left.
    pub min_users_per_item: Option<u64>,
    /// So many items that the most users rated, the lowest ids where several have as many.
    pub top_items: Option<u64>,
    /// Rows with a rating outside are left out.
    pub min_rating: Option<f64>,
    pub max_rating: Option<f64>,
    /// Rows from then on, and before then; microseconds since 1970 in UTC.
    pub after: Option<i64>,
    pub before: Option<i64>,
}

impl Filter {
    /// Something is left out row by row.
    pub fn looks_at_rows(&self) -> bool {
        self.min_rating.is_some() || self.max_rating.is_some() || self.looks_at_time()
    }

    pub fn looks_at_time(&self) -> bool {
        self.after.is_some() || self.before.is_some()
    }

    /// Something is left out for how many ratings there are of it.
    pub fn counts(&self) -> bool {
        self.min_ratings_per_user.is_some() || self.min_users_per_item.is_some() || self.top_items.is_some()
    }

    /// A row of this rating and time takes part.
    #[inline]
    pub fn takes(&self, rating: f64, time: i64) -> bool {
        self.min_rating.is_none_or(|least| rating >= least)
            && self.max_rating.is_none_or(|most| rating <= most)
            && self.after.is_none_or(|first| time >= first)
            && self.before.is_none_or(|end| time < end)
    }

    /// The keys of the job file that are given, of those that look at rows or of those that count.
    pub fn keys(&self, of_rows: bool) -> Vec<&'static str> {
        let given = [
            ("filter.min_rating", true, self.min_rating.is_some()),
            ("filter.max_rating", true, self.max_rating.is_some()),
            ("filter.after", true, self.after.is_some()),
            ("filter.before", true, self.before.is_some()),
            ("filter.min_ratings_per_user", false, self.min_ratings_per_user.is_some()),
            ("filter.min_users_per_item", false, self.min_users_per_item.is_some()),
            ("filter.top_items", false, self.top_items.is_some()),
        ];
        given.into_iter().filter(|&(_, rows, given)| given && rows == of_rows).map(|(key, ..)| key).collect()
    }
}

/// How ratings become the matrix that PCA and k-means see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Matrix {
    pub weighting: Weighting,
    pub normalize: Normalize,
    #[serde(default)]
    pub missing: Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Weighting {
    Raw,
    Binary,
    Log1p,
    Tfidf,
    Bm25,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Normalize {
    None,
    L2,
}

/// What an item counts as that a user has not rated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Missing {
    #[default]
    Zero,
    /// The mean of the user's own weights: all weights of the user are taken relative to it.
    UserMean,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PcaParams {
    pub components: usize,
    pub solver: Solver,
    /// Largest residual ‖Cv − λv‖/λ₁ of the Krylov solver.
    pub tol: f64,
    /// Components in the explained-variance plot; fewer where the data has fewer.
    pub report: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Solver {
    Auto,
    Gram,
    Krylov,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct KMeansParams {
    pub clusters: usize,
    pub n_init: usize,
    pub max_iter: usize,
    /// Relative to the mean variance of the columns, as in scikit-learn.
    pub tol: f64,
    /// Users are points on the unit sphere, and so are centroids (spherical k-means; Dhillon & Modha 2001). Follows from
    /// `matrix.normalize`.
    #[serde(default)]
    pub spherical: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepParams {
    /// Rising, without repeats.
    pub clusters: Vec<usize>,
    /// The job file named the numbers, so each must be possible; the default list is cut to what the data allows.
    pub explicit: bool,
    pub projected: bool,
    pub full: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValidateParams {
    pub model: BayesModel,
    pub folds: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BayesModel {
    Multinomial,
    Bernoulli,
    Gaussian,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProfileParams {
    /// Items per segment.
    pub top: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct EvidenceParams {
    /// Fits to users drawn anew.
    pub refits: usize,
}
