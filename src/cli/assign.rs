//! `segmill assign`.

use std::path::PathBuf;

use clap::Args;

use super::job::key_and_value;
use super::mesh::{MemberArgs, MeshArgs, RANKS};
use super::talk::TalkArgs;
use crate::error::Result;
use crate::flow::cluster::Layout;

/// Options of `segmill assign`.
#[derive(Debug, Args)]
#[command(after_help = RANKS)]
pub struct AssignArgs {
    /// The output folder of a finished run
    #[arg(value_name = "OUT")]
    pub run: PathBuf,

    /// Files, folders or globs with all ratings of the users to assign, read as the run read its own
    #[arg(value_name = "RATINGS", required = true)]
    pub ratings: Vec<PathBuf>,

    /// The file to write, .parquet or .csv; - for CSV on standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,

    /// Write what is typical of these users in each segment too, as the profiles.parquet of a run has it, weighed as in the
    /// run: a file that ends in .parquet
    #[arg(long, value_name = "FILE")]
    pub profiles: Option<PathBuf>,

    /// Set a key of [input], a filter of rows, memory or scratch, where that differs from the run, as in --set input.user=customer; may be
    /// given several times
    #[arg(long = "set", value_name = "INPUT.KEY=VALUE", value_parser = key_and_value)]
    pub overrides: Vec<(String, String)>,

    #[command(flatten)]
    pub mesh: MeshArgs,

    #[command(flatten)]
    pub member: MemberArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

impl AssignArgs {
    /// As [`MemberArgs::layout`].
    pub fn layout(&self) -> Result<Layout> {
        self.member.layout(&self.mesh, None)
    }
}
