//! What may not be replaced by an output: anything that segmill did not write.

use std::path::Path;

use crate::error::{Error, Result};
use crate::results::files;

/// The prefix of a page that a killed `segmill report` left behind: see [`crate::results::staged`].
const PAGE_IN_THE_MAKING: &str = ".report.html.new-";

/// What to do about what is in the way of an output.
pub(super) const IN_THE_WAY: &str = "choose another output with -o, or move it away";

/// Refuses to replace what is at `output` unless it is an earlier output and nothing besides. `names` is everything there, as in
/// `model/model.json`; `read` returns the bytes of a file, where it can.
pub(super) fn refuse(output: &Path, names: &[String], read: impl Fn(&str) -> Option<Vec<u8>>) -> Result<()> {
    if names.is_empty() {
        return Ok(());
    }
    let records = [files::RUN, files::FOLLOWED, files::RECORD_TO_BE];
    if !records.iter().any(|name| read(name).is_some_and(|json| is_record(&json))) {
        return Err(in_the_way(output, "is a folder that segmill did not write"));
    }
    // Replacing the folder would lose files that others have put into it.
    match names.iter().find(|name| !is_output(name)) {
        None => Ok(()),
        Some(name) => {
            let name = name.rsplit('/').next().unwrap_or(name);
            Err(in_the_way(output, &format!("holds {name:?}, which segmill did not write")))
        }
    }
}

/// The error of an output that cannot be replaced.
pub(super) fn in_the_way(output: &Path, problem: &str) -> Error {
    Error::File { path: output.to_path_buf(), problem: format!("the output {problem}"), remedy: IN_THE_WAY.into() }
}

/// What is written for a moment where a record will be: if it stays there, it is known as segmill's.
pub(super) const NO_RECORD: &[u8] = br#"{"versions": {"segmill": ""}, "digests": {}}"#;

/// Whether `json` is the record of a segmill output, of this version or another.
fn is_record(json: &[u8]) -> bool {
    let parsed: Option<serde_json::Value> = serde_json::from_slice(json).ok();
    parsed.is_some_and(|run| run["versions"]["segmill"].is_string() && run["digests"].is_object())
}

/// Whether a file of this name, below an output folder, is a file of the output.
pub(super) fn is_output(name: &str) -> bool {
    match name.split_once('/') {
        None => files::ALL.contains(&name) || name == files::RECORD_TO_BE || name.starts_with(PAGE_IN_THE_MAKING),
        Some((files::MODEL, file)) => files::OF_MODEL.contains(&file),
        Some((files::SEGMENTS | files::MOVES, file)) => files::is_part(file),
        Some(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_to_try_a_store_is_not_in_the_way() {
        let names = [files::RECORD_TO_BE.to_string()];
        assert_eq!(refuse(Path::new("s3://b/o"), &names, |_| Some(NO_RECORD.to_vec())), Ok(()));
        assert!(refuse(Path::new("s3://b/o"), &names, |_| Some(b"{}".to_vec())).is_err());
    }
}
