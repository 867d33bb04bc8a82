//! The options that name a job.

use std::path::PathBuf;

use clap::Args;

use super::mesh::MeshArgs;
use super::talk::TalkArgs;

/// Which job to run, and how.
#[derive(Debug, Args)]
pub struct JobArgs {
    /// The job file (TOML); jobs/README.md explains its keys. The run.json of a finished run is one too
    #[arg(value_name = "JOB")]
    pub job: PathBuf,

    /// Set one key of the job file, as in --set kmeans.clusters=12; may be given several times
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = key_and_value)]
    pub overrides: Vec<(String, String)>,

    /// Output folder, replaced whole if an earlier run wrote it [default: the job's output, or out/<job file's name>]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub mesh: MeshArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

/// `key=value`, without the space around either.
pub(super) fn key_and_value(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_string(), value.trim().to_string())),
        _ => Err("write it as section.key=value".to_string()),
    }
}
