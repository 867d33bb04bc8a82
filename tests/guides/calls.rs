//! Whether a stand-in was called with words that its program knows, about things that exist.

use std::path::Path;
use std::process::Command;

use clap::Parser;
use segmill::cli::{Cli, Command as Segmill};

use crate::programs::StandIns;
use crate::root;
use crate::util::Sandbox;

/// A program's name and its arguments.
pub type Call = Vec<String>;

/// Words of cargo that stand alone.
const ALONE: [&str; 17] = [
    "--release",
    "--all-features",
    "--all-targets",
    "--locked",
    "--lib",
    "--doc",
    "--check",
    "--open",
    "--no-run",
    "check",
    "advisories",
    "bans",
    "licenses",
    "sources",
    "--no-deps",
    "-D",
    "warnings",
];

/// Options of sbatch that take a number.
const OF_SBATCH: [&str; 4] = ["--nodes", "--ntasks", "--ntasks-per-node", "--cpus-per-task"];

/// The calls that were written down.
pub fn made(programs: &StandIns) -> Vec<Call> {
    let calls = std::fs::read_to_string(programs.calls()).unwrap_or_default();
    let calls = calls.split_terminator('\x1e');
    calls.map(|call| call.split('\x1f').skip(1).map(str::to_string).collect()).collect()
}

/// Whether `call` makes sense in the sandbox. What no test knows does not.
pub fn check(call: &[String], sandbox: &Sandbox) -> Result<(), String> {
    let words: Vec<&str> = call.iter().map(String::as_str).collect();
    match &words[..] {
        ["segmill", ..] => parsed(&words).map(drop),
        ["cargo", words @ ..] => cargo(words),
        ["pip", "install", package] => exists(&root().join(package).join("pyproject.toml")),
        ["python3", words @ ..] => python(words),
        ["curl", "-O", address] => known(&["ml-100k", "ml-25m"], movielens(address).unwrap_or(address)),
        ["unzip", packed] => exists(&sandbox.path("data").join(packed)),
        ["ssh", "-o", "BatchMode=yes", "-o", "ServerAliveInterval=5", "--", _host, _command] => Ok(()),
        ["sbatch", words @ ..] => sbatch(words, sandbox),
        ["docker", "build", "-f", file, "-t", tag, "."] => {
            exists(&root().join(file))?;
            known(&[&format!("segmill:{}", env!("CARGO_PKG_VERSION"))], tag)
        }
        ["kubectl", words @ ..] => kubectl(words),
        ["tests/fuzz/run", targets @ .., seconds] => {
            let seconds = seconds.parse::<u32>().map(drop).map_err(|_| format!("{seconds} is no time"));
            targets.iter().try_for_each(|name| exists(&root().join("tests/fuzz/corpus").join(name))).and(seconds)
        }
        [".ci/run"] => exists(&root().join(".ci/run")),
        _ => Err("nothing is known of such a call".to_string()),
    }
}

fn known(names: &[&str], name: &str) -> Result<(), String> {
    if names.contains(&name) { Ok(()) } else { Err(format!("{name} is none of {}", names.join(", "))) }
}

fn exists(path: &Path) -> Result<(), String> {
    if path.exists() { Ok(()) } else { Err(format!("{} is not there", path.display())) }
}

fn parsed(words: &[&str]) -> Result<Segmill, String> {
    Cli::try_parse_from(words).map(|cli| cli.command).map_err(|e| e.to_string())
}

fn movielens(address: &str) -> Option<&str> {
    address.strip_prefix("https://files.grouplens.org/datasets/movielens/")?.strip_suffix(".zip")
}

/// Subcommands, targets and features have to be there, and a filter of tests has to leave some.
fn cargo(words: &[&str]) -> Result<(), String> {
    let (command, mut rest) = words.split_first().ok_or("no command")?;
    known(&["bench", "build", "clippy", "deny", "doc", "fmt", "install", "run", "test"], command)?;
    let mut folder = root().join("src");
    while let [word, after @ ..] = rest {
        rest = after;
        match (*word, after) {
            // What follows is the program's.
            ("--", _) => break,
            ("--test", [name, after @ ..]) => {
                folder = root().join("tests").join(name);
                exists(&folder.join("main.rs")).or_else(|_| exists(&folder.with_extension("rs")))?;
                rest = after;
            }
            ("--bench", [name, after @ ..]) => {
                exists(&root().join("benches").join(name).with_extension("rs"))?;
                rest = after;
            }
            ("--features", [names, after @ ..]) => {
                names.split(',').try_for_each(feature)?;
                rest = after;
            }
            ("--path" | "--manifest-path", [path, after @ ..]) => {
                exists(&root().join(path))?;
                rest = after;
            }
            (filter, _) if *command == "test" && !filter.starts_with('-') => {
                let path = if folder.is_dir() { folder.clone() } else { folder.with_extension("rs") };
                if !mentions(&path, filter) {
                    return Err(format!("no test is called {filter}"));
                }
            }
            (word, _) => known(&ALONE, word)?,
        }
    }
    Ok(())
}

fn feature(name: &str) -> Result<(), String> {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
    let manifest: toml::Table = manifest.parse().expect("TOML");
    let features = manifest["features"].as_table().expect("features");
    known(&features.keys().map(String::as_str).collect::<Vec<_>>(), name)
}

/// Whether a function or module of the file, or of one in the folder, has a name that the last part of `filter` is in.
fn mentions(path: &Path, filter: &str) -> bool {
    let name = filter.rsplit("::").next().expect("split gives one part at least");
    if let Ok(folder) = std::fs::read_dir(path) {
        return folder.flatten().any(|entry| mentions(&entry.path(), filter));
    }
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.lines().any(|line| {
        let named = line.trim_start().trim_start_matches("pub ");
        (named.starts_with("fn ") || named.starts_with("mod ")) && named.contains(name)
    })
}

/// The script reads these words as far as its `--help`, which names each option. Nothing is measured.
fn python(words: &[&str]) -> Result<(), String> {
    let (script, options) = words.split_first().ok_or("no script")?;
    exists(&root().join(script))?;
    let ran = Command::new("python3").current_dir(root()).arg(script).args(options).arg("--help").output();
    let Ok(ran) = ran else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "python3 is not there");
        eprintln!("skipped: python3 is not there");
        return Ok(());
    };
    let (help, complaint) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    if !ran.status.success() {
        return Err(complaint.into_owned());
    }
    let unknown = options.iter().find(|word| word.starts_with("--") && !help.contains(&format!("  {word} ")));
    unknown.map_or(Ok(()), |word| Err(format!("{script} has no {word}:\n{help}")))
}

/// Options, then the script, then what it passes on to `segmill run`.
fn sbatch(words: &[&str], sandbox: &Sandbox) -> Result<(), String> {
    let script = words.iter().position(|word| !word.starts_with("--")).ok_or("no script")?;
    for option in &words[..script] {
        let (name, number) = option.split_once('=').ok_or_else(|| format!("{option} has no value"))?;
        known(&OF_SBATCH, name)?;
        number.parse::<u32>().map_err(|e| format!("{option}: {e}"))?;
    }
    exists(&sandbox.path(words[script]))?;
    let Segmill::Run(run) = parsed(&[&["segmill", "run"], &words[script + 1..]].concat())? else { unreachable!() };
    exists(&sandbox.path("").join(&run.job.what.inputs[0]))
}

fn kubectl(words: &[&str]) -> Result<(), String> {
    match words {
        ["apply" | "delete", "-k", folder] => exists(&root().join(folder).join("kustomization.yaml")),
        ["create", "secret", "generic", "segmill-cluster-key", "--from-file=key=/dev/stdin", key] => {
            let key = key.trim_end();
            let sound = key.len() == 64 && key.bytes().all(|digit| digit.is_ascii_hexdigit());
            if sound { Ok(()) } else { Err(format!("{key} is no key")) }
        }
        ["logs", "-f", "-l", "jobset.sigs.k8s.io/jobset-name=segmill", "--prefix"]
        | ["delete", "jobset", "segmill"] => {
            let jobset = std::fs::read_to_string(root().join("deploy/kubernetes/jobset.yaml")).expect("a manifest");
            if jobset.contains("\n  name: segmill\n") { Ok(()) } else { Err("the JobSet has another name".to_string()) }
        }
        _ => Err("nothing is known of such a call".to_string()),
    }
}
