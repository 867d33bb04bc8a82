//! Columns of a file.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A column by index from 0 or by its name in the header.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "a column: its index from 0, or its name in the header")]
pub enum Column {
    Index(usize),
    Name(String),
}

/// Where the rating of a row is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RatingColumn {
    /// Named in the job file: it must be there.
    Given(Column),
    /// Column 2 where the file has one; otherwise each row counts 1.
    Default,
    /// No rating: each row counts 1.
    None,
}
