//! Words of a command line, and what they become.

use clap::{CommandFactory, Parser};

use super::command::{Cli, Command};
use super::generate::GenerateArgs;
use super::run::RunArgs;
use crate::error::Result;
use crate::flow::cluster::{Layout, Security};
use crate::flow::launch::Orders;
use crate::job::{DEFAULT_AFFINITY, Feedback};

fn parse(words: &[&str]) -> std::result::Result<Cli, clap::Error> {
    Cli::try_parse_from([&["segmill"], words].concat())
}

fn run(words: &[&str]) -> RunArgs {
    match parse(&[&["run", "job.toml"], words].concat()).unwrap().command {
        Command::Run(args) => args,
        _ => unreachable!("the words say run"),
    }
}

fn generate(words: &[&str]) -> GenerateArgs {
    let whole = ["generate", "--users", "9", "--items", "8", "--segments", "2", "--seed", "1", "-o", "x.csv"];
    match parse(&[&whole, words].concat()).unwrap().command {
        Command::Generate(args) => args,
        _ => unreachable!("the words say generate"),
    }
}

fn hosts_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

/// The layout with these flags where no scheduler says anything.
fn layout(words: &[&str]) -> Result<Layout> {
    layout_of(&run(words), None, |_| None)
}

fn layout_of(run: &RunArgs, orders: Option<&Orders>, lookup: impl Fn(&str) -> Option<String>) -> Result<Layout> {
    run.member.layout_among(&run.job.mesh, orders, lookup)
}

fn layout_error(words: &[&str]) -> String {
    let error = layout(words).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn clap_refuses_with_exit_code_two() {
    for words in [
        &["run"][..],
        &["run", "job.toml", "-w", "0"],
        &["run", "job.toml", "--processes", "0"],
        &["run", "job.toml", "--set", "kmeans.clusters"],
        &["run", "job.toml", "--set", "=3"],
        &["run", "job.toml", "--start-timeout", "0"],
        &["run", "job.toml", "--unknown"],
        &["fly"],
    ] {
        assert_eq!(parse(words).unwrap_err().exit_code(), 2, "{words:?}");
    }
}

#[test]
fn overrides_keep_their_order_and_their_equals_signs() {
    let args = run(&["--set", "seed=1", "--set", "input.delimiter=="]);
    let pair = |key: &str, value: &str| (key.to_string(), value.to_string());
    assert_eq!(args.job.what.overrides, [pair("seed", "1"), pair("input.delimiter", "=")]);
}

#[test]
fn one_process_needs_no_more() {
    assert_eq!(layout(&["-w", "3"]).unwrap(), Layout::single(3));
    assert!(layout(&[]).unwrap().workers >= 1);
}

#[test]
fn a_cluster_is_read_from_its_hosts_file() {
    let file = hosts_file("# the cluster\nnode1:2101\n\n  [::1]:2102  \n");
    let path = file.path().to_str().unwrap();
    let words = ["--processes", "2", "--process", "1", "--hosts", path, "-w", "2", "--insecure-plaintext"];
    let layout = layout(&words).unwrap();
    assert_eq!((layout.workers, layout.processes, layout.process), (2, 2, 1));
    assert_eq!(layout.hosts, ["node1:2101", "[::1]:2102"]);
}

#[test]
fn a_scheduler_fills_in_what_flags_leave_open() {
    let slurm = |name: &str| {
        let value = match name {
            "SLURM_PROCID" => "1",
            "SLURM_NTASKS" => "2",
            "SLURM_JOB_NODELIST" => "n[1-2]",
            _ => return None,
        };
        Some(value.to_string())
    };
    let words = |words: &[&str]| run(&[&["--insecure-plaintext"], words].concat());
    let layout = layout_of(&words(&[]), None, slurm).unwrap();
    assert_eq!((layout.process, layout.processes, layout.hosts), (1, 2, vec!["n1:2101".into(), "n2:2101".into()]));
    assert_eq!(layout.listen.as_deref(), Some("0.0.0.0:2101"));
    let layout = layout_of(&words(&["--listen", "10.0.0.1:9"]), None, slurm).unwrap();
    assert_eq!(layout.listen.as_deref(), Some("10.0.0.1:9"));
    assert_eq!(layout_of(&words(&["--processes", "1"]), None, slurm).unwrap().hosts, Vec::<String>::new());
    // A launcher has said everything.
    let orders = Orders::new(&Security::Plaintext, vec!["a:1".into(), "b:2".into()], "r", 0);
    let launched = words(&["--processes", "2", "--process", "0"]);
    let layout = layout_of(&launched, Some(&orders), slurm).unwrap();
    assert_eq!((layout.process, layout.hosts, layout.listen), (0, vec!["a:1".into(), "b:2".into()], None));
    assert!(layout_of(&words(&["--process", "0"]), None, slurm).unwrap_err().to_string().starts_with("--process: "));
}

#[test]
fn flags_that_disagree_are_refused() {
    let file = hosts_file("a:1\nb:2\n");
    let path = file.path().to_str().unwrap();
    assert!(layout_error(&["--processes", "2"]).starts_with("--process: it is missing"));
    assert!(layout_error(&["--processes", "2", "--process", "2"]).contains("no process 2 among 2"));
    assert!(layout_error(&["--processes", "2", "--process", "0"]).starts_with("--hosts: 2 processes need"));
    assert!(layout_error(&["--hosts", path]).contains("names 2 hosts, but there are 1 processes"));
    assert!(layout_error(&["--hosts", "/nowhere/hosts"]).contains("cannot read /nowhere/hosts"));
    let empty = hosts_file("# nobody\n");
    assert!(layout_error(&["--hosts", empty.path().to_str().unwrap()]).contains("names no host"));
}

#[test]
fn the_generator_is_checked_under_the_names_of_its_flags() {
    let spec = generate(&["--ratings-per-user", "4", "--implicit"]).spec().unwrap();
    assert_eq!((spec.users, spec.feedback, spec.affinity), (9, Feedback::Implicit, DEFAULT_AFFINITY));
    let refused = |words: &[&str]| generate(words).spec().unwrap_err().to_string();
    assert!(refused(&["--ratings-per-user", "0"]).starts_with("--ratings-per-user: a mean of 0 ratings"));
    assert!(refused(&["--ratings-per-user", "9"]).contains("do not fit the 8 that a user chooses from"));
    assert!(refused(&["--ratings-per-user", "4", "--affinity", "1.5"]).starts_with("--affinity: 1.5"));
}
