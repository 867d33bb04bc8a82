//! The progress of this process: what its stages report, and how far they are now.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::live::{Live, MOST_MOVES};
use super::noted::{Noted, Progress, SweepsClock, published};
use super::snapshot::{Measure, RunAt, RunOf, Snapshot};

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

/// A worker is to read `amount` of the input.
pub fn has_input(amount: u64, measure: Measure) {
    HERE.add(&HERE.input_all, amount);
    HERE.note(|noted| noted.input = Some(measure));
}

/// `amount` more of it is read.
pub fn input_done(amount: u64) {
    HERE.add(&HERE.input_done, amount);
}

/// `rows` more rows were read that are well formed.
pub fn rows_read(rows: usize) {
    HERE.add(&HERE.read, rows as u64);
}

/// One more row was read that is malformed.
pub fn row_rejected() {
    HERE.add(&HERE.read, 1);
    HERE.add(&HERE.rejected, 1);
}

/// `rows` rows that were read as well formed are rejected after all.
pub fn rows_rejected(rows: u64) {
    HERE.add(&HERE.rejected, rows);
}

/// `rows` more rows were read that the job's filters leave out.
pub fn rows_left_out(rows: u64) {
    HERE.add(&HERE.read, rows);
    HERE.add(&HERE.filtered, rows);
}

/// A worker has stored its ratings: `accepted` more are kept, `merged` more rows were merged into others, and `filtered`
/// more ratings are left out.
pub fn rows_kept(accepted: u64, merged: u64, filtered: u64) {
    HERE.add(&HERE.accepted, accepted);
    HERE.add(&HERE.merged, merged);
    HERE.add(&HERE.filtered, filtered);
}

thread_local! {
    static TRYING: Cell<bool> = const { Cell::new(false) };
}

/// Does work on this thread whose sweeps and runs are nobody's progress: that of candidates which only one is taken of.
pub fn trying<T>(work: impl FnOnce() -> T) -> T {
    let before = TRYING.replace(true);
    let made = work();
    TRYING.set(before);
    made
}

/// Notes what a stage tells of itself, unless it only tries something.
fn note(change: impl FnOnce(&mut Noted)) {
    if !TRYING.get() {
        HERE.note(change);
    }
}

/// The solver of the components begins. It ends once the residual is `tol` or less.
pub fn sweeps_until(tol: f64) {
    note(|noted| noted.sweeps = Some(SweepsClock::new(tol)));
}

/// The solver has made `sweeps` sweeps; `residual` is the largest relative residual, once it is known.
pub fn swept(sweeps: usize, residual: Option<f64>) {
    note(|noted| noted.sweeps.get_or_insert_with(|| SweepsClock::new(0.0)).note(sweeps as u64, residual));
}

/// A run of k-means is to come.
pub fn awaits(run: RunOf) {
    note(|noted| _ = noted.runs.entry(run).or_insert(None));
}

/// A run of k-means advanced.
pub fn moved(run: RunOf, how: RunAt) {
    note(|noted| noted.moved(run, how));
}

/// A peer was last heard `ago`; `None`: it has left.
pub fn heard(peer: usize, ago: Option<Duration>) {
    HERE.note(|noted| {
        noted.peers.remove(&peer);
        noted.peers.extend(ago.map(|ago| (peer, Instant::now().checked_sub(ago))));
    });
}

/// `bytes` more bytes were sent to other processes.
pub fn sent(bytes: usize) {
    HERE.sent.fetch_add(bytes as u64, Ordering::Relaxed);
}

/// Bytes sent to other processes since this one began. Counted even if nobody watches.
pub fn bytes_sent() -> u64 {
    HERE.sent.load(Ordering::Relaxed)
}

/// Whether somebody watches. If not, work spent only on reporting can be saved.
pub fn is_watched() -> bool {
    HERE.is_watched()
}

/// How things stand now.
pub fn now() -> Snapshot {
    HERE.snapshot()
}

/// Publishes `live` in place of what was published before. Nothing is kept while nobody watches.
pub fn publish(mut live: Live) {
    live.moves.truncate(MOST_MOVES);
    let live = Arc::new(live);
    HERE.note(|noted| noted.live = Some((live, Instant::now())));
}

/// What was published last.
pub fn live() -> Option<Arc<Live>> {
    HERE.noted().live.as_ref().map(|last| published(last).0)
}
