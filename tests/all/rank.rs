//! Processes that find each other by what a scheduler tells them, with the outputs of one process alone.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::util::data::{SMALL_JOB, delimited, small_ratings};
use crate::util::outputs::digests;
use crate::util::{ENVIRONMENT, Sandbox, cluster};

/// The small job in a sandbox, done by one process into the folder `alone`.
fn prepared() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("r.csv", delimited(&small_ratings(), None, ",", "\n"));
    sandbox.run_to("alone", &format!("[input]\nratings = ['r.csv']\n{SMALL_JOB}"), &[]).succeeded();
    sandbox
}

/// Starts `segmill run` with these variables and no flags of the cluster. It waits for so many seconds for the others.
fn start(sandbox: &Sandbox, variables: &[(&str, &str)], patience: &str) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segmill"));
    for name in ENVIRONMENT {
        command.env_remove(name);
    }
    command
        .env("SEGMILL_CLUSTER_KEY", cluster::KEY)
        .envs(variables.iter().copied())
        .current_dir(sandbox.path(""))
        .args(["run", "job.toml", "-o", "out", "-w", "2", "--start-timeout", patience])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("segmill starts")
}

/// Runs a process for each of `indices`, which differ in `index` alone, and holds the output against that of one process.
fn assert_same(index: &str, variables: &[(&str, &str)], processes: usize) {
    let sandbox = prepared();
    let members: Vec<Child> = (0..processes)
        .map(|process| start(&sandbox, &[variables, &[(index, process.to_string().as_str())]].concat(), "30"))
        .collect();
    let deadline = Instant::now() + Duration::from_secs(120);
    for member in members {
        cluster::finish(member, deadline).succeeded();
    }
    assert_eq!(digests(&sandbox.path("out")), digests(&sandbox.path("alone")));
}

/// A port from which on `count` are free, a moment ago.
fn free_ports(count: u16) -> String {
    let mut tries = (21_000..60_000u16).step_by(97).skip(std::process::id() as usize % 300);
    let free = |first: &u16| (*first..first + count).all(|port| std::net::TcpListener::bind(("0.0.0.0", port)).is_ok());
    tries.find(free).expect("free ports").to_string()
}

#[test]
fn tasks_of_slurm_find_each_other() {
    let port = free_ports(3);
    let variables = [
        ("SLURM_NTASKS", "3"),
        ("SLURM_JOB_NODELIST", "127.0.0.1"),
        ("SEGMILL_PORT", &port),
        ("SLURM_TASKS_PER_NODE", "3"),
    ];
    assert_same("SLURM_PROCID", &variables, 3);
}

#[test]
fn ranks_are_told_of_each_other_by_the_first() {
    let address = cluster::free_addresses(1).remove(0);
    let port = address.rsplit_once(':').expect("a port").1;
    assert_same("RANK", &[("WORLD_SIZE", "4"), ("MASTER_ADDR", "127.0.0.1"), ("MASTER_PORT", port)], 4);
}

#[test]
fn a_missing_rank_is_named_in_time() {
    let sandbox = prepared();
    let address = cluster::free_addresses(1).remove(0);
    let port = address.rsplit_once(':').expect("a port").1;
    let variables = [("WORLD_SIZE", "3"), ("MASTER_ADDR", "localhost"), ("MASTER_PORT", port)];
    let members = ["0", "1"].map(|rank| start(&sandbox, &[&variables[..], &[("RANK", rank)]].concat(), "2"));
    let deadline = Instant::now() + Duration::from_secs(60);
    let [first, second] = members.map(|member| cluster::finish(member, deadline));
    first.refused(5, &["process 2", "did not come within 2 s"]);
    second.refused(5, &["process 0"]);
    assert!(!sandbox.path("out").exists());
}

#[test]
fn variables_that_cannot_be_right_are_refused_by_name() {
    let sandbox = prepared();
    for (variables, name) in [
        (&[("SLURM_PROCID", "2"), ("SLURM_NTASKS", "2"), ("SLURM_JOB_NODELIST", "n[1-2]")][..], "SLURM_PROCID"),
        (&[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "2"), ("SLURM_JOB_NODELIST", "n[1-")], "SLURM_JOB_NODELIST"),
        (&[("JOB_COMPLETION_INDEX", "0"), ("SEGMILL_PROCESSES", "2")], "SEGMILL_SERVICE"),
        (&[("RANK", "0"), ("WORLD_SIZE", "two")], "WORLD_SIZE"),
        (&[("RANK", "0"), ("WORLD_SIZE", "2")], "MASTER_ADDR"),
    ] {
        sandbox.segmill_with(variables, &["run", "job.toml", "-o", "out"]).refused(2, &[&format!("{name}: ")]);
    }
    assert!(!sandbox.path("out").exists());
}

#[test]
fn a_stray_variable_does_not_break_a_plain_run() {
    for stray in [
        &[("SLURM_PROCID", "0"), ("SLURM_NTASKS", "1"), ("SLURM_JOB_NODELIST", "n1"), ("SLURM_JOB_ID", "7")][..],
        &[("SLURM_NTASKS", "4"), ("SLURM_JOB_NODELIST", "n[1-4]")],
        &[("RANK", "3")],
        &[("JOB_COMPLETION_INDEX", "3")],
    ] {
        let sandbox = prepared();
        sandbox.segmill_with(stray, &["run", "job.toml", "-o", "out"]).succeeded();
        assert_eq!(digests(&sandbox.path("out")), digests(&sandbox.path("alone")));
    }
}
