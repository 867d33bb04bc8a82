//! A session, batch after batch: what all workers do together.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use serde::{Deserialize, Serialize};
use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::flow::cluster::{Layout, Worker};
use crate::ingest::ids::Id;
use crate::live::engine::Engine;
use crate::live::frame::Frame;
use crate::live::items::Items;
use crate::live::resolve::Routed;
use crate::live::state::{LoggedBatch, Recovered};
use crate::results::followed::Record;
use crate::results::model::{self, Model};
use crate::results::run::{Digests, Versions};

use super::header::Header;
use super::keep;
use super::lead::{Found, Lead, Opened};
use super::order::Order;
use super::refit::{self, Before, Made};
use super::refitted::Refitted;
use super::standing::{Judged, Origins, Reflected, Standing};
use super::terms::Terms;
use super::{begin, last, memory};

/// One worker's part. What was found is on the coordinator.
pub fn run<C: Collective>(worker: &mut Worker, c: &mut C, order: &Order, layout: &Layout) -> Result<Option<Record>> {
    let mut lead = None;
    let ended = follow(worker, c, order, layout, &mut lead);
    if let (Err(_), Some(lead)) = (&ended, lead) {
        lead.give_up();
    }
    ended
}

/// What the workers do next.
#[derive(Serialize, Deserialize)]
enum Next {
    Wait,
    Batch(Vec<Routed>),
    Keep,
    /// All users are to be written, and published.
    PublishAll,
    End,
}

/// One worker of a session.
struct Session<'a, C> {
    worker: &'a mut Worker,
    c: &'a mut C,
    order: &'a Order,
    layout: &'a Layout,
    /// The coordinator's.
    lead: &'a mut Option<Lead>,
    hash_seed: u64,
    model: Model,
    engine: Engine,
    origins: Origins,
    standing: Standing,
    settings: Settings,
    /// A refit was said to be due.
    is_due: bool,
    refits: u64,
    /// A signal has asked this process to end.
    asked: Arc<AtomicBool>,
}

/// Under which batches are applied.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Settings {
    drift: f64,
    refit: bool,
}

fn follow<C: Collective>(
    worker: &mut Worker,
    c: &mut C,
    order: &Order,
    layout: &Layout,
    lead: &mut Option<Lead>,
) -> Result<Option<Record>> {
    // From now on a signal ends the session, once the ratings are loaded.
    let asked = Arc::default();
    let listening = if c.index().is_multiple_of(layout.workers) { listen(&asked) } else { Ok(()) };
    c.agree(listening)?;
    let opened = if c.is_coordinator() { Lead::open(order).map(Some) } else { Ok(None) };
    let opened = c.agree(opened)?;
    let (mut recovered, terms) = match opened {
        Some(Opened { lead: opened, recovered, terms }) => {
            *lead = Some(opened);
            (recovered, Some(terms))
        }
        None => (None, None),
    };
    let terms = c.broadcast_value(terms.as_ref());
    let mut session = Post { worker, c, order, layout, lead }.begin(&terms, recovered.as_mut())?;
    session.asked = asked;
    session.replay(recovered)?;
    session.check_memory()?;
    let asked = Settings { drift: order.drift, refit: order.refit };
    // What comes from now on is applied again as it is asked for now, so it is not to be behind a snapshot that says otherwise.
    let is_asked_anew = std::mem::replace(&mut session.settings, asked) != asked;
    let is_refitted = session.refits != terms.header.refits;
    if !terms.is_resumed || is_asked_anew || is_refitted || session.wants_snapshot() {
        session.keep()?;
    }
    session.start(terms.is_resumed)?;
    session.start_publishing()?;
    session.follow()?;
    session.end()
}

/// Where a worker is at work, and on what.
struct Post<'a, C> {
    worker: &'a mut Worker,
    c: &'a mut C,
    order: &'a Order,
    layout: &'a Layout,
    /// The coordinator's.
    lead: &'a mut Option<Lead>,
}

impl<'a, C: Collective> Post<'a, C> {
    /// The ratings at the start, in the dataflow of the model.
    fn begin(mut self, terms: &Terms, recovered: Option<&mut Recovered>) -> Result<Session<'a, C>> {
        let model = model::read_bytes(&terms.model[0], &terms.model[1])?;
        let frame = Frame::new(&model, self.order.job.input.duplicates, terms.inertia);
        let mut engine = Engine::new(self.worker, frame);
        let (hash_seed, origins) = self.load(terms, recovered, &model, &mut engine)?;
        let Post { worker, c, order, layout, lead } = self;
        let standing = Standing::measure(c, &engine, &origins, order.job.profile.top);
        let header = &terms.header;
        let session = Session {
            worker,
            c,
            order,
            layout,
            lead,
            hash_seed,
            model,
            engine,
            origins,
            standing,
            settings: Settings { drift: header.drift, refit: header.refit },
            is_due: header.is_due,
            refits: header.refits,
            asked: Arc::default(),
        };
        session.check_room()?;
        Ok(session)
    }

    /// Loads the ratings of an earlier session, or those of the job. Returns the seed of the keys by which users are dealt to
    /// workers, and where users were when the model took over.
    fn load(
        &mut self,
        terms: &Terms,
        recovered: Option<&mut Recovered>,
        model: &Model,
        engine: &mut Engine,
    ) -> Result<(u64, Origins)> {
        let Post { worker, c, order, layout, lead } = self;
        let hash_seed = terms.header.hash_seed;
        if terms.is_resumed {
            return Ok((hash_seed, keep::restore(*c, recovered, hash_seed, engine)?));
        }
        if order.empty {
            return Ok((0, Origins::default()));
        }
        let (hash_seed, others) = begin::read_job(worker, *c, order, layout, &model.items, engine)?;
        if let Some(lead) = lead.as_mut() {
            lead.items = Items::new(&model.items, others);
        }
        Ok((hash_seed, Origins::of(engine)))
    }
}

impl<C: Collective> Session<'_, C> {
    /// Applies the batches behind the snapshot again. One that was not told begins what this session tells.
    fn replay(&mut self, mut recovered: Option<Recovered>) -> Result<()> {
        loop {
            let next = recovered.as_mut().map_or(Ok(None), Recovered::next_batch).and_then(|batch| {
                if let Some(LoggedBatch { number, .. }) = &batch
                    && self.lead.as_ref().is_some_and(|lead| lead.told() < *number)
                {
                    self.say_start(true, number - 1)?;
                }
                Ok(batch)
            });
            let batch = self.c.agree(next)?;
            let peers = self.c.peers();
            let lanes = match (&mut *self.lead, batch) {
                (Some(lead), Some(batch)) => lead.begin(batch, self.hash_seed, peers).into_iter().map(Some).collect(),
                _ => vec![None; peers],
            };
            match self.hand_out(lanes) {
                Some(changes) => self.reflect(&changes, true)?,
                None => return Ok(()),
            }
        }
    }

    /// What the coordinator has for this worker.
    fn hand_out<T: Serialize + serde::de::DeserializeOwned>(&mut self, lanes: Vec<T>) -> T {
        let outgoing = lanes.iter().map(|lane| bincode::serialize(lane).expect("changes serialise")).collect();
        let handed = self.c.exchange(outgoing).swap_remove(0);
        bincode::deserialize(&handed).expect("the coordinator sends this type")
    }

    /// The line of the start, where it was not told before batches that were to be told again.
    fn start(&mut self, is_resumed: bool) -> Result<()> {
        let last = self.lead.as_ref().map_or(0, |lead| lead.state.last());
        let started = self.say_start(is_resumed, last);
        self.c.agree(started)
    }

    /// How things stand after batch `batch`, from the coordinator, once.
    fn say_start(&mut self, is_resumed: bool, batch: u64) -> Result<()> {
        let inertia = self.engine.frame().inertia_per_user;
        match self.lead {
            Some(lead) if !lead.has_started() => lead.start(batch, is_resumed, self.order, &self.standing, inertia),
            _ => Ok(()),
        }
    }

    /// Until the inputs end, or a signal asks to stop.
    fn follow(&mut self) -> Result<()> {
        loop {
            let (next, failed) = self.next();
            match next {
                Next::Wait => {}
                Next::Batch(changes) => {
                    self.reflect(&changes, false)?;
                    self.check_memory()?;
                }
                Next::Keep => self.keep()?,
                Next::PublishAll => self.publish_all()?,
                Next::End => return self.c.agree(failed),
            }
        }
    }

    /// What to do next, and on the coordinator what has failed. All workers say whether they were asked to end.
    fn next(&mut self) -> (Next, Result<()>) {
        let peers = self.c.peers();
        let Some(lead) = &mut self.lead else {
            let mut outgoing = vec![Vec::new(); peers];
            outgoing[0] = vec![u8::from(self.asked.load(Ordering::Relaxed))];
            let handed = self.c.exchange(outgoing).swap_remove(0);
            return (bincode::deserialize(&handed).expect("the coordinator says what is next"), Ok(()));
        };
        if self.asked.load(Ordering::Relaxed) {
            lead.stop();
        }
        let every = |next: fn() -> Next| ((0..peers).map(|_| next()).collect::<Vec<Next>>(), Ok(()));
        let (nexts, failed) = if lead.is_alone() {
            every(|| Next::End)
        } else if lead.wants_snapshot() {
            every(|| Next::Keep)
        } else if lead.wants_all() {
            every(|| Next::PublishAll)
        } else {
            match lead.next_batch(self.order, self.hash_seed, peers) {
                Ok(Some(lanes)) => (lanes.into_iter().map(Next::Batch).collect(), Ok(())),
                Ok(None) if lead.is_done() => every(|| Next::End),
                Ok(None) => every(|| Next::Wait),
                Err(error) => (every(|| Next::End).0, Err(error)),
            }
        };
        let outgoing = nexts.iter().map(|next| bincode::serialize(next).expect("changes serialise")).collect();
        let answers = self.c.exchange(outgoing);
        if answers.iter().skip(1).any(|answer| answer == &[1]) {
            self.asked.store(true, Ordering::Relaxed);
        }
        (bincode::deserialize(&answers[0]).expect("it says this"), failed)
    }

    /// Makes the changes of a batch, finds out what follows from them, and tells it.
    fn reflect(&mut self, changes: &[Routed], is_replayed: bool) -> Result<()> {
        let refused = self.engine.apply(changes);
        let moves = self.engine.settle();
        moves.iter().for_each(|moved| self.origins.note(moved));
        let mut reflected = Reflected::of(&self.engine, refused, &moves);
        let inertia_per_user = self.engine.frame().inertia_per_user;
        let top = self.order.job.profile.top;
        let now = Standing::measure(self.c, &self.engine, &self.origins, top);
        let mut before = std::mem::replace(&mut self.standing, now);
        self.check_room()?;
        let judged = self.standing.judge(self.settings.drift);
        let is_judged_anew = judged.why.is_some() != self.is_due;
        self.is_due = judged.why.is_some();
        let refit = if self.is_due && self.settings.refit { self.refit(&mut reflected, &mut before)? } else { None };
        let reflected = reflected.gather(self.c);
        let found = Found {
            order: self.order,
            reflected: &reflected,
            before: &before,
            now: &self.standing,
            judged: &judged,
            is_judged_anew,
            refit: refit.as_ref().and_then(|refit| refit.as_ref()),
            inertia_per_user,
            is_replayed,
        };
        let finished = self.lead.as_mut().map(|lead| lead.finish(found));
        self.c.agree(finished.transpose())?;
        if refit.is_some() && !is_replayed { self.keep() } else { Ok(()) }
    }

    /// Another model takes over, if one can be made. Outer nothing: none was.
    #[expect(clippy::option_option, reason = "whether there is another model, on all workers; what to tell, on one")]
    fn refit(&mut self, reflected: &mut Reflected, before: &mut Standing) -> Result<Option<Option<Refitted>>> {
        let (number, hash_seed) = (self.refits + 1, self.hash_seed);
        let task = Before {
            order: self.order,
            layout: self.layout,
            model: &self.model,
            standing: &self.standing,
            hash_seed,
            number,
        };
        let made = refit::refit(self.c, &task, self.lead.as_ref(), &mut self.engine)?;
        let Some(Made { model, inertia, items, told }) = made else { return Ok(None) };
        let model = model::read_bytes(&model[0], &model[1])?;
        let frame = Frame::new(&model, self.order.job.input.duplicates, inertia);
        let mut engine = Engine::new(self.worker, frame);
        begin::copy(self.c, &mut self.engine, &mut engine, |row| items.row(row));
        reflected.moves = moves_between(&self.engine, &engine, std::mem::take(&mut reflected.moves));
        std::mem::replace(&mut self.engine, engine).end();
        before.renumber(&items.now);
        let taken = self.lead.as_mut().zip(told.as_ref()).map(|(lead, told)| lead.take_over(&model, told));
        self.c.agree(taken.transpose())?;
        (self.model, self.refits) = (model, number);
        self.origins = Origins::of(&self.engine);
        self.standing = Standing::measure(self.c, &self.engine, &self.origins, self.order.job.profile.top);
        Ok(Some(told))
    }

    /// The sums have room for so many users.
    fn check_room(&self) -> Result<()> {
        let (users, room) = (self.standing.users(), self.engine.frame().room);
        if users <= room {
            return Ok(());
        }
        let problem = format!("{users} users are more than the {room} that a model of so few can follow");
        Err(Error::data(self.order.run.display().to_string(), problem, "run the job again over all ratings"))
    }

    /// There is memory for the ratings that there are now.
    fn check_memory(&self) -> Result<()> {
        let (items, segments) = (self.model.items.len() as u64, self.model.centroids.nrows() as u64);
        let held = memory::Held { ratings: self.standing.ratings(), items, segments };
        memory::check_growth(held, &self.order.job, self.layout)
    }

    fn wants_snapshot(&mut self) -> bool {
        let wants = self.lead.as_ref().map(Lead::wants_snapshot);
        self.c.broadcast_value(wants.as_ref())
    }

    fn keep(&mut self) -> Result<()> {
        let Settings { drift, refit } = self.settings;
        let (hash_seed, is_due) = (self.hash_seed, self.is_due);
        let header = Header { hash_seed, drift, refit, is_due, ..Header::of(self.order) };
        keep::keep(self.c, self.lead.as_mut(), header, &mut self.engine, &self.origins)
    }

    fn start_publishing(&mut self) -> Result<()> {
        let started = self.lead.as_mut().map(|lead| lead.start_publishing(&self.standing));
        self.c.agree(started.transpose()).map(drop)
    }

    /// Writes all users, and hands them to the publisher.
    fn publish_all(&mut self) -> Result<()> {
        let place = self.lead.as_ref().map(Lead::place_of_all);
        let place: Option<PathBuf> = self.c.broadcast_value(place.as_ref());
        let Some(place) = place else { return Ok(()) };
        last::write_users(self.c, &mut self.engine, &place, self.order.job.users_per_file)?;
        self.lead.iter_mut().for_each(|lead| lead.publish_all(&self.standing));
        Ok(())
    }

    /// Waits until everything is published.
    fn publish_rest(&mut self) -> Result<()> {
        loop {
            let wants_all = self.lead.as_ref().map(Lead::publish_rest).transpose();
            let wants_all = self.c.agree(wants_all)?;
            if !self.c.broadcast_value(wants_all.as_ref()) {
                return Ok(());
            }
            self.publish_all()?;
        }
    }

    /// Leaves everything as another session, or a person, may find it.
    fn end(mut self) -> Result<Option<Record>> {
        self.keep()?;
        let record = self.lead.as_ref().map(|lead| self.record(lead));
        let record = match &self.order.last {
            Some(output) => {
                let lead = self.lead.as_ref().zip(record);
                let top = self.order.job.profile.top;
                let per_file = self.order.job.users_per_file;
                last::write(self.c, &mut self.engine, &self.model, top, lead, (output, per_file))?
            }
            None => record,
        };
        self.publish_rest()?;
        self.engine.end();
        let is_alone = self.lead.as_ref().is_some_and(Lead::is_alone);
        Ok(record.filter(|_| !is_alone))
    }

    fn record(&self, lead: &Lead) -> Record {
        let (standing, fit) = (&self.standing, self.engine.frame().inertia_per_user);
        let Judged { drift, why } = standing.judge(self.settings.drift);
        Record {
            versions: Versions::current(),
            model: lead.folder.clone(),
            batches: lead.state.last(),
            refits: lead.refits,
            changes: lead.totals,
            users: standing.users(),
            ratings: standing.ratings(),
            unknown_items: lead.items.others().len() as u64,
            inertia_per_user: drift.inertia_ratio * fit,
            inertia_per_user_fit: fit,
            moved_share: drift.moved_share,
            idf_drift: drift.idf_drift,
            refit_due: why,
            digests: Digests::default(),
        }
    }
}

/// The first signal asks for the end, the second ends at once.
fn listen(asked: &Arc<AtomicBool>) -> Result<()> {
    let listen = |signal| {
        flag::register_conditional_shutdown(signal, 128 + signal, Arc::clone(asked))?;
        flag::register(signal, Arc::clone(asked))
    };
    let failed = |e: std::io::Error| Error::Bug { place: "signals".into(), problem: e.to_string() };
    [SIGINT, SIGTERM].into_iter().try_for_each(|signal| listen(signal).map(drop)).map_err(failed)
}

/// A user who is elsewhere than before the batch, or came or went.
type UserMove = (Id, Option<u32>, Option<u32>);

/// Where users were before the batch, of which `moves` tells, and where they are under another model, by id.
fn moves_between(old: &Engine, new: &Engine, moves: Vec<UserMove>) -> Vec<UserMove> {
    let mut moved: HashMap<Id, Option<u32>> = moves.into_iter().map(|(user, from, _)| (user, from)).collect();
    let mut all: Vec<UserMove> = Vec::new();
    for user in 0..old.users().len() as u32 {
        let id = old.users().id(user);
        let after = old.placement(user).map(|place| place.segment);
        let from = moved.remove(id).unwrap_or(after);
        let to = new.users().number(id).and_then(|user| new.placement(user)).map(|place| place.segment);
        if from != to {
            all.push((id.clone(), from, to));
        }
    }
    all.sort_by(|a, b| a.0.cmp(&b.0));
    all
}
