//! How far this process is: for somebody who looks on from outside ([`crate::watch::status`]).
//!
//! Stages say what they do as they do it, once per batch of rows, sweep or iteration. As long as nobody has called
//! [`watch`], nothing is noted and nothing read back: results never depend on what is here. Workers that do one thing
//! together say the same, so it does not matter which of them says it last; rows are added up over the workers.

mod far;
mod live;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub use far::Far;
pub use live::{Live, LiveDrift, LiveItem, LiveMove, LiveSegment, LiveTrend, MOST_MOVES, RECENTLY, live, publish};

/// This process.
static HERE: Progress = Progress::new();

/// Begins to note what happens.
pub fn watch() {
    HERE.watched.store(true, Ordering::Relaxed);
}

/// All processes have found each other.
pub fn ready() {
    HERE.note(|noted| noted.ready = true);
}

/// A stage begins.
pub fn begin(stage: &str) {
    HERE.note(|noted| noted.begin(stage));
}

/// The stage at work ends.
pub fn end() {
    HERE.note(Noted::end);
}

/// A worker has so much of the input before it.
pub fn has_input(amount: u64, measure: Measure) {
    HERE.add(&HERE.input_all, amount);
    HERE.note(|noted| noted.input = Some(measure));
}

/// So much of it is behind it now.
pub fn input_done(amount: u64) {
    HERE.add(&HERE.input_done, amount);
}

/// So many more rows were read that are well formed.
pub fn rows_read(rows: usize) {
    HERE.add(&HERE.read, rows as u64);
}

/// One more row was read that is not.
pub fn row_rejected() {
    HERE.add(&HERE.read, 1);
    HERE.add(&HERE.rejected, 1);
}

/// So many rows that were read as well-formed ones are rejected after all.
pub fn rows_rejected(rows: u64) {
    HERE.add(&HERE.rejected, rows);
}

/// So many more rows were read that the job's filters leave out.
pub fn rows_left_out(rows: u64) {
    HERE.add(&HERE.read, rows);
    HERE.add(&HERE.filtered, rows);
}

/// A worker's ratings are in place: so many more are kept, so many rows more were merged into others, and so many ratings
/// more are left out.
pub fn rows_kept(accepted: u64, merged: u64, filtered: u64) {
    HERE.add(&HERE.accepted, accepted);
    HERE.add(&HERE.merged, merged);
    HERE.add(&HERE.filtered, filtered);
}

/// The solver of the components begins; it is done once the residual is `tol` or less.
pub fn sweeps_until(tol: f64) {
    HERE.note(|noted| noted.sweeps = Some(SweepsClock::new(tol)));
}

/// It made so many sweeps; `residual` is the largest relative one, once it is known.
pub fn swept(sweeps: usize, residual: Option<f64>) {
    HERE.note(|noted| noted.sweeps.get_or_insert_with(|| SweepsClock::new(0.0)).note(sweeps as u64, residual));
}

/// A run of k-means is to come.
pub fn awaits(run: RunOf) {
    HERE.note(|noted| _ = noted.runs.entry(run).or_insert(None));
}

/// A run of k-means got further.
pub fn moved(run: RunOf, how: RunAt) {
    HERE.note(|noted| noted.moved(run, how));
}

/// A peer was last heard so long ago; `None`: it has left.
pub fn heard(peer: usize, ago: Option<Duration>) {
    HERE.note(|noted| {
        noted.peers.remove(&peer);
        noted.peers.extend(ago.map(|ago| (peer, Instant::now().checked_sub(ago))));
    });
}

/// So many more bytes went to other processes.
pub fn sent(bytes: usize) {
    HERE.sent.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Bytes that went to other processes since this one began. Counted whether somebody looks on or not.
pub fn bytes_sent() -> u64 {
    HERE.sent.load(Ordering::Relaxed)
}

/// True where somebody looks on. What takes work to say need not be said otherwise.
pub fn is_watched() -> bool {
    HERE.is_watched()
}

/// How things stand now.
pub fn now() -> Snapshot {
    HERE.snapshot()
}

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

/// What is noted of one process.
struct Progress {
    watched: AtomicBool,
    input_done: AtomicU64,
    input_all: AtomicU64,
    read: AtomicU64,
    accepted: AtomicU64,
    rejected: AtomicU64,
    merged: AtomicU64,
    filtered: AtomicU64,
    /// To other processes.
    sent: AtomicU64,
    noted: Mutex<Noted>,
}

struct Noted {
    ready: bool,
    stages: Vec<StageClock>,
    input: Option<Measure>,
    sweeps: Option<SweepsClock>,
    /// `None`: to come.
    runs: BTreeMap<RunOf, Option<RunAt>>,
    moving: Option<(Space, Instant)>,
    /// When each peer was last heard; `None`: before the clock began.
    peers: BTreeMap<usize, Option<Instant>>,
    live: Option<(Arc<Live>, Instant)>,
}

struct StageClock {
    name: String,
    began: Instant,
    ended: Option<Duration>,
}

struct SweepsClock {
    at: Sweeps,
    /// When the first residual was known.
    since: Instant,
}

impl Progress {
    const fn new() -> Progress {
        Progress {
            watched: AtomicBool::new(false),
            input_done: AtomicU64::new(0),
            input_all: AtomicU64::new(0),
            read: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            rejected: AtomicU64::new(0),
            merged: AtomicU64::new(0),
            filtered: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            noted: Mutex::new(Noted {
                ready: false,
                stages: Vec::new(),
                input: None,
                sweeps: None,
                runs: BTreeMap::new(),
                moving: None,
                peers: BTreeMap::new(),
                live: None,
            }),
        }
    }

    fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    fn add(&self, counter: &AtomicU64, count: u64) {
        if self.is_watched() {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    fn note(&self, change: impl FnOnce(&mut Noted)) {
        if self.is_watched() {
            change(&mut self.noted());
        }
    }

    /// Notes are whole after every change, whatever became of its thread.
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshot(&self) -> Snapshot {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let rows = || {
            let (accepted, merged, rejected) = (count(&self.accepted), count(&self.merged), count(&self.rejected));
            Rows { read: count(&self.read), accepted, rejected, merged, filtered: count(&self.filtered) }
        };
        let input = |measure| InputAt { done: count(&self.input_done), all: count(&self.input_all), measure };
        let noted = self.noted();
        Snapshot {
            ready: noted.ready,
            stages: noted.stages.iter().map(StageClock::read).collect(),
            input: noted.input.map(input),
            rows: rows(),
            sweeps: noted.sweeps.as_ref().map(|clock| clock.at),
            kmeans: noted.starts(),
            moving: noted.moving.map(|(space, since)| (space, since.elapsed().as_secs_f64())),
            peers: noted.peers.iter().map(|(&peer, heard)| (peer, silence(*heard))).collect(),
            memory: Memory::now(),
            live: noted.live.as_ref().map(live::read),
        }
    }
}

fn silence(heard: Option<Instant>) -> f64 {
    heard.map_or(f64::INFINITY, |heard| heard.elapsed().as_secs_f64())
}

impl StageClock {
    fn read(&self) -> StageAt {
        let time = self.ended.unwrap_or_else(|| self.began.elapsed());
        StageAt { name: self.name.clone(), seconds: time.as_secs_f64(), at_work: self.ended.is_none() }
    }
}

impl SweepsClock {
    fn new(tol: f64) -> SweepsClock {
        SweepsClock { at: Sweeps { tol, ..Sweeps::default() }, since: Instant::now() }
    }

    /// All workers say the same; the first to say it is heard.
    fn note(&mut self, sweeps: u64, residual: Option<f64>) {
        if sweeps == self.at.sweeps && residual == self.at.residual {
            return;
        }
        (self.at.sweeps, self.at.residual) = (sweeps, residual);
        match (self.at.first, residual) {
            (None, Some(residual)) => {
                self.at.first = Some((sweeps, residual));
                self.since = Instant::now();
            }
            (Some((first, _)), _) if sweeps > first => {
                self.at.seconds_each = self.since.elapsed().as_secs_f64() / (sweeps - first) as f64;
            }
            _ => {}
        }
    }
}

impl Noted {
    fn begin(&mut self, stage: &str) {
        self.end();
        self.stages.retain(|known| known.name != stage);
        self.stages.push(StageClock { name: stage.to_string(), began: Instant::now(), ended: None });
    }

    fn end(&mut self) {
        if let Some(StageClock { began, ended: ended @ None, .. }) = self.stages.last_mut() {
            *ended = Some(began.elapsed());
        }
    }

    fn moved(&mut self, run: RunOf, how: RunAt) {
        if how.iterations > 0 && self.moving.is_none_or(|(space, _)| space != run.space) {
            self.moving = Some((run.space, Instant::now()));
        }
        self.runs.insert(run, Some(how));
    }

    fn starts(&self) -> Vec<Starts> {
        let mut all: Vec<Starts> = Vec::new();
        for (&RunOf { space, clusters, .. }, run) in &self.runs {
            if all.last().is_none_or(|last| (last.space, last.clusters) != (space, clusters)) {
                all.push(Starts::none(space, clusters));
            }
            let Some(starts) = all.last_mut() else { continue };
            starts.add(*run);
        }
        all
    }
}

impl Starts {
    fn none(space: Space, clusters: usize) -> Starts {
        let inertia = f64::INFINITY;
        Starts { space, clusters, waiting: 0, running: 0, ended: 0, iterations: 0, iterations_ended: 0, inertia }
    }

    fn add(&mut self, run: Option<RunAt>) {
        let Some(RunAt { iterations, inertia, ended }) = run else {
            self.waiting += 1;
            return;
        };
        self.iterations += iterations as u64;
        self.inertia = self.inertia.min(inertia);
        if ended {
            self.ended += 1;
            self.iterations_ended += iterations as u64;
        } else {
            self.running += 1;
        }
    }

    pub fn all(&self) -> u64 {
        self.waiting + self.running + self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> Progress {
        let progress = Progress::new();
        progress.watched.store(true, Ordering::Relaxed);
        progress
    }

    #[test]
    fn nothing_is_noted_while_nobody_looks() {
        let progress = Progress::new();
        progress.note(|noted| noted.begin("ingest"));
        progress.add(&progress.read, 7);
        let seen = progress.snapshot();
        assert_eq!((seen.stages, seen.rows), (Vec::new(), Rows::default()));
    }

    #[test]
    fn one_stage_is_at_work_at_a_time() {
        let progress = watched();
        for stage in ["ingest", "pca"] {
            progress.note(|noted| noted.begin(stage));
        }
        let stages = progress.snapshot().stages;
        let seen: Vec<(&str, bool)> = stages.iter().map(|stage| (stage.name.as_str(), stage.at_work)).collect();
        assert_eq!(seen, [("ingest", false), ("pca", true)]);
        progress.note(Noted::end);
        let ended = progress.snapshot().stages[1].seconds;
        std::thread::sleep(Duration::from_millis(2));
        progress.note(Noted::end);
        assert_eq!(progress.snapshot().stages[1], StageAt { name: "pca".into(), seconds: ended, at_work: false });
    }

    #[test]
    fn starts_are_put_together_by_space_and_number_of_clusters() {
        let progress = watched();
        let note = |space, clusters, start, iterations, inertia, ended| {
            let run = RunOf { space, clusters, start };
            progress.note(|noted| noted.moved(run, RunAt { iterations, inertia, ended }));
        };
        progress.note(|noted| noted.runs.extend([(RunOf { space: Space::Full, clusters: 3, start: 1 }, None)]));
        note(Space::Full, 3, 0, 1, 70.0, false);
        note(Space::Projected, 5, 1, 4, 8.0, false);
        note(Space::Projected, 5, 0, 2, 9.0, false);
        note(Space::Projected, 5, 0, 3, 7.5, true);
        let projected = Starts {
            running: 1,
            ended: 1,
            iterations: 7,
            iterations_ended: 3,
            inertia: 7.5,
            ..Starts::none(Space::Projected, 5)
        };
        let full = Starts { waiting: 1, running: 1, iterations: 1, inertia: 70.0, ..Starts::none(Space::Full, 3) };
        let seen = progress.snapshot();
        assert_eq!((seen.kmeans, seen.moving.map(|(space, _)| space)), (vec![projected, full], Some(Space::Projected)));
    }

    #[test]
    fn sweeps_are_timed_from_the_first_residual_on() {
        let mut clock = SweepsClock::new(1e-8);
        clock.note(1, None);
        clock.note(2, Some(0.1));
        assert_eq!((clock.at.first, clock.at.seconds_each), (Some((2, 0.1)), 0.0));
        std::thread::sleep(Duration::from_millis(2));
        clock.note(3, Some(0.01));
        let each = clock.at.seconds_each;
        assert!(each >= 2e-3, "{each}");
        std::thread::sleep(Duration::from_millis(2));
        clock.note(3, Some(0.01));
        assert_eq!(clock.at.seconds_each, each, "another worker says the same");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn memory_is_resident_up_to_its_peak() {
        let Memory { resident, peak } = Memory::now();
        assert!(resident > 0 && resident <= peak, "{resident} {peak}");
    }
}
