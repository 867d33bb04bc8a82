//! Networks that are cut, cut one way, or slow. Each member is a host of its own: a network namespace with an address, behind
//! a bridge. Needs root, and `ip` and `tc`; says so where it has not.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::group::{JOB, golden};
use crate::util::outputs::digests;
use crate::util::{Ran, Sandbox, cluster};

/// Two hosts on a network of their own, gone with the value.
struct Hosts {
    name: String,
    subnet: u32,
}

fn ip(words: &str) -> bool {
    let done = Command::new("ip").args(words.split_whitespace()).stderr(Stdio::null()).status();
    done.is_ok_and(|status| status.success())
}

impl Hosts {
    fn new() -> Option<Hosts> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        // Interfaces have names of at most 15 characters.
        let name = format!("sg{}{number}", std::process::id() % 100_000);
        let hosts = Hosts { name, subnet: (std::process::id() + number) % 250 };
        if hosts.build() {
            return Some(hosts);
        }
        println!("skipped: this machine does not let a test make network namespaces");
        None
    }

    fn build(&self) -> bool {
        let bridge = format!("{}b", self.name);
        let mut made = ip(&format!("link add {bridge} type bridge")) && ip(&format!("link set {bridge} up"));
        for host in 0..2 {
            let (space, outer) = (self.space(host), self.outer(host));
            made = made
                && ip(&format!("netns add {space}"))
                && ip(&format!("link add {outer} type veth peer name eth0 netns {space}"))
                && ip(&format!("link set {outer} master {bridge}"))
                && ip(&format!("link set {outer} up"))
                && ip(&format!("-n {space} addr add {}/24 dev eth0", self.address(host)))
                && ip(&format!("-n {space} link set eth0 up"))
                && ip(&format!("-n {space} link set lo up"));
        }
        made
    }

    fn space(&self, host: usize) -> String {
        format!("{}h{host}", self.name)
    }

    /// The end of a host's cable at the bridge.
    fn outer(&self, host: usize) -> String {
        format!("{}c{host}", self.name)
    }

    fn address(&self, host: usize) -> String {
        format!("10.99.{}.{}", self.subnet, host + 1)
    }

    /// Pulls a host's cable, or plugs it in again.
    fn cable(&self, host: usize, plugged: bool) {
        assert!(ip(&format!("link set {} {}", self.outer(host), if plugged { "up" } else { "down" })));
    }

    /// What a host sends to the other is lost from now on; what comes from there is not.
    fn mute(&self, host: usize) {
        assert!(ip(&format!("-n {} route add blackhole {}/32", self.space(host), self.address(1 - host))));
    }

    /// Everything that a host sends is slowed down.
    fn slow(&self, host: usize, rate: &str) -> bool {
        let words = format!("qdisc add dev eth0 root tbf rate {rate} burst 64kbit latency 2s");
        let done = Command::new("tc").args(["-n", &self.space(host)]).args(words.split_whitespace()).status();
        done.is_ok_and(|status| status.success())
    }

    /// Starts a member on each host, at a job in a sandbox.
    fn start(&self, job: &str) -> Members {
        let sandbox = Sandbox::new();
        sandbox.write("job.toml", job);
        let hosts = sandbox.write("hosts", format!("{}:2101\n{}:2101", self.address(0), self.address(1)));
        let start = |host: usize| self.member(host, &sandbox, &hosts);
        let members = vec![start(0), start(1)];
        Members { sandbox, members }
    }

    fn member(&self, host: usize, sandbox: &Sandbox, hosts: &Path) -> Child {
        let space = self.space(host);
        let words = ["netns", "exec", &space, env!("CARGO_BIN_EXE_segmill"), "run", "job.toml", "-o", "out", "-q"];
        cluster::start_program(Path::new("ip"), sandbox, &[], &words, hosts, 2, host, 1)
    }
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for host in 0..2 {
            ip(&format!("netns del {}", self.space(host)));
            ip(&format!("link del {}", self.outer(host)));
        }
        ip(&format!("link del {}b", self.name));
    }
}

struct Members {
    sandbox: Sandbox,
    members: Vec<Child>,
}

impl Members {
    /// Waits until the job is under way: it has left a checkpoint.
    fn under_way(&self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while !self.sandbox.path(".out.checkpoint").exists() {
            assert!(Instant::now() < deadline, "the job does not get anywhere");
            thread::sleep(Duration::from_millis(2));
        }
    }

    fn finish(self, patience: Duration) -> (Vec<Ran>, Sandbox) {
        let deadline = Instant::now() + patience;
        let ran: Vec<Ran> = self.members.into_iter().map(|member| cluster::finish(member, deadline)).collect();
        ran.iter().for_each(|ran| assert_ne!(ran.code, -1, "it hangs: {}", ran.stderr));
        (ran, self.sandbox)
    }

    #[track_caller]
    fn golden(self, patience: Duration) {
        let (ran, sandbox) = self.finish(patience);
        ran.into_iter().for_each(|ran| drop(ran.succeeded()));
        assert_eq!(digests(&sandbox.path("out")), golden().0);
    }
}

/// Both members have ended with exit 5 and a cause, within 30 seconds.
#[track_caller]
fn lost(members: Members) {
    let (ran, sandbox) = members.finish(Duration::from_secs(30));
    for ran in ran {
        ran.refused(5, &["process "]);
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_cut_of_five_seconds_is_waited_for() {
    golden();
    let Some(hosts) = Hosts::new() else { return };
    let members = hosts.start(JOB);
    members.under_way();
    hosts.cable(1, false);
    thread::sleep(Duration::from_secs(5));
    hosts.cable(1, true);
    members.golden(Duration::from_secs(60));
}

#[test]
fn a_cut_for_ever_ends_both() {
    let Some(hosts) = Hosts::new() else { return };
    let members = hosts.start(JOB);
    members.under_way();
    hosts.cable(1, false);
    lost(members);
}

#[test]
fn a_cut_one_way_ends_both() {
    for muted in [0, 1] {
        let Some(hosts) = Hosts::new() else { return };
        let members = hosts.start(JOB);
        members.under_way();
        hosts.mute(muted);
        lost(members);
    }
}

#[test]
fn a_link_of_two_megabits_is_slow_and_golden() {
    golden();
    let Some(hosts) = Hosts::new() else { return };
    if !hosts.slow(0, "2mbit") || !hosts.slow(1, "2mbit") {
        println!("skipped: this machine cannot slow down a link");
        return;
    }
    hosts.start(JOB).golden(Duration::from_secs(170));
}
