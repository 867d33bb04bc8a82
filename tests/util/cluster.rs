//! Several processes on loopback, as somebody would start them by hand.

use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::{ENVIRONMENT, Ran, Sandbox};

/// A cluster whose members are not done after this hangs.
const PATIENCE: Duration = Duration::from_secs(300);

/// Where tests put their servers.
const PORTS: std::ops::Range<u32> = 10_000..32_000;

/// What members of a test's cluster know each other by.
pub const KEY: &str = "5e67a1115e67a1115e67a1115e67a1115e67a1115e67a1115e67a1115e67a111";

/// As many `127.0.0.1:port` as asked for, free a moment ago, each given once. They lie below the ports that systems give to
/// outgoing connections (32768 and up, or 49152 and up): there, a connection of another test could take the port before its
/// server does, and a client that tries again and again could in the end connect to itself.
pub fn free_addresses(count: usize) -> Vec<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = PORTS.end - PORTS.start;
    // Test programs that run side by side begin at different ports.
    let start = std::process::id().wrapping_mul(977) % ports;
    let next = || PORTS.start + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % ports;
    let addresses = (0..ports).map(|_| format!("127.0.0.1:{}", next()));
    let found: Vec<String> = addresses.filter(|address| TcpListener::bind(address).is_ok()).take(count).collect();
    assert_eq!(found.len(), count, "ports are free");
    found
}

/// An address of this machine that is not loopback.
pub fn own_address() -> Option<std::net::IpAddr> {
    // Nothing is sent: a datagram socket only finds the way.
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").ok()?;
    socket.connect("192.0.2.1:9").ok()?;
    socket.local_addr().ok().map(|address| address.ip()).filter(|ip| !ip.is_loopback())
}

/// Waits until somebody listens there.
pub fn wait_for(address: &str) {
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "nobody listens at {address}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Runs `words` as every member of a cluster of `processes`, in the sandbox. Returns what each said, by process.
pub fn run(sandbox: &Sandbox, words: &[&str], processes: usize, workers: usize) -> Vec<Ran> {
    let hosts = sandbox.write("hosts", free_addresses(processes).join("\n"));
    let members: Vec<Child> =
        (0..processes).map(|process| start(sandbox, words, &hosts, processes, process, workers)).collect();
    let deadline = Instant::now() + PATIENCE;
    members.into_iter().map(|member| finish(member, deadline)).collect()
}

/// Starts one member of a cluster.
pub fn start(
    sandbox: &Sandbox,
    words: &[&str],
    hosts: &Path,
    processes: usize,
    process: usize,
    workers: usize,
) -> Child {
    start_with(sandbox, &[], words, hosts, processes, process, workers)
}

/// The same with these variables set in its environment.
pub fn start_with(
    sandbox: &Sandbox,
    variables: &[(&str, &str)],
    words: &[&str],
    hosts: &Path,
    processes: usize,
    process: usize,
    workers: usize,
) -> Child {
    let program = Path::new(env!("CARGO_BIN_EXE_segmill"));
    start_program(program, sandbox, variables, words, hosts, processes, process, workers)
}

/// The same with another program.
#[allow(clippy::too_many_arguments)]
pub fn start_program(
    program: &Path,
    sandbox: &Sandbox,
    variables: &[(&str, &str)],
    words: &[&str],
    hosts: &Path,
    processes: usize,
    process: usize,
    workers: usize,
) -> Child {
    let mut command = Command::new(program);
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    command
        .env("SEGMILL_CLUSTER_KEY", KEY)
        .envs(variables.iter().copied())
        .current_dir(sandbox.path(""))
        .args(words)
        .args(["-w", &workers.to_string()])
        .args(["--processes", &processes.to_string(), "--process", &process.to_string()])
        .arg("--hosts")
        .arg(hosts)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("segmill starts")
}

/// Waits for a member, and kills it when the deadline is over.
pub fn finish(mut member: Child, deadline: Instant) -> Ran {
    let stdout = drain(member.stdout.take().expect("a pipe"));
    let stderr = drain(member.stderr.take().expect("a pipe"));
    let status = loop {
        match member.try_wait().expect("a child") {
            Some(status) => break Some(status),
            None if Instant::now() > deadline => {
                // It may have ended just now; either way it is waited for.
                member.kill().ok();
                member.wait().expect("a child");
                break None;
            }
            None => thread::sleep(Duration::from_millis(10)),
        }
    };
    Ran {
        code: status.and_then(|status| status.code()).unwrap_or(-1),
        stdout: stdout.join().expect("a reader"),
        stderr: stderr.join().expect("a reader"),
    }
}

/// Reads a pipe to its end, so that a member never waits for its reader.
fn drain(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe");
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Sends a signal, as `kill -NAME`. False where the process had gone.
pub fn signal(name: &str, process: u32) -> bool {
    let sent = Command::new("kill").args([&format!("-{name}"), &process.to_string()]).stderr(Stdio::null()).status();
    sent.expect("kill runs").success()
}
