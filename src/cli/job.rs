//! The options that name a job.

use std::path::PathBuf;

use clap::Args;

use super::mesh::MeshArgs;
use super::talk::TalkArgs;

/// Which job to run, and how.
#[derive(Debug, Args)]
pub struct JobArgs {
    #[command(flatten)]
    pub what: WhatArgs,

    #[command(flatten)]
    pub mesh: MeshArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

/// A job file, or data with a few words about them.
#[derive(Debug, Args)]
pub struct WhatArgs {
    /// Data: files, folders, globs, addresses, or - for standard input. Or one job: a file that ends in .toml, whose keys
    /// jobs/README.md explains, or the run.json of a finished run
    #[arg(value_name = "DATA|JOB.toml", required = true)]
    pub inputs: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnArgs,

    /// Set one key of the job, as in --set kmeans.clusters=12; may be given several times
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = key_and_value)]
    pub overrides: Vec<(String, String)>,

    /// Output folder, replaced whole if an earlier run wrote it [default: the job's output, or out/<name of the job or data>]
    #[arg(short, long, value_name = "OUT")]
    pub output: Option<PathBuf>,
}

/// Columns of the data, each by its name or its index from 0. What is not given is found.
#[derive(Debug, Default, Clone, Args)]
pub struct ColumnArgs {
    /// The column that says who: short for --set input.user=C
    #[arg(long, value_name = "C", help_heading = "Columns")]
    pub user: Option<String>,

    /// The column that says what: short for --set input.item=C
    #[arg(long, value_name = "C", help_heading = "Columns")]
    pub item: Option<String>,

    /// The column that says how much; false if each row counts 1: short for --set input.rating=C
    #[arg(long, value_name = "C", help_heading = "Columns")]
    pub rating: Option<String>,

    /// The column that says when: short for --set input.time=C
    #[arg(long, value_name = "C", help_heading = "Columns")]
    pub time: Option<String>,

    /// The column that says what items are called; false to show ids: short for --set input.title=C
    #[arg(long, value_name = "C", help_heading = "Columns")]
    pub title: Option<String>,
}

impl ColumnArgs {
    fn keys(&self) -> impl Iterator<Item = (String, String)> {
        let keys = [
            ("user", &self.user),
            ("item", &self.item),
            ("rating", &self.rating),
            ("time", &self.time),
            ("title", &self.title),
        ];
        keys.into_iter().filter_map(|(key, column)| Some((format!("input.{key}"), column.clone()?)))
    }
}

impl WhatArgs {
    /// All keys that are set, in the order in which they win.
    pub fn overrides(&self) -> Vec<(String, String)> {
        self.columns.keys().chain(self.overrides.iter().cloned()).collect()
    }
}

/// `key=value`, without the space around either.
pub(super) fn key_and_value(text: &str) -> std::result::Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_string(), value.trim().to_string())),
        _ => Err("write it as section.key=value".to_string()),
    }
}
