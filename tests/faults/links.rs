//! Somebody between two members, who damages, cuts or repeats what they say.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use super::group::{JOB, golden, nobody_left};
use crate::util::outputs::digests;
use crate::util::{Ran, Sandbox, cluster};

/// What happens on the way from the caller, process 1, to process 0.
#[derive(Clone, Copy, PartialEq)]
enum Mischief {
    None,
    /// One bit of the byte at this place.
    Flip(u64),
    /// Nothing more after so many bytes.
    Cut(u64),
}

/// Listens, and passes on to `to` what comes, and back. Keeps what the first caller said at first.
fn proxy(to: String, mischief: Mischief) -> (String, Arc<Mutex<Vec<u8>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let keep = Arc::clone(&heard);
    thread::spawn(move || {
        for near in listener.incoming().flatten() {
            let Ok(far) = TcpStream::connect(&to) else { continue };
            let (near2, far2) = (near.try_clone().expect("a socket"), far.try_clone().expect("a socket"));
            thread::spawn(move || pass(far2, near2, Mischief::None, &Mutex::default()));
            let keep = Arc::clone(&keep);
            thread::spawn(move || pass(near, far, mischief, &keep));
        }
    });
    (address, heard)
}

fn pass(mut from: TcpStream, mut to: TcpStream, mischief: Mischief, keep: &Mutex<Vec<u8>>) {
    let (mut buffer, mut passed) = ([0; 4096], 0u64);
    while let Ok(read) = from.read(&mut buffer) {
        if read == 0 {
            break;
        }
        let mut bytes = buffer[..read].to_vec();
        let mut kept = keep.lock().expect("a lock");
        if kept.len() < 4096 {
            kept.extend(&bytes);
        }
        drop(kept);
        match mischief {
            Mischief::Flip(at) if (passed..passed + read as u64).contains(&at) => bytes[(at - passed) as usize] ^= 8,
            Mischief::Cut(at) if passed + read as u64 > at => bytes.truncate((at.saturating_sub(passed)) as usize),
            _ => {}
        }
        if to.write_all(&bytes).is_err() || bytes.len() < read {
            let _ = from.shutdown(Shutdown::Both);
            let _ = to.shutdown(Shutdown::Both);
            return;
        }
        passed += read as u64;
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Two members, the second of which reaches the first by way of a proxy.
fn run(mischief: Mischief, words: &[&str]) -> (Vec<Ran>, Sandbox, Arc<Mutex<Vec<u8>>>, String) {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", JOB);
    let addresses = cluster::free_addresses(2);
    let (between, heard) = proxy(addresses[0].clone(), mischief);
    let hosts = sandbox.write("hosts", format!("{between}\n{}", addresses[1]));
    let first = ["run", "job.toml", "-o", "out", "-q", "--listen", &addresses[0]];
    let second = ["run", "job.toml", "-o", "out", "-q"];
    let members = [&first[..], &second[..]]
        .into_iter()
        .enumerate()
        .map(|(process, own)| cluster::start(&sandbox, &[own, words].concat(), &hosts, 2, process, 1));
    let deadline = Instant::now() + Duration::from_secs(60);
    let members: Vec<_> = members.collect();
    let ran = members.into_iter().map(|member| cluster::finish(member, deadline)).collect();
    nobody_left(&sandbox);
    (ran, sandbox, heard, addresses[0].clone())
}

#[test]
fn a_listening_address_may_be_another_than_the_one_that_is_called() {
    let (ran, sandbox, ..) = run(Mischief::None, &[]);
    ran.into_iter().for_each(|ran| drop(ran.succeeded()));
    assert_eq!(digests(&sandbox.path("out")), golden().0);
}

#[test]
fn a_flipped_bit_or_a_cut_ends_both_members_with_the_cause() {
    let plain = ["--insecure-plaintext"];
    for (mischief, words) in [
        (Mischief::Flip(50_000), &[][..]),
        (Mischief::Flip(50_001), &plain[..]),
        (Mischief::Cut(70_000), &[]),
        (Mischief::Cut(1_500), &[]),
    ] {
        let (ran, sandbox, ..) = run(mischief, words);
        for ran in ran {
            assert_eq!(ran.code, 5, "{}", ran.stderr);
            let errors: Vec<&str> = ran.stderr.lines().filter(|line| line.starts_with("segmill: ")).collect();
            assert!(errors.len() == 1 && errors[0].contains("process "), "{}", ran.stderr);
        }
        assert!(!sandbox.path("out").exists());
    }
}

#[test]
fn a_flipped_bit_in_a_handshake_is_tried_again_or_refused() {
    let (ran, sandbox, ..) = run(Mischief::Flip(20), &["--start-timeout", "3"]);
    ran.iter().for_each(|ran| assert_eq!(ran.code, 5, "{}", ran.stderr));
    assert!(!sandbox.path("out").exists());
}

/// What a member said at first, said again by somebody else while another cluster with the same key starts.
#[test]
fn a_handshake_that_is_played_again_is_refused() {
    let (_, _, heard, _) = run(Mischief::None, &[]);
    let heard = heard.lock().expect("a lock").clone();
    assert!(heard.len() > 100);
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", JOB);
    let addresses = cluster::free_addresses(2);
    let hosts = sandbox.write("hosts", addresses.join("\n"));
    let words = ["run", "job.toml", "-o", "out"];
    let first = cluster::start(&sandbox, &words, &hosts, 2, 0, 1);
    let deadline = Instant::now() + Duration::from_secs(60);
    let mut replayer = loop {
        match TcpStream::connect(&addresses[0]) {
            Ok(socket) => break socket,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::sleep(Duration::from_millis(5));
    };
    replayer.write_all(&heard).expect("it listens");
    thread::sleep(Duration::from_millis(300));
    let second = cluster::start(&sandbox, &words, &hosts, 2, 1, 1);
    let said = cluster::finish(first, deadline).succeeded().stderr;
    assert!(said.contains("refused a connection from outside the cluster"), "{said}");
    cluster::finish(second, deadline).succeeded();
    assert_eq!(digests(&sandbox.path("out")), golden().0);
}
