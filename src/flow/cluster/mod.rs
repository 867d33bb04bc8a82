//! Starting the workers: threads of one process, or processes that find each other first.
//!
//! Only links to members that were checked ([`meet`]) are handed to timely: unchecked bytes never reach it. While the
//! workers work, signs of life ([`pulse`]) tell a lost peer from a busy one. However a process ends, no other one is left
//! behind ([`panics`]).

pub(crate) mod handshake;
pub(crate) mod hello;
mod key;
pub(crate) mod link;
pub(crate) mod meet;
mod panics;
mod pulse;

use std::time::Duration;

use timely::WorkerConfig;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::{Config, Hooks};
/// What a worker runs its dataflows on.
pub use timely::worker::Worker;

use crate::error::{Error, Result};
use crate::watch::progress;
use hello::{Hello, PROTOCOL};
use pulse::Pulse;

pub use handshake::Security;
pub use key::{ClusterKey, KEY_FILE_VARIABLE, KEY_VARIABLE};
pub use panics::{end, leave};
pub use pulse::advance;

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
    /// How often its members were started before.
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
}

/// What the members of a cluster must have in common beside the options.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// Digests of the job's sections, by name.
    pub job: Vec<(String, String)>,
    /// Digest of the list of input files and their sizes; empty where this process cannot list them.
    pub inputs: String,
}

/// Runs `work` on every worker of this process, all processes of `layout` together, and returns what this process's
/// workers returned, in order. `fingerprint` is asked for only where there are other processes.
pub fn execute<T: Send + 'static>(
    layout: &Layout,
    fingerprint: impl FnOnce() -> Fingerprint,
    work: impl Fn(&mut Worker) -> T + Send + Sync + 'static,
) -> Result<Vec<T>> {
    panics::end_on_panic(layout);
    let mut pulse = None;
    let (builders, others) = match layout.processes {
        1 => {
            let config = if layout.workers == 1 { Config::Thread } else { Config::Process(layout.workers) };
            config.try_build().map_err(timely_failed)?
        }
        _ => {
            let links = meet::meet(layout, hello(layout, fingerprint())?)?;
            panics::tell(&links);
            pulse = Some(Pulse::start(layout, &links));
            let threads = ProcessBuilder::new_typed_vector(layout.workers, Hooks::default().refill, None);
            let (builders, guard) =
                initialize_networking_from_sockets(threads, links, layout.process, layout.workers, Hooks::default())
                    .map_err(|e| timely_failed(e.to_string()))?;
            let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
            (builders, Box::new(guard) as Box<dyn std::any::Any + Send>)
        }
    };
    progress::ready();
    let config = WorkerConfig::default().idle_spin(idle_spin(layout));
    let guards = timely::execute::execute_from(builders, others, config, work).map_err(timely_failed)?;
    let results = guards.join().into_iter().map(|result| result.map_err(timely_failed)).collect();
    drop(pulse);
    results
}

fn hello(layout: &Layout, fingerprint: Fingerprint) -> Result<Hello> {
    Ok(Hello {
        protocol: PROTOCOL,
        run: layout.run.clone(),
        attempt: layout.attempt,
        process: layout.process,
        processes: layout.processes,
        workers: layout.workers,
        version: env!("CARGO_PKG_VERSION").into(),
        job: fingerprint.job,
        inputs: fingerprint.inputs,
        binary: own_digest()?,
        port: 0,
    })
}

/// Digest of the program that runs.
fn own_digest() -> Result<String> {
    let path = std::env::current_exe().map_err(|e| timely_failed(format!("where is this program? {e}")))?;
    let failed = |e: std::io::Error| Error::file(&path, "cannot read", &e, "leave the program in place while it runs");
    let mut file = std::fs::File::open("/proc/self/exe").or_else(|_| std::fs::File::open(&path)).map_err(failed)?;
    let mut hasher = blake3::Hasher::new();
    std::io::copy(&mut file, &mut hasher).map_err(failed)?;
    Ok(hasher.finalize().to_hex()[..16].into())
}

/// Polling before parking shortens every collective, as long as nobody else wants the processor.
fn idle_spin(layout: &Layout) -> Duration {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    Duration::from_micros(if layout.workers <= processors && layout.processes == 1 { 200 } else { 10 })
}

fn timely_failed(problem: String) -> Error {
    Error::Bug { place: "workers".into(), problem }
}
