//! `segmill report`.

use std::path::PathBuf;

use clap::Args;

use super::talk::TalkArgs;

/// Options of `segmill report`.
#[derive(Debug, Args)]
#[command(
    after_help = "The segments have the names that stand in OUT/model/model.json (segments, name): edit them there, then render. \
    None may be empty, no two alike, and 80 characters are the most. Neither the ratings nor the tables are read: what the page \
    shows is in OUT/report.json. Nothing but the page is written; profiles.parquet keeps the names of the run, on which its \
    digest rests"
)]
pub struct ReportArgs {
    /// The output folder of a finished run
    #[arg(value_name = "OUT")]
    pub run: PathBuf,

    /// The page to write [default: OUT/report.html]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    #[command(flatten)]
    pub talk: TalkArgs,
}
