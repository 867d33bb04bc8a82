//! Runs something on every worker of a job.

use std::any::Any;
use std::time::Duration;

use timely::WorkerConfig;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::{Config, Hooks};
/// What a worker runs its dataflows on.
pub use timely::worker::Worker;

use super::hello::{Hello, PROTOCOL};
use super::layout::Layout;
use super::pulse::Pulse;
use super::{meet, panics};
use crate::error::{Error, Result};
use crate::watch::progress;

/// What the members of a cluster must have in common besides the options.
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
    let (allocators, pulse) = match layout.processes {
        1 => (alone(layout)?, None),
        _ => together(layout, fingerprint())?,
    };
    progress::ready();
    let config = WorkerConfig::default().idle_spin(idle_spin(layout));
    let guards = timely::execute::execute_from(allocators.of_workers, allocators.others, config, work);
    let results =
        guards.map_err(timely_failed)?.join().into_iter().map(|result| result.map_err(timely_failed)).collect();
    drop(pulse);
    results
}

/// What the workers of this process send and receive with.
struct Allocators {
    of_workers: Vec<AllocatorBuilder>,
    /// What else must live as long as they do.
    others: Box<dyn Any + Send>,
}

/// Of one process that needs no network.
fn alone(layout: &Layout) -> Result<Allocators> {
    let config = if layout.workers == 1 { Config::Thread } else { Config::Process(layout.workers) };
    let (of_workers, others) = config.try_build().map_err(timely_failed)?;
    Ok(Allocators { of_workers, others })
}

/// Of a process that has met all others, and watches over them as long as the pulse lives.
fn together(layout: &Layout, fingerprint: Fingerprint) -> Result<(Allocators, Option<Pulse>)> {
    let links = meet::meet(layout, hello(layout, fingerprint)?)?;
    panics::tell(&links);
    let pulse = Pulse::start(layout, &links);
    let threads = ProcessBuilder::new_typed_vector(layout.workers, Hooks::default().refill, None);
    let (builders, guard) =
        initialize_networking_from_sockets(threads, links, layout.process, layout.workers, Hooks::default())
            .map_err(|e| timely_failed(e.to_string()))?;
    let of_workers = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
    Ok((Allocators { of_workers, others: Box::new(guard) }, Some(pulse)))
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

/// Polling before parking shortens every collective, as long as nothing else wants the processor.
fn idle_spin(layout: &Layout) -> Duration {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    Duration::from_micros(if layout.workers <= processors && layout.processes == 1 { 200 } else { 10 })
}

fn timely_failed(problem: String) -> Error {
    Error::Bug { place: "workers".into(), problem }
}
