//! The data and the oracle that lie beside the project, and small data made here.

use std::path::{Path, PathBuf};

use serde_json::Value;

/// One rating of MovieLens 100K.
#[derive(Debug, Clone, Copy)]
pub struct Rating {
    pub user: usize,
    pub item: usize,
    pub rating: f64,
}

/// The folder of MovieLens 100K: `SEGMILL_ML100K`, or beside the project. Without it a test is skipped on a desk, and
/// fails in CI.
pub fn ml100k() -> Option<PathBuf> {
    let folder = beside("SEGMILL_ML100K", "../shared/data/ml-100k");
    folder.inspect(|folder| assert!(folder.join("u.data").is_file(), "{} has no u.data", folder.display()))
}

/// What scikit-learn computes on MovieLens 100K: `SEGMILL_ORACLE`, or beside the project.
pub fn oracle() -> Option<Value> {
    let path = beside("SEGMILL_ORACLE", "../shared/oracle/ml-100k.json")?;
    let text = std::fs::read_to_string(&path).expect("the oracle can be read");
    Some(serde_json::from_str(&text).expect("the oracle is JSON"))
}

fn beside(variable: &str, default: &str) -> Option<PathBuf> {
    let path = std::env::var_os(variable)
        .map(PathBuf::from)
        .unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(default));
    if path.exists() {
        return Some(path);
    }
    let missing = format!("{} is not there; set {variable}", path.display());
    assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{missing}");
    eprintln!("skipped: {missing}");
    None
}

/// The rows of `u.data`.
pub fn ml100k_ratings(folder: &Path) -> Vec<Rating> {
    let text = std::fs::read_to_string(folder.join("u.data")).expect("u.data can be read");
    let row = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        Rating {
            user: fields[0].parse().expect("a user"),
            item: fields[1].parse().expect("an item"),
            rating: fields[2].parse().expect("a rating"),
        }
    };
    text.lines().map(row).collect()
}

/// A path as a TOML string.
pub fn quoted(path: &Path) -> String {
    toml::Value::String(path.to_str().expect("a path in UTF-8").to_string()).to_string()
}

/// User, item, rating.
pub type Row = (u32, u32, f64);

/// Ratings with two obvious groups, so small that any layout of a file can be written by hand: users 1 to 12, items 1 to
/// 8; odd users like items 1 to 4, even users items 5 to 8, and every user has one rating across.
pub fn small_ratings() -> Vec<Row> {
    let mut rows = Vec::new();
    for user in 1..=12u32 {
        let liked = if user % 2 == 1 { 1..=4 } else { 5..=8 };
        for item in liked {
            rows.push((user, item, f64::from((user * 7 + item * 3) % 5 + 6) / 2.0));
        }
        let across = if user % 2 == 1 { 5 + user % 4 } else { 1 + user % 4 };
        rows.push((user, across, 1.0));
    }
    rows
}

/// The sections of a job that suits [`small_ratings`].
pub const SMALL_JOB: &str = "
[pca]
components = 3
[kmeans]
clusters = 2
[sweep]
clusters = [2, 3]
[validate]
folds = 2
";

/// The sections of a job over ML-100K with fewer clusters than usual.
pub const FEW_CLUSTERS: &str = "
[pca]
components = 5
[kmeans]
clusters = 6
n_init = 2
[sweep]
clusters = []
";

/// Rows as delimited text, with `header` as first line where there is one.
pub fn delimited(rows: &[Row], header: Option<&str>, delimiter: &str, line_end: &str) -> String {
    let lines = rows.iter().map(|(user, item, rating)| format!("{user}{delimiter}{item}{delimiter}{rating}"));
    header.map(str::to_string).into_iter().chain(lines).map(|line| line + line_end).collect()
}

/// `lines` in another order, the same for the same seed.
pub fn shuffled<T: Clone>(lines: &[T], seed: u64) -> Vec<T> {
    let mut keyed: Vec<(u64, usize)> = (0..lines.len())
        .map(|i| (segmill::kernel::keyed::mix(seed ^ segmill::kernel::keyed::mix(i as u64)), i))
        .collect();
    keyed.sort_unstable();
    keyed.into_iter().map(|(_, i)| lines[i].clone()).collect()
}
