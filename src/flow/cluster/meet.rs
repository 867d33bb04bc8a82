//! How the processes of a cluster find each other.
//!
//! The one of higher index calls the lower one's address, trying again until it answers. A process takes every caller that
//! proves to be a member ([`super::handshake`]) and fits ([`super::hello`]), gives it the seat of its index, and drops all
//! others ([`super::hall`]). When every seat is taken all members tell each other so; a member that leaves before is noticed then.
//!
//! Where only the address of process 0 is known, all others call it first and say at which port they listen. When all have
//! called, it tells them where it saw each of them ([`super::places`]): then they call each other.

use std::io;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::{SockRef, TcpKeepalive};

use super::hall::Hall;
use super::hello::Hello;
use super::layout::Layout;
use super::link::{Link, peers};
use super::places;
use super::pulse::SILENCE;
use crate::error::{Error, Result};

const READY: &[u8] = b"ready";

/// A link to every other process, in order; none at this process's own place.
pub fn meet(layout: &Layout, mut own: Hello) -> Result<Vec<Option<Link>>> {
    let deadline = Instant::now() + layout.start_timeout;
    let listener = if layout.process + 1 < layout.processes { Some(listener(layout)?) } else { None };
    own.port = listener.as_ref().and_then(|listener| listener.local_addr().ok()).map_or(0, |address| address.port());
    let hall = Arc::new(Hall::new(layout, own));
    if let Some(listener) = listener {
        hall.greet(listener);
    }
    let only_first = layout.hosts.len() < layout.processes;
    let met = if only_first { told(layout, &hall, deadline) } else { hall.called(0, &layout.hosts, deadline) };
    hall.close();
    let links = met?;
    all_ready(layout, &links, deadline)?;
    Ok(links)
}

/// Meets the others where only the address of process 0 is known, which tells the rest.
fn told(layout: &Layout, hall: &Arc<Hall>, deadline: Instant) -> Result<Vec<Option<Link>>> {
    let first = &layout.hosts[..1];
    if layout.process == 0 {
        let links = hall.called(0, first, deadline)?;
        places::tell(layout, &links, &hall.ports())?;
        return Ok(links);
    }
    let link = hall.call_first(&first[0], deadline)?;
    let hosts = places::hear(layout, &link, deadline)?;
    hall.called(1, &hosts, deadline)
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

/// Tells every peer that all seats are taken here, and hears the same from it. Then the links are made to notice
/// when a peer falls silent.
fn all_ready(layout: &Layout, links: &[Option<Link>], deadline: Instant) -> Result<()> {
    for (peer, link) in peers(links) {
        link.say(READY).map_err(|e| layout.left_at_start(peer, &e))?;
    }
    for (peer, link) in peers(links) {
        if link.hear_by(deadline).map_err(|e| layout.left_at_start(peer, &e))? != READY {
            return Err(layout.left_at_start(peer, &io::ErrorKind::InvalidData.into()));
        }
        watch_socket(link.socket()).map_err(|e| layout.left_at_start(peer, &e))?;
    }
    Ok(())
}

/// Has the system notice a peer whose machine is gone: it answers nothing, not even that it has gone.
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
}
