//! How the ratings of a text are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the ratings of a text are written: `3.5`, `1.234,50`, `€ 12` ([`crate::ingest::numbers`]).
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Numbers {
    pub decimal: Decimal,
    /// What may stand before or after a number, such as `€` or `EUR`.
    pub currency: Option<String>,
}

/// What the fraction of a number begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub enum Decimal {
    /// A point, and nothing parts thousands.
    #[default]
    #[serde(rename = "auto")]
    Plain,
    /// A point; thousands may be parted.
    #[serde(rename = ".")]
    Point,
    /// A comma; thousands may be parted.
    #[serde(rename = ",")]
    Comma,
}

impl Numbers {
    pub fn is_plain(&self) -> bool {
        self.decimal == Decimal::Plain
    }
}
