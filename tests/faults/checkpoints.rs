//! Checkpoints that are damaged, or in the way.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::group::{Group, JOB, checkpoints, golden, signal};
use crate::util::Sandbox;
use crate::util::outputs::digests;

const PATIENCE: Duration = Duration::from_secs(60);

/// A run that was killed when it had two checkpoints.
fn interrupted() -> Sandbox {
    golden();
    for _ in 0..20 {
        let group = Group::launch(&["--processes", "2", "-w", "1", "-q"]);
        let deadline = Instant::now() + PATIENCE;
        while checkpoints(&group.sandbox).len() < 2 && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(1));
        }
        signal("KILL", group.launcher());
        let sandbox = group.abandoned();
        thread::sleep(Duration::from_millis(500));
        if checkpoints(&sandbox).len() == 2 && !sandbox.path("out").exists() {
            return sandbox;
        }
    }
    panic!("the job was never hit in time");
}

fn resume(sandbox: &Sandbox) -> String {
    let log = [("RUST_LOG", "info")];
    let ran = sandbox.segmill_with(&log, &["run", "job.toml", "-o", "out", "-w", "3"]).succeeded();
    assert_eq!(digests(&sandbox.path("out")), golden().0);
    assert!(!sandbox.path(".out.checkpoint").exists());
    ran.stderr
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).expect("a checkpoint");
    let at = at % bytes.len();
    bytes[at] ^= 1;
    std::fs::write(path, bytes).expect("a checkpoint");
}

#[test]
fn another_layout_goes_on_from_the_newest() {
    let sandbox = interrupted();
    let newest = checkpoints(&sandbox)[0].display().to_string();
    let said = resume(&sandbox);
    let name = newest.rsplit('/').next().expect("a name");
    assert!(said.contains("going on from a checkpoint") && said.contains(name), "{said}");
}

#[test]
fn a_truncated_or_flipped_one_is_passed_over_for_the_one_before() {
    for damage in ["truncated", "flipped", "empty"] {
        let sandbox = interrupted();
        let paths = checkpoints(&sandbox);
        match damage {
            "truncated" => {
                let bytes = std::fs::read(&paths[0]).expect("a checkpoint");
                std::fs::write(&paths[0], &bytes[..bytes.len() / 2]).expect("a checkpoint");
            }
            "flipped" => flip(&paths[0], 777),
            _ => std::fs::write(&paths[0], "").expect("a checkpoint"),
        }
        let said = resume(&sandbox);
        let before = paths[1].display().to_string();
        let name = before.rsplit('/').next().expect("a name");
        assert!(said.contains("is damaged") && said.contains(name), "{damage}: {said}");
    }
}

#[test]
fn when_all_are_damaged_or_of_another_job_the_run_begins_anew() {
    let sandbox = interrupted();
    checkpoints(&sandbox).iter().for_each(|path| flip(path, 99));
    let said = resume(&sandbox);
    assert!(said.contains("is damaged") && !said.contains("going on from"), "{said}");
    let sandbox = interrupted();
    sandbox.write("job.toml", format!("seed = 5\n{JOB}"));
    let log = [("RUST_LOG", "info")];
    let said = sandbox.segmill_with(&log, &["run", "job.toml", "-o", "out"]).succeeded().stderr;
    assert!(said.contains("of another job or input is passed over"), "{said}");
    assert_ne!(digests(&sandbox.path("out")), golden().0);
}
