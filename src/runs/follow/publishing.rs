//! Publishes what a session changes, on a thread of its own: a target that is slow or out of reach holds up publishing and
//! nothing else.
//!
//! The target keeps the state and the last batch that are published, in the same transaction as what they changed. So after any end the
//! target says itself where to go on. Batches behind the snapshot are applied again by the next session, and with them come their
//! moves; where these do not reach back to what the target has, all users are written to a folder and published as a run is, which
//! finds the differences. Either way each change is published once.
//!
//! Batches that wait are taken together, so what waits is a move for each user at most.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::error::{Error, Result};
use crate::ingest::ids::Id;
use crate::live::state::State;
use crate::publish::{self, Advanced, Change, Edition, Members, Place, Position, Segment, Target, Terms};
use crate::results::{Ancestor, leftovers, model, run};
use crate::stages::profile::Scored;

use super::names::Names;
use super::standing::Standing;

/// Between two publications, at least; and so many times as long as the last one took.
const PAUSE: Duration = Duration::from_secs(1);
const PAUSE_FACTOR: u32 = 4;
/// Batches that moved nobody wait so long for others.
const QUIET_PAUSE: Duration = Duration::from_secs(60);
/// After a failure, at first and at most.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);
const MOST_PATIENCE: Duration = Duration::from_secs(60);
/// A target that is out of reach at the end of a session is waited for as long.
const LAST_PATIENCE: Duration = Duration::from_secs(30);
const FOREVER: Duration = Duration::from_secs(1 << 20);
const TERMS: Terms<'static> = Terms { key: "--publish", new_segments: false };
/// The folder of all users, and the file with the word for the state, in the state.
const ALL: &str = "publish";
const WORD: &str = "publisher";

/// What gives the numbers of segments their meaning.
#[derive(Debug, Clone)]
struct Meaning {
    model: String,
    lineage: Vec<Ancestor>,
}

impl Meaning {
    /// Of the finished run in `folder`.
    fn of(folder: &Path) -> Result<Meaning> {
        let continuity = run::Finished::read(folder)?.continuity;
        let lineage = continuity.map_or_else(Vec::new, |continuity| continuity.lineage);
        Ok(Meaning { model: model::identity(&folder.join(model::FOLDER))?, lineage })
    }
}

/// The session's side.
pub struct Publisher {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    place: Place,
    /// The word for the state.
    state: String,
    folder: PathBuf,
    meaning: Meaning,
}

struct Shared {
    waiting: Mutex<Waiting>,
    woken: Condvar,
}

/// What is to be published.
#[derive(Default)]
struct Waiting {
    /// All users, before anything else.
    all: Option<All>,
    /// Batches without gaps.
    batches: VecDeque<Batches>,
    /// The batches from now on are new; those before may be published already.
    started: bool,
    /// All users are wanted.
    wants_all: bool,
    /// When the session began to wait for the rest.
    ending: Option<Instant>,
    /// Why nothing will be published any more.
    failed: Option<Error>,
    /// The thread is to end.
    over: bool,
}

#[derive(Clone)]
struct All {
    folder: PathBuf,
    batch: u64,
    edition: Edition,
}

/// What batches changed, taken together.
#[derive(Clone)]
struct Batches {
    /// From behind this one.
    after: u64,
    /// To this one.
    upto: u64,
    moves: BTreeMap<Id, Option<u32>>,
    edition: Edition,
    since: Instant,
    /// It may be published already: no more is taken together with it.
    is_tried: bool,
}

/// How the rest is published.
#[derive(Debug, PartialEq, Eq)]
pub enum Rest {
    /// All of it is.
    Published,
    /// All users are wanted first.
    WantsAll,
}

impl Publisher {
    /// For the state, whose model is in the finished run `folder`. Nothing is published before [`Publisher::start`].
    pub fn new(place: &Place, state: &State, folder: &Path) -> Result<Publisher> {
        let shared = Arc::new(Shared { waiting: Mutex::default(), woken: Condvar::new() });
        let (word, state) = (word(state.folder())?, state.folder().to_path_buf());
        Ok(Publisher {
            shared,
            thread: None,
            place: place.clone(),
            state: word,
            folder: state,
            meaning: Meaning::of(folder)?,
        })
    }

    /// A refit has made the model in `folder`.
    pub fn take_over(&mut self, folder: &Path) -> Result<()> {
        self.meaning = Meaning::of(folder)?;
        Ok(())
    }

    /// Begins to publish: the session is at batch `last`.
    pub fn start(&mut self, last: u64, now: &Standing, names: &Names) -> Result<()> {
        let edition = self.edition(last, now, names);
        let mut waiting = self.shared.waiting();
        waiting.started = true;
        waiting.note(last, last, &[], edition);
        drop(waiting);
        let (shared, place, state) = (Arc::clone(&self.shared), self.place.clone(), self.state.clone());
        let thread =
            thread::Builder::new().name("publish".into()).spawn(move || Publishing::new(shared, place, state).run());
        let failed =
            |e: io::Error| Error::Bug { place: "publish".into(), problem: format!("cannot start a thread: {e}") };
        self.thread = Some(thread.map_err(failed)?);
        Ok(())
    }

    /// Batch `number` has moved these users.
    pub fn note(&mut self, number: u64, moves: &[(Id, Option<u32>, Option<u32>)], now: &Standing, names: &Names) {
        let edition = self.edition(number, now, names);
        self.shared.waiting().note(number - 1, number, moves, edition);
        self.shared.woken.notify_all();
    }

    /// Where to write all users.
    pub fn place_of_all(&self) -> PathBuf {
        self.folder.join(ALL)
    }

    pub fn wants_all(&self) -> bool {
        self.shared.waiting().wants_all
    }

    /// All users are written, as they are after batch `number`.
    pub fn take_all(&mut self, number: u64, now: &Standing, names: &Names) {
        let all = All { folder: self.place_of_all(), batch: number, edition: self.edition(number, now, names) };
        let mut waiting = self.shared.waiting();
        waiting.batches.clear();
        waiting.all = Some(all);
        waiting.wants_all = false;
        self.shared.woken.notify_all();
    }

    /// Waits until all is published, or all users are wanted for it.
    pub fn rest(&self) -> Result<Rest> {
        let mut waiting = self.shared.waiting();
        waiting.ending.get_or_insert_with(Instant::now);
        self.shared.woken.notify_all();
        loop {
            if let Some(error) = &waiting.failed {
                return Err(error.clone());
            }
            if waiting.wants_all {
                return Ok(Rest::WantsAll);
            }
            if waiting.all.is_none() && waiting.batches.is_empty() {
                return Ok(Rest::Published);
            }
            waiting = self.shared.woken.wait(waiting).unwrap_or_else(|poisoned| poisoned.into_inner());
        }
    }

    fn edition(&self, batch: u64, now: &Standing, names: &Names) -> Edition {
        let Meaning { model, lineage } = self.meaning.clone();
        let content = format!("{} {batch}", self.state);
        Edition { content, model, lineage, segments: segments(now, names) }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        self.shared.waiting().over = true;
        self.shared.woken.notify_all();
        // A thread that is at a target that does not answer is not waited for: the process ends.
        drop(self.thread.take());
        leftovers::remove(&self.place_of_all());
    }
}

/// What segments are called, and their top items.
fn segments(now: &Standing, names: &Names) -> Vec<Segment> {
    let pairs = names.segments.iter().zip(&now.tops);
    let segment = |(name, top): (&String, &Vec<Scored>)| {
        let item = |(at, scored): (usize, &Scored)| {
            let item = &names.items[scored.item as usize];
            let id = match item {
                Id::Number(number) => json!(number),
                Id::Text(text) => json!(text),
            };
            json!({"rank": at + 1, "item": id, "title": names.titles[scored.item as usize], "score": scored.score})
        };
        Segment {
            name: name.clone(),
            profile: json!({ "items": top.iter().enumerate().map(item).collect::<Vec<_>>() }),
        }
    };
    pairs.map(segment).collect()
}

/// The word for a state, which is made where it has none yet.
fn word(state: &Path) -> Result<String> {
    let path = state.join(WORD);
    match fs::read_to_string(&path) {
        Ok(word) if !word.is_empty() => return Ok(word),
        _ => {}
    }
    let failed = |e: io::Error| Error::file(&path, "cannot write", &e, "check the permissions and free space there");
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| failed(io::Error::other(e.to_string())))?;
    let word: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let new = state.join(format!("{WORD}.new"));
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(word.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &path)?;
        File::open(state)?.sync_all()
    };
    write().map_err(failed)?;
    Ok(word)
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Waiting {
    fn note(&mut self, after: u64, upto: u64, moves: &[(Id, Option<u32>, Option<u32>)], edition: Edition) {
        if self.failed.is_some() {
            return;
        }
        let moved = moves.iter().map(|(user, _, to)| (user.clone(), *to));
        match self.batches.back_mut() {
            Some(last) if !last.is_tried && last.upto == after => {
                last.moves.extend(moved);
                (last.upto, last.edition) = (upto, edition);
            }
            _ => {
                let (moves, is_tried) = (moved.collect(), !self.started);
                self.batches.push_back(Batches { after, upto, moves, edition, since: Instant::now(), is_tried });
            }
        }
    }

    /// What is behind batch `from`, by user; nothing where it does not reach back so far.
    fn behind(batches: &VecDeque<Batches>, from: Option<u64>) -> Option<Vec<Change>> {
        let from = from?;
        let first = batches.front()?;
        let known = from == first.after || batches.iter().any(|batches| batches.upto == from);
        let mut moves = BTreeMap::new();
        for batches in batches.iter().filter(|batches| batches.after >= from && batches.upto > from) {
            moves.extend(batches.moves.clone());
        }
        known.then(|| moves.into_iter().collect())
    }

    /// When there is enough to publish.
    fn due(&self, not_before: Instant) -> Option<Instant> {
        if self.all.is_some() {
            return Some(not_before);
        }
        let first = self.batches.front()?;
        if self.ending.is_some() {
            return Some(not_before);
        }
        // The first is tried at once: it finds out how the target stands.
        let moved = self.batches.iter().any(|batches| !batches.moves.is_empty() || batches.after == batches.upto);
        Some(not_before.max(first.since + if moved { Duration::ZERO } else { QUIET_PAUSE }))
    }
}

/// The thread's side.
struct Publishing {
    shared: Arc<Shared>,
    place: Place,
    state: String,
    target: Option<Box<dyn Target>>,
    not_before: Instant,
    patience: Duration,
    is_warned: bool,
    last_try: Instant,
}

impl Publishing {
    fn new(shared: Arc<Shared>, place: Place, state: String) -> Publishing {
        let now = Instant::now();
        let patience = FIRST_PATIENCE;
        Publishing { shared, place, state, target: None, not_before: now, patience, is_warned: false, last_try: now }
    }

    fn run(mut self) {
        while let Some((all, batches)) = self.wait() {
            let since = Instant::now();
            self.last_try = since;
            let tried = self.attempt(all.as_ref(), &batches);
            match tried {
                Ok(reached) => self.note(all.as_ref(), &batches, reached),
                Err(error) => self.fail(error),
            }
            self.shared.woken.notify_all();
        }
    }

    /// Waits for something to publish; nothing where the session is over.
    fn wait(&self) -> Option<(Option<All>, VecDeque<Batches>)> {
        let mut waiting = self.shared.waiting();
        loop {
            if waiting.over || waiting.failed.is_some() {
                return None;
            }
            let now = Instant::now();
            // At the end of the session, once at once.
            let is_pressed = waiting.ending.is_some_and(|since| self.last_try < since);
            let wait = match waiting.due(self.not_before) {
                None => FOREVER,
                _ if waiting.wants_all => FOREVER,
                Some(_) if is_pressed => Duration::ZERO,
                Some(due) => due.saturating_duration_since(now),
            };
            if wait.is_zero() {
                waiting.batches.iter_mut().for_each(|batches| batches.is_tried = true);
                return Some((waiting.all.clone(), waiting.batches.clone()));
            }
            let woken = self.shared.woken.wait_timeout(waiting, wait);
            waiting = woken.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
        }
    }

    /// Publishes all, or what the target does not have yet.
    fn attempt(&mut self, all: Option<&All>, batches: &VecDeque<Batches>) -> Result<Advanced> {
        let target = match &mut self.target {
            Some(target) => target,
            none => none.insert(self.place.open()?),
        };
        if let Some(All { folder, batch, edition }) = all {
            let live = Some(Position { state: self.state.clone(), batch: *batch });
            publish::publish(&mut **target, edition, live, Members::of(folder)?, TERMS)?;
            return Ok(Advanced::Published);
        }
        let Some(last) = batches.back() else { return Ok(Advanced::Published) };
        let live = Position { state: self.state.clone(), batch: last.upto };
        publish::advance(&mut **target, &last.edition, live, |from| Waiting::behind(batches, from))
    }

    fn note(&mut self, all: Option<&All>, batches: &VecDeque<Batches>, reached: Advanced) {
        self.not_before = Instant::now() + PAUSE.max(self.last_try.elapsed() * PAUSE_FACTOR);
        (self.patience, self.is_warned) = (FIRST_PATIENCE, false);
        let mut waiting = self.shared.waiting();
        if reached == Advanced::Elsewhere {
            waiting.wants_all = true;
            return;
        }
        let upto = all.map(|all| all.batch).or(batches.back().map(|batches| batches.upto)).unwrap_or_default();
        waiting.all = None;
        while waiting.batches.front().is_some_and(|batches| batches.upto <= upto) {
            waiting.batches.pop_front();
        }
    }

    fn fail(&mut self, error: Error) {
        // A connection that failed is not used again.
        self.target = None;
        let mut waiting = self.shared.waiting();
        let patience = if waiting.ending.is_some() { FIRST_PATIENCE } else { self.patience };
        self.not_before = Instant::now() + patience;
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
        let is_late = waiting.ending.is_some_and(|since| since.elapsed() > LAST_PATIENCE);
        if matches!(error, Error::File { .. }) && !is_late {
            if !self.is_warned {
                tracing::warn!("{error}; following goes on, and publishing is tried again");
            }
            self.is_warned = true;
            return;
        }
        if waiting.ending.is_none() {
            tracing::warn!("{error}; following goes on without publishing");
        }
        waiting.failed = Some(error);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edition() -> Edition {
        Edition { content: String::new(), model: String::new(), lineage: Vec::new(), segments: Vec::new() }
    }

    fn moved(user: u64, to: u32) -> (Id, Option<u32>, Option<u32>) {
        (Id::Number(user), None, Some(to))
    }

    #[test]
    fn what_waits_is_taken_together_unless_it_was_tried() {
        let mut waiting = Waiting::default();
        // These come again from the log.
        waiting.note(2, 3, &[moved(1, 1)], edition());
        waiting.note(3, 4, &[moved(2, 2)], edition());
        waiting.started = true;
        waiting.note(4, 5, &[moved(1, 0), moved(2, 0)], edition());
        waiting.note(5, 6, &[moved(2, 1)], edition());
        waiting.batches[2].is_tried = true;
        waiting.note(6, 7, &[moved(3, 2)], edition());
        waiting.note(7, 8, &[moved(1, 2)], edition());
        let bounds: Vec<(u64, u64)> = waiting.batches.iter().map(|batches| (batches.after, batches.upto)).collect();
        assert_eq!(bounds, [(2, 3), (3, 4), (4, 6), (6, 8)]);
        let behind = |from| Waiting::behind(&waiting.batches, from);
        let to = |moves: &[(u64, u32)]| -> Option<Vec<Change>> {
            Some(moves.iter().map(|&(user, to)| (Id::Number(user), Some(to))).collect())
        };
        assert_eq!(behind(Some(4)), to(&[(1, 2), (2, 1), (3, 2)]));
        assert_eq!(behind(Some(6)), to(&[(1, 2), (3, 2)]));
        assert_eq!(behind(Some(8)), to(&[]));
        // Batches that are not known any more, in the middle of others, or not there yet; another state.
        assert_eq!(behind(Some(2)), behind(Some(3)), "user 2 is in a later one too");
        assert_eq!([behind(Some(1)), behind(Some(5)), behind(Some(9)), behind(None)], [None, None, None, None]);
    }

    #[test]
    fn a_state_keeps_its_word() {
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let words = folders.each_ref().map(|folder| word(folder.path()).unwrap());
        assert_ne!(words[0], words[1]);
        assert_eq!(word(folders[0].path()).unwrap(), words[0]);
    }
}
