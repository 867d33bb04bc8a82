//! What can go wrong, where, and what to do about it.
//!
//! **Invariant: one-line.** Every message is one line with three parts: the place (file, line or job key), the problem and the remedy. Names and values
//! in it come from outside: control characters are escaped, and very long parts are cut. The variant decides the exit code,
//! which scripts and launchers rely on:
//!
//! | code | variant | meaning |
//! |---|---|---|
//! | 1 | [`Error::Differs`] | `segmill verify` has found a difference |
//! | 2 | [`Error::Job`] | bad command line or job file |
//! | 3 | [`Error::Row`], [`Error::Data`] | bad data |
//! | 4 | [`Error::File`] | a file, disk or store failed |
//! | 5 | [`Error::Peer`] | a peer is missing or lost: trying again may help |
//! | 70 | [`Error::Bug`] | a bug in segmill |

mod caught;

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use caught::{caught, is_catching};

pub type Result<T> = std::result::Result<T, Error>;

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
pub enum Error {
    /// A job file or command line that cannot run. `place` is a job key (`kmeans.clusters`), a flag (`--hosts`) or a
    /// job file with line and column.
    #[error("{}: {}; {}", on_a_line(place), on_a_line(problem), on_a_line(remedy))]
    Job { place: String, problem: String, remedy: String },

    /// One bad row of an input file; `line` counts from 1.
    #[error("{}:{line}: {}; {}", on_a_line(&file.to_string_lossy()), on_a_line(problem), on_a_line(remedy))]
    Row { file: PathBuf, line: u64, problem: String, remedy: String },

    /// Data that was read but cannot be segmented. `place` is an input file or a short name of the data.
    #[error("{}: {}; {}", on_a_line(place), on_a_line(problem), on_a_line(remedy))]
    Data { place: String, problem: String, remedy: String },

    /// A file, disk or store that failed. `problem` says what was tried, with the message of the system.
    #[error("{}: {}; {}", on_a_line(&path.to_string_lossy()), on_a_line(problem), on_a_line(remedy))]
    File { path: PathBuf, problem: String, remedy: String },

    /// A member of the cluster that did not arrive, or left.
    #[error("{}: {}; {}", on_a_line(place), on_a_line(problem), on_a_line(remedy))]
    Peer { place: String, problem: String, remedy: String },

    /// Two results that should be the same differ.
    #[error("{place}: {problem}; {remedy}")]
    Differs { place: String, problem: String, remedy: String },

    /// A broken promise inside segmill.
    #[error("{}: {}; this is a bug in segmill, please report it", on_a_line(place), on_a_line(problem))]
    Bug { place: String, problem: String },
}

/// The longest part of a message, in characters: room for any path.
const LONGEST_PART: usize = 4096;

/// `text` with control characters escaped, which could end the line or overwrite its beginning.
fn on_a_line(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST_PART && !text.contains(char::is_control) {
        return Cow::Borrowed(text);
    }
    let mut line = String::new();
    for (at, c) in text.chars().enumerate() {
        match c {
            _ if at == LONGEST_PART => {
                line.push('…');
                break;
            }
            c if c.is_control() => line.extend(c.escape_default()),
            c => line.push(c),
        }
    }
    Cow::Owned(line)
}

impl Error {
    /// An [`Error::Job`].
    pub fn job(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Job { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// An [`Error::Data`].
    pub fn data(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Data { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// An [`Error::Peer`].
    pub fn peer(place: impl Into<String>, problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Peer { place: place.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// A system call on `path` that failed: `action` says what was tried, as in "cannot open".
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

    #[test]
    fn what_comes_from_outside_neither_breaks_the_line_nor_fills_the_screen() {
        let error = Error::file(Path::new("a\nb\u{1b}[2J"), "cannot open", &std::io::Error::other("no\r"), "look");
        assert_eq!(error.to_string(), "a\\nb\\u{1b}[2J: cannot open: no\\r; look");
        let message = Error::job("--set", "é".repeat(1 << 20), "remove it").to_string();
        assert_eq!(message.chars().count(), "--set: ".len() + LONGEST_PART + "…; remove it".chars().count());
    }
}
