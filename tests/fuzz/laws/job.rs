//! Any text as a job file.

use std::path::Path;

use super::assert_says_what_to_do;
use crate::job::{self, Job};

/// The job file, then what follows each 0 byte as the `KEY=VALUE` of a `--set`. A job that is taken says the same when it
/// comes back from `run.json`.
pub fn job(data: &[u8]) {
    let mut parts = data.split(|&byte| byte == 0);
    let file = parts.next().unwrap_or_default().to_vec();
    let overrides: Vec<(String, String)> = parts.filter_map(word).collect();
    match job::from_bytes(Path::new("job.toml"), file, &overrides, None) {
        Err(error) => {
            assert_eq!(error.exit_code(), 2, "{error:?}");
            assert_says_what_to_do(&error);
        }
        Ok(job) => {
            assert!(job.output.file_name().is_some(), "{:?}", job.output);
            let written = serde_json::to_string(&job).expect("a job serialises");
            let read: Job = serde_json::from_str(&written).expect("a job is read back");
            assert_eq!(read, job);
        }
    }
}

fn word(part: &[u8]) -> Option<(String, String)> {
    let (key, value) = std::str::from_utf8(part).ok()?.split_once('=')?;
    Some((key.into(), value.into()))
}
