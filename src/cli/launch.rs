//! `segmill launch`.

use std::ffi::OsString;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::job::JobArgs;
use super::mesh::check_hosts;
use super::threads::{checked_threads, threads};
use crate::error::{Error, Result};
use crate::flow::cluster::{ClusterKey, Security};
use crate::flow::launch::{self, Plan};

/// How to start a program on another machine.
pub(super) const SSH: &str = "ssh -o BatchMode=yes -o ServerAliveInterval=5";

/// Options of `segmill launch`.
#[derive(Debug, Args)]
pub struct LaunchArgs {
    #[command(flatten)]
    pub job: JobArgs,

    /// Processes to start [default: one for each line of --hosts]
    #[arg(long, value_name = "N", env = "SEGMILL_PROCESSES", help_heading = "Cluster")]
    pub processes: Option<NonZeroUsize>,

    /// Worker threads in each process [default: the number of processors, shared among the processes of a machine]
    #[arg(short, long, value_name = "WORKERS")]
    pub workers: Option<NonZeroUsize>,

    /// How often all processes are started again after one was lost
    #[arg(long, value_name = "TIMES", default_value_t = 3, help_heading = "Cluster")]
    pub max_restarts: u32,

    /// How to start a program on another machine: followed by the host and the command
    #[arg(long, value_name = "COMMAND", default_value = SSH, help_heading = "Cluster")]
    pub ssh: String,

    /// Where segmill is on the other machines [default: where it is on this one]
    #[arg(long, value_name = "PATH", help_heading = "Cluster")]
    pub remote_program: Option<PathBuf>,
}

impl LaunchArgs {
    /// What to start, checked.
    pub fn plan(&self) -> Result<Plan> {
        let hosts = self.job.mesh.addresses()?;
        let processes = self.processes.map_or(hosts.len(), NonZeroUsize::get);
        if processes == 0 {
            let remedy = "say how many, or name a file with one line host:port per process in --hosts";
            return Err(Error::job("--processes", "it is missing", remedy));
        }
        if !hosts.is_empty() {
            check_hosts(&hosts, processes)?;
        }
        let here = hosts.iter().filter(|host| launch::is_here(host)).count();
        let here = if hosts.is_empty() { processes } else { here };
        let workers = match self.workers {
            Some(_) => checked_threads(self.workers)?,
            None => (threads(None) / here.max(1)).max(1),
        };
        let security = match ClusterKey::from_environment()? {
            _ if self.job.mesh.insecure_plaintext => Security::Plaintext,
            Some(key) => Security::Key(key),
            None => Security::Key(ClusterKey::generate()?),
        };
        Ok(Plan {
            words: self.words(workers, processes),
            processes,
            hosts,
            security,
            status_addr: self.job.mesh.status_addr.clone(),
            max_restarts: self.max_restarts,
            ssh: self.ssh.split_whitespace().map(String::from).collect(),
            remote_program: self.remote_program.clone(),
        })
    }

    /// The words of `segmill run` for every member, all but its index.
    fn words(&self, workers: usize, processes: usize) -> Vec<OsString> {
        let JobArgs { what, talk, mesh } = &self.job;
        let mut words: Vec<OsString> = vec!["run".into(), "--launched".into()];
        words.extend(what.inputs.iter().map(OsString::from));
        for (key, value) in what.overrides() {
            words.extend(["--set".into(), format!("{key}={value}").into()]);
        }
        if let Some(output) = &what.output {
            words.extend(["-o".into(), output.into()]);
        }
        words.extend(talk.words());
        words.extend(["-w".into(), workers.to_string().into()]);
        words.extend(["--processes".into(), processes.to_string().into()]);
        words.extend(["--start-timeout".into(), mesh.start_timeout.to_string().into()]);
        words
    }
}
