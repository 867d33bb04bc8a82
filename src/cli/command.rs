//! What `segmill` understands: a command and its options.

use std::sync::LazyLock;

use clap::{Parser, Subcommand};

use super::assign::AssignArgs;
use super::export::ExportArgs;
use super::follow::FollowArgs;
use super::generate::GenerateArgs;
use super::init::InitArgs;
use super::launch::LaunchArgs;
use super::pages::{CompletionsArgs, ManArgs};
use super::plan::PlanArgs;
use super::publish::PublishArgs;
use super::report::ReportArgs;
use super::run::RunArgs;
use super::verify::VerifyArgs;

/// The version, and what the program was built with.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let features = [
        ("kafka", cfg!(feature = "kafka")),
        ("postgres", cfg!(feature = "postgres")),
        ("stores", cfg!(feature = "stores")),
    ];
    let built: Vec<&str> = features.iter().filter(|(_, is_in)| *is_in).map(|(name, _)| *name).collect();
    let built = if built.is_empty() { "none".into() } else { built.join(", ") };
    format!("{}\nfeatures: {built}", env!("CARGO_PKG_VERSION"))
});

/// Customer segments from (user, item, rating) data of any size.
#[derive(Debug, Parser)]
#[command(name = "segmill", version, long_version = VERSION.as_str(), subcommand_required = true, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 done; 1 verify found a difference; 2 bad command line or job file; 3 bad data; 4 a file or disk failed; \
    5 a peer is missing or lost (try again); 70 a bug"
)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run a job: ratings in, segments, profiles and a report out. The job is a file, or data themselves: segmill run orders.csv
    Run(RunArgs),
    /// Run a job in several processes: start all of them, here or over ssh, watch them, and start them again when one is lost
    Launch(LaunchArgs),
    /// Print a job file for some data, with the columns that were found in them
    Init(InitArgs),
    /// Say what a job would take, before it is run: sizes, solver, memory, bytes on the wire, time, and what would not fit
    Plan(PlanArgs),
    /// Write ratings with planted segments, and the planted label of each user beside them
    Generate(GenerateArgs),
    /// Put users, new or known, into the segments of a finished run
    Assign(AssignArgs),
    /// Keep the segments of a finished run up to date as ratings arrive, are corrected and are withdrawn
    Follow(FollowArgs),
    /// Bring a database or a folder up to date with the segments of a finished run, for other programs to read
    Publish(PublishArgs),
    /// Render the report of a finished run again, after names of segments were edited
    Report(ReportArgs),
    /// Write the model of a finished run as SQL for a database, or as ONNX: users go where segmill assign puts them
    Export(ExportArgs),
    /// Run a finished run again in another layout, and compare the digests table by table
    Verify(VerifyArgs),
    /// Print the script with which a shell completes the words of segmill
    Completions(CompletionsArgs),
    /// Write man pages, one for each command
    Man(ManArgs),
    /// Print the JSON Schema of the job file, by which editors complete and check it
    #[command(
        after_help = "Beside the job files, whose first line names it: segmill schema > jobs/segmill.schema.json"
    )]
    Schema,
}
