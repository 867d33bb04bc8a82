//! How many processes and workers run a job, and which of them this process is.

use std::io;
use std::time::Duration;

use super::handshake::Security;
use crate::error::Error;

/// How many run the job, and which of them this process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Worker threads in each process.
    pub workers: usize,
    pub processes: usize,
    /// This process, in `0..processes`.
    pub process: usize,
    /// `host:port` at which each process is called, or that of process 0 alone, which then tells the others of each other;
    /// may be empty where there is only one.
    pub hosts: Vec<String>,
    /// `host:port` at which this process listens, where it is not the one at which it is called.
    pub listen: Option<String>,
    pub start_timeout: Duration,
    pub security: Security,
    /// Names the run among others; empty where nobody named it.
    pub run: String,
    /// How often its members were started before this time.
    pub attempt: u32,
}

impl Layout {
    /// One process that needs no network.
    pub fn single(workers: usize) -> Layout {
        Layout {
            workers,
            processes: 1,
            process: 0,
            hosts: Vec::new(),
            listen: None,
            start_timeout: Duration::from_secs(60),
            security: Security::Plaintext,
            run: String::new(),
            attempt: 0,
        }
    }

    /// A process as messages name it.
    pub fn name(&self, process: usize) -> String {
        match self.hosts.get(process) {
            Some(host) => format!("process {process} ({host})"),
            None => format!("process {process}"),
        }
    }

    /// The error of a peer that is of no use for the start.
    pub(super) fn left_at_start(&self, peer: usize, error: &io::Error) -> Error {
        let waited = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        let problem = if waited { "never met all other processes" } else { "left while the others were starting" };
        Error::peer(self.name(peer), problem, "see its own messages, and start all processes again")
    }
}
