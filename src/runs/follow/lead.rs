//! The coordinator's part of a session: inputs, log, output, dictionary of items.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::error::Result;
use crate::live::change::{Change, Op};
use crate::live::input::inputs::{Inputs, Taken};
use crate::live::input::parser::Parser;
use crate::live::items::Items;
use crate::live::resolve::{Refusal, Routed};
use crate::live::state::{LoggedBatch, Recovered, State};
use crate::live::tell::{Teller, Told};
use crate::results::followed::Changes;
use crate::results::model::{self, Model};
use crate::results::rejects::RejectLine;
use crate::results::{leftovers, run};
use crate::shard::incoming::worker_of;

use super::gathering::Gathering;
use super::header::Header;
use super::names::Names;
use super::order::Order;
use super::publishing::{Publisher, Rest};
use super::refitted::{self, Refitted, model_bytes};
use super::standing::{Judged, Reflected, Standing};
use super::telling;
use super::terms::Terms;
use super::view::{Beside, View};

/// The log may grow to this, or to half the snapshot, before another snapshot takes its place.
const LOG_BYTES: u64 = 64 << 20;

/// A session that may begin.
pub struct Opened {
    pub lead: Lead,
    /// What an earlier session left.
    pub recovered: Option<Recovered>,
    pub terms: Terms,
}

/// Changes by the worker of their user.
pub type Lanes = Vec<Vec<Routed>>;

/// The coordinator's part.
pub struct Lead {
    pub state: State,
    teller: Teller,
    gathering: Gathering,
    pub items: Items,
    pub names: Names,
    /// The finished run, or the last refit.
    pub folder: PathBuf,
    /// All that became of changes so far.
    pub totals: Changes,
    pub refits: u64,
    /// The batch that the workers are at.
    underway: Option<Underway>,
    view: Option<View>,
    publisher: Option<Publisher>,
    nobody_listens: bool,
    /// The state was begun by this session, in a folder that it made.
    is_new: bool,
}

struct Underway {
    batch: LoggedBatch,
    /// Refused here, by their place: their item is unknown.
    refused: Vec<(u32, Refusal)>,
    /// Changes of items that the model does not know, by their place.
    unknown: Vec<u32>,
    since: Instant,
}

/// What has become of a batch.
struct Finished {
    batch: LoggedBatch,
    rejects: Vec<RejectLine>,
    changes: Changes,
}

impl Underway {
    /// `refused_there`: by the workers.
    fn finish(mut self, refused_there: &[(u32, Refusal)]) -> Finished {
        self.refused.extend(refused_there);
        self.refused.sort_unstable();
        let Underway { batch, refused, mut unknown, .. } = self;
        unknown.retain(|at| refused.binary_search_by_key(at, |(other, _)| *other).is_err());
        let rejects = rejects(&batch, &refused);
        let changes = Changes {
            changes: batch.changes.len() as u64 + batch.rejects.len() as u64 + batch.filtered,
            made: batch.changes.len() as u64 - refused.len() as u64,
            rejected: rejects.len() as u64,
            filtered: batch.filtered,
            unknown: unknown.len() as u64,
        };
        Finished { batch, rejects, changes }
    }
}

impl Lead {
    /// Takes hold of state, output and inputs.
    pub fn open(order: &Order) -> Result<Opened> {
        let is_new = !order.state.exists();
        let opened = Lead::open_all(order, is_new);
        if opened.is_err() && is_new {
            abandon(&order.state);
        }
        opened
    }

    fn open_all(order: &Order, is_new: bool) -> Result<Opened> {
        let (state, recovered) = State::open(&order.state, &order.identity)?;
        let read = |recovered: &Recovered| Header::read(recovered.coding, &recovered.header);
        let header = recovered.as_ref().map(read).transpose()?.flatten();
        if let Some(header) = &header {
            header.check(order)?;
        }
        let teller = Teller::open(&order.output, &state)?;
        let parser = Parser::new(&order.job, order.format, order.op);
        let inputs = Inputs::open(&order.inputs, parser, state.positions(), order.stop_at_end)?;
        let refits = header.as_ref().map_or(0, |header| header.refits);
        let folder = if refits == 0 { order.run.clone() } else { refitted::folder(&order.state, refits) };
        let inertia = if refits == 0 { order.inertia } else { run::Finished::read(&folder)?.inertia };
        let bytes = model_bytes(&folder)?;
        let model = model::read_bytes(&bytes[0], &bytes[1])?;
        let is_resumed = header.is_some();
        let publish = |place| Publisher::new(place, &state, &folder);
        let publisher = order.publish.as_ref().map(publish).transpose()?;
        let header = header.unwrap_or_else(|| Header::of(order));
        let lead = Lead {
            items: Items::new(&model.items, header.others.clone()),
            names: Names::of(&model, &folder)?,
            totals: header.totals,
            state,
            teller,
            gathering: Gathering::new(inputs, order.every),
            folder,
            refits,
            underway: None,
            view: None,
            publisher,
            nobody_listens: false,
            is_new,
        };
        Ok(Opened { lead, recovered, terms: Terms { header, is_resumed, model: bytes, inertia } })
    }

    /// There is a snapshot: the state is worth keeping.
    pub fn has_begun(&mut self) {
        self.is_new = false;
    }

    /// Ends a session that failed, and removes a state that it had just begun.
    pub fn give_up(self) {
        let (is_new, folder) = (self.is_new, self.state.folder().to_path_buf());
        drop(self);
        if is_new {
            abandon(&folder);
        }
    }

    /// The last batch that was told.
    pub fn told(&self) -> u64 {
        self.teller.told()
    }

    /// This session has told of its start.
    pub fn has_started(&self) -> bool {
        self.view.is_some()
    }

    /// A session begins to follow, or to tell: how things stand after batch `batch`.
    pub fn start(
        &mut self,
        batch: u64,
        resumed: bool,
        order: &Order,
        now: &Standing,
        inertia_per_user: f64,
    ) -> Result<()> {
        let lines = telling::start(batch, resumed, &self.folder, &self.names, now);
        self.nobody_listens = self.teller.say(lines.bytes())? == Told::NobodyListens;
        self.view = Some(View::new(now));
        self.show(order, [now, now], &now.judge(order.drift), 0.0, inertia_per_user);
        Ok(())
    }

    /// Has the inputs end.
    pub fn stop(&mut self) {
        self.gathering.inputs().stop();
    }

    /// The output has no reader, or the inputs have ended.
    pub fn is_done(&self) -> bool {
        self.nobody_listens || self.gathering.has_ended()
    }

    /// The reader of the output has gone.
    pub fn is_alone(&self) -> bool {
        self.nobody_listens
    }

    /// The log is long enough for a snapshot.
    pub fn wants_snapshot(&self) -> bool {
        self.state.log_bytes() > LOG_BYTES.max(self.state.snapshot_bytes() / 2)
    }

    /// The next batch, on the disk, if there is one.
    pub fn next_batch(&mut self, order: &Order, hash_seed: u64, peers: usize) -> Result<Option<Lanes>> {
        let Some(Taken { changes, rejects, filtered, positions, .. }) = self.gathering.next()? else { return Ok(None) };
        let inputs = order.inputs.iter().map(|input| input.name.clone()).collect();
        let batch = LoggedBatch { number: self.state.last() + 1, inputs, changes, rejects, filtered, positions };
        self.state.append(&batch)?;
        Ok(Some(self.begin(batch, hash_seed, peers)))
    }

    /// Hands out the changes of a batch that is in the log.
    pub fn begin(&mut self, batch: LoggedBatch, hash_seed: u64, peers: usize) -> Lanes {
        let mut lanes = vec![Vec::new(); peers];
        let (mut refused, mut unknown) = (Vec::new(), Vec::new());
        for (at, change) in (0..).zip(&batch.changes) {
            let Change { op, user, item, rating, .. } = change;
            let number = match op {
                Op::Withdraw => self.items.known(item),
                Op::Put | Op::Add => Some(self.items.number(item)),
            };
            let Some(item) = number else {
                refused.push((at, Refusal::NotThere));
                continue;
            };
            if !self.items.is_of_model(item) {
                unknown.push(at);
            }
            let to = worker_of(user.key(hash_seed), peers);
            lanes[to].push(Routed { op: *op, user: user.clone(), item, rating: *rating, at });
        }
        self.underway = Some(Underway { batch, refused, unknown, since: Instant::now() });
        lanes
    }

    /// What has become of the batch that the workers were at: tells it, and says that it is safe.
    pub fn finish(&mut self, found: Found<'_>) -> Result<()> {
        let Some(underway) = self.underway.take() else { return Ok(()) };
        let since = underway.since;
        let Finished { batch, rejects, changes } = underway.finish(&found.reflected.refused);
        self.totals.add(&changes);
        let told = telling::Batch {
            number: batch.number,
            reflected: found.reflected,
            before: found.before,
            now: found.now,
            judged: found.is_judged_anew.then_some(found.judged),
            refit: found.refit,
            changes,
            unknown_items: self.items.others().len() as u64,
            positions: &batch.positions,
            inertia_per_user_fit: found.inertia_per_user,
        };
        let lines = telling::batch(&told, &self.names);
        self.nobody_listens |= self.teller.tell(&mut self.state, batch.number, lines.bytes())? == Told::NobodyListens;
        self.state.add_rejects(batch.number, &rejects)?;
        if let Some(publisher) = &mut self.publisher {
            publisher.note(batch.number, &found.reflected.moves, found.now, &self.names);
        }
        if !found.is_replayed {
            self.gathering.inputs().acknowledge(&batch.positions)?;
        }
        let Found { order, reflected, before, now, judged, inertia_per_user, .. } = found;
        if let Some(view) = &mut self.view {
            view.note(batch.number, changes.changes, reflected);
            self.show(order, [before, now], judged, since.elapsed().as_secs_f64(), inertia_per_user);
        }
        Ok(())
    }

    fn show(
        &self,
        order: &Order,
        [before, now]: [&Standing; 2],
        judged: &Judged,
        batch_seconds: f64,
        inertia_per_user_fit: f64,
    ) {
        let beside = Beside {
            batch: self.state.last(),
            changes: self.totals,
            unknown_items: self.items.others().len() as u64,
            refits: self.refits,
            log_bytes: self.state.log_bytes(),
            batch_seconds,
            judged,
            threshold: order.drift,
            inertia_per_user_fit,
        };
        if let Some(view) = &self.view {
            view.publish(&beside, before, now, &self.names);
        }
    }

    /// Everything that was told is on the disk.
    pub fn sync(&self) -> Result<()> {
        self.teller.sync()
    }

    /// Another model takes over.
    pub fn take_over(&mut self, model: &Model, refitted: &Refitted) -> Result<()> {
        self.refits += 1;
        self.folder = refitted.folder.clone();
        self.items = Items::new(&model.items, Vec::new());
        self.names = Names::of(model, &refitted.folder)?;
        self.publisher.as_mut().map_or(Ok(()), |publisher| publisher.take_over(&refitted.folder))
    }

    /// Begins to publish what a session that is up to date has, where that is asked for.
    pub fn start_publishing(&mut self, now: &Standing) -> Result<()> {
        let last = self.state.last();
        self.publisher.as_mut().map_or(Ok(()), |publisher| publisher.start(last, now, &self.names))
    }

    /// All users are wanted, to be published.
    pub fn wants_all(&self) -> bool {
        self.publisher.as_ref().is_some_and(Publisher::wants_all)
    }

    /// Where all users are to be written, cleared.
    pub fn place_of_all(&self) -> Option<PathBuf> {
        let place = self.publisher.as_ref().map(Publisher::place_of_all)?;
        leftovers::clear(&place);
        leftovers::remove(&place);
        Some(place)
    }

    /// All users are written there.
    pub fn publish_all(&mut self, now: &Standing) {
        let last = self.state.last();
        self.publisher.iter_mut().for_each(|publisher| publisher.take_all(last, now, &self.names));
    }

    /// Waits until all is published, where that is asked for. Returns whether all users are wanted for it.
    pub fn publish_rest(&self) -> Result<bool> {
        self.publisher.as_ref().map_or(Ok(false), |publisher| Ok(publisher.rest()? == Rest::WantsAll))
    }
}

/// What the workers found out of a batch.
pub struct Found<'a> {
    pub order: &'a Order,
    pub reflected: &'a Reflected,
    pub before: &'a Standing,
    pub now: &'a Standing,
    pub judged: &'a Judged,
    /// A refit has become due, or is no longer.
    pub is_judged_anew: bool,
    pub refit: Option<&'a Refitted>,
    /// Of the fit.
    pub inertia_per_user: f64,
    /// It was taken by a session before this one.
    pub is_replayed: bool,
}

/// All rejects of a batch, in the order of the inputs' lines.
fn rejects(batch: &LoggedBatch, refused: &[(u32, Refusal)]) -> Vec<RejectLine> {
    let refused = refused.iter().map(|&(at, refusal)| {
        let Change { origin, raw, .. } = &batch.changes[at as usize];
        RejectLine {
            file: batch.inputs.get(origin.input as usize).cloned().unwrap_or_default(),
            line: origin.line,
            byte: origin.byte,
            code: refusal.code().into(),
            field: "row".into(),
            raw: raw.clone(),
        }
    });
    let mut rejects: Vec<RejectLine> = batch.rejects.iter().cloned().chain(refused).collect();
    rejects.sort();
    rejects
}

/// Removes a state that was just begun. What cannot be removed stays.
fn abandon(state: &Path) {
    let _ = fs::remove_dir_all(state);
}
