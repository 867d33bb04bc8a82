//! Whoever is not a member: silent, noisy, with another key, with another's index, or with another job.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::group::{JOB, golden, nobody_left};
use crate::util::outputs::digests;
use crate::util::{Ran, Sandbox, cluster};

const WORDS: [&str; 5] = ["run", "job.toml", "-o", "out", "-q"];

const QUIETLY: (&str, &str) = ("RUST_LOG", "error");

/// Two members that are started by hand, the second when it is time to.
struct Pair {
    sandbox: Sandbox,
    addresses: Vec<String>,
    hosts: std::path::PathBuf,
}

impl Pair {
    fn new() -> Pair {
        let sandbox = Sandbox::new();
        sandbox.write("job.toml", JOB);
        let addresses = cluster::free_addresses(2);
        let hosts = sandbox.write("hosts", addresses.join("\n"));
        Pair { sandbox, addresses, hosts }
    }

    fn start(&self, process: usize, words: &[&str]) -> Child {
        let warnings = [("RUST_LOG", "warn")];
        cluster::start_with(&self.sandbox, &warnings, &[&WORDS[..], words].concat(), &self.hosts, 2, process, 1)
    }

    /// The same without a word on who is refused.
    fn start_quietly(&self, process: usize, words: &[&str]) -> Child {
        cluster::start_with(&self.sandbox, &[QUIETLY], &[&WORDS[..], words].concat(), &self.hosts, 2, process, 1)
    }

    fn finish(&self, member: Child) -> Ran {
        let ran = cluster::finish(member, Instant::now() + Duration::from_secs(60));
        assert_ne!(ran.code, -1, "it hangs: {}", ran.stderr);
        ran
    }

    #[track_caller]
    fn golden(&self, members: Vec<Child>) {
        members.into_iter().for_each(|member| drop(self.finish(member).succeeded()));
        assert_eq!(digests(&self.sandbox.path("out")), golden().0);
        nobody_left(&self.sandbox);
    }

    /// A connection to the first member, once it listens.
    fn reach(&self) -> TcpStream {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            match TcpStream::connect(&self.addresses[0]) {
                Ok(socket) => return socket,
                Err(error) => assert!(Instant::now() < deadline, "nobody listens: {error}"),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn a_hundred_silent_strangers_keep_nobody_out() {
    let pair = Pair::new();
    let first = pair.start(0, &[]);
    let strangers: Vec<TcpStream> = (0..100).map(|_| pair.reach()).collect();
    let second = pair.start(1, &[]);
    pair.golden(vec![first, second]);
    drop(strangers);
}

#[test]
fn garbage_and_port_scans_do_no_harm_at_the_start_and_during_the_run() {
    let pair = Pair::new();
    let first = pair.start(0, &[]);
    drop(pair.reach());
    let over = Arc::new(AtomicBool::new(false));
    let (stop, address) = (Arc::clone(&over), pair.addresses[0].clone());
    let noise = thread::spawn(move || {
        let junk: [&[u8]; 5] = [b"GET / HTTP/1.0\r\n\r\n", &[0xff; 9000], b"", &[48, 0, 1, 2], b"SSH-2.0-x\r\n"];
        for bytes in junk.iter().cycle() {
            if stop.load(Ordering::Relaxed) {
                return;
            }
            if let Ok(mut socket) = TcpStream::connect(&address) {
                let _ = socket.write_all(bytes);
                let _ = socket.set_read_timeout(Some(Duration::from_millis(5)));
                let _ = socket.read(&mut [0; 64]);
            }
            thread::sleep(Duration::from_millis(2));
        }
    });
    thread::sleep(Duration::from_millis(200));
    let second = pair.start(1, &[]);
    let said = pair.finish(first).succeeded().stderr;
    assert!(said.contains("refused a connection from outside the cluster") && said.lines().count() < 10, "{said}");
    pair.golden(vec![second]);
    over.store(true, Ordering::Relaxed);
    noise.join().expect("the noise ends");
}

#[test]
fn a_member_with_another_key_or_none_is_not_let_in() {
    let other = "00".repeat(32);
    for (key, words) in [(other.as_str(), &[][..]), ("", &["--insecure-plaintext"][..])] {
        let pair = Pair::new();
        let first = pair.start_quietly(0, &["--start-timeout", "3"]);
        drop(pair.reach());
        let second = cluster::start_with(
            &pair.sandbox,
            &[("SEGMILL_CLUSTER_KEY", key), QUIETLY],
            &[&WORDS[..], &["--start-timeout", "3"], words].concat(),
            &pair.hosts,
            2,
            1,
            1,
        );
        pair.finish(first).refused(5, &["process 1", "did not come within 3 s", "--start-timeout"]);
        pair.finish(second).refused(5, &["process 0", "the handshake failed: is it segmill with the same key?"]);
        assert!(!pair.sandbox.path("out").exists());
        nobody_left(&pair.sandbox);
    }
}

#[test]
fn no_key_at_all_is_refused_before_any_work() {
    let pair = Pair::new();
    let member = cluster::start_with(&pair.sandbox, &[("SEGMILL_CLUSTER_KEY", "")], &WORDS, &pair.hosts, 2, 0, 1);
    pair.finish(member).refused(2, &["SEGMILL_CLUSTER_KEY", "openssl rand -hex 32", "--insecure-plaintext"]);
}

#[test]
fn plaintext_is_golden_too() {
    let pair = Pair::new();
    let members = [0, 1].map(|process| pair.start(process, &["--insecure-plaintext"]));
    pair.golden(members.into());
}

#[test]
fn a_member_of_another_job_binary_or_layout_ends_both_with_the_field() {
    for (change, field) in [("job", "seed"), ("workers", "number of workers"), ("binary", "binary")] {
        let pair = Pair::new();
        let first = pair.start_quietly(0, &[]);
        drop(pair.reach());
        let second = match change {
            "job" => pair.start_quietly(1, &["--set", "seed=9"]),
            "workers" => cluster::start_with(&pair.sandbox, &[QUIETLY], &WORDS, &pair.hosts, 2, 1, 2),
            _ => {
                let other = pair.sandbox.path("segmill");
                std::fs::copy(env!("CARGO_BIN_EXE_segmill"), &other).expect("a copy");
                let mut file = std::fs::OpenOptions::new().append(true).open(&other).expect("the copy");
                file.write_all(b"another build").expect("the copy");
                drop(file);
                cluster::start_program(&other, &pair.sandbox, &[], &WORDS, &pair.hosts, 2, 1, 1)
            }
        };
        pair.finish(first).refused(2, &["process 1", field]);
        pair.finish(second).refused(2, &["process 0", field]);
        assert!(!pair.sandbox.path("out").exists());
        nobody_left(&pair.sandbox);
    }
}

#[test]
fn an_index_that_is_taken_is_refused_and_the_run_goes_on() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", JOB);
    let hosts = sandbox.write("hosts", cluster::free_addresses(3).join("\n"));
    let start = |process| cluster::start(&sandbox, &WORDS, &hosts, 3, process, 1);
    let (first, third) = (start(0), start(2));
    thread::sleep(Duration::from_millis(500));
    let double = start(2);
    let finish = |member| cluster::finish(member, Instant::now() + Duration::from_secs(60));
    finish(double).refused(2, &["process 0", "there is a process 2 already"]);
    let second = start(1);
    for member in [first, second, third] {
        finish(member).succeeded();
    }
    assert_eq!(digests(&sandbox.path("out")), golden().0);
}

#[test]
fn a_second_job_on_the_same_ports_is_refused() {
    let pair = Pair::new();
    let first = pair.start(0, &[]);
    drop(pair.reach());
    let other = Sandbox::new();
    other.write("job.toml", JOB);
    let intruder = cluster::start(&other, &WORDS, &pair.hosts, 2, 0, 1);
    let ran = cluster::finish(intruder, Instant::now() + Duration::from_secs(30));
    ran.refused(5, &[&pair.addresses[0], "cannot listen"]);
    let second = pair.start(1, &[]);
    pair.golden(vec![first, second]);
}

#[test]
fn a_member_that_dies_while_others_wait_is_noticed_or_replaced() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", JOB);
    let hosts = sandbox.write("hosts", cluster::free_addresses(3).join("\n"));
    let start = |process| cluster::start(&sandbox, &WORDS, &hosts, 3, process, 1);
    let (first, mut doomed) = (start(0), start(1));
    thread::sleep(Duration::from_millis(500));
    doomed.kill().expect("it waits");
    doomed.wait().expect("a child");
    let again = start(1);
    thread::sleep(Duration::from_millis(300));
    let third = start(2);
    for member in [first, again, third] {
        cluster::finish(member, Instant::now() + Duration::from_secs(60)).succeeded();
    }
    assert_eq!(digests(&sandbox.path("out")), golden().0);
}
