//! How far a process is at one moment.

use std::sync::Arc;

use super::live::Live;

/// In what the input is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    Bytes,
    /// Users whose ratings are made up.
    Users,
}

/// A run of k-means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunOf {
    pub space: Space,
    pub clusters: usize,
    pub start: usize,
}

/// Where users are points.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Space {
    /// On the principal components.
    Projected,
    /// In all items.
    Full,
}

impl Space {
    pub fn name(self) -> &'static str {
        match self {
            Space::Projected => "projected",
            Space::Full => "full",
        }
    }
}

/// How far a run of k-means is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunAt {
    pub iterations: usize,
    pub inertia: f64,
    pub ended: bool,
}

/// How things stood at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Snapshot {
    pub ready: bool,
    /// In the order in which they began.
    pub stages: Vec<StageAt>,
    pub input: Option<InputAt>,
    pub rows: Rows,
    pub sweeps: Option<Sweeps>,
    /// By space, then number of clusters.
    pub kmeans: Vec<Starts>,
    /// The space in which runs were last seen to move, and the seconds since the first of them did.
    pub moving: Option<(Space, f64)>,
    /// Each peer that is connected, and the seconds since it was heard.
    pub peers: Vec<(usize, f64)>,
    pub memory: Memory,
    /// What was published last of segments that are kept up to date, and the seconds since.
    pub live: Option<(Arc<Live>, f64)>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct StageAt {
    pub name: String,
    pub seconds: f64,
    pub at_work: bool,
}

/// How much of this process's part of the input is read, or made up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InputAt {
    pub done: u64,
    pub all: u64,
    pub measure: Measure,
}

/// Rows of this process. Over all processes `read = accepted + rejected + merged + filtered` once all have sealed their
/// shards; until then the others lag behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rows {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub merged: u64,
    pub filtered: u64,
}

/// The solver of the components.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sweeps {
    pub sweeps: u64,
    pub residual: Option<f64>,
    /// The residual at which it is done.
    pub tol: f64,
    /// The first sweep here whose residual is known, and that residual.
    pub first: Option<(u64, f64)>,
    /// Seconds that a sweep took since then; 0 while there is none.
    pub seconds_each: f64,
}

/// All starts for one number of clusters in one space, as far as this process has part in them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Starts {
    pub space: Space,
    pub clusters: usize,
    /// Not begun yet.
    pub waiting: u64,
    pub running: u64,
    pub ended: u64,
    /// Over all starts.
    pub iterations: u64,
    /// Over those that have ended.
    pub iterations_ended: u64,
    /// The lowest of any start so far.
    pub inertia: f64,
}

/// Resident memory of this process in bytes, now and at its peak; 0 where the system does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    pub resident: u64,
    pub peak: u64,
}

impl Memory {
    pub fn now() -> Memory {
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let kibibytes = line.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok());
            kibibytes.unwrap_or(0) * 1024
        };
        Memory { resident: bytes("VmRSS:"), peak: bytes("VmHWM:") }
    }
}

impl Starts {
    pub fn all(&self) -> u64 {
        self.waiting + self.running + self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_resident_up_to_its_peak() {
        let Memory { resident, peak } = Memory::now();
        assert!(resident > 0 && resident <= peak, "{resident} {peak}");
    }
}
