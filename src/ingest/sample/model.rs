//! What a sample holds.

use crate::job::GenerateSpec;

/// More different values than this are stored in full (`shard::sealing`).
pub const MOST_CODES: usize = 256;

/// A row of the sample.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SampledRow {
    /// Ids by their keys.
    pub user: u64,
    pub item: u64,
    pub value: f64,
    /// The number of the piece that it is from.
    pub range: u32,
}

/// Rows of the input, and what was counted while they were read.
#[derive(Debug, Clone, Default)]
pub struct Sample {
    /// In the order of the input.
    pub rows: Vec<SampledRow>,
    pub n_ranges: u32,
    /// Every row is here.
    pub whole: bool,
    /// Every user of the sample is here with all rows.
    pub whole_users: bool,
    /// Bytes of the pieces, and of the whole input; 0 where data are generated.
    pub bytes_read: u64,
    pub bytes: u64,
    pub files: usize,
    /// The number of rows in the whole input, where the files say it.
    pub known_rows: Option<u64>,
    /// Workers that can read side by side: packed files, or row groups. `None` where there may be any number.
    pub readers: Option<u64>,
    /// Bad rows.
    pub bad: u64,
    /// Rows whose rating is 0, which counts as no rating.
    pub zeros: u64,
    /// Rows whose ids are numbers below 2³² and whose value is exact in single precision.
    pub narrow: u64,
    /// Different values, counted up to one more than [`MOST_CODES`].
    pub n_values: usize,
    /// Bytes of ids that are text, over all rows.
    pub user_text: u64,
    pub item_text: u64,
    /// What is generated, where there are no files: the sizes are known.
    pub generated: Option<GenerateSpec>,
}
