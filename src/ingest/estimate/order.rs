//! How the rows of an input lie.

use serde::{Deserialize, Serialize};

/// How the rows lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Order {
    ByUser,
    Mixed,
}
