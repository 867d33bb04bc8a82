//! All inputs of a session, line by line, and how far each has been read.
//!
//! The feeds' threads fill one short channel; the session takes from it what it makes a batch of. A chunk is taken as far as the
//! batch has room, so the positions that come with a batch are those after its last line, whatever the feeds have read ahead.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::vec;

use super::feed::{Acknowledge, Chunk, Feed, Line, Message, Outlet, Place};
use super::parser::{Bad, Parsed, Parser};
use super::spec::{InputKind, InputSpec, MOST_IN_BATCH};
use super::{file, kafka, socket, stream};
use crate::error::{Error, Result};
use crate::live::change::{Change, Origin, Position, Positions};
use crate::results::rejects::RejectLine;

/// The most chunks that wait for the session.
const MOST_WAITING: usize = 64;

/// The inputs of a session.
pub struct Inputs {
    sources: Vec<Source>,
    receiver: Option<Receiver<Message>>,
    /// A chunk that did not fit the last batch.
    begun: Option<Begun>,
    positions: Positions,
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
    /// Ends the run once what was taken before it is done.
    failed: Option<Error>,
}

/// One input, as the session's side knows it.
struct Source {
    name: String,
    acknowledger: Box<dyn Acknowledge>,
    /// Which connections the lines came from that are not acknowledged.
    runs: Runs,
    ended: bool,
}

/// What is left of a chunk.
struct Begun {
    input: u32,
    place: Place,
    /// Lines of the stream before the next.
    number: u64,
    lines: vec::IntoIter<Line>,
}

/// What a batch is made of.
#[derive(Debug, Default)]
pub struct Taken {
    pub changes: Vec<Change>,
    pub rejects: Vec<RejectLine>,
    /// Changes that the job's filter leaves out.
    pub filtered: u64,
    /// Of every input, after these lines and all before.
    pub positions: Positions,
    /// Nothing more will come.
    pub ended: bool,
    /// Lines taken, blank ones and headers included.
    pub lines: usize,
}

impl Taken {
    /// Changes, good or bad.
    pub fn found(&self) -> usize {
        self.changes.len() + self.rejects.len() + self.filtered as usize
    }
}

impl Inputs {
    /// Starts to read. `positions`: how far each input was acknowledged before, by its name; files and topics go on from there.
    /// `stop_at_end`: the end of a file is its end, and a socket is at its end when its last client has gone.
    ///
    /// # Errors
    /// [`Error::Job`] for an input that cannot be, [`Error::File`] and [`Error::Data`] for one that is not there or is not as it was.
    pub fn open(specs: &[InputSpec], parser: Parser, positions: &Positions, stop_at_end: bool) -> Result<Inputs> {
        let open = |spec: &InputSpec| open_one(spec, positions.get(&spec.name), stop_at_end);
        Inputs::start(specs.iter().map(open).collect::<Result<_>>()?, &parser)
    }

    /// The same for feeds that are open.
    pub fn start(feeds: Vec<Box<dyn Feed>>, parser: &Parser) -> Result<Inputs> {
        let (sender, receiver) = sync_channel(MOST_WAITING);
        let mut inputs = Inputs {
            sources: Vec::new(),
            receiver: Some(receiver),
            begun: None,
            positions: Positions::new(),
            stop: Arc::default(),
            threads: Vec::new(),
            failed: None,
        };
        for (feed, input) in feeds.into_iter().zip(0..) {
            let (sender, stop) = (sender.clone(), Arc::clone(&inputs.stop));
            inputs.add(feed, Outlet { input, sender, stop, parser: parser.fresh() })?;
        }
        Ok(inputs)
    }

    /// Starts a feed.
    fn add(&mut self, mut feed: Box<dyn Feed>, outlet: Outlet) -> Result<()> {
        let name = feed.name().to_string();
        self.positions.insert(name.clone(), feed.position());
        self.sources.push(Source { name, acknowledger: feed.acknowledger(), runs: Runs::default(), ended: false });
        self.threads.push(run(feed, outlet)?);
        Ok(())
    }

    /// Has the inputs end.
    pub fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for the first line at most `wait`, then takes what is there: at most `most` changes, good or bad, and no more than
    /// [`MOST_IN_BATCH`] lines that are none. To be called until the session has a batch; after `ended` it returns at once.
    ///
    /// # Errors
    /// That of the first feed that failed, once all lines before it have been taken.
    pub fn take(&mut self, most: usize, wait: Duration) -> Result<Taken> {
        let mut taken = Taken::default();
        let until = Instant::now().checked_add(wait);
        while self.begun.is_some() || self.receive(taken.lines == 0, until)? {
            if !self.take_begun(most, &mut taken) {
                break;
            }
        }
        taken.positions = self.positions.clone();
        taken.ended = self.has_ended();
        Ok(taken)
    }

    fn has_ended(&self) -> bool {
        self.begun.is_none() && self.failed.is_none() && self.sources.iter().all(|source| source.ended)
    }

    /// Everything up to `positions`, which came with a batch of these inputs, is safe, and its senders are told.
    ///
    /// # Errors
    /// Of an input that could not keep account of it.
    pub fn acknowledge(&mut self, positions: &Positions) -> Result<()> {
        for source in &mut self.sources {
            let Some(position) = positions.get(&source.name) else { continue };
            source.acknowledger.acknowledge(position, &source.runs.up_to(position.lines))?;
        }
        Ok(())
    }

    /// Gets the next chunk; waits for it until then, if it may. False: there is none.
    fn receive(&mut self, may_wait: bool, until: Option<Instant>) -> Result<bool> {
        loop {
            if self.failed.is_some() || self.sources.iter().all(|source| source.ended) {
                return self.failed.take_if(|_| may_wait).map_or(Ok(false), Err);
            }
            match self.next_message(may_wait, until)? {
                None => return Ok(false),
                Some(Message::Lines { input, chunk: Chunk { place, first, lines } }) => {
                    self.begun = Some(Begun { input, place, number: first, lines: lines.into_iter() });
                    return Ok(true);
                }
                Some(Message::Ended { input, how }) => {
                    self.sources[input as usize].ended = true;
                    self.failed = how.err();
                }
            }
        }
    }

    fn next_message(&self, may_wait: bool, until: Option<Instant>) -> Result<Option<Message>> {
        let Some(receiver) = &self.receiver else { return Ok(None) };
        let received = match until {
            _ if !may_wait => receiver.try_recv().map_err(|e| e == TryRecvError::Disconnected),
            None => receiver.recv().map_err(|_| true),
            Some(until) => receiver
                .recv_timeout(until.saturating_duration_since(Instant::now()))
                .map_err(|e| e == RecvTimeoutError::Disconnected),
        };
        match received {
            Ok(message) => Ok(Some(message)),
            Err(false) => Ok(None),
            Err(true) => {
                let problem = "a thread that reads it is gone".into();
                Err(Error::Bug { place: "--input".into(), problem })
            }
        }
    }

    /// Takes lines out of the chunk that was begun. False: there is no room for more.
    fn take_begun(&mut self, most: usize, taken: &mut Taken) -> bool {
        let Some(mut begun) = self.begun.take() else { return true };
        let source = &mut self.sources[begun.input as usize];
        let position = self.positions.entry(source.name.clone()).or_default();
        loop {
            if taken.found() >= most || taken.lines - taken.found() >= MOST_IN_BATCH {
                self.begun = Some(begun);
                return false;
            }
            let Some(line) = begun.lines.next() else { return true };
            begun.number += 1;
            let origin = pass(&begun, &line, position);
            if let Place::Connection(connection) = begun.place {
                source.runs.passed(connection, begun.number, position.lines);
            }
            taken.lines += 1;
            match line.parsed {
                Parsed::Change(change) => taken.changes.push(Change { origin, ..change }),
                Parsed::Filtered => taken.filtered += 1,
                Parsed::Nothing => {}
                Parsed::Bad(bad) => taken.rejects.push(reject(*bad, &source.name, origin)),
            }
        }
    }
}

impl Drop for Inputs {
    /// Has the feeds end, and waits until they have.
    fn drop(&mut self) {
        self.stop();
        // A feed that waits to send gets an error.
        self.receiver = None;
        self.threads.drain(..).for_each(|thread| drop(thread.join()));
    }
}

/// Moves the position past a line. Returns where the line was.
fn pass(begun: &Begun, line: &Line, position: &mut Position) -> Origin {
    let input = begun.input;
    match begun.place {
        Place::Stream => position.lines = begun.number,
        Place::File { inode } => {
            (position.lines, position.bytes, position.inode) = (begun.number, line.after, inode);
        }
        Place::Connection(_) => position.lines += 1,
        Place::Partition(partition) => {
            position.lines += 1;
            position.offsets.insert(partition, line.after as i64);
            return Origin { input, line: line.begin, byte: partition as u64 };
        }
    }
    Origin { input, line: position.lines, byte: line.begin }
}

fn reject(bad: Bad, name: &str, origin: Origin) -> RejectLine {
    RejectLine {
        file: name.into(),
        line: origin.line,
        byte: origin.byte,
        code: bad.code.into(),
        field: bad.field.into(),
        raw: bad.raw,
    }
}

fn open_one(spec: &InputSpec, position: Option<&Position>, stop_at_end: bool) -> Result<Box<dyn Feed>> {
    let name = spec.name.clone();
    match &spec.kind {
        InputKind::Stdin => Ok(Box::new(stream::StreamFeed::stdin(name)?)),
        InputKind::File(path) => file::open(name, path, position, stop_at_end),
        InputKind::Tcp(address) => Ok(Box::new(socket::SocketFeed::tcp(name, address, stop_at_end)?)),
        InputKind::Unix(path) => Ok(Box::new(socket::SocketFeed::unix(name, path, stop_at_end)?)),
        InputKind::Kafka(topic) => kafka::open(name, topic, position, stop_at_end),
    }
}

/// Runs a feed on a thread, whose last message says how it ended.
fn run(feed: Box<dyn Feed>, outlet: Outlet) -> Result<JoinHandle<()>> {
    let (input, sender, name) = (outlet.input, outlet.sender.clone(), feed.name().to_string());
    let body = move || {
        let how = feed.run(outlet);
        // Where the session has ended, nothing hears it.
        let _ = sender.send(Message::Ended { input, how });
    };
    thread::Builder::new().name("input".into()).spawn(body).map_err(|e| {
        let problem = format!("{name:?}: cannot start a thread: {e}");
        Error::job("--input", problem, "raise the limit of threads (ulimit -u)")
    })
}

/// Lines of one connection, one after the other among those of the input.
struct Run {
    connection: u64,
    /// The first of them, of the input's.
    first: u64,
    /// Lines of the input up to its end.
    of_input: u64,
    /// Lines of the connection up to its end.
    of_connection: u64,
}

/// Which connections the lines of an input came from.
#[derive(Default)]
struct Runs(VecDeque<Run>);

impl Runs {
    /// A line of `connection` was passed; both counts include it.
    fn passed(&mut self, connection: u64, of_connection: u64, of_input: u64) {
        match self.0.back_mut() {
            Some(last) if last.connection == connection => {
                (last.of_input, last.of_connection) = (of_input, of_connection);
            }
            _ => self.0.push_back(Run { connection, first: of_input, of_input, of_connection }),
        }
    }

    /// How many lines of each connection are among the first `lines` of the input, where more may be than the last time.
    fn up_to(&mut self, lines: u64) -> BTreeMap<u64, u64> {
        let mut found = BTreeMap::new();
        while let Some(run) = self.0.front().filter(|run| run.first <= lines) {
            found.insert(run.connection, run.of_connection - run.of_input.saturating_sub(lines));
            if run.of_input > lines {
                break;
            }
            self.0.pop_front();
        }
        found
    }
}
