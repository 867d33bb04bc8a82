//! What the black-box tests share: a folder to run the real binary in, clusters of real processes, readers of the
//! outputs, and the data they are held against.

// Every test file compiles this module for itself and uses its own part of it.
#![allow(dead_code)]

pub mod axe;
#[cfg(feature = "kafka")]
pub mod broker;
pub mod browser;
pub mod cluster;
pub mod data;
pub mod draws;
pub mod files;
pub mod outputs;
pub mod postgres;
pub mod python;
pub mod store;

use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use tempfile::TempDir;

/// A run that takes longer than this hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// A folder of its own, gone with the value.
pub struct Sandbox {
    folder: TempDir,
}

/// What one run of the binary said.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    pub fn new() -> Sandbox {
        Sandbox { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, content).expect("a file in the temporary folder");
        path
    }

    /// Runs segmill in the folder.
    pub fn segmill(&self, words: &[&str]) -> Ran {
        self.segmill_with(&[], words)
    }

    /// The same with something to read on its standard input.
    pub fn segmill_fed(&self, input: impl Into<Vec<u8>>, words: &[&str]) -> Ran {
        let output = self.command(&[], words).write_stdin(input).output();
        Ran::from(output.expect("segmill starts"))
    }

    /// The same with these variables set in its environment.
    pub fn segmill_with(&self, variables: &[(&str, &str)], words: &[&str]) -> Ran {
        Ran::from(self.command(variables, words).output().expect("segmill starts"))
    }

    fn command(&self, variables: &[(&str, &str)], words: &[&str]) -> assert_cmd::Command {
        let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_segmill"));
        for name in ENVIRONMENT {
            command.env_remove(name);
        }
        command.envs(variables.iter().copied());
        command.current_dir(self.folder.path()).args(words).timeout(PATIENCE);
        command
    }

    /// Writes `job` to `job.toml` and runs it into the folder `out`.
    pub fn run(&self, job: &str, words: &[&str]) -> Ran {
        self.run_to("out", job, words)
    }

    /// The same into another folder.
    pub fn run_to(&self, out: &str, job: &str, words: &[&str]) -> Ran {
        self.write("job.toml", job);
        self.segmill(&[&["run", "job.toml", "-o", out], words].concat())
    }

    /// Everything in the folder, sorted, hidden files too.
    pub fn listing(&self) -> Vec<String> {
        let mut names = Vec::new();
        list(self.folder.path(), self.folder.path(), &mut names);
        names.sort();
        names
    }
}

/// What segmill reads from the environment: a test decides it alone.
pub const ENVIRONMENT: [&str; 47] = [
    "SEGMILL_CLUSTER_KEY",
    "SEGMILL_CLUSTER_KEY_FILE",
    "SEGMILL_LISTEN",
    "SEGMILL_INSECURE_PLAINTEXT",
    "SEGMILL_RUN_ID",
    "SEGMILL_ATTEMPT",
    "SEGMILL_PROCESSES",
    "SEGMILL_PROCESS",
    "SEGMILL_HOSTS",
    "SEGMILL_PORT",
    "SEGMILL_SERVICE",
    "SEGMILL_SIMD",
    "SEGMILL_STATUS_ADDR",
    "SEGMILL_LOG_FORMAT",
    "NO_COLOR",
    "SLURM_PROCID",
    "SLURM_NTASKS",
    "SLURM_STEP_NUM_TASKS",
    "SLURM_JOB_NODELIST",
    "SLURM_STEP_NODELIST",
    "SLURM_TASKS_PER_NODE",
    "SLURM_STEP_TASKS_PER_NODE",
    "SLURM_DISTRIBUTION",
    "SLURM_NODEID",
    "SLURM_LOCALID",
    "JOB_COMPLETION_INDEX",
    "HOSTNAME",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_RANK",
    "LOCAL_WORLD_SIZE",
    "MASTER_ADDR",
    "MASTER_PORT",
    "RUST_LOG",
    "RUST_BACKTRACE",
    "CLICOLOR_FORCE",
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGDATABASE",
    "PGPASSWORD",
    "PGPASSFILE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGOPTIONS",
];

fn list(top: &Path, folder: &Path, names: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        names.push(path.strip_prefix(top).expect("below the top").to_string_lossy().into_owned());
        if path.is_dir() {
            list(top, &path, names);
        }
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Ran {
        Ran {
            // -1: ended by a signal, as when the patience is over.
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Ran {
    #[track_caller]
    pub fn succeeded(self) -> Ran {
        assert_eq!(self.code, 0, "{}", self.stderr);
        self
    }

    /// Asserts a refusal: this exit code, and one line on stderr that has each of `parts` and a remedy.
    #[track_caller]
    pub fn refused(self, code: i32, parts: &[&str]) -> Ran {
        assert_eq!(self.code, code, "stderr: {}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "not one line: {:?}", self.stderr);
        assert!(self.stderr.ends_with('\n'), "{:?}", self.stderr);
        assert!(self.stderr.contains("; "), "no remedy: {:?}", self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "{part:?} is not in {:?}", self.stderr);
        }
        self
    }
}
