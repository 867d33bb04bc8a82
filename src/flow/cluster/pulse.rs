//! Signs of life: noticing peers that are stopped, cut off or hang.
//!
//! Every second a process tells every other that it lives and how far it is. One that has said nothing for [`SILENCE`]
//! is lost, and a lost peer ends the process. A process that was stopped itself, for as long or longer, starts counting anew: it
//! cannot tell who was silent. How far a peer is shows that it works; a peer that lives and does not get further is
//! mentioned, but only the job's user can know how long a step may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::layout::Layout;
use super::link::{Link, peers};
use super::panics;
use crate::error::Error;
use crate::watch::progress;

/// A peer that says nothing for this long is lost.
pub const SILENCE: Duration = Duration::from_secs(20);
const EVERY: Duration = Duration::from_secs(1);
/// A process that did not run for this long was stopped.
const STOPPED: Duration = Duration::from_secs(3);
/// A cluster that gets no further for this long is worth a line in the log.
const STANDSTILL: Duration = Duration::from_secs(300);

/// How far this process is: rises with every collective and every batch of rows.
static WATERMARK: AtomicU64 = AtomicU64::new(0);

/// Notes that this process got further.
pub fn advance() {
    WATERMARK.fetch_add(1, Ordering::Relaxed);
}

/// Watches over the peers as long as the value lives.
pub struct Pulse {
    over: Arc<AtomicBool>,
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}

impl Pulse {
    /// Begins to give and to expect signs of life.
    pub fn start(layout: &Layout, links: &[Option<Link>]) -> Pulse {
        let over = Arc::new(AtomicBool::new(false));
        let peers: Vec<(usize, Link)> = peers(links).map(|(peer, link)| (peer, link.clone())).collect();
        for (peer, link) in &peers {
            link.forgive();
            progress::heard(*peer, link.silence());
            let (link, over) = (link.clone(), Arc::clone(&over));
            // A thread for each: writing to a peer that reads nothing may take for ever.
            std::thread::spawn(move || beat(&link, &over));
        }
        let (layout, still) = (layout.clone(), Arc::clone(&over));
        std::thread::spawn(move || watch(&layout, &peers, &still));
        Pulse { over }
    }
}

/// Gives signs of life to a peer.
fn beat(link: &Link, over: &AtomicBool) {
    while !over.load(Ordering::Relaxed) && link.pulse(WATERMARK.load(Ordering::Relaxed)).is_ok() {
        std::thread::sleep(EVERY);
    }
}

/// Expects signs of life of all peers.
fn watch(layout: &Layout, peers: &[(usize, Link)], over: &AtomicBool) {
    let mut last = Instant::now();
    let mut standstill = Standstill { watermark: 0, since: Instant::now() };
    loop {
        std::thread::sleep(EVERY / 2);
        if over.load(Ordering::Relaxed) {
            return;
        }
        if last.elapsed() > STOPPED {
            peers.iter().for_each(|(_, link)| link.forgive());
        }
        last = Instant::now();
        peers.iter().for_each(|(peer, link)| end_if_silent(layout, *peer, link));
        standstill.note(peers.iter().fold(WATERMARK.load(Ordering::Relaxed), |sum, (_, link)| sum + link.watermark()));
    }
}

fn end_if_silent(layout: &Layout, peer: usize, link: &Link) {
    progress::heard(peer, link.silence());
    if link.silence().is_some_and(|silence| silence > SILENCE) {
        let problem = format!("it has said nothing for {} s: stopped, or cut off", SILENCE.as_secs());
        let error = Error::peer(layout.name(peer), problem, "find out why, and start all processes again");
        panics::end(&error);
    }
}

/// How long the cluster has been no further.
struct Standstill {
    /// Of all processes together.
    watermark: u64,
    since: Instant,
}

impl Standstill {
    fn note(&mut self, watermark: u64) {
        if watermark != self.watermark {
            *self = Standstill { watermark, since: Instant::now() };
        } else if self.since.elapsed() > STANDSTILL {
            let minutes = STANDSTILL.as_secs() / 60;
            tracing::warn!("all processes live, but none has got further for {minutes} minutes");
            self.since = Instant::now();
        }
    }
}
