//! What is noted of one process, and how a snapshot is taken of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::live::{Live, RECENTLY};
use super::snapshot::{InputAt, Measure, Memory, Rows, RunAt, RunOf, Snapshot, Space, StageAt, Starts, Sweeps};

/// What is noted of one process.
pub struct Progress {
    pub watched: AtomicBool,
    pub input_done: AtomicU64,
    pub input_all: AtomicU64,
    pub read: AtomicU64,
    pub accepted: AtomicU64,
    pub rejected: AtomicU64,
    pub merged: AtomicU64,
    pub filtered: AtomicU64,
    /// To other processes.
    pub sent: AtomicU64,
    pub noted: Mutex<Noted>,
}

pub struct Noted {
    pub ready: bool,
    stages: Vec<StageClock>,
    pub input: Option<Measure>,
    pub sweeps: Option<SweepsClock>,
    /// `None`: to come.
    pub runs: BTreeMap<RunOf, Option<RunAt>>,
    pub moving: Option<(Space, Instant)>,
    /// When each peer was last heard; `None`: before the clock began.
    pub peers: BTreeMap<usize, Option<Instant>>,
    pub live: Option<(Arc<Live>, Instant)>,
}

pub struct StageClock {
    name: String,
    began: Instant,
    ended: Option<Duration>,
}

pub struct SweepsClock {
    at: Sweeps,
    /// When the first residual was known.
    since: Instant,
}

impl Progress {
    pub const fn new() -> Progress {
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
            noted: Mutex::new(Noted::new()),
        }
    }

    pub fn is_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed)
    }

    pub fn add(&self, counter: &AtomicU64, count: u64) {
        if self.is_watched() {
            counter.fetch_add(count, Ordering::Relaxed);
        }
    }

    pub fn note(&self, change: impl FnOnce(&mut Noted)) {
        if self.is_watched() {
            change(&mut self.noted());
        }
    }

    /// A poisoned lock is fine: every change leaves the notes consistent.
    pub fn noted(&self) -> MutexGuard<'_, Noted> {
        self.noted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rows(&self) -> Rows {
        let [read, accepted, rejected, merged, filtered] =
            [&self.read, &self.accepted, &self.rejected, &self.merged, &self.filtered].map(value);
        Rows { read, accepted, rejected, merged, filtered }
    }

    pub fn snapshot(&self) -> Snapshot {
        let input = |measure| InputAt { done: value(&self.input_done), all: value(&self.input_all), measure };
        let noted = self.noted();
        Snapshot {
            ready: noted.ready,
            stages: noted.stages.iter().map(StageClock::read).collect(),
            input: noted.input.map(input),
            rows: self.rows(),
            sweeps: noted.sweeps.as_ref().map(|clock| clock.at),
            kmeans: noted.starts(),
            moving: noted.moving.map(|(space, since)| (space, since.elapsed().as_secs_f64())),
            peers: noted.peers.iter().map(|(&peer, heard)| (peer, silence(*heard))).collect(),
            memory: Memory::now(),
            live: noted.live.as_ref().map(published),
        }
    }
}

fn value(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
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
    pub fn new(tol: f64) -> SweepsClock {
        SweepsClock { at: Sweeps { tol, ..Sweeps::default() }, since: Instant::now() }
    }

    /// All workers report the same; the first report counts.
    pub fn note(&mut self, sweeps: u64, residual: Option<f64>) {
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
    const fn new() -> Noted {
        Noted {
            ready: false,
            stages: Vec::new(),
            input: None,
            sweeps: None,
            runs: BTreeMap::new(),
            moving: None,
            peers: BTreeMap::new(),
            live: None,
        }
    }

    pub fn begin(&mut self, stage: &str) {
        self.end();
        self.stages.retain(|known| known.name != stage);
        self.stages.push(StageClock { name: stage.to_string(), began: Instant::now(), ended: None });
    }

    pub fn end(&mut self) {
        if let Some(StageClock { began, ended: ended @ None, .. }) = self.stages.last_mut() {
            *ended = Some(began.elapsed());
        }
    }

    pub fn moved(&mut self, run: RunOf, how: RunAt) {
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

/// What was published, and how many seconds ago. Once that is long ago, its rate of changes is 0.
pub fn published((live, at): &(Arc<Live>, Instant)) -> (Arc<Live>, f64) {
    let ago = at.elapsed();
    let live =
        if ago > RECENTLY { Arc::new(Live { changes_per_second: 0.0, ..(**live).clone() }) } else { Arc::clone(live) };
    (live, ago.as_secs_f64())
}

impl Starts {
    /// No start of this number of clusters.
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
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched() -> Progress {
        let progress = Progress::new();
        progress.watched.store(true, Ordering::Relaxed);
        progress
    }

    /// Invariant `no-effect`.
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
}
