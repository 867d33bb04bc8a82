//! How the processes of a cluster find each other.
//!
//! The one of higher index calls the lower one's address, trying again until it answers. A process takes whoever proves
//! to be a member ([`super::handshake`]) and fits ([`super::hello`]), gives it the seat of its index, and drops everybody
//! else: at most [`MOST_STRANGERS`] at a time, the longest waiting first, so that silent ones keep nobody out. When every
//! seat is taken all members tell each other so; whoever leaves before is noticed then.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::Layout;
use super::handshake::{self, Answer};
use super::hello::{Fit, Hello};
use super::link::Link;
use super::pulse::SILENCE;
use crate::error::{Error, Result};

/// Connections that have not proved anything, at most.
const MOST_STRANGERS: usize = 64;
const RETRY_EVERY: Duration = Duration::from_millis(50);
/// Refused connections are logged at most so often.
const LOG_EVERY: Duration = Duration::from_secs(5);
const READY: &[u8] = b"ready";

/// A link to every other process, in order; none at this process's own place.
pub fn meet(layout: &Layout, own: Hello) -> Result<Vec<Option<Link>>> {
    let deadline = Instant::now() + layout.start_timeout;
    let hall = Arc::new(Hall {
        layout: layout.clone(),
        own,
        seats: Mutex::new(Seats { links: vec![None; layout.processes], failed: None }),
        changed: Condvar::new(),
        closed: AtomicBool::new(false),
        notes: Mutex::new(vec![String::new(); layout.processes]),
        strangers: Mutex::new(VecDeque::new()),
        refusals: Mutex::default(),
    });
    if layout.process + 1 < layout.processes {
        listen(&hall)?;
    }
    for peer in 0..layout.process {
        let hall = Arc::clone(&hall);
        std::thread::spawn(move || hall.call(peer, deadline));
    }
    let met = hall.wait(deadline);
    hall.closed.store(true, Ordering::Relaxed);
    let links = met?;
    all_ready(layout, &links, deadline)?;
    Ok(links)
}

/// Where members meet.
struct Hall {
    layout: Layout,
    own: Hello,
    seats: Mutex<Seats>,
    changed: Condvar,
    /// Everybody is here, or somebody never will be.
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
    /// Why the start fails.
    failed: Option<Error>,
}

impl Hall {
    /// Waits until every seat is taken.
    fn wait(&self, deadline: Instant) -> Result<Vec<Option<Link>>> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(error) = seats.failed.take() {
                return Err(error);
            }
            let present = seats.links.iter().flatten().count();
            if present + 1 == self.layout.processes {
                return Ok(std::mem::take(&mut seats.links));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(self.absent(&seats.links));
            }
            seats = self.changed.wait_timeout(seats, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn absent(&self, links: &[Option<Link>]) -> Error {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        let absent = |peer: &usize| *peer != self.layout.process && links[*peer].is_none();
        let name = |peer: usize| match &notes[peer] {
            note if note.is_empty() => self.layout.name(peer),
            note => format!("{} ({note})", self.layout.name(peer)),
        };
        let names: Vec<String> = (0..self.layout.processes).filter(absent).map(name).collect();
        Error::peer(
            names.join(", "),
            format!("did not come within {} s", self.layout.start_timeout.as_secs()),
            "start every process of --hosts with the same key, check the addresses, or raise --start-timeout",
        )
    }

    fn fail(&self, error: Error) {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.failed.get_or_insert(error);
        self.changed.notify_all();
    }

    /// Gives a member the seat of its index, or says why not. A member that has gone makes room for the one that comes
    /// after it. `welcome` is said before anybody can know that the seat is taken; if it cannot be, the seat stays free.
    fn seat(
        &self,
        peer: usize,
        link: &Link,
        welcome: impl FnOnce() -> io::Result<()>,
    ) -> std::result::Result<(), String> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        match seats.links.get_mut(peer) {
            Some(seat) if seat.as_ref().is_none_or(|link| !link.is_there()) => {
                welcome().map_err(|e| e.to_string())?;
                *seat = Some(link.clone());
            }
            _ => return Err(format!("there is a process {peer} already")),
        }
        self.changed.notify_all();
        Ok(())
    }

    /// Calls a process of lower index until it answers.
    fn call(&self, peer: usize, deadline: Instant) {
        while !self.closed.load(Ordering::Relaxed) && Instant::now() < deadline {
            let note = match self.call_once(peer) {
                Ok(Some(note)) => note,
                Ok(None) => return,
                Err(error) => return self.fail(error),
            };
            if !note.is_empty() {
                self.notes.lock().unwrap_or_else(PoisonError::into_inner)[peer] = note;
            }
            std::thread::sleep(RETRY_EVERY);
        }
    }

    /// Nothing once the peer has its seat, otherwise what went wrong, if it is more than that nobody answers; an error
    /// where trying again is no use.
    fn call_once(&self, peer: usize) -> Result<Option<String>> {
        let address = &self.layout.hosts[peer];
        let Ok(socket) = dial(address) else { return Ok(Some(String::new())) };
        let (link, answer) = match handshake::call(socket, &self.layout.security, &self.own) {
            Ok(met) => met,
            Err(_) => {
                return Ok(Some("it answered, but the handshake failed: is it segmill with the same key?".into()));
            }
        };
        match self.own.fit(&answer.hello) {
            Fit::Never(error) => return Err(error),
            Fit::OtherAttempt => return Ok(Some("an earlier attempt still answers there".into())),
            Fit::Fits => {}
        }
        if answer.hello.process != peer {
            return Err(Error::job(
                "--hosts",
                format!("process {} answers at {address}, the address of process {peer}", answer.hello.process),
                "give every process the same hosts file",
            ));
        }
        if let Some(reason) = answer.refused {
            let problem = format!("it refused this process: {reason}");
            return Err(Error::job(self.layout.name(peer), problem, "give every process an index of its own"));
        }
        match self.seat(peer, &link, || Ok(())) {
            Ok(()) => Ok(None),
            Err(reason) => Ok(Some(reason)),
        }
    }

    /// Greets whoever called.
    fn receive(&self, socket: Arc<TcpStream>) {
        let met = socket.try_clone().and_then(|socket| handshake::answer(socket, &self.layout.security));
        self.strangers.lock().unwrap_or_else(PoisonError::into_inner).retain(|other| !Arc::ptr_eq(other, &socket));
        let (link, hello) = match met {
            Ok(met) => met,
            Err(error) => {
                let from = socket.peer_addr().map(|a| a.to_string()).unwrap_or_default();
                self.note_refusal(&from, &error);
                return;
            }
        };
        let answer = |refused: Option<String>| Answer { hello: self.own.clone(), refused };
        let refused = match self.own.fit(&hello) {
            Fit::Never(error) => {
                let _ = handshake::reply(&link, &answer(None));
                return self.fail(error);
            }
            Fit::OtherAttempt => "this is another attempt".to_string(),
            // Only processes of higher index call.
            Fit::Fits if hello.process < self.own.process => "a process of lower index waits to be called".to_string(),
            Fit::Fits => match self.seat(hello.process, &link, || handshake::reply(&link, &answer(None))) {
                Ok(()) => return,
                Err(reason) => reason,
            },
        };
        tracing::warn!(process = hello.process, attempt = hello.attempt, refused, "refused a member");
        let _ = handshake::reply(&link, &answer(Some(refused)));
    }

    /// Logs a refused connection: whoever calls again and again fills no disk.
    fn note_refusal(&self, from: &str, error: &io::Error) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        refusals.silent += 1;
        if refusals.logged.is_none_or(|logged| logged.elapsed() > LOG_EVERY) {
            let connections = std::mem::take(&mut refusals.silent);
            refusals.logged = Some(Instant::now());
            tracing::warn!(connections, from, %error, "refused who is not a member");
        }
    }

    /// Notes a connection, and hangs up on the oldest where there are too many.
    fn note_stranger(&self, socket: &Arc<TcpStream>) {
        let mut strangers = self.strangers.lock().unwrap_or_else(PoisonError::into_inner);
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

/// Accepts connections in the background, each greeted on a thread of its own so that a silent one holds up nobody.
fn listen(hall: &Arc<Hall>) -> Result<()> {
    let layout = &hall.layout;
    let (address, flag) = match &layout.listen {
        Some(address) => (address, "--listen"),
        None => (&layout.hosts[layout.process], "--hosts"),
    };
    let failed = |e: io::Error| {
        let remedy = format!("check {flag}, and that nothing else listens there");
        Error::peer(address, format!("cannot listen: {e}"), remedy)
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let hall = Arc::clone(hall);
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
    Ok(())
}

/// Says to every peer that all seats are taken here, and hears the same of it. Then the links are made to notice
/// when a peer falls silent.
fn all_ready(layout: &Layout, links: &[Option<Link>], deadline: Instant) -> Result<()> {
    let peers = || links.iter().enumerate().filter_map(|(peer, link)| Some((peer, link.as_ref()?)));
    let left = |peer: usize, error: io::Error| {
        let waited = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
        let problem = if waited { "never had all other processes" } else { "left while the others were starting" };
        Error::peer(layout.name(peer), problem, "see what it says itself, and start all processes again")
    };
    for (peer, link) in peers() {
        link.say(READY).map_err(|e| left(peer, e))?;
    }
    for (peer, link) in peers() {
        let time = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        link.socket().set_read_timeout(Some(time)).map_err(|e| left(peer, e))?;
        if link.hear().map_err(|e| left(peer, e))? != READY {
            return Err(left(peer, io::ErrorKind::InvalidData.into()));
        }
        link.socket().set_read_timeout(None).and_then(|()| watch_socket(link.socket())).map_err(|e| left(peer, e))?;
    }
    Ok(())
}

/// A peer whose machine is gone answers nothing, not even that it has gone.
fn watch_socket(socket: &TcpStream) -> io::Result<()> {
    let socket = SockRef::from(socket);
    let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(5)).with_interval(Duration::from_secs(5));
    socket.set_tcp_keepalive(&keepalive)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}
