//! `segmill publish`.

use std::path::PathBuf;

use clap::Args;

use super::talk::TalkArgs;
use crate::error::Result;
use crate::publish::Place;

/// Options of `segmill publish`.
#[derive(Debug, Args)]
#[command(
    after_help = "A password comes from PGPASSWORD or ~/.pgpass, never from the address, which others can see. The target has segments \
    (number, name, size, profile), memberships (user, segment, since) and changes (user, from, to, when; none for the first publication). \
    Readers see one publication or the next. What was published before is left as it is, and a publication that was killed is begun again"
)]
pub struct PublishArgs {
    /// The output of a finished run, or the --final folder of a live session
    #[arg(value_name = "OUT")]
    pub run: PathBuf,

    /// Where to publish: postgres://user@host:port/database, with ?sslmode=verify-full and the other parameters of libpq, or
    /// a folder
    #[arg(long = "to", value_name = "TARGET")]
    pub target: String,

    /// The schema for the tables in a database; made if it is not there [default: segmill]
    #[arg(long, value_name = "NAME")]
    pub schema: Option<String>,

    /// Publish a run that does not go on from the published one (compare.previous), so that the numbers of its segments mean
    /// something else: every user gets a change
    #[arg(long)]
    pub new_segments: bool,

    #[command(flatten)]
    pub talk: TalkArgs,
}

impl PublishArgs {
    pub fn place(&self) -> Result<Place> {
        Place::parse("--to", &self.target, self.schema.as_deref())
    }
}
