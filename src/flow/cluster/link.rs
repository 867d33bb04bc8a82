//! A checked connection between two processes.
//!
//! Everything travels in frames. On an encrypted link a frame is a Noise transport message, whose tag proves who wrote it
//! and that it is the next one: a damaged, repeated or left-out frame ends the link, and no byte of it gets further. On a
//! plain link a frame has a checksum over its number and its bytes, against accidents only.
//!
//! A frame carries data, or a sign of life ([`Link::pulse`]), or the reason why the other side leaves
//! ([`Link::farewell`]). timely reads and writes one link from two threads: clones share one state.

use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use snow::StatelessTransportState;
use timely::communication::allocator::zero_copy::stream::Stream;

use crate::watch::progress;

/// A Noise message has at most 65,535 bytes, 16 of them its tag; one byte says what the frame is.
pub const MOST_PAYLOAD: usize = 65_535 - 16 - 1;
const TAG_BYTES: usize = 16;
const CRC_BYTES: usize = 4;
const RECEIVE_BUFFER: usize = 256 << 10;

const DATA: u8 = 0;
const PULSE: u8 = 1;
const FAREWELL: u8 = 2;

/// What protects the bytes of a frame.
pub enum Seal {
    Noise(Box<StatelessTransportState>),
    /// A checksum.
    Plain,
}

impl Seal {
    /// Writes the frame number `number` that holds `payload` into `frame`, its length first.
    pub(crate) fn close(&self, number: u64, payload: &[u8], frame: &mut Vec<u8>) -> io::Result<()> {
        frame.clear();
        let length = payload.len() + if matches!(self, Seal::Noise(_)) { TAG_BYTES } else { CRC_BYTES };
        frame.extend(u16::try_from(length).expect("a frame is no longer than that").to_le_bytes());
        match self {
            Seal::Noise(noise) => {
                frame.resize(2 + length, 0);
                noise.write_message(number, payload, &mut frame[2..]).map_err(io::Error::other)?;
            }
            Seal::Plain => {
                frame.extend(payload);
                frame.extend(checksum(number, payload).to_le_bytes());
            }
        }
        Ok(())
    }

    /// Reads what frame `number` holds from its body into `payload`.
    pub(crate) fn open(&self, number: u64, body: &[u8], payload: &mut Vec<u8>) -> io::Result<()> {
        let damaged = || io::Error::new(ErrorKind::InvalidData, "a message was damaged on the way");
        match self {
            Seal::Noise(noise) => {
                payload.resize(body.len(), 0);
                let length = noise.read_message(number, body, payload).map_err(|_| damaged())?;
                payload.truncate(length);
            }
            Seal::Plain => {
                let (bytes, sum) = body.split_last_chunk::<CRC_BYTES>().ok_or_else(damaged)?;
                if checksum(number, bytes).to_le_bytes() != *sum {
                    return Err(damaged());
                }
                payload.clear();
                payload.extend_from_slice(bytes);
            }
        }
        Ok(())
    }
}

fn checksum(number: u64, bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_le_bytes());
    hasher.update(bytes);
    hasher.finalize()
}

/// The peers that are linked, by index.
pub fn peers(links: &[Option<Link>]) -> impl Iterator<Item = (usize, &Link)> {
    links.iter().enumerate().filter_map(|(peer, link)| Some((peer, link.as_ref()?)))
}

/// One end of a connection. Clones are the same end.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
}

struct Shared {
    socket: TcpStream,
    seal: Seal,
    outgoing: Mutex<Outgoing>,
    incoming: Mutex<Incoming<BufReader<TcpStream>>>,
    life: Life,
}

struct Outgoing {
    number: u64,
    payload: Vec<u8>,
    frame: Vec<u8>,
}

/// Frames as they come from a reader.
pub(crate) struct Incoming<R> {
    number: u64,
    reader: R,
    body: Vec<u8>,
    /// A frame's payload, of which `at` bytes have been read.
    payload: Vec<u8>,
    at: usize,
}

/// What is known of the other side.
pub(crate) struct Life {
    since: Instant,
    /// Milliseconds after `since` when a frame was last read.
    heard: AtomicU64,
    /// How far the other side said it was.
    watermark: AtomicU64,
    /// It has shut down its end: nothing more is to come.
    closed: AtomicBool,
}

/// Locks even after a panic elsewhere: what is behind these locks is only ever replaced whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    pub fn new(socket: TcpStream, seal: Seal) -> io::Result<Link> {
        let reader = BufReader::with_capacity(RECEIVE_BUFFER, socket.try_clone()?);
        let outgoing = Outgoing { number: 0, payload: Vec::new(), frame: Vec::new() };
        let (outgoing, incoming) = (Mutex::new(outgoing), Mutex::new(Incoming::new(reader)));
        Ok(Link { shared: Arc::new(Shared { socket, seal, outgoing, incoming, life: Life::begin() }) })
    }

    /// Sends a whole message of at most [`MOST_PAYLOAD`] bytes.
    pub fn say(&self, message: &[u8]) -> io::Result<()> {
        assert!(message.len() <= MOST_PAYLOAD, "a message is one frame");
        self.send(DATA, message)
    }

    /// Waits for a whole message.
    pub fn hear(&self) -> io::Result<Vec<u8>> {
        let mut incoming = lock(&self.shared.incoming);
        incoming.receive(&self.shared.seal, &self.shared.life)?;
        Ok(incoming.take_whole())
    }

    /// Waits for a whole message that comes before the deadline.
    pub fn hear_by(&self, deadline: Instant) -> io::Result<Vec<u8>> {
        let time = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
        self.socket().set_read_timeout(Some(time))?;
        let message = self.hear()?;
        self.socket().set_read_timeout(None)?;
        Ok(message)
    }

    /// A sign of life, with how far this side is.
    pub fn pulse(&self, watermark: u64) -> io::Result<()> {
        self.send(PULSE, &watermark.to_le_bytes())
    }

    /// Tells the other side why this one leaves. Does not wait: where another thread is writing, nothing is sent.
    pub fn farewell(&self, reason: &str) {
        let end = reason.char_indices().map(|(at, _)| at).take_while(|&at| at <= 1000).last().unwrap_or(0);
        let reason = if reason.len() > 1000 { &reason[..end] } else { reason };
        let _ = self.shared.socket.set_write_timeout(Some(Duration::from_millis(200)));
        if let Ok(mut outgoing) = self.shared.outgoing.try_lock() {
            let _ = self.send_from(&mut outgoing, FAREWELL, reason.as_bytes());
        }
    }

    /// How long the other side has been silent; nothing where it has shut down its end.
    pub fn silence(&self) -> Option<Duration> {
        let life = &self.shared.life;
        let heard = Duration::from_millis(life.heard.load(Ordering::Relaxed));
        let silence = life.since.elapsed().saturating_sub(heard);
        (!life.closed.load(Ordering::Relaxed)).then_some(silence)
    }

    /// Lets the silence so far not count.
    pub fn forgive(&self) {
        self.shared.life.hear();
    }

    /// How far the other side said it was.
    pub fn watermark(&self) -> u64 {
        self.shared.life.watermark.load(Ordering::Relaxed)
    }

    pub fn socket(&self) -> &TcpStream {
        &self.shared.socket
    }

    /// False where the other side is known to have gone. Reads nothing.
    pub fn is_there(&self) -> bool {
        let socket = &self.shared.socket;
        if socket.set_nonblocking(true).is_err() {
            return false;
        }
        let there = match socket.peek(&mut [0]) {
            Ok(read) => read > 0,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        };
        there && socket.set_nonblocking(false).is_ok()
    }

    fn send(&self, kind: u8, bytes: &[u8]) -> io::Result<()> {
        self.send_from(&mut lock(&self.shared.outgoing), kind, bytes)
    }

    fn send_from(&self, outgoing: &mut Outgoing, kind: u8, bytes: &[u8]) -> io::Result<()> {
        outgoing.payload.clear();
        outgoing.payload.push(kind);
        outgoing.payload.extend_from_slice(bytes);
        self.shared.seal.close(outgoing.number, &outgoing.payload, &mut outgoing.frame)?;
        outgoing.number += 1;
        progress::sent(outgoing.frame.len());
        (&self.shared.socket).write_all(&outgoing.frame)
    }
}

impl Life {
    pub(crate) fn begin() -> Life {
        Life {
            since: Instant::now(),
            heard: AtomicU64::new(0),
            watermark: AtomicU64::new(0),
            closed: AtomicBool::new(false),
        }
    }

    fn hear(&self) {
        self.heard.store(self.since.elapsed().as_millis() as u64, Ordering::Relaxed);
    }
}

impl<R: Read> Incoming<R> {
    pub(crate) fn new(reader: R) -> Incoming<R> {
        Incoming { number: 0, reader, body: Vec::new(), payload: Vec::new(), at: 0 }
    }

    /// Takes the data of the frame last read.
    pub(crate) fn take_whole(&mut self) -> Vec<u8> {
        self.at = self.payload.len();
        self.payload[1..].to_vec()
    }

    /// Waits for the next frame of data.
    pub(crate) fn receive(&mut self, seal: &Seal, life: &Life) -> io::Result<()> {
        loop {
            self.read_frame(seal)?;
            life.hear();
            match self.payload.split_first() {
                Some((&DATA, _)) => return Ok(()),
                Some((&PULSE, watermark)) => {
                    let watermark = watermark.try_into().map_err(|_| ErrorKind::InvalidData)?;
                    life.watermark.store(u64::from_le_bytes(watermark), Ordering::Relaxed);
                }
                Some((&FAREWELL, reason)) => {
                    let reason = String::from_utf8_lossy(reason);
                    return Err(io::Error::new(ErrorKind::ConnectionAborted, format!("it left: {reason}")));
                }
                _ => return Err(ErrorKind::InvalidData.into()),
            }
        }
    }

    /// Waits for the next frame of any kind.
    fn read_frame(&mut self, seal: &Seal) -> io::Result<()> {
        let mut length = [0; 2];
        self.reader.read_exact(&mut length)?;
        self.body.resize(usize::from(u16::from_le_bytes(length)), 0);
        self.reader.read_exact(&mut self.body)?;
        seal.open(self.number, &self.body, &mut self.payload)?;
        self.number += 1;
        self.at = 1;
        Ok(())
    }
}

impl Read for Link {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut incoming = lock(&self.shared.incoming);
        while incoming.at >= incoming.payload.len() {
            match incoming.receive(&self.shared.seal, &self.shared.life) {
                // The other side has shut down its end. timely takes it for an error unless it was told before.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    self.shared.life.closed.store(true, Ordering::Relaxed);
                    return Ok(0);
                }
                other => other?,
            }
        }
        let rest = &incoming.payload[incoming.at..];
        let length = rest.len().min(into.len());
        into[..length].copy_from_slice(&rest[..length]);
        incoming.at += length;
        Ok(length)
    }
}

impl Write for Link {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = bytes.len().min(MOST_PAYLOAD);
        self.send(DATA, &bytes[..length])?;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Stream for Link {
    fn try_clone(&self) -> io::Result<Link> {
        Ok(self.clone())
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        self.shared.socket.set_nonblocking(nonblocking)
    }

    fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        // Under the lock, so that no sign of life is cut in two.
        let _outgoing = lock(&self.shared.outgoing);
        match self.shared.socket.shutdown(how) {
            // The other side has all it waited for, and has gone first.
            Err(error) if error.kind() == ErrorKind::NotConnected => Ok(()),
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Both ends of an encrypted link, and of a plain one.
    fn seals() -> [(Seal, Seal); 2] {
        let pattern = || snow::Builder::new("Noise_NN_25519_AESGCM_BLAKE2s".parse().unwrap());
        let (mut one, mut other) = (pattern().build_initiator().unwrap(), pattern().build_responder().unwrap());
        let (mut message, mut payload) = ([0; 200], [0; 200]);
        let length = one.write_message(&[], &mut message).unwrap();
        other.read_message(&message[..length], &mut payload).unwrap();
        let length = other.write_message(&[], &mut message).unwrap();
        one.read_message(&message[..length], &mut payload).unwrap();
        let noise = |state: snow::HandshakeState| Seal::Noise(Box::new(state.into_stateless_transport_mode().unwrap()));
        [(noise(one), noise(other)), (Seal::Plain, Seal::Plain)]
    }

    /// The invariant `timely-stays-here`: no byte of a frame that is not the next one gets further.
    #[test]
    fn a_damaged_repeated_or_left_out_frame_is_not_opened() {
        for (one, other) in seals() {
            let (mut frame, mut opened) = (Vec::new(), Vec::new());
            for length in [0, 1, 1000, MOST_PAYLOAD + 1] {
                let payload: Vec<u8> = (0..length).map(|i| (i * 7) as u8).collect();
                one.close(5, &payload, &mut frame).unwrap();
                assert_eq!(frame.len() - 2, usize::from(u16::from_le_bytes([frame[0], frame[1]])));
                other.open(5, &frame[2..], &mut opened).unwrap();
                assert_eq!(opened, payload);
                // Another number: what a frame that was repeated, or left out, leaves the reader with.
                assert!(other.open(4, &frame[2..], &mut opened).is_err());
                assert!(other.open(6, &frame[2..], &mut opened).is_err());
                for at in [2, frame.len() / 2, frame.len() - 1] {
                    let mut damaged = frame.clone();
                    damaged[at] ^= 16;
                    assert!(other.open(5, &damaged[2..], &mut opened).is_err());
                }
                assert!(other.open(5, &frame[2..frame.len() - 1], &mut opened).is_err());
            }
            assert!(other.open(5, &[], &mut opened).is_err());
        }
    }
}
