//! The options of a cluster: where its processes are, and which of them this is.

use std::num::{NonZeroU16, NonZeroUsize};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::hosts;
use super::rank::{self, Asked, Rank};
use super::threads::checked_threads;
use crate::error::{Error, Result};
use crate::flow::cluster::{ClusterKey, KEY_FILE_VARIABLE, KEY_VARIABLE, Layout, Security};
use crate::flow::launch::{Orders, STATUS_VARIABLE};

/// Where flags of a cluster come from if they are not given.
pub(super) const RANKS: &str = "Without --processes, --process and --hosts they are taken from Slurm (SLURM_PROCID, SLURM_NTASKS, \
    SLURM_JOB_NODELIST), an indexed Job of Kubernetes (JOB_COMPLETION_INDEX, HOSTNAME) or RANK, WORLD_SIZE, MASTER_ADDR and \
    MASTER_PORT, in this order. SEGMILL_RUN_ID names the run and SEGMILL_ATTEMPT says how often its processes were started \
    before: those of another run or attempt are kept out";

/// The processes of a cluster, as all of them know it.
#[derive(Debug, Args)]
pub struct MeshArgs {
    /// File with one line host:port per process, in order; blank lines and lines starting with # do not count
    #[arg(long, value_name = "FILE", env = "SEGMILL_HOSTS", help_heading = "Cluster")]
    pub hosts: Option<PathBuf>,

    /// Talk without encryption and let in whoever asks, on a network where everybody is trusted. Without it the key of the
    /// cluster is read from SEGMILL_CLUSTER_KEY_FILE or SEGMILL_CLUSTER_KEY (64 hexadecimal digits)
    #[arg(long, env = "SEGMILL_INSECURE_PLAINTEXT", help_heading = "Cluster")]
    pub insecure_plaintext: bool,

    /// Seconds to wait for the other processes at the start
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..), help_heading = "Cluster")]
    pub start_timeout: u64,

    /// Tell over HTTP how far the job is, for people and programs: /, /metrics, /live.json, /healthz, /readyz, to whoever
    /// reaches this address. Port 0 is any free one. Of segmill launch, process 0 tells
    #[arg(long, value_name = "HOST:PORT", env = STATUS_VARIABLE)]
    pub status_addr: Option<String>,
}

/// One process of a cluster.
#[derive(Debug, Args)]
pub struct MemberArgs {
    /// Worker threads in this process [default: the number of processors]
    #[arg(short, long, value_name = "WORKERS")]
    pub workers: Option<NonZeroUsize>,

    /// Processes in the cluster, each started with the same job and the same number of workers [default: 1]
    #[arg(long, value_name = "N", env = "SEGMILL_PROCESSES", help_heading = "Cluster")]
    pub processes: Option<NonZeroUsize>,

    /// Which process of the cluster this is, from 0
    #[arg(long, value_name = "I", env = "SEGMILL_PROCESS", help_heading = "Cluster")]
    pub process: Option<usize>,

    /// Port of the first process on each machine, where --hosts does not say it [default: 2101]
    #[arg(long, value_name = "PORT", env = "SEGMILL_PORT", help_heading = "Cluster")]
    pub port: Option<NonZeroU16>,

    /// The headless service of the pods, where the processes are an indexed Job of Kubernetes
    #[arg(long, value_name = "NAME", env = "SEGMILL_SERVICE", help_heading = "Cluster")]
    pub service: Option<String>,

    /// Listen here, where that is not the address in --hosts at which the others call, as in --listen 0.0.0.0:2101
    #[arg(long, value_name = "HOST:PORT", env = "SEGMILL_LISTEN", help_heading = "Cluster")]
    pub listen: Option<String>,
}

impl MeshArgs {
    /// The addresses of the hosts file; none without one.
    pub fn addresses(&self) -> Result<Vec<String>> {
        Ok(self.hosts.as_deref().map(hosts::read).transpose()?.unwrap_or_default())
    }
}

impl MemberArgs {
    /// Checks that the flags of the cluster agree with each other, with the hosts file and with the environment, or with
    /// what a launcher says.
    pub fn layout(&self, mesh: &MeshArgs, launched: Option<&Orders>) -> Result<Layout> {
        self.layout_among(mesh, launched, |name| std::env::var(name).ok())
    }

    /// The same, with `lookup` for the variables of schedulers.
    pub(super) fn layout_among(
        &self,
        mesh: &MeshArgs,
        launched: Option<&Orders>,
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Layout> {
        let given = launched.map_or_else(|| mesh.addresses(), |orders| Ok(orders.hosts.clone()))?;
        let asked = self.asked(&given);
        let found = if launched.is_some() { None } else { rank::find(&asked, lookup)? };
        let processes = asked.processes.or(found.as_ref().map(|rank| rank.processes)).unwrap_or(1);
        let process = which_process(self.process.or(found.as_ref().map(|rank| rank.process)), processes)?;
        let (hosts, found_listen) = addresses(given, found, processes)?;
        let listen = self.listen()?.or(found_listen);
        let security = match launched {
            _ if processes == 1 => Security::Plaintext,
            Some(orders) => orders.security()?,
            None => security(mesh.insecure_plaintext)?,
        };
        let (run, attempt) = run_and_attempt(launched)?;
        let workers = checked_threads(self.workers)?;
        let start_timeout = Duration::from_secs(mesh.start_timeout);
        Ok(Layout { workers, processes, process, hosts, listen, start_timeout, security, run, attempt })
    }

    /// What the flags say of the cluster; `hosts` are those of the hosts file.
    fn asked(&self, hosts: &[String]) -> Asked {
        Asked {
            processes: self.processes.map(NonZeroUsize::get),
            process: self.process,
            hosts: hosts.to_vec(),
            port: self.port.map(NonZeroU16::get),
            service: self.service.clone(),
        }
    }

    /// The address of `--listen`, checked.
    fn listen(&self) -> Result<Option<String>> {
        match &self.listen {
            Some(listen) if !hosts::is_address(listen) => {
                let problem = format!("{listen:?} is not host:port");
                Err(Error::job("--listen", problem, "write it as in 0.0.0.0:2101"))
            }
            listen => Ok(listen.clone()),
        }
    }
}

/// The addresses of all processes, and where to listen if a scheduler says it.
fn addresses(given: Vec<String>, found: Option<Rank>, processes: usize) -> Result<(Vec<String>, Option<String>)> {
    match found {
        Some(rank) if given.is_empty() => Ok((rank.hosts, rank.listen)),
        _ => {
            check_hosts(&given, processes)?;
            Ok((given, None))
        }
    }
}

/// The name of the run, and how often its members were started before.
fn run_and_attempt(launched: Option<&Orders>) -> Result<(String, u32)> {
    match launched {
        Some(orders) => Ok((orders.run.clone(), orders.attempt)),
        None => Ok((std::env::var("SEGMILL_RUN_ID").unwrap_or_default(), attempt()?)),
    }
}

/// Refuses a hosts file that names another number of processes.
pub(super) fn check_hosts(hosts: &[String], processes: usize) -> Result<()> {
    if !hosts.is_empty() && hosts.len() != processes {
        let problem = format!("the file names {} hosts, but there are {processes} processes", hosts.len());
        return Err(Error::job("--hosts", problem, "give --processes and the hosts file the same number"));
    }
    if hosts.is_empty() && processes > 1 {
        let problem = format!("{processes} processes need to know where the others are");
        return Err(Error::job("--hosts", problem, "name a file with one line host:port per process"));
    }
    Ok(())
}

/// The key of the cluster, unless none is wanted.
fn security(insecure_plaintext: bool) -> Result<Security> {
    if insecure_plaintext {
        return Ok(Security::Plaintext);
    }
    ClusterKey::from_environment()?.map(Security::Key).ok_or_else(|| {
        let problem = "several processes need a key, so that nobody else joins or listens";
        let remedy = format!(
            "put the output of \"openssl rand -hex 32\" into a file of mode 0600 and name it in {KEY_FILE_VARIABLE}, or \
             give --insecure-plaintext on a network you trust"
        );
        Error::job(KEY_VARIABLE, problem, remedy)
    })
}

/// How often the members were started before.
fn attempt() -> Result<u32> {
    match std::env::var("SEGMILL_ATTEMPT") {
        Ok(text) if !text.is_empty() => text.parse().map_err(|_| {
            Error::job("SEGMILL_ATTEMPT", format!("{text:?} is not a number"), "let the launcher set it, or unset it")
        }),
        _ => Ok(0),
    }
}

fn which_process(process: Option<usize>, processes: usize) -> Result<usize> {
    match process {
        Some(process) if process < processes => Ok(process),
        Some(process) => {
            let problem = format!("there is no process {process} among {processes}");
            Err(Error::job("--process", problem, format!("name one from 0 to {}", processes - 1)))
        }
        None if processes == 1 => Ok(0),
        None => {
            let remedy = format!("say which of 0 to {} this one is", processes - 1);
            Err(Error::job("--process", format!("it is missing, but there are {processes} processes"), remedy))
        }
    }
}
