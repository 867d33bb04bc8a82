//! The hall in which the members of a cluster meet: which seats are taken, which members are called, which are let in.
//!
//! A process takes every caller that proves to be a member and fits, and drops all others. Of connections that have proved
//! nothing yet it keeps at most [`MOST_STRANGERS`] and hangs up on the oldest first, so that silent ones keep no member out.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::handshake::{self, Answer};
use super::hello::{Fit, Hello};
use super::layout::Layout;
use super::link::Link;
use crate::error::{Error, Result};

/// Connections that have not proved anything, at most.
const MOST_STRANGERS: usize = 64;
const RETRY_EVERY: Duration = Duration::from_millis(50);
/// The least time between two log lines about refused connections.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// Where the members of a cluster meet: a seat for each.
pub struct Hall {
    layout: Layout,
    own: Hello,
    seats: Mutex<Seats>,
    changed: Condvar,
    /// All members are here, or one never will be.
    closed: AtomicBool,
    /// What went wrong with a peer last.
    notes: Mutex<Vec<String>>,
    /// Connections that have not proved anything, oldest first.
    strangers: Mutex<VecDeque<Arc<TcpStream>>>,
    refusals: Mutex<Refusals>,
}

/// Connections that were refused.
#[derive(Default)]
struct Refusals {
    logged: Option<Instant>,
    /// Since then.
    silent: u64,
}

struct Seats {
    links: Vec<Option<Link>>,
    /// The ports at which the members that called here listen.
    ports: Vec<u16>,
    /// Why the start fails.
    failed: Option<Error>,
}

impl Hall {
    pub fn new(layout: &Layout, own: Hello) -> Hall {
        let n = layout.processes;
        Hall {
            layout: layout.clone(),
            own,
            seats: Mutex::new(Seats { links: vec![None; n], ports: vec![0; n], failed: None }),
            changed: Condvar::new(),
            closed: AtomicBool::new(false),
            notes: Mutex::new(vec![String::new(); n]),
            strangers: Mutex::default(),
            refusals: Mutex::default(),
        }
    }

    fn seats(&self) -> MutexGuard<'_, Seats> {
        lock(&self.seats)
    }

    /// Lets no more members in, and calls no more.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Relaxed);
    }

    /// The ports at which the members that called here listen.
    pub fn ports(&self) -> Vec<u16> {
        self.seats().ports.clone()
    }

    /// Calls the processes of lower index from `first` on at their addresses, and waits for all members.
    pub fn called(self: &Arc<Hall>, first: usize, hosts: &[String], deadline: Instant) -> Result<Vec<Option<Link>>> {
        for (peer, address) in hosts.iter().enumerate().take(self.layout.process).skip(first) {
            self.begin_call(peer, address, deadline);
        }
        let others = self.layout.processes - 1;
        self.wait(deadline, |seats| seats.links.iter().flatten().count() == others)?;
        Ok(std::mem::take(&mut self.seats().links))
    }

    /// Calls process 0 alone, and waits for it.
    pub fn call_first(self: &Arc<Hall>, address: &str, deadline: Instant) -> Result<Link> {
        self.begin_call(0, address, deadline);
        self.wait(deadline, |seats| seats.links[0].is_some())?;
        Ok(self.seats().links[0].clone().expect("it was there"))
    }

    /// Calls a process in the background until it answers.
    fn begin_call(self: &Arc<Hall>, peer: usize, address: &str, deadline: Instant) {
        let (hall, address) = (Arc::clone(self), address.to_string());
        std::thread::spawn(move || hall.call(peer, &address, deadline));
    }

    /// Waits until `enough` seats are taken.
    fn wait(&self, deadline: Instant, enough: impl Fn(&Seats) -> bool) -> Result<()> {
        let mut seats = self.seats();
        loop {
            if let Some(error) = seats.failed.take() {
                return Err(error);
            }
            if enough(&seats) {
                return Ok(());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.absent(&seats.links));
            }
            seats = self.changed.wait_timeout(seats, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn absent(&self, links: &[Option<Link>]) -> Error {
        let notes = lock(&self.notes);
        let absent = |peer: &usize| *peer != self.layout.process && links[*peer].is_none();
        let name = |peer: usize| match &notes[peer] {
            note if note.is_empty() => self.layout.name(peer),
            note => format!("{} ({note})", self.layout.name(peer)),
        };
        let names: Vec<String> = (0..self.layout.processes).filter(absent).map(name).collect();
        Error::peer(
            names.join(", "),
            format!("did not come within {} s", self.layout.start_timeout.as_secs()),
            "start every process with the same key, check the addresses, or raise --start-timeout",
        )
    }

    fn fail(&self, error: Error) {
        let mut seats = self.seats();
        seats.failed.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Gives a member the seat of its index, or says why not. A member that has gone makes room for the one that comes
    /// after it. `welcome` is sent before anything shows that the seat is taken; if that fails, the seat stays free.
    fn seat(
        &self,
        (peer, port): (usize, u16),
        link: &Link,
        welcome: impl FnOnce() -> io::Result<()>,
    ) -> std::result::Result<(), String> {
        let mut seats = self.seats();
        match seats.links.get_mut(peer) {
            Some(seat) if seat.as_ref().is_none_or(|link| !link.is_there()) => {
                welcome().map_err(|e| e.to_string())?;
                *seat = Some(link.clone());
                seats.ports[peer] = port;
            }
            _ => return Err(format!("there is a process {peer} already")),
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Calls a process of lower index until it answers.
    fn call(&self, peer: usize, address: &str, deadline: Instant) {
        while !self.closed.load(Ordering::Relaxed) && Instant::now() < deadline {
            let note = match self.call_once(peer, address) {
                Ok(Some(note)) => note,
                Ok(None) => return,
                Err(error) => return self.fail(error),
            };
            if !note.is_empty() {
                lock(&self.notes)[peer] = note;
            }
            std::thread::sleep(RETRY_EVERY);
        }
    }

    /// Nothing once the peer has its seat; otherwise what went wrong, empty where nothing listens there yet; an error where
    /// trying again is useless.
    fn call_once(&self, peer: usize, address: &str) -> Result<Option<String>> {
        let socket = match dial(address) {
            Ok(socket) => socket,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(Some(String::new())),
            Err(error) => return Ok(Some(error.to_string())),
        };
        let Ok((link, answer)) = handshake::call(socket, &self.layout.security, &self.own) else {
            return Ok(Some("it answered, but the handshake failed: is it segmill with the same key?".into()));
        };
        match self.own.fit(&answer.hello) {
            Fit::Never(error) => return Err(error),
            Fit::OtherAttempt => return Ok(Some("an earlier attempt still answers there".into())),
            Fit::Fits => {}
        }
        self.check_answer(peer, address, &answer)?;
        Ok(self.seat((peer, answer.hello.port), &link, || Ok(())).err())
    }

    /// Refuses the answer of a process other than the one that was called, and one that does not take this process.
    fn check_answer(&self, peer: usize, address: &str, answer: &Answer) -> Result<()> {
        if answer.hello.process != peer {
            let problem =
                format!("process {} answers at {address}, the address of process {peer}", answer.hello.process);
            return Err(Error::job("--hosts", problem, "give every process the same hosts file"));
        }
        if let Some(reason) = &answer.refused {
            let problem = format!("it refused this process: {reason}");
            return Err(Error::job(self.layout.name(peer), problem, "give every process a different index"));
        }
        Ok(())
    }

    /// Answers a connection that was accepted.
    fn receive(&self, socket: Arc<TcpStream>) {
        let met = socket.try_clone().and_then(|socket| handshake::answer(socket, &self.layout.security));
        lock(&self.strangers).retain(|other| !Arc::ptr_eq(other, &socket));
        match met {
            Ok((link, hello)) => self.receive_member(&link, &hello),
            Err(error) => {
                let from = socket.peer_addr().map(|a| a.to_string()).unwrap_or_default();
                self.note_refusal(&from, &error);
            }
        }
    }

    /// Gives a member that called its seat, or says why not.
    fn receive_member(&self, link: &Link, hello: &Hello) {
        let reply = |refused: Option<String>| handshake::reply(link, &Answer { hello: self.own.clone(), refused });
        let refused = match self.own.fit(hello) {
            Fit::Never(error) => {
                let _ = reply(None);
                return self.fail(error);
            }
            Fit::OtherAttempt => "this is another attempt".to_string(),
            // Only processes of higher index call.
            Fit::Fits if hello.process < self.own.process => "a process of lower index waits to be called".to_string(),
            Fit::Fits => match self.seat((hello.process, hello.port), link, || reply(None)) {
                Ok(()) => return,
                Err(reason) => reason,
            },
        };
        tracing::warn!(process = hello.process, attempt = hello.attempt, refused, "refused a member");
        let _ = reply(Some(refused));
    }

    /// Accepts connections in the background, each answered on a separate thread so that a silent one holds up no other.
    pub fn greet(self: &Arc<Hall>, listener: TcpListener) {
        let hall = Arc::clone(self);
        std::thread::spawn(move || {
            while !hall.closed.load(Ordering::Relaxed) {
                let Ok((socket, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(2));
                    continue;
                };
                let (hall, socket) = (Arc::clone(&hall), Arc::new(socket));
                hall.note_stranger(&socket);
                std::thread::spawn(move || hall.receive(socket));
            }
        });
    }

    /// Logs a refused connection, seldom enough that a caller that tries again and again fills no disk.
    fn note_refusal(&self, from: &str, error: &io::Error) {
        let mut refusals = lock(&self.refusals);
        refusals.silent += 1;
        if refusals.logged.is_none_or(|logged| logged.elapsed() > LOG_EVERY) {
            let connections = std::mem::take(&mut refusals.silent);
            refusals.logged = Some(Instant::now());
            tracing::warn!(connections, from, %error, "refused a connection from outside the cluster");
        }
    }

    /// Notes a connection, and hangs up on the oldest where there are too many.
    fn note_stranger(&self, socket: &Arc<TcpStream>) {
        let mut strangers = lock(&self.strangers);
        strangers.push_back(Arc::clone(socket));
        if strangers.len() > MOST_STRANGERS
            && let Some(oldest) = strangers.pop_front()
        {
            let _ = oldest.shutdown(Shutdown::Both);
        }
    }
}

fn dial(address: &str) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for address in address.to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, handshake::TIMEOUT) {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Locks even after a panic elsewhere, which ends the process anyway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
