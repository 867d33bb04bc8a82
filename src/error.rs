//! What can go wrong, where, and what to do about it.
//!
//! Every message is one line and has three parts: where (file, line or job key), what, and the remedy. The variant
//! decides the exit code, which scripts and launchers rely on:
//!
//! | code | variant | meaning |
//! |---|---|---|
//! | 1 | [`Error::Differs`] | `segmill verify` has found a difference |
//! | 2 | [`Error::Job`] | bad command line or job file |
//! | 3 | [`Error::Row`], [`Error::Data`] | bad data |
//! | 4 | [`Error::File`] | a file, disk or store failed |
//! | 5 | [`Error::Peer`] | a peer is missing or lost: trying again may help |
//! | 70 | [`Error::Bug`] | a bug in segmill |

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// A job file or command line that cannot run. `place` is a job key (`kmeans.clusters`), a flag (`--hosts`) or a
    /// job file with line and column.
    #[error("{place}: {problem}; {remedy}")]
    Job { place: String, problem: String, remedy: String },

    /// One bad row of an input file; `line` counts from 1.
    #[error("{file}:{line}: {problem}; {remedy}", file = file.display())]
    Row { file: PathBuf, line: u64, problem: String, remedy: String },

    /// Data that were read but cannot be segmented. `place` is an input file or a short name of the data.
    #[error("{place}: {problem}; {remedy}")]
    Data { place: String, problem: String, remedy: String },

    /// A file, disk or store that failed. `problem` holds what was tried and the system's message.
    #[error("{path}: {problem}; {remedy}", path = path.display())]
    File { path: PathBuf, problem: String, remedy: String },

    /// A member of the cluster that did not come, or left.
    #[error("{place}: {problem}; {remedy}")]
    Peer { place: String, problem: String, remedy: String },

    /// Two answers that should be the same are not.
    #[error("{place}: {problem}; {remedy}")]
    Differs { place: String, problem: String, remedy: String },

    /// A broken promise inside segmill.
    #[error("{place}: {problem}; this is a bug in segmill, please report it")]
    Bug { place: String, problem: String },
}

impl Error {
    pub fn job(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Job { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    pub fn data(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Data { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    pub fn peer(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Peer { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// A failed system call on `path`: `action` says what was tried, as in "cannot open".
    pub fn file(path: &Path, action: &str, source: &std::io::Error, remedy: impl Into<String>) -> Self {
        Error::File { path: path.to_path_buf(), problem: format!("{action}: {source}"), remedy: remedy.into() }
    }

    /// The exit code of a process that ends with this error.
    pub fn exit_code(&self) -> u8 {
        match self {
            Error::Differs { .. } => 1,
            Error::Job { .. } => 2,
            Error::Row { .. } | Error::Data { .. } => 3,
            Error::File { .. } => 4,
            Error::Peer { .. } => 5,
            Error::Bug { .. } => 70,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_with_place_problem_and_remedy() {
        let error = Error::Row {
            file: "ratings.csv".into(),
            line: 1042,
            problem: "rating \"abc\" is not a number (column 3)".into(),
            remedy: "fix the row or set input.on_bad = \"reject\"".into(),
        };
        assert_eq!(
            error.to_string(),
            "ratings.csv:1042: rating \"abc\" is not a number (column 3); fix the row or set input.on_bad = \"reject\""
        );
        assert_eq!(error.exit_code(), 3);
    }
}
