//! Addresses of members where only that of process 0 is known: process 0 tells the others where it saw each of them.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use super::layout::Layout;
use super::link::{Link, MOST_PAYLOAD, peers};
use crate::error::{Error, Result};

/// Tells all processes that called where the others listen: at the addresses they called from.
pub fn tell(layout: &Layout, links: &[Option<Link>], ports: &[u16]) -> Result<()> {
    let place = |(peer, link): (usize, &Option<Link>)| match link {
        Some(link) => {
            let seen = link.socket().peer_addr().map_err(|e| layout.left_at_start(peer, &e))?;
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
    peers(links).try_for_each(|(peer, link)| link.say(&message).map_err(|e| layout.left_at_start(peer, &e)))
}

/// Hears from process 0 where all others are.
pub fn hear(layout: &Layout, link: &Link, deadline: Instant) -> Result<Vec<String>> {
    let hear = || {
        let places = bincode::deserialize(&link.hear_by(deadline)?).map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(addresses(places, &layout.hosts[0]))
    };
    hear().map_err(|e| layout.left_at_start(0, &e))
}

/// The addresses of the members that process 0, itself called at `first`, saw at these places. A member that came over the
/// loopback of process 0 is on its machine.
pub(crate) fn addresses(places: Vec<Option<SocketAddr>>, first: &str) -> Vec<String> {
    let machine = first.rsplit_once(':').map_or(first, |(machine, _)| machine);
    let address = |place: Option<SocketAddr>| match place {
        Some(place) if place.ip().is_loopback() => format!("{machine}:{}", place.port()),
        Some(place) => place.to_string(),
        None => first.to_string(),
    };
    places.into_iter().map(address).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_on_the_machine_of_the_first_are_called_there() {
        let seen = |place: &str| Some(place.parse().unwrap());
        let places =
            vec![None, seen("127.0.1.1:4001"), seen("10.0.0.7:4002"), seen("[::1]:4003"), seen("[fd00::7]:4004")];
        let expected = ["node1:2101", "node1:4001", "10.0.0.7:4002", "node1:4003", "[fd00::7]:4004"];
        assert_eq!(addresses(places, "node1:2101"), expected);
    }
}
