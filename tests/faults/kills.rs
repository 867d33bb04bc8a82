//! Members and launchers that are killed or stopped, and threads that panic.

use std::thread;
use std::time::{Duration, Instant};

use super::group::{Group, JOB, checkpoints, golden, nobody_left, signal};
use crate::util::Sandbox;
use crate::util::draws::Draws;
use crate::util::outputs::digests;

const PATIENCE: Duration = Duration::from_secs(60);

fn runs() -> u64 {
    std::env::var("SEGMILL_FAULTS_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(20)
}

/// kill -9 of any member at any time: all runs end with the golden digests.
#[test]
fn kills_of_any_member_at_any_time() {
    let whole = golden().1.as_millis() as u64;
    let mut draws = Draws(7);
    let mut hit = 0;
    for run in 0..runs() {
        let (processes, workers) = [("2", "1"), ("2", "2"), ("3", "1")][draws.below(3) as usize];
        let (delay, index) = (draws.below(whole), draws.below(processes.parse().unwrap()));
        let group = Group::launch(&["--processes", processes, "-w", workers, "-q"]);
        let member = group.member(index as usize);
        thread::sleep(Duration::from_millis(delay));
        let killed = signal("KILL", member);
        hit += u64::from(killed);
        let said = group.golden(PATIENCE).stderr;
        println!(
            "run {run}: {processes} x {workers}, member {index} after {delay} ms, {}",
            if killed { "hit" } else { "late" }
        );
        // A member that is hit after all is done changes nothing.
        assert!(killed || !said.contains("starting all again"), "{said}");
    }
    println!("{hit} of {} members were hit, the job lasts {whole} ms", runs());
    assert!(2 * hit >= runs(), "only {hit} members were there to be hit");
}

#[test]
fn a_launcher_that_is_killed_leaves_nobody_and_the_next_goes_on() {
    let group = Group::launch(&["--processes", "2", "-w", "1", "-q"]);
    group.member(1);
    let deadline = Instant::now() + PATIENCE;
    while checkpoints(&group.sandbox).is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(2));
    }
    assert!(signal("KILL", group.launcher()), "the job was over before it could be hit");
    let sandbox = Group::abandoned(group);
    nobody_left(&sandbox);
    assert!(!sandbox.path("out").exists());
    let log = [("RUST_LOG", "info")];
    let said = Group::launch_in(sandbox, &log, &["--processes", "3", "-w", "1", "-q"]).golden(PATIENCE).stderr;
    assert!(said.contains("going on from a checkpoint"), "{said}");
}

#[test]
fn signals_to_the_launcher_end_all_and_the_next_goes_on() {
    for (name, code) in [("INT", 130), ("TERM", 143)] {
        let half = golden().1 / 2;
        let group = Group::launch(&["--processes", "2", "-w", "1", "-q"]);
        let member = group.member(0);
        thread::sleep(half);
        if !signal(name, group.launcher()) {
            continue;
        }
        let (ran, sandbox) = group.end(Duration::from_secs(30));
        assert_eq!(ran.code, code, "{} (member {member})", ran.stderr);
        assert!(!sandbox.path("out").exists());
        Group::launch_in(sandbox, &[], &["--processes", "2", "-w", "2", "-q"]).golden(PATIENCE);
    }
}

#[test]
fn a_member_that_is_stopped_for_a_while_is_waited_for() {
    let third = golden().1 / 3;
    let group = Group::launch(&["--processes", "2", "-w", "1", "-q"]);
    let member = group.member(1);
    thread::sleep(third);
    assert!(signal("STOP", member));
    thread::sleep(Duration::from_secs(5));
    assert!(signal("CONT", member));
    let said = group.golden(PATIENCE).stderr;
    assert_eq!(said, "");
}

#[test]
fn a_member_that_is_stopped_for_ever_is_replaced() {
    let third = golden().1 / 3;
    let group = Group::launch(&["--processes", "2", "-w", "1", "-q"]);
    let member = group.member(1);
    thread::sleep(third);
    assert!(signal("STOP", member));
    let said = group.golden(Duration::from_secs(120)).stderr;
    assert!(said.contains("process 1") && said.contains("has said nothing for 20 s"), "{said}");
    assert!(said.contains("starting all again"), "{said}");
}

#[test]
fn a_panic_in_one_thread_ends_all_and_is_not_tried_again() {
    if !cfg!(debug_assertions) {
        println!("skipped: panics can be asked for in debug builds only");
        return;
    }
    for stage in ["ingest", "kmeans", "gather"] {
        let sandbox = Sandbox::new();
        sandbox.write("job.toml", JOB);
        let asked = format!("{stage}:1:1");
        let group =
            Group::launch_in(sandbox, &[("SEGMILL_TEST_PANIC", &asked)], &["--processes", "2", "-w", "2", "-q"]);
        let (ran, sandbox) = group.end(PATIENCE);
        assert_eq!(ran.code, 70, "{}", ran.stderr);
        assert!(ran.stderr.contains("asked to panic; this is a bug in segmill"), "{}", ran.stderr);
        assert!(!ran.stderr.contains("starting all again"), "{}", ran.stderr);
        assert!(!sandbox.path("out").exists());
    }
}

#[test]
fn restarts_have_an_end() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", JOB);
    let group = Group::launch_in(sandbox, &[], &["--processes", "2", "-w", "1", "--max-restarts", "1", "-q"]);
    for _ in 0..2 {
        let member = group.member(0);
        thread::sleep(Duration::from_millis(20));
        signal("KILL", member);
        while group.members().values().any(|&id| id == member) {
            thread::sleep(Duration::from_millis(5));
        }
    }
    let (ran, sandbox) = group.end(PATIENCE);
    assert_eq!(ran.code, 5, "{}", ran.stderr);
    assert!(ran.stderr.contains("in each of 2 attempts"), "{}", ran.stderr);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn what_cannot_get_better_is_not_tried_again() {
    for (job, code) in
        [("seed = 'x'", 2), ("[input]\nratings = ['bad.csv']", 3), ("[input]\nratings = ['none.csv']", 4)]
    {
        let sandbox = Sandbox::new();
        sandbox.write("job.toml", job);
        sandbox.write("bad.csv", "1,2,abc\n");
        let (ran, _) = Group::launch_in(sandbox, &[], &["--processes", "2", "-w", "1"]).end(PATIENCE);
        assert_eq!(ran.code, code, "{}", ran.stderr);
        assert_eq!(ran.stderr.lines().count(), 1, "said once: {}", ran.stderr);
    }
}

/// A stand-in for ssh runs what it is told on this machine; another cannot start anything.
#[test]
fn members_elsewhere_are_started_by_the_command_that_is_given() {
    let Some(address) = crate::util::cluster::own_address() else {
        println!("skipped: this machine has no address but loopback");
        return;
    };
    for (script, code, said) in
        [("exec sh -c \"$3\"", 0, ""), ("exit 127", 4, "could not be started (exit code 127); check --ssh")]
    {
        let sandbox = Sandbox::new();
        sandbox.write("it's a job.toml", JOB);
        let ports = crate::util::cluster::free_addresses(2);
        let host = |port: &String| format!("{address}:{}", port.rsplit(':').next().expect("a port"));
        sandbox.write("hosts", format!("{}\n{}", host(&ports[0]), host(&ports[1])));
        let ssh = sandbox.write("ssh", format!("#!/bin/sh\necho \"$2\" >> hosts.log\n{script}\n"));
        std::fs::set_permissions(&ssh, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("a script");
        let ran = sandbox.segmill(&[
            "launch",
            "it's a job.toml",
            "-o",
            "out",
            "-q",
            "-w",
            "1",
            "--hosts",
            "hosts",
            "--ssh",
            ssh.to_str().expect("a path"),
        ]);
        assert!(ran.code == code && ran.stderr.contains(said), "{} {}", ran.code, ran.stderr);
        let called = std::fs::read_to_string(sandbox.path("hosts.log")).expect("it was called");
        assert_eq!(called, format!("{address}\n{address}\n"));
        if code == 0 {
            assert_eq!(digests(&sandbox.path("out")), golden().0);
        }
        nobody_left(&sandbox);
    }
}

#[test]
fn a_run_that_is_not_disturbed_is_golden() {
    let group = Group::launch(&["--processes", "2", "-w", "1"]);
    let (ran, sandbox) = group.end(PATIENCE);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""));
    assert!(ran.stdout.contains("report: out/report.html"), "{}", ran.stdout);
    assert_eq!(digests(&sandbox.path("out")), golden().0);
}
