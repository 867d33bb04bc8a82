//! `segmill run`.

use clap::Args;

use super::job::JobArgs;
use super::mesh::{MemberArgs, RANKS};
use crate::error::Result;
use crate::flow::cluster::Layout;
use crate::flow::launch::Orders;

/// Options of `segmill run`.
#[derive(Debug, Args)]
#[command(after_help = RANKS)]
pub struct RunArgs {
    #[command(flatten)]
    pub job: JobArgs,

    #[command(flatten)]
    pub member: MemberArgs,

    /// Check the job file, the layout of the input and the output folder, say what would run, and stop: nothing is read to its
    /// end, nothing is written.
    #[arg(long)]
    pub dry_run: bool,

    /// This process was started by segmill launch, which tells it the rest on standard input
    #[arg(long, hide = true)]
    pub launched: bool,
}

impl RunArgs {
    /// [`MemberArgs::layout`] of these flags.
    pub fn layout(&self, launched: Option<&Orders>) -> Result<Layout> {
        self.member.layout(&self.job.mesh, launched)
    }
}
