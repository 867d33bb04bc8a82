//! What goes wrong on machines, with real processes.
//!
//! For every fault the verdict is the same: the run ends with exit 0 and the golden digests, or with another exit code, a cause
//! in one line and no output folder; in time; and no process is left. `SEGMILL_FAULTS_RUNS=200 cargo test --release --test
//! faults kills -- --nocapture` is the long run of random kills.

#[path = "../util/mod.rs"]
mod util;

mod checkpoints;
mod disks;
mod group;
mod kills;
mod links;
mod networks;
mod strangers;
