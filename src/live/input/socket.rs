//! A TCP or Unix socket where any client may send lines, and hears how many of them are safe.
//!
//! Every client sends lines on a separate connection, at most [`MOST_CLIENTS`] at a time. Once a batch is safe, each client that
//! sent a line of it gets `{"acknowledged":N}`: the first N lines of its connection, bad and blank ones included, are in the log. N
//! rises, but not by 1: where a client is slow to read, it hears the newest number only, so nothing piles up for it, and nothing
//! waits for it. A client that has sent all closes its side of the connection (or all of it); when everything it sent is
//! acknowledged, the connection is closed from this side too.
//!
//! A client that goes away in the middle of a line has that piece rejected as `SHORT_LINE`: it may be the beginning of a longer one.
//! Every client that can reach the socket can send changes: guard it by the network, or by the permissions of the folder.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use socket2::Socket;

use super::feed::{Acknowledge, Feed, Outlet, PATIENCE, Place};
use super::lines::Lines;
use super::stream::{MOST_READ, is_ready};
use crate::error::{Error, Result};
use crate::live::change::Position;

/// Clients at a time.
pub const MOST_CLIENTS: usize = 256;
/// How long clients may take, at the end of the run, to read what is left for them.
const FAREWELL: Duration = Duration::from_secs(1);

/// Listens.
pub struct SocketFeed {
    name: String,
    listener: Socket,
    /// Removed at the end.
    _file: Option<SocketFile>,
    clients: Arc<Clients>,
    stop_at_end: bool,
}

impl SocketFeed {
    /// At `HOST:PORT`.
    ///
    /// # Errors
    /// [`Error::Job`] where it cannot listen.
    pub fn tcp(name: String, address: &str, stop_at_end: bool) -> Result<SocketFeed> {
        let listener = TcpListener::bind(address).map_err(|e| cannot_listen(&name, &e))?;
        if let Ok(address) = listener.local_addr() {
            tracing::info!("{name}: listening on {address}");
        }
        SocketFeed::new(name, listener.into(), None, stop_at_end)
    }

    /// At a path. The socket of a process that is gone is replaced.
    ///
    /// # Errors
    /// [`Error::Job`] where it cannot listen, or another process does.
    pub fn unix(name: String, path: &Path, stop_at_end: bool) -> Result<SocketFeed> {
        clear(&name, path)?;
        let listener = UnixListener::bind(path).map_err(|e| cannot_listen(&name, &e))?;
        let file = SocketFile::of(path).map_err(|e| cannot_listen(&name, &e))?;
        SocketFeed::new(name, listener.into(), Some(file), stop_at_end)
    }

    fn new(name: String, listener: Socket, file: Option<SocketFile>, stop_at_end: bool) -> Result<SocketFeed> {
        listener.set_nonblocking(true).map_err(|e| cannot_listen(&name, &e))?;
        Ok(SocketFeed { name, listener, _file: file, clients: Arc::default(), stop_at_end })
    }

    /// Where it listens; for a port that was left to the system.
    #[cfg(test)]
    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().as_socket().unwrap().port()
    }

    /// Lets a client in, if one waits.
    fn accept(&self, out: &Outlet) -> io::Result<()> {
        let socket = match self.listener.accept() {
            Ok((socket, _)) => socket,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(e) => return Err(e),
        };
        if self.clients.count() >= MOST_CLIENTS {
            tracing::warn!("{}: {MOST_CLIENTS} clients are connected; another is turned away", self.name);
            return (&socket).write_all(b"{\"error\":\"too many clients\"}\n");
        }
        socket.set_nonblocking(true)?;
        // Only TCP knows these.
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_keepalive(true);
        self.clients.start(socket, out.clone())
    }
}

fn cannot_listen(name: &str, e: &io::Error) -> Error {
    Error::job(
        "--input",
        format!("{name}: cannot listen there: {e}"),
        "name another address, or stop the program that uses it",
    )
}

impl Feed for SocketFeed {
    fn name(&self) -> &str {
        &self.name
    }

    fn acknowledger(&mut self) -> Box<dyn Acknowledge> {
        Box::new(Acknowledgements(Arc::clone(&self.clients)))
    }

    /// Ends when all clients have been read; acknowledgements follow later.
    fn run(self: Box<Self>, out: Outlet) -> Result<()> {
        while !(out.stopped() || self.stop_at_end && self.clients.have_gone()) {
            let let_in = is_ready(&self.listener, PollFlags::IN).and_then(|ready| match ready {
                true => self.accept(&out),
                false => Ok(()),
            });
            if let Err(e) = let_in {
                // A client that left again, or no room for another.
                tracing::warn!("{}: a client cannot connect: {e}", self.name);
                thread::sleep(PATIENCE);
            }
        }
        while self.clients.reading.load(Ordering::Acquire) > 0 {
            thread::sleep(PATIENCE / 10);
        }
        Ok(())
    }
}

/// The clients that are connected.
#[derive(Default)]
struct Clients {
    /// By their numbers, from 1 in the order in which they came.
    connected: Mutex<HashMap<u64, Arc<Client>>>,
    came: AtomicUsize,
    /// How many of them may still send.
    reading: AtomicUsize,
    /// The run is over.
    over: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Clients {
    fn connected(&self) -> MutexGuard<'_, HashMap<u64, Arc<Client>>> {
        self.connected.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count(&self) -> usize {
        self.connected().len()
    }

    /// There was a client, and there is none any more.
    fn have_gone(&self) -> bool {
        self.came.load(Ordering::Acquire) > 0 && self.reading.load(Ordering::Acquire) == 0
    }

    fn start(self: &Arc<Self>, socket: Socket, out: Outlet) -> io::Result<()> {
        let number = self.came.load(Ordering::Relaxed) as u64 + 1;
        let client = Arc::new(Client { socket, told: Mutex::default() });
        let (clients, own) = (Arc::clone(self), Arc::clone(&client));
        let body = move || {
            let sent = own.read(number, &out);
            clients.reading.fetch_sub(1, Ordering::AcqRel);
            // Nothing waits for these to end but the acknowledgements.
            drop(out);
            own.tell_until(sent, &clients.over);
            clients.connected().remove(&number);
        };
        self.connected().insert(number, client);
        self.reading.fetch_add(1, Ordering::AcqRel);
        self.came.fetch_add(1, Ordering::AcqRel);
        let thread = thread::Builder::new().name("client".into()).spawn(body).inspect_err(|_| {
            self.reading.fetch_sub(1, Ordering::AcqRel);
            self.connected().remove(&number);
        })?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| !thread.is_finished());
        threads.push(thread);
        Ok(())
    }
}

/// Tells the clients how far they are safe. Dropped, it ends their connections.
struct Acknowledgements(Arc<Clients>);

impl Acknowledge for Acknowledgements {
    fn acknowledge(&mut self, _: &Position, streams: &BTreeMap<u64, u64>) -> Result<()> {
        let connected = self.0.connected();
        for (number, &lines) in streams {
            if let Some(client) = connected.get(number) {
                client.tell(lines);
            }
        }
        Ok(())
    }
}

impl Drop for Acknowledgements {
    fn drop(&mut self) {
        self.0.over.store(true, Ordering::Release);
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        threads.into_iter().for_each(|thread| drop(thread.join()));
    }
}

/// One connection.
struct Client {
    socket: Socket,
    told: Mutex<Told>,
}

/// How far a client has been told.
#[derive(Default)]
struct Told {
    /// The newest number to tell.
    newest: u64,
    /// The newest that is told, or begun to be.
    begun: u64,
    /// What is left of a line that the connection would not take.
    rest: Vec<u8>,
    /// The client has gone.
    broken: bool,
}

impl Told {
    fn is_waiting(&self) -> bool {
        !self.broken && (!self.rest.is_empty() || self.begun < self.newest)
    }

    /// Says as much as the connection takes.
    fn say(&mut self, mut socket: &Socket) {
        while self.is_waiting() {
            if self.rest.is_empty() {
                self.begun = self.newest;
                self.rest = format!("{{\"acknowledged\":{}}}\n", self.newest).into_bytes();
            }
            match socket.write(&self.rest) {
                Ok(length) => drop(self.rest.drain(..length)),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.broken = true,
            }
        }
    }
}

impl Client {
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This many lines are safe.
    fn tell(&self, lines: u64) {
        let mut told = self.told();
        told.newest = told.newest.max(lines);
        told.say(&self.socket);
    }

    /// Waits until something comes, or what is to be told can be.
    fn wait(&self, reading: bool) -> io::Result<()> {
        let waiting = self.told().is_waiting();
        let flags = match (reading, waiting) {
            (true, true) => PollFlags::IN | PollFlags::OUT,
            (true, false) => PollFlags::IN,
            (false, true) => PollFlags::OUT,
            (false, false) => {
                thread::sleep(PATIENCE / 10);
                return Ok(());
            }
        };
        is_ready(&self.socket, flags)?;
        self.told().say(&self.socket);
        Ok(())
    }

    /// Reads to the end of what the client sends. Returns how many lines there were.
    fn read(&self, number: u64, out: &Outlet) -> u64 {
        let place = Place::Connection(number);
        let mut lines = Lines::new(out.parser(), 0, 0);
        let mut buffer = vec![0; MOST_READ];
        while !out.stopped() && self.wait(true).is_ok() {
            match (&self.socket).read(&mut buffer) {
                Ok(0) => break,
                Ok(length) => {
                    if !out.send(lines.take(&buffer[..length], place)) {
                        return lines.number();
                    }
                }
                Err(e) if matches!(e.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => break,
            }
        }
        if !out.stopped() {
            let _ = out.send(lines.break_off(place));
        }
        lines.number()
    }

    /// Tells the client of all `sent` lines as they become safe, or what can be told soon where the run is over.
    fn tell_until(&self, sent: u64, over: &AtomicBool) {
        let mut last = None;
        loop {
            let (waiting, done, broken) = {
                let told = self.told();
                (told.is_waiting(), told.begun >= sent && told.rest.is_empty(), told.broken)
            };
            if over.load(Ordering::Acquire) {
                last.get_or_insert_with(|| Instant::now() + FAREWELL);
            }
            if broken || done || last.is_some_and(|last| !waiting || Instant::now() > last) || self.wait(false).is_err()
            {
                return;
            }
        }
    }
}

/// The file of a Unix socket, gone with the value unless another has taken its place.
struct SocketFile {
    path: PathBuf,
    inode: u64,
}

impl SocketFile {
    fn of(path: &Path) -> io::Result<SocketFile> {
        Ok(SocketFile { path: path.into(), inode: fs::symlink_metadata(path)?.ino() })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|file| file.ino() == self.inode) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Removes the socket that a process which is gone has left at `path`.
fn clear(name: &str, path: &Path) -> Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else { return Ok(()) };
    if !metadata.file_type().is_socket() {
        return Err(Error::job("--input", format!("{name}: a file is there"), "name another path"));
    }
    match UnixStream::connect(path) {
        Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {
            fs::remove_file(path).map_err(|e| cannot_listen(name, &e))
        }
        _ => Err(Error::job("--input", format!("{name}: another process listens there already"), "name another path")),
    }
}
