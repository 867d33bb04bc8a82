//! The options of `segmill init`.

use std::path::PathBuf;

use clap::Args;

use super::job::{ColumnArgs, WhatArgs};
use super::talk::TalkArgs;

/// Options of `segmill init`.
#[derive(Debug, Args)]
#[command(after_help = "For a file: segmill init orders.csv > orders.toml, then segmill run orders.toml")]
pub struct InitArgs {
    /// Data: files, folders, globs, addresses, or - for standard input
    #[arg(value_name = "DATA", required = true)]
    pub inputs: Vec<PathBuf>,

    #[command(flatten)]
    pub columns: ColumnArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

impl InitArgs {
    /// These data, with all else at its default.
    pub fn what(&self) -> WhatArgs {
        let (inputs, columns) = (self.inputs.clone(), self.columns.clone());
        WhatArgs { inputs, columns, overrides: Vec::new(), output: None }
    }
}
