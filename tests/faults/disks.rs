//! Full disks: a small file system of its own, where this machine lets a test mount one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::group::{Group, JOB, golden};
use crate::util::Sandbox;
use crate::util::outputs::digests;

/// A file system in memory of so many kilobytes, gone with the value.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path, kilobytes: u32) -> Option<SmallDisk> {
        std::fs::create_dir_all(at).expect("a folder");
        let options = format!("size={kilobytes}k");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        if mounted.is_ok_and(|mounted| mounted.status.success()) {
            return Some(SmallDisk(at.to_path_buf()));
        }
        println!("skipped: this machine does not let a test mount a file system");
        None
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk_for_checkpoints_does_not_end_the_run() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", JOB);
    let Some(_disk) = SmallDisk::mount(&sandbox.path(".out.checkpoint"), 4) else { return };
    let said = sandbox.segmill(&["run", "job.toml", "-o", "out", "-w", "2"]).succeeded().stderr;
    assert!(said.contains("going on without checkpoints") && said.contains("No space left"), "{said}");
    assert_eq!(digests(&sandbox.path("out")), golden().0);
}

#[test]
fn a_full_disk_for_the_output_is_said_and_leaves_nothing() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", JOB);
    let Some(disk) = SmallDisk::mount(&sandbox.path("disk"), 64) else { return };
    let variables = [("RUST_LOG", "error")];
    let ran = sandbox.segmill_with(&variables, &["run", "job.toml", "-o", "disk/out", "-w", "2", "-q"]);
    ran.refused(4, &["disk/", "No space left"]);
    let left: Vec<_> = std::fs::read_dir(&disk.0).expect("the disk").flatten().map(|e| e.file_name()).collect();
    assert!(left.iter().all(|name| name.to_string_lossy() == ".out.checkpoint"), "{left:?}");
}

#[test]
fn a_full_disk_for_the_output_is_not_tried_again_by_a_launcher() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", format!("output = 'disk/out'\n{JOB}"));
    let Some(_disk) = SmallDisk::mount(&sandbox.path("disk"), 64) else { return };
    let variables = [("RUST_LOG", "error")];
    let group = Group::launch_in(sandbox, &variables, &["-o", "disk/out", "--processes", "2", "-w", "1", "-q"]);
    let (ran, _) = group.end(Duration::from_secs(60));
    assert_eq!(ran.code, 4, "{}", ran.stderr);
    assert!(ran.stderr.contains("No space left") && !ran.stderr.contains("starting all again"), "{}", ran.stderr);
}

#[test]
fn a_full_disk_for_scratch_files_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write("job.toml", format!("memory = '6MiB'\nscratch = 'disk'\n{JOB}"));
    let Some(_disk) = SmallDisk::mount(&sandbox.path("disk"), 256) else { return };
    sandbox
        .segmill(&["run", "job.toml", "-o", "out", "-w", "2", "-q"])
        .refused(4, &["disk", "No space left", "scratch"]);
    assert!(!sandbox.path("out").exists());
}
