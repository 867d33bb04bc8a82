//! `segmill verify`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::job::{ColumnArgs, JobArgs, WhatArgs};
use super::launch::{LaunchArgs, SSH};
use super::mesh::MeshArgs;
use super::talk::TalkArgs;
use super::threads::{MAX_WORKERS, checked_threads};
use crate::error::Result;
use crate::flow::launch::Plan;

/// Options of `segmill verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// The output folder of a finished run
    #[arg(value_name = "OUT")]
    pub run: PathBuf,

    /// Worker threads (in each process) [default: one more than the run had]
    #[arg(short, long, value_name = "WORKERS")]
    pub workers: Option<NonZeroUsize>,

    /// Run again in so many processes, on this machine
    #[arg(long, value_name = "N", default_value = "1")]
    pub processes: NonZeroUsize,

    #[command(flatten)]
    pub talk: TalkArgs,
}

impl VerifyArgs {
    /// Threads of each process, given those of the run.
    pub fn threads(&self, workers_of_run: usize) -> Result<usize> {
        match self.workers {
            Some(_) => checked_threads(self.workers),
            None => Ok(if workers_of_run < MAX_WORKERS { workers_of_run + 1 } else { workers_of_run - 1 }),
        }
    }

    /// How to start several processes for the job in the file `job`, into `output`.
    pub fn plan(&self, job: PathBuf, output: PathBuf, workers: usize) -> Result<Plan> {
        let job = JobArgs {
            what: WhatArgs {
                inputs: vec![job],
                columns: ColumnArgs::default(),
                overrides: Vec::new(),
                output: Some(output),
            },
            mesh: MeshArgs { hosts: None, insecure_plaintext: false, start_timeout: 60, status_addr: None },
            talk: TalkArgs { quiet: true, ..self.talk },
        };
        let launch = LaunchArgs {
            job,
            processes: Some(self.processes),
            workers: NonZeroUsize::new(workers),
            max_restarts: 3,
            ssh: SSH.into(),
            remote_program: None,
        };
        launch.plan()
    }
}
