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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};

    fn parse(words: &[&str]) -> std::result::Result<PublishArgs, clap::Error> {
        Cli::try_parse_from([&["segmill", "publish"], words].concat()).map(|cli| match cli.command {
            Command::Publish(args) => args,
            _ => unreachable!("the words say publish"),
        })
    }

    #[test]
    fn a_run_and_a_target_are_all_it_takes() {
        let args = parse(&["out/ml", "--to", "shown"]).unwrap();
        assert_eq!((args.run.clone(), args.new_segments), ("out/ml".into(), false));
        assert_eq!(args.place(), Ok(Place::Folder("shown".into())));
        for words in [&["out/ml"][..], &["--to", "shown"], &["out/ml", "--to", "shown", "more"]] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }

    #[cfg(feature = "postgres")]
    #[test]
    fn a_database_has_a_schema() {
        let place = |schema: &[&str]| {
            parse(&[&["out", "--new-segments", "--to", "postgres://ana@db:7/shop"], schema].concat()).unwrap().place()
        };
        assert_eq!(place(&[]).unwrap().to_string(), "postgres://ana@db:7/shop (schema segmill)");
        assert_eq!(place(&["--schema", "crm"]).unwrap().to_string(), "postgres://ana@db:7/shop (schema crm)");
        let long = "x".repeat(64);
        for schema in ["", &long] {
            let error = place(&["--schema", schema]).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("--schema: "), "{error}");
        }
    }
}
