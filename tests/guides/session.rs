//! A guide, followed: its commands run one after the other in a folder as a reader has it.

use std::path::Path;
use std::process::Output;
use std::time::Duration;

use crate::markdown::{Block, Guide};
use crate::util::cluster::{free_addresses, own_address};
use crate::util::data::quoted;
use crate::util::python::GUIDE as PYTHON_GUIDE;
use crate::util::{ENVIRONMENT, Sandbox};
use crate::{calls, programs, root};

/// Commands that take longer hang.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a guide supposes, beside the job files and what its own commands have made so far.
const SUPPOSED: [(&str, &[&str]); 10] = [
    ("README.md", &["ratings.csv"]),
    ("jobs/README.md", &["ratings.csv", "data/ml-100k"]),
    ("jobs/plan.md", &["data/ml-25m"]),
    ("jobs/results.md", &["out/quickstart"]),
    ("jobs/new-users.md", &["out/quickstart", "new-ratings.csv"]),
    ("jobs/months.md", &["out/last-month", "this-month.toml", "ratings.csv"]),
    ("jobs/live.md", &["out/quickstart"]),
    ("jobs/publish.md", &["out/quickstart"]),
    ("deploy/README.md", &["job.toml"]),
    ("tests/fixtures/0.1.0/README.md", &["job.toml"]),
];

/// Ports that guides choose; a test must not meet another one there.
const PORTS: [&str; 3] = [":2101", ":2102", ":9464"];

/// Everything that a guide may suppose, made once.
pub struct Template {
    made: Sandbox,
}

impl Template {
    pub fn new() -> Template {
        let made = Sandbox::new();
        copy_project(&made);
        let small = ["--users", "400", "--items", "150", "--ratings-per-user", "20", "--segments", "5"];
        for (seed, name) in [("1", "ratings.csv"), ("2", "new-ratings.csv")] {
            made.segmill(&[&["generate", "--seed", seed, "-o", name], &small[..]].concat()).succeeded();
        }
        let job = "[input]\nratings = ['ratings.csv']\n[kmeans]\nclusters = 5\n[sweep]\nclusters = []\n";
        made.write("job.toml", job);
        made.write("this-month.toml", job);
        made.segmill(&["run", "job.toml", "-q", "-o", "out/last-month"]).succeeded();
        made.segmill(&["run", "jobs/quickstart.toml", "-q"]).succeeded();
        std::fs::create_dir(made.path("data")).expect("a folder");
        programs::write_movielens(&made.path("ratings.csv"), &made.path("data"));
        Template { made }
    }

    /// A folder for the reader of this guide.
    fn folder(&self, guide: &Guide) -> Sandbox {
        let sandbox = Sandbox::new();
        copy_project(&sandbox);
        std::fs::create_dir(sandbox.path("home")).expect("a folder");
        let supposed = SUPPOSED.iter().filter(|(path, _)| *path == guide.path).flat_map(|(_, names)| *names);
        for name in supposed {
            copy(&self.made.path(name), &sandbox.path(name));
        }
        sandbox
    }
}

/// The part of the project that commands of guides use. Data that jobs make up is cut down, and the machines of the hosts
/// file are this one.
fn copy_project(sandbox: &Sandbox) {
    for name in ["jobs", "deploy"] {
        copy(&root().join(name), &sandbox.path(name));
    }
    let smaller = [("users = 5_000", "users = 400"), ("items = 1_000", "items = 200")];
    rewrite(&sandbox.path("jobs/quickstart.toml"), &smaller);
    let machine = own_address().map_or("127.0.0.1".to_string(), |address| address.to_string());
    let addresses: Vec<String> = free_addresses(3)
        .iter()
        .map(|free| format!("\n{machine}{}", &free[free.rfind(':').expect("a port")..]))
        .collect();
    let hosts = ["\nnode1:2101", "\nnode2:2101", "\nnode3:2101"];
    let hosts: Vec<(&str, &str)> = hosts.into_iter().zip(addresses.iter().map(String::as_str)).collect();
    rewrite(&sandbox.path("deploy/ssh/hosts"), &hosts);
}

fn rewrite(path: &Path, replaced: &[(&str, &str)]) {
    let mut text = std::fs::read_to_string(path).expect("it was copied");
    for (old, new) in replaced {
        assert!(text.contains(old), "{}: {old:?} is not there", path.display());
        text = text.replace(old, new);
    }
    std::fs::write(path, text).expect("a file of the sandbox");
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().expect("it is in a folder")).expect("a folder");
    if from.is_file() {
        std::fs::copy(from, to).unwrap_or_else(|e| panic!("{}: {e}", from.display()));
        return;
    }
    std::fs::create_dir_all(to).expect("a folder");
    for entry in std::fs::read_dir(from).unwrap_or_else(|e| panic!("{}: {e}", from.display())) {
        let entry = entry.expect("an entry");
        copy(&entry.path(), &to.join(entry.file_name()));
    }
}

/// Follows the guide, and says what went wrong: the rest of a session in which a command has failed is not run.
pub fn follow(guide: &Guide, template: &Template) -> Vec<String> {
    let sandbox = template.folder(guide);
    let place = |block: &Block| format!("{}:{}", guide.path, block.line);
    for block in &guide.blocks {
        let checked = match block.kind.as_str() {
            "sh" => run(&sandbox, block, &template.made.path("data")),
            "toml" => accept(&sandbox, &block.text, template),
            "json" => parse(&block.text),
            "jsonl" => block.text.lines().try_for_each(parse),
            "text" => Ok(()),
            // tests/python.rs runs every one of these.
            "python" if guide.path == PYTHON_GUIDE => Ok(()),
            kind => Err(format!("nothing checks a block of {kind:?}")),
        };
        if let Err(problem) = checked {
            return vec![format!("{}: {problem}", place(block))];
        }
    }
    let promised = guide.spans().into_iter().filter(|(_, span)| span.starts_with("out/") && !span.contains(' '));
    promised
        .filter(|(_, span)| !sandbox.path(span).exists() && guide.path != PYTHON_GUIDE)
        .map(|(line, span)| format!("{}:{line}: {span} is not there at the end of the session", guide.path))
        .collect()
}

/// Runs the commands, and checks how they have called the stand-ins.
fn run(sandbox: &Sandbox, block: &Block, stored: &Path) -> Result<(), String> {
    let programs = programs::stand_ins(sandbox);
    let ran = bash(sandbox, &with_free_ports(&block.text), &programs, stored);
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stderr);
        return Err(format!("{}\n{}{said}", ran.status, block.text));
    }
    calls::made(&programs).iter().try_for_each(|call| calls::check(call, sandbox).map_err(|e| format!("{call:?}: {e}")))
}

fn bash(sandbox: &Sandbox, commands: &str, programs: &programs::StandIns, stored: &Path) -> Output {
    let mut command = assert_cmd::Command::new("bash");
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    command.current_dir(sandbox.path("")).env("HOME", sandbox.path("home")).env("PATH", programs.search_path());
    command.envs(programs.environment()).env("STORED", stored);
    // What runs in the background is part of the block.
    command
        .args(["-e", "-o", "pipefail", "-c"])
        .arg(format!("{commands}\nfor job in $(jobs -p); do wait \"$job\"; done\n"));
    command.timeout(PATIENCE).output().expect("bash starts")
}

fn with_free_ports(commands: &str) -> String {
    let free = free_addresses(PORTS.len());
    PORTS.iter().zip(&free).fold(commands.to_string(), |text, (port, address)| {
        text.replace(port, &address[address.rfind(':').expect("a port")..])
    })
}

/// A job, or a part of one, which then gets ratings.
fn accept(sandbox: &Sandbox, job: &str, template: &Template) -> Result<(), String> {
    copy(&template.made.path("ratings.csv"), &sandbox.path("ratings.csv"));
    let job_file = sandbox.write("block.toml", job);
    let ratings = format!("input.ratings={}", quoted(&sandbox.path("ratings.csv")));
    let whole = job.contains("ratings =") || job.contains("[input.generate]");
    let more: &[&str] = if whole { &[] } else { &["--set", &ratings] };
    let ran = sandbox.segmill(&[&["run", job_file.to_str().expect("UTF-8"), "--dry-run"], more].concat());
    if ran.code == 0 { Ok(()) } else { Err(ran.stderr) }
}

fn parse(json: &str) -> Result<(), String> {
    serde_json::from_str::<serde_json::Value>(json).map(drop).map_err(|e| format!("{json}: {e}"))
}
