//! Starting the workers: threads of one process, or processes that find each other first.
//!
//! Start-up protocol, between every two processes. The one of higher index connects to the lower one's address, trying
//! again until it answers, and both send a [`Hello`]: a magic number, a length, and what must agree. Each checks the
//! other's before anything else is read; a stranger who sends something else is dropped, and unchecked bytes never reach
//! timely. Whoever is not there by the deadline is named in the error. Only then are the sockets handed to timely.
//!
//! timely leaves the other workers hanging when one panics, so a panic ends the process: with exit code 5 where a
//! connection broke, 70 otherwise. The other processes then lose their connection, and end with 5.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use timely::WorkerConfig;
use timely::communication::allocator::zero_copy::initialize::initialize_networking_from_sockets;
use timely::communication::allocator::{AllocatorBuilder, ProcessBuilder};
use timely::communication::{Config, Hooks};
/// What a worker runs its dataflows on.
pub use timely::worker::Worker;

use crate::error::{Error, Result};

const MAGIC: [u8; 8] = *b"SEGMILL\x01";
const LARGEST_HELLO: u32 = 4096;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
const RETRY_EVERY: Duration = Duration::from_millis(50);

/// How many run the job, and which of them this process is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Worker threads in each process.
    pub workers: usize,
    pub processes: usize,
    /// This process, in `0..processes`.
    pub process: usize,
    /// `host:port` of each process; may be empty where there is only one.
    pub hosts: Vec<String>,
    pub start_timeout: Duration,
}

impl Layout {
    /// One process that needs no network.
    pub fn single(workers: usize) -> Layout {
        Layout { workers, processes: 1, process: 0, hosts: Vec::new(), start_timeout: Duration::from_secs(60) }
    }
}

/// What members of one cluster must agree on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Hello {
    process: usize,
    processes: usize,
    workers: usize,
    version: String,
    /// Digests of the job's sections, by name.
    job: Vec<(String, String)>,
}

/// Runs `work` on every worker of this process, all processes of `layout` together, and returns what this process's
/// workers returned, in order. `job` has digests, by section of the job, that must be the
/// same in all processes.
pub fn execute<T: Send + 'static>(
    layout: &Layout,
    job: &[(String, String)],
    work: impl Fn(&mut Worker) -> T + Send + Sync + 'static,
) -> Result<Vec<T>> {
    end_on_panic();
    let (builders, others) = match layout.processes {
        1 => {
            let config = if layout.workers == 1 { Config::Thread } else { Config::Process(layout.workers) };
            config.try_build().map_err(timely_failed)?
        }
        _ => {
            let sockets = connect(layout, job)?;
            let threads = ProcessBuilder::new_typed_vector(layout.workers, Hooks::default().refill, None);
            let (builders, guard) =
                initialize_networking_from_sockets(threads, sockets, layout.process, layout.workers, Hooks::default())
                    .map_err(|e| timely_failed(e.to_string()))?;
            let builders = builders.into_iter().map(AllocatorBuilder::Tcp).collect();
            (builders, Box::new(guard) as Box<dyn std::any::Any + Send>)
        }
    };
    let config = WorkerConfig::default().idle_spin(idle_spin(layout));
    let guards = timely::execute::execute_from(builders, others, config, work).map_err(timely_failed)?;
    guards.join().into_iter().map(|result| result.map_err(timely_failed)).collect()
}

/// Polling before parking shortens every collective, as long as nobody else wants the processor.
fn idle_spin(layout: &Layout) -> Duration {
    let processors = std::thread::available_parallelism().map_or(1, |n| n.get());
    Duration::from_micros(if layout.workers <= processors && layout.processes == 1 { 200 } else { 10 })
}

fn timely_failed(problem: String) -> Error {
    Error::Bug { place: "workers".into(), problem }
}

/// The first panic is reported in one line and ends the process.
fn end_on_panic() {
    let first = Mutex::new(());
    std::panic::set_hook(Box::new(move |info| {
        // Held to the end of the process: the panics that follow the first one wait here and are never shown.
        let _first = first.lock();
        let thread = std::thread::current().name().unwrap_or("?").to_string();
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().cloned();
        let text = text.or_else(|| payload.downcast_ref::<&str>().map(|s| s.to_string())).unwrap_or_default();
        let error = if text.contains("timely communication error") {
            let peer = thread.rsplit('-').next().unwrap_or("?").to_string();
            let cause = text.rsplit(": ").next().unwrap_or_default();
            Error::peer(
                format!("process {peer}"),
                format!("the connection broke ({cause})"),
                "start all processes again",
            )
        } else {
            let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
            Error::Bug { place, problem: format!("{thread}: {}", text.replace('\n', " ")) }
        };
        eprintln!("segmill: {error}");
        std::process::exit(i32::from(error.exit_code()));
    }));
}

/// A checked socket to every other process, in order; none at this process's own place.
fn connect(layout: &Layout, job: &[(String, String)]) -> Result<Vec<Option<TcpStream>>> {
    let hello = Hello {
        process: layout.process,
        processes: layout.processes,
        workers: layout.workers,
        version: env!("CARGO_PKG_VERSION").into(),
        job: job.into(),
    };
    let deadline = Instant::now() + layout.start_timeout;
    let (sender, results) = mpsc::channel();
    for peer in 0..layout.process {
        let (sender, hello, address) = (sender.clone(), hello.clone(), layout.hosts[peer].clone());
        std::thread::spawn(move || sender.send(call(&address, peer, &hello, deadline)));
    }
    if layout.process + 1 < layout.processes {
        listen(&layout.hosts[layout.process], hello, deadline, sender)?;
    }
    collect(layout, deadline, results)
}

/// A peer's socket, or why the whole start fails; nothing for a stranger.
type Met = Result<Option<(usize, TcpStream)>>;

fn collect(layout: &Layout, deadline: Instant, results: mpsc::Receiver<Met>) -> Result<Vec<Option<TcpStream>>> {
    let mut sockets: Vec<Option<TcpStream>> = (0..layout.processes).map(|_| None).collect();
    let mut missing = layout.processes - 1;
    while missing > 0 {
        match results.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(met) => {
                if let Some((peer, socket)) = met?
                    && sockets[peer].is_none()
                {
                    sockets[peer] = Some(socket);
                    missing -= 1;
                }
            }
            Err(_) => return Err(absent(layout, &sockets)),
        }
    }
    Ok(sockets)
}

fn absent(layout: &Layout, sockets: &[Option<TcpStream>]) -> Error {
    let names: Vec<String> = (0..layout.processes)
        .filter(|&peer| peer != layout.process && sockets[peer].is_none())
        .map(|peer| format!("process {peer} ({})", layout.hosts[peer]))
        .collect();
    Error::peer(
        names.join(", "),
        format!("did not come within {} s", layout.start_timeout.as_secs()),
        "start every process of --hosts, check the addresses, or raise --start-timeout",
    )
}

/// Connects to a process of lower index, trying again until the deadline.
fn call(address: &str, peer: usize, hello: &Hello, deadline: Instant) -> Met {
    while Instant::now() < deadline {
        if let Ok(socket) = dial(address)
            && let Some(met) = greet(socket, hello)
        {
            return match met {
                Ok((who, socket)) if who == peer => Ok(Some((who, socket))),
                Ok((who, _)) => Err(Error::job(
                    "--hosts",
                    format!("process {who} answers at {address}, the address of process {peer}"),
                    "give every process the same hosts file",
                )),
                Err(error) => Err(error),
            };
        }
        std::thread::sleep(RETRY_EVERY);
    }
    Ok(None)
}

fn dial(address: &str) -> std::io::Result<TcpStream> {
    let addresses = address.to_socket_addrs()?;
    let mut last = std::io::Error::from(ErrorKind::NotFound);
    for address in addresses {
        match TcpStream::connect_timeout(&address, HANDSHAKE_TIMEOUT) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Accepts connections in the background, each greeted on a thread of its own so that a silent one holds up nobody.
fn listen(address: &str, hello: Hello, deadline: Instant, sender: mpsc::Sender<Met>) -> Result<()> {
    let listener = TcpListener::bind(address).map_err(|e| {
        let remedy = "check that line of --hosts, and that nothing else listens there";
        Error::peer(address, format!("cannot listen: {e}"), remedy)
    })?;
    listener.set_nonblocking(true).map_err(|e| Error::peer(address, format!("cannot listen: {e}"), "try again"))?;
    let hello = Arc::new(hello);
    std::thread::spawn(move || {
        while Instant::now() < deadline {
            let Ok((socket, _)) = listener.accept() else {
                std::thread::sleep(Duration::from_millis(2));
                continue;
            };
            let (sender, hello) = (sender.clone(), Arc::clone(&hello));
            std::thread::spawn(move || match greet(socket, &hello) {
                // Only processes of higher index call here.
                Some(Ok((who, socket))) if who > hello.process => sender.send(Ok(Some((who, socket)))),
                Some(Err(error)) => sender.send(Err(error)),
                _ => Ok(()),
            });
        }
    });
    Ok(())
}

/// Sends and checks a hello. Nothing for a stranger, or one who says nothing in time; an error for a member whose hello
/// does not fit.
fn greet(mut socket: TcpStream, own: &Hello) -> Option<Result<(usize, TcpStream)>> {
    let met = swap_hello(&mut socket, own).ok()?;
    let checked = check(own, &met).map(|()| (met.process, socket));
    Some(checked)
}

fn swap_hello(socket: &mut TcpStream, own: &Hello) -> std::io::Result<Hello> {
    socket.set_nonblocking(false)?;
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(HANDSHAKE_TIMEOUT))?;
    let body = bincode::serialize(own).map_err(std::io::Error::other)?;
    let mut message = MAGIC.to_vec();
    message.extend((body.len() as u32).to_le_bytes());
    message.extend(body);
    socket.write_all(&message)?;
    let mut head = [0u8; 12];
    socket.read_exact(&mut head)?;
    let length = u32::from_le_bytes(head[8..].try_into().expect("four bytes"));
    if head[..8] != MAGIC || length > LARGEST_HELLO {
        return Err(ErrorKind::InvalidData.into());
    }
    let mut body = vec![0u8; length as usize];
    socket.read_exact(&mut body)?;
    socket.set_read_timeout(None)?;
    bincode::deserialize(&body).map_err(std::io::Error::other)
}

/// A member that runs something else cannot be worked with; the error names the field.
fn check(own: &Hello, met: &Hello) -> Result<()> {
    let differs = |what: &str, here: &dyn std::fmt::Display, there: &dyn std::fmt::Display| {
        Err(Error::job(
            format!("process {}", met.process),
            format!("its {what} is {there}, here it is {here}"),
            "start every process with the same binary, job and options",
        ))
    };
    if met.version != own.version {
        return differs("version", &own.version, &met.version);
    }
    if let Some((section, _)) = own.job.iter().find(|section| !met.job.contains(section)) {
        return Err(Error::job(
            format!("process {}", met.process),
            format!("its job differs from the one here in {section}"),
            "give every process the same job file and the same --set",
        ));
    }
    if met.processes != own.processes {
        return differs("number of processes", &own.processes, &met.processes);
    }
    if met.workers != own.workers {
        return differs("number of workers", &own.workers, &met.workers);
    }
    if met.process >= own.processes || met.process == own.process {
        return differs("index", &own.process, &met.process);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(process: usize) -> Hello {
        Hello { process, processes: 3, workers: 2, version: "1".into(), job: vec![("kmeans".into(), "j".into())] }
    }

    #[test]
    fn a_hello_must_agree_in_every_field() {
        assert!(check(&hello(0), &hello(1)).is_ok());
        for (other, field) in [
            (Hello { version: "2".into(), ..hello(1) }, "version"),
            (Hello { job: vec![("kmeans".into(), "k".into())], ..hello(1) }, "kmeans"),
            (Hello { processes: 4, ..hello(1) }, "number of processes"),
            (Hello { workers: 1, ..hello(1) }, "number of workers"),
            (hello(0), "index"),
            (hello(3), "index"),
        ] {
            let error = check(&hello(0), &other).unwrap_err();
            assert!(error.exit_code() == 2 && error.to_string().contains(field), "{error}");
        }
    }

    #[test]
    fn strangers_are_dropped() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stranger = std::thread::spawn(move || {
            let mut socket = TcpStream::connect(address).unwrap();
            socket.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
            let mut sink = Vec::new();
            let _ = socket.read_to_end(&mut sink);
        });
        let (socket, _) = listener.accept().unwrap();
        assert!(greet(socket, &hello(0)).is_none());
        stranger.join().unwrap();
    }
}
