//! A launched job, its members, and the verdict.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

pub use crate::util::cluster::signal;
use crate::util::outputs::digests;
use crate::util::{ENVIRONMENT, Ran, Sandbox, cluster};

/// Some of everything, in a second or two: text of a job that keeps a checkpoint whenever it can.
pub const JOB: &str = "
checkpoint_every = 0
[input.generate]
users = 12_000
items = 700
ratings_per_user = 50
segments = 6
affinity = 0.6
seed = 4
[pca]
components = 6
solver = 'krylov'
[kmeans]
clusters = 6
n_init = 2
[sweep]
clusters = [4, 10]
[evidence]
enabled = false
";

/// The digests of [`JOB`] on one worker, and how long two processes take.
pub fn golden() -> &'static (BTreeMap<String, String>, Duration) {
    static GOLDEN: OnceLock<(BTreeMap<String, String>, Duration)> = OnceLock::new();
    GOLDEN.get_or_init(|| {
        let sandbox = Sandbox::new();
        sandbox.run(JOB, &["-w", "1"]).succeeded();
        let started = Instant::now();
        Group::launch(&["--processes", "2", "-w", "1", "-q"]).end(Duration::from_secs(60)).0.succeeded();
        (digests(&sandbox.path("out")), started.elapsed())
    })
}

/// A launcher and its members.
pub struct Group {
    pub sandbox: Sandbox,
    launcher: Child,
}

impl Group {
    /// Launches [`JOB`] in a sandbox of its own.
    pub fn launch(words: &[&str]) -> Group {
        let sandbox = Sandbox::new();
        sandbox.write("job.toml", JOB);
        Group::launch_in(sandbox, &[], words)
    }

    pub fn launch_in(sandbox: Sandbox, variables: &[(&str, &str)], words: &[&str]) -> Group {
        let mut command = Command::new(env!("CARGO_BIN_EXE_segmill"));
        for name in ENVIRONMENT {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied()).current_dir(sandbox.path(""));
        command.args(["launch", "job.toml"]).args(words);
        if !words.contains(&"-o") {
            command.args(["-o", "out"]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let launcher = command.spawn().expect("segmill starts");
        Group { sandbox, launcher }
    }

    pub fn launcher(&self) -> u32 {
        self.launcher.id()
    }

    /// The members that run now, by index.
    pub fn members(&self) -> BTreeMap<usize, u32> {
        processes()
            .filter(|process| process.parent == self.launcher.id())
            .filter_map(|p| Some((p.index()?, p.id)))
            .collect()
    }

    /// Waits until a member runs, and returns it.
    pub fn member(&self, index: usize) -> u32 {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(&id) = self.members().get(&index) {
                return id;
            }
            assert!(Instant::now() < deadline, "member {index} never ran");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Waits for a launcher that was killed.
    pub fn abandoned(mut self) -> Sandbox {
        self.launcher.wait().expect("a child");
        self.sandbox
    }

    /// Waits for the launcher, and checks that nobody is left. Returns what it said, and the sandbox.
    pub fn end(self, patience: Duration) -> (Ran, Sandbox) {
        let Group { sandbox, launcher } = self;
        let ran = cluster::finish(launcher, Instant::now() + patience);
        assert_ne!(ran.code, -1, "the launcher did not end in {patience:?}: {}", ran.stderr);
        nobody_left(&sandbox);
        (ran, sandbox)
    }

    /// Waits for the end, which must be the golden one.
    #[track_caller]
    pub fn golden(self, patience: Duration) -> Ran {
        let (ran, sandbox) = self.end(patience);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(digests(&sandbox.path("out")), golden().0, "{}", ran.stderr);
        assert!(!sandbox.path(".out.checkpoint").exists(), "a checkpoint stayed");
        ran
    }
}

/// Asserts that no process runs in a sandbox, nor comes to an end too slowly.
#[track_caller]
pub fn nobody_left(sandbox: &Sandbox) {
    let folder = std::fs::canonicalize(sandbox.path("")).expect("a folder");
    let deadline = Instant::now() + Duration::from_secs(2);
    loop {
        let left: Vec<u32> = processes().filter(|p| p.folder.as_ref() == Some(&folder)).map(|p| p.id).collect();
        if left.is_empty() {
            return;
        }
        assert!(Instant::now() < deadline, "processes {left:?} are left");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The checkpoints of a sandbox, the newest first.
pub fn checkpoints(sandbox: &Sandbox) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(sandbox.path(".out.checkpoint")).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.extension() == Some("checkpoint".as_ref())).collect();
    files.sort();
    files.reverse();
    files
}

/// A running segmill.
struct Process {
    id: u32,
    parent: u32,
    words: Vec<String>,
    folder: Option<PathBuf>,
}

impl Process {
    /// Which process of its cluster it is.
    fn index(&self) -> Option<usize> {
        let at = self.words.iter().position(|word| word == "--process")?;
        self.words.get(at + 1)?.parse().ok()
    }
}

fn processes() -> impl Iterator<Item = Process> {
    std::fs::read_dir("/proc").expect("Linux").flatten().filter_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let words = std::fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let words: Vec<String> = words.split('\0').map(String::from).collect();
        if !words[0].ends_with("segmill") {
            return None;
        }
        let stat = std::fs::read_to_string(entry.path().join("stat")).ok()?;
        let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
        if fields.next()? == "Z" {
            return None;
        }
        let parent = fields.next()?.parse().ok()?;
        Some(Process { id, parent, words, folder: std::fs::read_link(entry.path().join("cwd")).ok() })
    })
}
