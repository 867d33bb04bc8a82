//! What every kind of input is: a feed, which gives lines to the session, and is told how far they are safe.
//!
//! A feed runs on a separate thread (and may start more). It reads, cuts what it reads into lines, parses them with a separate
//! parser for each stream ([`Outlet::parser`]), and gives them on in [`Chunk`]s of one stream each. The channel behind
//! [`Outlet::send`] is short: where the session is behind, `send` waits, so the feed reads no more, and its writers wait in
//! turn. Nothing else is kept, so no input can fill the memory.
//!
//! The session takes lines out of chunks one by one and knows after each how far the input has been read ([`Place`]). Once
//! they are safe it says so through the feed's [`Acknowledge`], on the session's thread.
//!
//! A feed returns from [`Feed::run`] at the end of the input, with the error that ends the run, or soon (within a tenth of a
//! second) after [`Outlet::stopped`] has become true or [`Outlet::send`] has returned false.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::parser::{Parsed, Parser};
use crate::error::Result;
use crate::live::change::Position;

/// The longest that a feed waits before it looks again whether it is to stop.
pub const PATIENCE: Duration = Duration::from_millis(50);

/// A source of lines.
pub trait Feed: Send {
    /// The input as it was named: its key in [`crate::live::change::Positions`], and what rejects call it.
    fn name(&self) -> &str;

    /// Where it goes on: what was read of it before. Zero for what can be read only once.
    fn position(&self) -> Position {
        Position::default()
    }

    /// What is to be told how far lines are safe. Asked for once, before [`Feed::run`].
    fn acknowledger(&mut self) -> Box<dyn Acknowledge> {
        Box::new(Nobody)
    }

    /// Gives all lines to `out`, in order within each stream.
    ///
    /// # Errors
    /// What ends the whole run: an input that cannot be read on. What is wrong with one line, one message or one client does not.
    fn run(self: Box<Self>, out: Outlet) -> Result<()>;
}

/// Hears how far an input is safe. Dropped, after the feed's thread has ended, when nothing more will be acknowledged.
pub trait Acknowledge: Send {
    /// Everything up to `position` is safe. `streams`: of a [`Place::Connection`], how many lines of it are, for those of which
    /// more are than before. Must not wait: what cannot be told at once is told later.
    fn acknowledge(&mut self, position: &Position, streams: &BTreeMap<u64, u64>) -> Result<()>;
}

/// For inputs that keep no account: a position in the log is all there is.
struct Nobody;

impl Acknowledge for Nobody {
    fn acknowledge(&mut self, _: &Position, _: &BTreeMap<u64, u64>) -> Result<()> {
        Ok(())
    }
}

/// Which stream of an input lines come from, and so what a line moves on in its [`Position`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The only one, which cannot be read again: `lines` counts.
    Stream,
    /// A file that can: `lines` and `bytes` are those of this file.
    File { inode: u64 },
    /// One of several connections, by its number: `lines` counts those of all.
    Connection(u64),
    /// A partition of a Kafka topic: `offsets` holds where it goes on.
    Partition(i32),
}

/// Lines of one stream, one after the other.
#[derive(Debug)]
pub struct Chunk {
    pub place: Place,
    /// Lines of the stream before these.
    pub first: u64,
    pub lines: Vec<Line>,
}

/// What a line has become.
#[derive(Debug)]
pub struct Line {
    pub parsed: Parsed,
    /// Where it begins: a byte of its stream, from 0, or the offset of a message.
    pub begin: u64,
    /// Where the next begins.
    pub after: u64,
}

/// What a feed's thread says.
pub(super) enum Message {
    Lines { input: u32, chunk: Chunk },
    Ended { input: u32, how: Result<()> },
}

/// Where a feed gives its lines.
#[derive(Clone)]
pub struct Outlet {
    pub(super) input: u32,
    pub(super) sender: SyncSender<Message>,
    pub(super) stop: Arc<AtomicBool>,
    pub(super) parser: Parser,
}

impl Outlet {
    /// A parser that has seen nothing: each stream takes its own.
    pub fn parser(&self) -> Parser {
        self.parser.fresh()
    }

    /// No more is to be read. What was read may still be sent.
    pub fn stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Gives lines on; waits while the session is behind. False: no more lines are taken.
    #[must_use]
    pub fn send(&self, chunk: Chunk) -> bool {
        chunk.lines.is_empty() || self.sender.send(Message::Lines { input: self.input, chunk }).is_ok()
    }
}
