//! How the processes of a cluster find each other.
//!
//! The one of higher index calls the lower one's address, trying again until it answers. A process takes whoever proves
//! to be a member ([`super::handshake`]) and fits ([`super::hello`]), gives it the seat of its index, and drops everybody
//! else: at most [`MOST_STRANGERS`] at a time, the longest waiting first, so that silent ones keep nobody out. When every
//! seat is taken all members tell each other so; whoever leaves before is noticed then.
//!
//! Where only the address of process 0 is known, all others call it first and say at which port they listen. When
//! everybody has called, it tells them where it saw whom: then they call each other.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::Layout;
use super::handshake::{self, Answer};
use super::hello::{Fit, Hello};
use super::link::{Link, MOST_PAYLOAD};
use super::pulse::SILENCE;
use crate::error::{Error, Result};

/// Connections that have not proved anything, at most.
const MOST_STRANGERS: usize = 64;
const RETRY_EVERY: Duration = Duration::from_millis(50);
/// Refused connections are logged at most so often.
const LOG_EVERY: Duration = Duration::from_secs(5);
const READY: &[u8] = b"ready";

/// A link to every other process, in order; none at this process's own place.
pub fn meet(layout: &Layout, mut own: Hello) -> Result<Vec<Option<Link>>> {
    let deadline = Instant::now() + layout.start_timeout;
    let listener = if layout.process + 1 < layout.processes { Some(listener(layout)?) } else { None };
    own.port = listener.as_ref().and_then(|listener| listener.local_addr().ok()).map_or(0, |address| address.port());
    let only_first = layout.hosts.len() < layout.processes;
    let hall = Arc::new(Hall {
        layout: layout.clone(),
        own,
        seats: Mutex::new(Seats {
            links: vec![None; layout.processes],
            ports: vec![0; layout.processes],
            failed: None,
        }),
        changed: Condvar::new(),
        closed: AtomicBool::new(false),
        notes: Mutex::new(vec![String::new(); layout.processes]),
        strangers: Mutex::new(VecDeque::new()),
        refusals: Mutex::default(),
    });
    if let Some(listener) = listener {
        hall.greet(listener);
    }
    let met = if only_first { hall.told(deadline) } else { hall.called(0, &layout.hosts, deadline) };
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
    /// Where those listen who called here.
    ports: Vec<u16>,
    /// Why the start fails.
    failed: Option<Error>,
}

impl Hall {
    /// Calls the processes of lower index from `first` on at their addresses, and waits for everybody.
    fn called(self: &Arc<Hall>, first: usize, hosts: &[String], deadline: Instant) -> Result<Vec<Option<Link>>> {
        for (peer, address) in hosts.iter().enumerate().take(self.layout.process).skip(first) {
            let (hall, address) = (Arc::clone(self), address.clone());
            std::thread::spawn(move || hall.call(peer, &address, deadline));
        }
        let others = self.layout.processes - 1;
        self.wait(deadline, |seats| seats.links.iter().flatten().count() == others)?;
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut seats.links))
    }

    /// The same where only the address of process 0 is known, which tells the others.
    fn told(self: &Arc<Hall>, deadline: Instant) -> Result<Vec<Option<Link>>> {
        let first = &self.layout.hosts[..1];
        if self.layout.process == 0 {
            let links = self.called(0, first, deadline)?;
            let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
            tell(&self.layout, &links, &seats.ports)?;
            return Ok(links);
        }
        let (hall, address) = (Arc::clone(self), first[0].clone());
        std::thread::spawn(move || hall.call(0, &address, deadline));
        self.wait(deadline, |seats| seats.links[0].is_some())?;
        let link = self.seats.lock().unwrap_or_else(PoisonError::into_inner).links[0].clone().expect("it was there");
        let hosts = hear_hosts(&self.layout, &link, deadline)?;
        self.called(1, &hosts, deadline)
    }

    /// Waits until `enough` seats are taken.
    fn wait(&self, deadline: Instant, enough: impl Fn(&Seats) -> bool) -> Result<()> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
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
            "start every process with the same key, check the addresses, or raise --start-timeout",
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
        (peer, port): (usize, u16),
        link: &Link,
        welcome: impl FnOnce() -> io::Result<()>,
    ) -> std::result::Result<(), String> {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
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
                self.notes.lock().unwrap_or_else(PoisonError::into_inner)[peer] = note;
            }
            std::thread::sleep(RETRY_EVERY);
        }
    }

    /// Nothing once the peer has its seat, otherwise what went wrong, if it is more than that nobody answers; an error
    /// where trying again is no use.
    fn call_once(&self, peer: usize, address: &str) -> Result<Option<String>> {
        let socket = match dial(address) {
            Ok(socket) => socket,
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(Some(String::new())),
            Err(error) => return Ok(Some(error.to_string())),
        };
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
        match self.seat((peer, answer.hello.port), &link, || Ok(())) {
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
            Fit::Fits => match self.seat((hello.process, hello.port), &link, || handshake::reply(&link, &answer(None)))
            {
                Ok(()) => return,
                Err(reason) => reason,
            },
        };
        tracing::warn!(process = hello.process, attempt = hello.attempt, refused, "refused a member");
        let _ = handshake::reply(&link, &answer(Some(refused)));
    }

    /// Accepts connections in the background, each greeted on a thread of its own so that a silent one holds up nobody.
    fn greet(self: &Arc<Hall>, listener: TcpListener) {
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

fn listener(layout: &Layout) -> Result<TcpListener> {
    let (address, flag) = match (&layout.listen, layout.hosts.get(layout.process)) {
        (Some(address), _) => (address.as_str(), "--listen or --port"),
        (None, Some(address)) => (address.as_str(), "--hosts"),
        (None, None) => ("0.0.0.0:0", "--listen"),
    };
    let failed = |e: io::Error| {
        let remedy = format!("check {flag}, and that nothing else listens there");
        Error::peer(address, format!("cannot listen: {e}"), remedy)
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(listener)
}

/// Tells everybody who called where the others listen: at the addresses they called from.
fn tell(layout: &Layout, links: &[Option<Link>], ports: &[u16]) -> Result<()> {
    let place = |(peer, link): (usize, &Option<Link>)| match link {
        Some(link) => {
            let seen = link.socket().peer_addr().map_err(|e| left(layout, peer, &e))?;
            Ok(Some(SocketAddr::new(seen.ip().to_canonical(), ports[peer])))
        }
        None => Ok(None),
    };
    let places: Vec<Option<SocketAddr>> = links.iter().enumerate().map(place).collect::<Result<_>>()?;
    let message = bincode::serialize(&places).expect("addresses serialise");
    if message.len() > MOST_PAYLOAD {
        let problem = format!("the addresses of {} processes do not fit one message", layout.processes);
        return Err(Error::job("WORLD_SIZE", problem, "name every process in --hosts"));
    }
    peers(links).try_for_each(|(peer, link)| link.say(&message).map_err(|e| left(layout, peer, &e)))
}

/// Hears from process 0 where everybody is.
fn hear_hosts(layout: &Layout, link: &Link, deadline: Instant) -> Result<Vec<String>> {
    let hear = || {
        let places = bincode::deserialize(&hear_by(link, deadline)?).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(addresses(places, &layout.hosts[0]))
    };
    hear().map_err(|e| left(layout, 0, &e))
}

/// Where to call whom process 0, which is called at `first`, saw at these places: whoever came over its own loopback is on
/// its machine.
pub(crate) fn addresses(places: Vec<Option<SocketAddr>>, first: &str) -> Vec<String> {
    let machine = first.rsplit_once(':').map_or(first, |(machine, _)| machine);
    let address = |place: Option<SocketAddr>| match place {
        Some(place) if place.ip().is_loopback() => format!("{machine}:{}", place.port()),
        Some(place) => place.to_string(),
        None => first.to_string(),
    };
    places.into_iter().map(address).collect()
}

/// Says to every peer that all seats are taken here, and hears the same of it. Then the links are made to notice
/// when a peer falls silent.
fn all_ready(layout: &Layout, links: &[Option<Link>], deadline: Instant) -> Result<()> {
    for (peer, link) in peers(links) {
        link.say(READY).map_err(|e| left(layout, peer, &e))?;
    }
    for (peer, link) in peers(links) {
        if hear_by(link, deadline).map_err(|e| left(layout, peer, &e))? != READY {
            return Err(left(layout, peer, &io::ErrorKind::InvalidData.into()));
        }
        watch_socket(link.socket()).map_err(|e| left(layout, peer, &e))?;
    }
    Ok(())
}

/// Who is linked, by index.
pub fn peers(links: &[Option<Link>]) -> impl Iterator<Item = (usize, &Link)> {
    links.iter().enumerate().filter_map(|(peer, link)| Some((peer, link.as_ref()?)))
}

/// A message that comes before the deadline.
fn hear_by(link: &Link, deadline: Instant) -> io::Result<Vec<u8>> {
    let time = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
    link.socket().set_read_timeout(Some(time))?;
    let message = link.hear()?;
    link.socket().set_read_timeout(None)?;
    Ok(message)
}

/// A peer is of no use for the start.
fn left(layout: &Layout, peer: usize, error: &io::Error) -> Error {
    let waited = matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    let problem = if waited { "never had all other processes" } else { "left while the others were starting" };
    Error::peer(layout.name(peer), problem, "see what it says itself, and start all processes again")
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

#[cfg(test)]
mod tests {
    use super::super::Security;
    use super::super::hello::example;
    use super::*;

    /// Starts members that know these addresses, and says which links each has.
    fn met(hosts: &[String], listen: Option<&str>) -> Vec<Vec<bool>> {
        let start = |process: usize| {
            let layout = Layout {
                processes: 3,
                process,
                hosts: hosts.to_vec(),
                listen: listen.filter(|_| process > 0).map(String::from),
                start_timeout: Duration::from_secs(20),
                ..Layout::single(2)
            };
            assert_eq!(layout.security, Security::Plaintext);
            std::thread::spawn(move || meet(&layout, example(process)).map(|links| (process, links)))
        };
        // The last one first, so that it waits for those it calls.
        let members: Vec<_> = (0..3).rev().map(start).collect();
        let met: Vec<_> = members.into_iter().rev().map(|member| member.join().unwrap().unwrap()).collect();
        met.iter().map(|(_, links)| links.iter().map(Option::is_some).collect()).collect()
    }

    fn free_addresses(count: usize) -> Vec<String> {
        let listeners: Vec<_> = (0..count).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        listeners.iter().map(|listener| listener.local_addr().unwrap().to_string()).collect()
    }

    #[test]
    fn everybody_meets_everybody_even_where_only_the_first_is_known() {
        let all = [[false, true, true], [true, false, true], [true, true, false]];
        assert_eq!(met(&free_addresses(3), None), all);
        assert_eq!(met(&free_addresses(1), Some("127.0.0.1:0")), all);
        assert_eq!(met(&free_addresses(1), None), all);
    }

    #[test]
    fn members_on_the_machine_of_the_first_are_called_there() {
        let seen = |place: &str| Some(place.parse().unwrap());
        let places =
            vec![None, seen("127.0.1.1:4001"), seen("10.0.0.7:4002"), seen("[::1]:4003"), seen("[fd00::7]:4004")];
        let expected = ["node1:2101", "node1:4001", "10.0.0.7:4002", "node1:4003", "[fd00::7]:4004"];
        assert_eq!(addresses(places, "node1:2101"), expected);
    }
}
