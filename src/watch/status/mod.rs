//! How far this process is, told to people on a terminal ([`line`]), and over HTTP to people, to Prometheus and to whoever
//! restarts processes.
//!
//! | path | answer |
//! |---|---|
//! | `/` | a page for people, which asks anew every two seconds |
//! | `/metrics` | the same in Prometheus' text format |
//! | `/live.json` | what `segmill follow` keeps up to date, as JSON; 404 where there is nothing of it |
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 503 until all processes have found each other, 200 from then on |
//!
//! Nothing can be changed through the port, and nothing is read from disk for it. A connection is good for one request,
//! which has [`PATIENCE`] to come whole and [`http::MOST_BYTES`] to fit in. Each has a thread of its own, so that a silent one
//! keeps nobody else waiting; past [`MOST_CONNECTIONS`] at once they are turned away.

#[cfg(test)]
mod fixture;
pub(crate) mod http;
pub mod line;
mod live;
mod metrics;
mod page;
mod table;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::watch::progress;
use http::{Answer, Request};

/// A request that is not there by then is given up, and so is an answer that is not taken.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_CONNECTIONS: usize = 16;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Begins to answer at `address` (`host:port`; port 0: any free one) for as long as the process lives. Returns where.
///
/// # Errors
/// [`Error::Job`] where nobody can listen there.
pub fn serve(address: &str) -> Result<SocketAddr> {
    let failed = |e: std::io::Error| {
        let remedy = "name a host:port of this machine where nothing else listens, or port 0 for any free one";
        Error::job("--status-addr", format!("cannot listen at {address}: {e}"), remedy)
    };
    let listener = TcpListener::bind(address).map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    progress::watch();
    thread::Builder::new().name("status".into()).spawn(move || accept(&listener)).map_err(failed)?;
    Ok(bound)
}

fn accept(listener: &TcpListener) {
    let open = Arc::new(());
    loop {
        match listener.accept() {
            Ok((socket, _)) => receive(socket, &open),
            // No more file descriptors, perhaps: others may be closed soon.
            Err(_) => thread::sleep(PAUSE_AFTER_FAILURE),
        }
    }
}

/// Answers a connection on a thread of its own. As many hold `open` as there are.
fn receive(socket: TcpStream, open: &Arc<()>) {
    if Arc::strong_count(open) > MOST_CONNECTIONS {
        return;
    }
    let held = Arc::clone(open);
    let answered = thread::Builder::new().name("status".into()).spawn(move || {
        // Whoever has hung up needs no answer.
        let _ = http::answer(&socket, PATIENCE, respond);
        drop(held);
    });
    // Without a thread the connection is closed.
    drop(answered);
}

fn respond(request: &Request) -> Answer {
    match request.path.as_str() {
        "/" => Answer::page(page::page(&progress::now())),
        "/metrics" => Answer::text(200, metrics::TEXT_FORMAT, metrics::metrics(&progress::now())),
        "/healthz" => Answer::plain(200, "alive"),
        "/readyz" if progress::now().ready => Answer::plain(200, "ready"),
        "/readyz" => Answer::plain(503, "waiting for the other processes"),
        "/live.json" => followed(),
        _ => Answer::plain(404, "there is /, /metrics, /live.json, /healthz and /readyz"),
    }
}

fn followed() -> Answer {
    let json = progress::live().and_then(|live| serde_json::to_string(&*live).ok());
    match json {
        Some(json) => Answer::text(200, "application/json", json + "\n"),
        None => Answer::plain(404, "no segments are followed here, or their ratings are still being read"),
    }
}
