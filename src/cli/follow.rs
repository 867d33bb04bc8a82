//! `segmill follow`.

use std::path::{Path, PathBuf};

use clap::Args;

use super::job::key_and_value;
use super::mesh::{MemberArgs, MeshArgs, RANKS};
use super::talk::TalkArgs;
use crate::error::{Error, Result};
use crate::flow::cluster::Layout;
use crate::live::change::Op;
use crate::live::input::spec::{Every, Format, InputSpec};
use crate::publish::Place;

/// Options of `segmill follow`.
#[derive(Debug, Args)]
#[command(after_help = RANKS)]
pub struct FollowArgs {
    /// The output folder of a finished run
    #[arg(value_name = "OUT")]
    pub run: PathBuf,

    /// Where changes come from: - for standard input, a file that is followed as it grows, tcp:HOST:PORT or unix:PATH to
    /// listen there, or kafka:BROKER[,BROKER]/TOPIC[?group=NAME]; may be given several times [default: -]
    #[arg(long = "input", value_name = "WHERE")]
    pub inputs: Vec<String>,

    /// How a change is written: as a JSON object or with delimiters, a line each; auto finds out line by line
    #[arg(long, value_name = "FORMAT", value_parser = ["auto", "json", "delimited"], default_value = "auto")]
    pub format: String,

    /// What a line without an operation does, which has the columns of the job's [input] then: put takes the place of what
    /// the user had of the item, add is one row more
    #[arg(long, value_name = "OP", value_parser = ["put", "add"])]
    pub op: Option<String>,

    /// The end of a file is its end, rather than where more is waited for
    #[arg(long)]
    pub stop_at_end: bool,

    /// What is told at once: what has come (batch), what comes in a time such as 1s, or a number of changes such as 1000
    #[arg(long, value_name = "BATCH", default_value = "batch")]
    pub every: String,

    /// Begin without ratings, rather than with those of the run
    #[arg(long)]
    pub empty: bool,

    /// The file to tell what changes in, a JSON object a line, appended to; - for standard output
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,

    /// The folder for the tables at the end: segments, profiles, the model; replaced whole if an earlier run wrote it
    #[arg(long = "final", value_name = "DIR")]
    pub last: Option<PathBuf>,

    /// The folder for what it takes to go on after a stop or a crash [default: OUT.follow]
    #[arg(long = "state", value_name = "DIR")]
    pub state_folder: Option<PathBuf>,

    /// How far the ratings may drift from those of the fit until the model should be fitted again: a share, as in 0.1
    #[arg(long, value_name = "SHARE", default_value = "0.1", value_parser = drift)]
    pub drift: f64,

    /// Fit the model again when the ratings have drifted that far
    #[arg(long)]
    pub refit: bool,

    /// Keep a database or a folder up to date, as segmill publish does: postgres://user@host:port/database or a folder
    #[arg(long, value_name = "TARGET")]
    pub publish: Option<String>,

    /// The schema for --publish in a database; made if it is not there [default: segmill]
    #[arg(long, value_name = "NAME", requires = "publish")]
    pub schema: Option<String>,

    /// Set a key of [input], a filter of rows, memory or scratch, where that differs from the run, as in
    /// --set input.duplicates=last; may be given several times
    #[arg(long = "set", value_name = "INPUT.KEY=VALUE", value_parser = key_and_value)]
    pub overrides: Vec<(String, String)>,

    #[command(flatten)]
    pub mesh: MeshArgs,

    #[command(flatten)]
    pub member: MemberArgs,

    #[command(flatten)]
    pub talk: TalkArgs,
}

impl FollowArgs {
    /// As [`MemberArgs::layout`].
    pub fn layout(&self) -> Result<Layout> {
        self.member.layout(&self.mesh, None)
    }

    pub fn inputs(&self) -> Result<Vec<InputSpec>> {
        InputSpec::parse_all(&self.inputs)
    }

    pub fn format(&self) -> Result<Format> {
        Format::parse(&self.format)
    }

    pub fn publish(&self) -> Result<Option<Place>> {
        self.publish.as_deref().map(|target| Place::parse("--publish", target, self.schema.as_deref())).transpose()
    }

    pub fn op(&self) -> Option<Op> {
        self.op.as_deref().map(|op| if op == "add" { Op::Add } else { Op::Put })
    }

    pub fn every(&self) -> Result<Every> {
        Every::parse(&self.every)
    }

    /// The folder that is named, or the one beside the run.
    pub fn state(&self) -> Result<PathBuf> {
        self.state_folder.clone().map_or_else(|| beside(&self.run), Ok)
    }
}

/// `out/ml.follow` for `out/ml`.
fn beside(run: &Path) -> Result<PathBuf> {
    let named = |run: &Path| {
        let mut name = run.file_name()?.to_os_string();
        name.push(".follow");
        Some(run.with_file_name(name))
    };
    named(run).or_else(|| named(&std::path::absolute(run).ok()?)).ok_or_else(|| {
        let problem = format!("there is no name for a folder beside {}", run.display());
        Error::job("--state", problem, "name one")
    })
}

fn drift(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(share) if share > 0.0 && share.is_finite() => Ok(share),
        _ => Err("write a number above 0, as in 0.1".to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use clap::Parser;

    use super::*;
    use crate::cli::{Cli, Command};
    use crate::live::input::spec::InputKind;

    fn parse(words: &[&str]) -> std::result::Result<FollowArgs, clap::Error> {
        let words = [&["segmill", "follow"], words].concat();
        Cli::try_parse_from(words).map(|cli| match cli.command {
            Command::Follow(args) => args,
            _ => unreachable!("the words say follow"),
        })
    }

    fn follow(words: &[&str]) -> FollowArgs {
        parse(words).unwrap()
    }

    /// Where no scheduler says anything.
    fn layout(args: &FollowArgs) -> Result<Layout> {
        args.member.layout_among(&args.mesh, None, |_| None)
    }

    #[test]
    fn an_output_folder_is_all_it_takes() {
        let args = follow(&["out/ml"]);
        assert_eq!((&args.run, &args.output), (&"out/ml".into(), &"-".into()));
        assert_eq!(args.inputs().unwrap()[0].kind, InputKind::Stdin);
        assert_eq!((args.format(), args.op(), args.every()), (Ok(Format::Auto), None, Ok(Every::Batch)));
        assert_eq!((args.drift, args.last.clone(), args.state().unwrap()), (0.1, None, "out/ml.follow".into()));
        assert!(!(args.stop_at_end || args.empty || args.refit) && args.overrides.is_empty());
        assert_eq!(args.mesh.status_addr, None);
    }

    #[test]
    fn what_is_given_is_taken() {
        let words =
            ["--input", "a.jsonl", "--input", "tcp:[::1]:7000", "--format", "json", "--op", "add", "--every", "5s"];
        let more = ["--stop-at-end", "--empty", "--output", "told", "--final", "end", "--state", "s", "--drift", "0.5"];
        let rest = ["--refit", "--set", "input.user=0", "--status-addr", "localhost:0", "-w", "3"];
        let args = follow(&[&["out"], &words[..], &more[..], &rest[..]].concat());
        let kinds: Vec<InputKind> = args.inputs().unwrap().into_iter().map(|input| input.kind).collect();
        assert_eq!(kinds, [InputKind::File("a.jsonl".into()), InputKind::Tcp("[::1]:7000".into())]);
        assert_eq!((args.format(), args.op()), (Ok(Format::Json), Some(Op::Add)));
        assert_eq!(args.every(), Ok(Every::Time(Duration::from_secs(5))));
        assert_eq!((args.output.clone(), args.last.clone()), ("told".into(), Some("end".into())));
        assert_eq!((args.state().unwrap(), args.drift), ("s".into(), 0.5));
        assert!(args.stop_at_end && args.empty && args.refit);
        assert_eq!(args.overrides, [("input.user".to_string(), "0".to_string())]);
        assert_eq!((args.mesh.status_addr.clone(), layout(&args)), (Some("localhost:0".into()), Ok(Layout::single(3))));
        assert_eq!(follow(&["out", "--op", "put"]).op(), Some(Op::Put));
    }

    #[test]
    fn the_state_is_beside_the_run_however_that_is_named() {
        let state = |run: &str| follow(&[run]).state();
        assert_eq!(state("out/ml/"), Ok("out/ml.follow".into()));
        assert_eq!(state("/ml"), Ok("/ml.follow".into()));
        let here = std::env::current_dir().unwrap();
        let name = here.file_name().unwrap().to_str().unwrap();
        assert_eq!(state("."), Ok(here.with_file_name(format!("{name}.follow"))));
        for run in ["/", "out/.."] {
            let error = state(run).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().starts_with("--state: "), "{error}");
        }
    }

    #[test]
    fn what_means_nothing_is_refused_with_exit_code_two() {
        for words in [
            &["--input"][..],
            &["out", "--drift", "0"],
            &["out", "--drift", "inf"],
            &["out", "--drift", "much"],
            &["out", "--format", "csv"],
            &["out", "--op", "withdraw"],
            &["out", "--set", "input.user"],
            &["out", "-w", "0"],
            &["out", "more"],
        ] {
            assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
        let refused = |words: &[&str]| follow(&[&["out"], words].concat());
        assert_eq!(refused(&["--every", "0"]).every().unwrap_err().exit_code(), 2);
        assert_eq!(refused(&["--input", "tcp:x"]).inputs().unwrap_err().exit_code(), 2);
        assert_eq!(layout(&refused(&["--processes", "2"])).unwrap_err().exit_code(), 2);
    }
}
