//! What inline code names: commands and options.

use std::collections::BTreeSet;

use clap::CommandFactory;
use segmill::cli::Cli;

use crate::markdown::Guide;
use crate::util::Sandbox;
use crate::{calls, root};

/// Options of cargo, and of the program that it makes of tests, that guides name by themselves.
const OF_CARGO: [&str; 5] = ["--all-features", "--features", "--nocapture", "--release", "--locked"];

/// Programs whose calls are checked in inline code too.
const CALLED: [&str; 4] = ["cargo", "kubectl", "python3", "tests/fuzz/run"];

/// The command line with its own `help`.
fn command_line() -> clap::Command {
    let mut cli = Cli::command();
    cli.build();
    cli
}

fn options(command: &clap::Command) -> BTreeSet<String> {
    command.get_arguments().filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")).collect()
}

fn options_of_scripts() -> BTreeSet<String> {
    let texts = ["benches/plan.py", "benches/follow.py", "benches/peers/run.py"]
        .map(|script| std::fs::read_to_string(root().join(script)).expect("a script"));
    let added = texts.iter().flat_map(|text| text.split("add_argument(\"").skip(1));
    added.filter_map(|rest| rest.split('"').next()).map(str::to_string).collect()
}

/// The long options among words.
fn named(span: &str) -> impl Iterator<Item = &str> {
    let words = span.split([' ', '=', '[', ']', '\'', ',']);
    words.filter(|word| word.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase())))
}

/// Every command and option that the guide names in inline code and that is not there.
pub fn unknown(guide: &Guide) -> Vec<String> {
    let place = |line: usize, problem: String| format!("{}:{line}: {problem}", guide.path);
    guide.spans().into_iter().filter_map(|(line, span)| check(span).err().map(|problem| place(line, problem))).collect()
}

fn check(span: &str) -> Result<(), String> {
    let words: Vec<&str> = span.split_whitespace().skip_while(|word| is_assignment(word)).collect();
    match &words[..] {
        ["segmill", "--help" | "--version", ..] | ["segmill"] => Ok(()),
        // A message may begin with the name and a version.
        ["segmill", command, ..] if command.starts_with(char::is_uppercase) => Ok(()),
        ["segmill", command, ..] => check_command(command, span),
        [program, rest @ ..] if CALLED.contains(program) && !rest.is_empty() => {
            let call: calls::Call = words.iter().map(|word| word.to_string()).collect();
            calls::check(&call, &Sandbox::new()).map_err(|problem| format!("{span}: {problem}"))
        }
        [first, ..] if first.starts_with("--") => check_alone(span),
        _ => Ok(()),
    }
}

/// A variable of a command's environment, as in `RUST_LOG=info`.
fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| name.bytes().all(|c| c.is_ascii_uppercase() || c == b'_'))
}

fn check_command(command: &str, span: &str) -> Result<(), String> {
    let cli = command_line();
    let found = cli.find_subcommand(command).ok_or_else(|| format!("{span}: segmill has no command {command}"))?;
    let has = options(found);
    named(span)
        .find(|option| !has.contains(*option))
        .map_or(Ok(()), |option| Err(format!("{span}: there is no {option}")))
}

fn check_alone(span: &str) -> Result<(), String> {
    let mut all = options_of_scripts();
    all.extend(OF_CARGO.map(str::to_string));
    all.extend(command_line().get_subcommands().flat_map(options));
    named(span).find(|option| !all.contains(*option)).map_or(Ok(()), |option| Err(format!("there is no {option}")))
}

/// The section that every command's options are looked for in too.
const OF_SEVERAL: &str = "Options that several commands have";

/// Every option of a command that its section does not name, and every command that the guide does not name at all.
pub fn missing(guide: &Guide) -> Vec<String> {
    let cli = command_line();
    let commands = cli.get_subcommands().filter(|command| command.get_name() != "help");
    commands.flat_map(|command| missing_of(guide, command)).collect()
}

fn missing_of(guide: &Guide, command: &clap::Command) -> Vec<String> {
    let call = format!("segmill {}", command.get_name());
    if !guide.spans().iter().any(|(_, span)| span.starts_with(&call)) {
        return vec![format!("{}: {call} is not there", guide.path)];
    }
    let sections = [format!("`{call}`"), OF_SEVERAL.to_string()].map(|heading| guide.section(&heading));
    let spans = sections.iter().flat_map(Guide::spans);
    let told: BTreeSet<&str> = spans.flat_map(|(_, span)| named(span).collect::<Vec<_>>()).collect();
    let shown = command.get_arguments().filter(|argument| !argument.is_hide_set() && argument.get_id() != "help");
    let options = shown.filter_map(|argument| argument.get_long()).map(|long| format!("--{long}"));
    let absent = options.filter(|option| !told.contains(option.as_str()));
    absent.map(|option| format!("{}: {option} of {call} is not in its section", guide.path)).collect()
}
