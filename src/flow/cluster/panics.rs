//! How a process of a cluster ends before its time.
//!
//! timely leaves the other workers hanging when one panics, so a panic ends the process: with exit code 5 where a
//! connection broke, 70 otherwise. Before that it tells its peers why, which then end with 5.

use std::sync::{Mutex, PoisonError};

use super::layout::Layout;
use super::link::Link;
use crate::error::{self, Error};
use crate::watch::say;

/// The peers that are told when this process ends before its time.
static PEERS: Mutex<Vec<Link>> = Mutex::new(Vec::new());

/// Held to the end of the process by the thread that ends it: what fails after the first failure waits and is never shown.
static ENDING: Mutex<()> = Mutex::new(());

/// Reports what happened, here and to the peers, and ends the process.
pub fn end(error: &Error) -> ! {
    let _first = ENDING.lock().unwrap_or_else(PoisonError::into_inner);
    say::error(error);
    leave(error)
}

/// Ends the process without a message here.
pub fn leave(error: &Error) -> ! {
    if let Ok(peers) = PEERS.try_lock() {
        peers.iter().for_each(|link| link.farewell(&error.to_string()));
    }
    std::process::exit(i32::from(error.exit_code()));
}

/// From now on these peers are told.
pub fn tell(links: &[Option<Link>]) {
    *PEERS.lock().unwrap_or_else(PoisonError::into_inner) = links.iter().flatten().cloned().collect();
}

/// The first panic is reported in one line and ends the process.
pub fn end_on_panic(layout: &Layout) {
    let layout = layout.clone();
    std::panic::set_hook(Box::new(move |info| {
        if error::is_catching() {
            return;
        }
        let thread = std::thread::current().name().unwrap_or("?").to_string();
        let place = info.location().map(|l| format!("{}:{}", l.file(), l.line())).unwrap_or_default();
        end(&classify(&layout, &thread, info.payload_as_str().unwrap_or_default(), place));
    }));
}

/// The error that a panic on `thread` at `place` stands for.
fn classify(layout: &Layout, thread: &str, text: &str, place: String) -> Error {
    // As timely says it: "timely communication error: reading data: the cause", on a thread named after the peer.
    let Some((_, what)) = text.split_once("timely communication error: ") else {
        return Error::Bug { place, problem: format!("{thread}: {}", text.replace('\n', " ")) };
    };
    let cause = what.split_once(": ").map_or(what, |(_, cause)| cause);
    let peer = thread.rsplit('-').next().and_then(|peer| peer.parse().ok());
    let name =
        peer.filter(|&peer| peer < layout.processes).map_or_else(|| thread.to_string(), |peer| layout.name(peer));
    Error::peer(name, format!("the connection broke ({cause})"), "start all processes again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_connection_is_the_peers_and_anything_else_a_bug() {
        let hosts = vec!["a:1".to_string(), "b:2".to_string()];
        let layout = Layout { processes: 2, hosts, ..Layout::single(1) };
        let text = "timely communication error: reading data: it left: x.csv:3: bad: row";
        let error = classify(&layout, "timely:recv-1", text, "tcp.rs:1".into());
        assert_eq!(error.exit_code(), 5);
        let said = error.to_string();
        assert!(said.starts_with("process 1 (b:2): ") && said.contains("x.csv:3: bad: row"), "{said}");
        let error = classify(&layout, "timely:work-0", "index\nout of bounds", "pca.rs:7".into());
        assert_eq!(error.exit_code(), 70);
        assert!(error.to_string().starts_with("pca.rs:7: timely:work-0: index out of bounds"), "{error}");
    }
}
