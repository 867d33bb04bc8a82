//! What is wrong with a bad row.

use serde::{Deserialize, Serialize};

use crate::ingest::dialect::Dialect;

/// Why a row is bad. `rejects.tsv` uses the same names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum BadCode {
    BadRating,
    NotFinite,
    Negative,
    TooLarge,
    EmptyId,
    LongId,
    BadUtf8,
    ShortRow,
    LongRow,
    BadQuote,
    BadTime,
    Duplicate,
    Return,
}

impl BadCode {
    pub fn name(self) -> &'static str {
        match self {
            BadCode::BadRating => "BAD_RATING",
            BadCode::NotFinite => "NOT_FINITE",
            BadCode::Negative => "NEGATIVE",
            BadCode::TooLarge => "TOO_LARGE",
            BadCode::EmptyId => "EMPTY_ID",
            BadCode::LongId => "LONG_ID",
            BadCode::BadUtf8 => "BAD_UTF8",
            BadCode::ShortRow => "SHORT_ROW",
            BadCode::LongRow => "LONG_ROW",
            BadCode::BadQuote => "BAD_QUOTE",
            BadCode::BadTime => "BAD_TIME",
            BadCode::Duplicate => "DUPLICATE",
            BadCode::Return => "RETURN",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct BadRow<'a> {
    pub code: BadCode,
    /// `user`, `item`, `rating`, `time` or `row`.
    pub field: &'static str,
    /// What is wrong, as in `rating "abc" is not a number (column 3)`.
    pub problem: String,
    /// The line without its line end.
    pub raw: &'a [u8],
    pub byte: u64,
    pub line: u64,
}

/// What is wrong with a row. Boxed, because bad rows are rare and should not enlarge what a good row returns.
pub struct Flaw {
    pub code: BadCode,
    pub field: &'static str,
    pub problem: String,
}

pub type Checked<T> = Result<T, Box<Flaw>>;

impl Flaw {
    #[cold]
    pub fn new(code: BadCode, field: &'static str, problem: String) -> Box<Flaw> {
        Box::new(Flaw { code, field, problem })
    }

    #[cold]
    pub fn open_quote() -> Box<Flaw> {
        Flaw::new(BadCode::BadQuote, "row", "a quote stays open".into())
    }

    #[cold]
    pub fn short(columns: usize, dialect: &Dialect) -> Box<Flaw> {
        let needed = 1 + dialect.last_column();
        let problem = format!("the row has {columns} of the {needed} columns that are needed");
        Flaw::new(BadCode::ShortRow, "row", problem)
    }

    #[cold]
    pub fn long(columns: usize, dialect: &Dialect) -> Box<Flaw> {
        let problem = format!("the row has {columns} columns, the file {}", dialect.columns);
        Flaw::new(BadCode::LongRow, "row", problem)
    }
}
