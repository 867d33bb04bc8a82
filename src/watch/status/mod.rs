//! How far this process is, shown on a terminal ([`line`]) and over HTTP: to people, to Prometheus and to what restarts
//! processes.
//!
//! | path | answer |
//! |---|---|
//! | `/` | a page for people, which reloads every two seconds |
//! | `/metrics` | the same in Prometheus' text format |
//! | `/live.json` | what `segmill follow` keeps up to date, as JSON; 404 where nothing is followed |
//! | `/healthz` | 200 while the process lives |
//! | `/readyz` | 503 until all processes have found each other, 200 from then on |
//!
//! Nothing can be changed through the port, and nothing is read from disk for it. Each connection serves one request,
//! which must be complete within [`PATIENCE`] and at most [`http::MOST_BYTES`] long. Each connection has a separate thread, so
//! that a silent one does not block the others; beyond [`MOST_CONNECTIONS`] at once, new ones are closed.

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

/// The time within which a request must arrive, and its answer be taken.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_CONNECTIONS: usize = 16;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);

/// Begins to answer at `address` (`host:port`; port 0: any free one) for as long as the process lives. Returns where.
///
/// # Errors
/// [`Error::Job`] if the address cannot be listened on.
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

/// Answers a connection on a separate thread. `open` is held once for each connection.
fn receive(socket: TcpStream, open: &Arc<()>) {
    if Arc::strong_count(open) > MOST_CONNECTIONS {
        return;
    }
    let held = Arc::clone(open);
    let answered = thread::Builder::new().name("status".into()).spawn(move || {
        // A client that has hung up needs no answer.
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
