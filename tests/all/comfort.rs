//! What makes the command line pleasant: a dry run, logs for machines, completions, man pages, a terminal that shows how far
//! a run is.

use std::process::{Command, Stdio};

use crate::util::data::{SMALL_JOB, delimited, small_ratings};
use crate::util::{Ran, Sandbox};
use serde_json::Value;

const COMMANDS: [&str; 9] = ["run", "launch", "plan", "generate", "assign", "report", "verify", "completions", "man"];

/// A folder with small ratings and a job over them.
fn small() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), Some("user,item,rating"), ",", "\n"));
    sandbox.write("job.toml", format!("[input]\nratings = ['r.csv']\n{SMALL_JOB}"));
    sandbox
}

/// A program that a test needs: without it the test is skipped on a desk, and fails in CI.
fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok();
    assert!(found || std::env::var_os("CI").is_none_or(|ci| ci != "true"), "{program} is not installed");
    if !found {
        eprintln!("skipped: {program} is not installed");
    }
    found
}

// ---- dry run ---------------------------------------------------------------------------------------------------

#[test]
fn a_dry_run_says_what_would_run_and_leaves_no_trace() {
    let sandbox = small();
    let before = sandbox.listing();
    let ran = sandbox.segmill(&["run", "job.toml", "--dry-run", "-w", "3"]).succeeded();
    assert_eq!((sandbox.listing(), ran.stderr.as_str()), (before, ""));
    for said in
        ["1 file", "r.csv", "parted by commas, with header", "0 user", "2 rating", "2 segments", "3 workers", "out/job"]
    {
        assert!(ran.stdout.contains(said), "{said:?} is not in\n{}", ran.stdout);
    }
    let [user, item, rating] = [small_ratings()[0].0.to_string(), small_ratings()[0].1.to_string(), "3".into()];
    let shows_row = |line: &str| line.split_whitespace().take(2).eq([user.as_str(), item.as_str()]);
    assert!(ran.stdout.lines().any(shows_row), "no row {user} {item} {rating}\n{}", ran.stdout);
    assert!(ran.stdout.lines().count() <= 24 && ran.stdout.lines().all(|line| line.chars().count() <= 100));
}

#[test]
fn a_dry_run_of_many_files_stays_on_one_screen() {
    let sandbox = small();
    for part in 0..40 {
        sandbox.write(&format!("part-{part:02}.csv"), format!("{part},1,2\n{part},2,3\n"));
    }
    let job = format!("[input]\nratings = ['*.csv']\n{SMALL_JOB}");
    let ran = sandbox.run(&job, &["--dry-run"]).succeeded();
    assert!(ran.stdout.contains("41 files") && ran.stdout.contains("39 more like it"), "{}", ran.stdout);
    assert!(ran.stdout.lines().count() <= 32, "{}", ran.stdout);
}

#[test]
fn a_dry_run_of_made_up_ratings_needs_no_files() {
    let sandbox = Sandbox::new();
    let job = "[input.generate]\nusers = 300\nitems = 50\nratings_per_user = 10\n[kmeans]\nclusters = 4\n";
    let ran = sandbox.run(job, &["--dry-run"]).succeeded();
    assert!(ran.stdout.contains("about 3 k ratings of 300 users and 50 items"), "{}", ran.stdout);
    assert_eq!(sandbox.listing(), ["job.toml"]);
}

/// Whatever a dry run can notice, it refuses as the run does.
#[test]
fn a_dry_run_fails_as_the_run_would() {
    let sandbox = small();
    sandbox.write("bad.csv", "1,1,3\n2,2,x\n3,3,1\n");
    sandbox.write("titles.csv", "id,title\n1\n");
    std::fs::create_dir(sandbox.path("theirs")).expect("a folder");
    sandbox.write("theirs/thesis.txt", "years of work");
    let before = sandbox.listing();
    for words in [
        &["-o", "theirs"][..],
        &["-o", "r.csv"],
        &["--set", "input.ratings=nowhere.csv"],
        &["--set", "input.ratings=*.tsv"],
        &["--set", "input.ratings=bad.csv", "--set", "input.header=false"],
        &["--set", "input.rating=stars"],
        &["--set", "input.user=7"],
        &["--set", "input.items.path=nowhere.csv"],
        &["--set", "input.items.path=titles.csv"],
        &["--set", "kmeans.clusters=1"],
        &["--set", "kmeans.cluster=3"],
        &["--processes", "2"],
    ] {
        let ran = |more: &[&str]| sandbox.segmill(&[&["run", "job.toml"], words, more].concat());
        let (dry, real) = (ran(&["--dry-run"]), ran(&[]));
        assert_ne!(dry.code, 0, "{words:?}");
        assert_eq!((dry.code, dry.stderr.lines().count()), (real.code, 1), "{words:?}: {}", dry.stderr);
        assert_eq!((dry.stderr, dry.stdout), (real.stderr, real.stdout), "{words:?}");
    }
    assert_eq!(sandbox.listing(), before);
}

#[test]
fn a_dry_run_counts_the_bad_rows_it_sees_where_they_may_be_rejected() {
    let sandbox = small();
    sandbox.write("bad.csv", "1,1,3\n2,2,x\n3,3,1\n");
    let words = ["--dry-run", "--set", "input.on_bad=reject", "--set", "input.header=false"];
    let ran = sandbox.run(&format!("[input]\nratings = ['bad.csv']\n{SMALL_JOB}"), &words).succeeded();
    assert!(ran.stdout.contains("1 bad row among the first 3"), "{}", ran.stdout);
}

// ---- logs ------------------------------------------------------------------------------------------------------

/// The lines on stderr, every one an event with all its parts.
#[track_caller]
fn events(ran: &Ran) -> Vec<Value> {
    let event = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line:?}"));
        for part in ["timestamp", "level", "target", "fields"] {
            assert!(!event[part].is_null(), "no {part}: {line}");
        }
        event
    };
    ran.stderr.lines().map(event).collect()
}

fn stages(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["fields"]["stage"].as_str()).collect()
}

#[test]
fn json_logs_are_one_object_a_line() {
    let sandbox = small();
    let info = [("RUST_LOG", "info")];
    let ran = sandbox.segmill_with(&info, &["run", "job.toml", "--log-format", "json"]).succeeded();
    assert_eq!(
        stages(&events(&ran)),
        ["ingest", "choose", "pca", "kmeans", "sweep", "validate", "profile", "evidence", "gather", "write"]
    );
    let asked = [("RUST_LOG", "info"), ("SEGMILL_LOG_FORMAT", "json")];
    let generate = ["--users", "50", "--items", "20", "--ratings-per-user", "4", "--segments", "2", "--seed", "1"];
    let generate = [&["generate"], &generate[..], &["-o", "made.csv"]].concat();
    assert!(sandbox.segmill_with(&asked, &generate).succeeded().stderr.is_empty(), "nothing happened worth a word");
}

#[test]
fn errors_and_warnings_are_events_too() {
    let sandbox = small();
    let text = sandbox.segmill(&["run", "job.toml", "--set", "kmeans.clusters=13"]).refused(2, &["kmeans.clusters"]);
    for filter in ["", "off"] {
        let words = ["run", "job.toml", "--set", "kmeans.clusters=13", "--log-format", "json"];
        let ran = sandbox.segmill_with(&[("RUST_LOG", filter)], &words);
        let said = events(&ran);
        assert_eq!((ran.code, said.len()), (2, 1), "{}", ran.stderr);
        assert_eq!(said[0]["fields"]["message"], text.stderr.trim().strip_prefix("segmill: ").expect("its name"));
        assert_eq!((&said[0]["level"], &said[0]["fields"]["exit_code"]), (&"ERROR".into(), &2.into()));
    }
    let rejecting = ["run", "job.toml", "--log-format", "json", "--set", "input.on_bad=reject"];
    let bad = std::fs::read_to_string(sandbox.path("r.csv")).expect("it is there") + "1,2,x\n";
    sandbox.write("r.csv", bad);
    let said = events(&sandbox.segmill(&rejecting).succeeded());
    assert!(said.len() == 1 && said[0]["level"] == "WARN", "{said:?}");
    assert_eq!(sandbox.segmill(&[&rejecting[..], &["-q"]].concat()).succeeded().stderr, "");
}

#[test]
fn the_logs_of_all_members_are_one_log_that_names_them() {
    let sandbox = small();
    let words = ["launch", "job.toml", "--processes", "2", "-w", "1", "--log-format", "json"];
    let ran = sandbox.segmill_with(&[("RUST_LOG", "info")], &words).succeeded();
    let said = events(&ran);
    assert!(stages(&said).contains(&"kmeans"), "{}", ran.stderr);
    assert!(said.iter().all(|event| event["fields"]["process"].is_u64()), "{}", ran.stderr);
    assert!(ran.stdout.contains("report: "), "the results are no log: {}", ran.stdout);

    let failing = sandbox.segmill(&[&words[..], &["--set", "kmeans.clusters=13"]].concat());
    let said = events(&failing);
    assert_eq!((failing.code, said.len()), (2, 1), "said once: {}", failing.stderr);
    assert!(said[0]["fields"]["process"].is_u64() && said[0]["level"] == "ERROR", "{}", failing.stderr);
}

#[test]
fn text_logs_follow_the_filter_and_a_wrong_filter_is_told() {
    let sandbox = small();
    let run = |variables: &[(&str, &str)], words: &[&str]| {
        sandbox.segmill_with(variables, &[&["run", "job.toml"], words].concat()).succeeded().stderr
    };
    assert_eq!(run(&[], &[]), "");
    assert!(run(&[("RUST_LOG", "info")], &[]).lines().all(|line| line.contains(" INFO segmill")));
    assert!(run(&[("RUST_LOG", "info")], &["-q"]).contains("INFO"), "what is asked for by name is said");
    let wrong = run(&[("RUST_LOG", "segmill=loud")], &[]);
    assert!(wrong.starts_with("segmill: warning: RUST_LOG: ") && wrong.lines().count() == 1, "{wrong}");
}

#[test]
fn quiet_commands_say_nothing() {
    let sandbox = small();
    let generate = ["generate", "--users", "50", "--items", "20", "--ratings-per-user", "4", "--segments", "2"];
    let generate = [&generate[..], &["--seed", "1", "-o", "made.csv"]].concat();
    for words in [&["run", "job.toml"][..], &["launch", "job.toml", "--processes", "2", "-w", "1"], &generate] {
        let loud = sandbox.segmill(words).succeeded();
        let quiet = sandbox.segmill(&[words, &["--quiet"]].concat()).succeeded();
        assert!(!loud.stdout.is_empty(), "{words:?}");
        assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("", ""), "{words:?}");
    }
}

// ---- a terminal --------------------------------------------------------------------------------------------------

/// What somebody at a terminal gets from `command` in the sandbox, without the line ends of a terminal.
fn on_a_terminal(sandbox: &Sandbox, variables: &[(&str, &str)], words: &[&str]) -> String {
    let line: Vec<String> =
        [&[env!("CARGO_BIN_EXE_segmill")], words].concat().iter().map(|w| format!("'{w}'")).collect();
    let mut script = Command::new("script");
    for name in crate::util::ENVIRONMENT {
        script.env_remove(name);
    }
    script.envs(variables.iter().copied()).env("TERM", "xterm").current_dir(sandbox.path(""));
    let output =
        script.args(["-qec", &line.join(" "), "/dev/null"]).stdin(Stdio::null()).output().expect("script runs");
    assert!(output.status.success(), "{output:?}");
    String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n")
}

/// Colours as terminals have them: `ESC [ … m` with a number other than 0.
fn has_colours(text: &str) -> bool {
    text.split("\u{1b}[").skip(1).any(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';').unwrap_or(rest.len());
        rest[end..].starts_with('m') && !["", "0"].contains(&&rest[..end])
    })
}

#[test]
fn a_terminal_shows_stages_and_an_address_and_colours_only_if_they_are_wanted() {
    if !has("script") {
        return;
    }
    let sandbox = small();
    let long = ["--set", "kmeans.n_init=2000", "--set", "sweep.clusters=[]"];
    for words in [&["run", "job.toml", "-w", "1"][..], &["launch", "job.toml", "--processes", "2", "-w", "1"]] {
        let words = [words, &long].concat();
        let seen = on_a_terminal(&sandbox, &[("RUST_LOG", "info")], &words);
        assert!(seen.contains("kmeans") && seen.contains("file:///"), "{seen:?}");
        assert!(words[0] == "launch" || has_colours(&seen), "{seen:?}");
        let plain = on_a_terminal(&sandbox, &[("RUST_LOG", "info"), ("NO_COLOR", "1")], &words);
        assert!(plain.contains("kmeans") && plain.contains("INFO") && !has_colours(&plain), "{plain:?}");
        let quiet = on_a_terminal(&sandbox, &[], &[&words[..], &["-q"]].concat());
        assert_eq!(quiet, "");
        let json = on_a_terminal(&sandbox, &[], &[&words[..], &["--log-format", "json"]].concat());
        assert!(!json.contains('\u{1b}'), "{json:?}");
    }
}

// ---- completions and man pages -----------------------------------------------------------------------------------

#[test]
fn shells_accept_the_completions() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = sandbox.segmill(&["completions", shell]).succeeded().stdout;
        for word in COMMANDS.iter().chain(&["dry-run", "log-format"]) {
            assert!(script.contains(word), "{shell}: {word}");
        }
        let path = sandbox.write(shell, &script);
        if shell == "bash" || Command::new(shell).arg("--version").output().is_ok() {
            let checked = Command::new(shell).arg("-n").arg(&path).output().expect("the shell starts");
            assert!(checked.status.success() && checked.stderr.is_empty(), "{shell}: {checked:?}");
        }
    }
    let line =
        "source ./bash; COMP_WORDS=(segmill run --dry); COMP_CWORD=2; _segmill segmill --dry run; echo ${COMPREPLY[@]}";
    let output = Command::new("bash").args(["-c", line]).current_dir(sandbox.path("")).output().expect("bash starts");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "--dry-run", "{output:?}");
    assert_eq!(sandbox.segmill(&["completions", "cobol"]).code, 2);
}

#[test]
fn every_command_has_a_man_page() {
    let sandbox = Sandbox::new();
    sandbox.segmill(&["man", "a/pages"]).succeeded();
    let help = sandbox.segmill(&["--help"]).succeeded().stdout;
    let listed = help.split("Commands:").nth(1).and_then(|rest| rest.split("Options:").next()).expect("a list");
    let commands: Vec<&str> = listed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    assert!(COMMANDS.iter().all(|command| commands.contains(command)), "{commands:?}");
    for command in commands.into_iter().filter(|command| *command != "help").chain([""]) {
        let name = if command.is_empty() { "segmill".into() } else { format!("segmill-{command}") };
        let page = sandbox.path(&format!("a/pages/{name}.1"));
        let text = std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert!(text.contains(".TH ") && text.contains(".SH OPTIONS") && !text.contains("launched"), "{name}");
        if Command::new("man").arg("--version").output().is_ok() {
            let shown =
                Command::new("man").args(["--warnings", "-Tutf8", "-l"]).arg(&page).output().expect("man starts");
            assert!(shown.status.success() && shown.stderr.is_empty(), "{name}: {shown:?}");
        }
    }
    sandbox.write("file", "");
    sandbox.segmill(&["man", "file/pages"]).refused(4, &["file/pages"]);
}
