//! From a socket to a [`Link`] with a member whose [`Hello`] is known.
//!
//! With a key: Noise, pattern NNpsk0 (Perrin 2018, revision 34), so that even the caller's first message needs the key. Both
//! sides contribute a fresh key, so an old handshake that is played again ends at the first message after it. Without a
//! key both sides say a magic word instead. Then the caller sends its hello, and the other side answers with its own and with
//! whether it takes the caller.
//!
//! A handshake has [`TIMEOUT`] in all, however slowly its bytes drip.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use snow::{HandshakeState, StatelessTransportState};

use super::hello::Hello;
use super::key::ClusterKey;
use super::link::{Link, Seal};

const PATTERN: &str = "Noise_NNpsk0_25519_AESGCM_BLAKE2s";
const PROLOGUE: &[u8] = b"segmill cluster";
const MAGIC: [u8; 16] = *b"SEGMILL PLAIN \x00\x01";
pub const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of a message of the handshake itself, which has a key and a tag.
const LARGEST_STEP: usize = 256;

/// How links are protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Security {
    /// Encrypted and authenticated with the cluster's key.
    Key(ClusterKey),
    /// By a checksum only: for networks where every machine is trusted.
    Plaintext,
}

/// What the called side answers to a hello.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    pub hello: Hello,
    /// Why it does not take the caller; absent where it does.
    pub refused: Option<String>,
}

/// The caller's part: proves the key, says its hello and hears the answer.
pub fn call(socket: TcpStream, security: &Security, own: &Hello) -> io::Result<(Link, Answer)> {
    let deadline = Instant::now() + TIMEOUT;
    prepare(&socket)?;
    let seal = match security {
        Security::Key(key) => {
            let mut noise = builder(key)?.build_initiator().map_err(io::Error::other)?;
            send_step(&mut noise, &socket)?;
            receive_step(&mut noise, |bytes| read_by(&socket, bytes, deadline))?;
            transport(noise)?
        }
        Security::Plaintext => swap_magic(&socket, deadline)?,
    };
    let link = begin(socket, seal, deadline)?;
    link.say(&bincode::serialize(own).map_err(io::Error::other)?)?;
    let answer = bincode::deserialize(&link.hear()?).map_err(|_| ErrorKind::InvalidData)?;
    end(&link)?;
    Ok((link, answer))
}

/// The called side's part, as far as the caller's hello. Fails for a stranger.
pub fn answer(socket: TcpStream, security: &Security) -> io::Result<(Link, Hello)> {
    let deadline = Instant::now() + TIMEOUT;
    prepare(&socket)?;
    let seal = match security {
        Security::Key(key) => {
            let mut noise = builder(key)?.build_responder().map_err(io::Error::other)?;
            receive_step(&mut noise, |bytes| read_by(&socket, bytes, deadline))?;
            send_step(&mut noise, &socket)?;
            transport(noise)?
        }
        Security::Plaintext => swap_magic(&socket, deadline)?,
    };
    let link = begin(socket, seal, deadline)?;
    let hello = bincode::deserialize(&link.hear()?).map_err(|_| ErrorKind::InvalidData)?;
    end(&link)?;
    Ok((link, hello))
}

/// Ends the called side's part.
pub fn reply(link: &Link, answer: &Answer) -> io::Result<()> {
    link.say(&bincode::serialize(answer).map_err(io::Error::other)?)
}

fn prepare(socket: &TcpStream) -> io::Result<()> {
    socket.set_nonblocking(false)?;
    socket.set_nodelay(true)?;
    socket.set_write_timeout(Some(TIMEOUT))
}

/// A link whose next frame must come before the deadline.
fn begin(socket: TcpStream, seal: Seal, deadline: Instant) -> io::Result<Link> {
    socket.set_read_timeout(Some(left(deadline)?))?;
    Link::new(socket, seal)
}

fn end(link: &Link) -> io::Result<()> {
    link.socket().set_read_timeout(None)?;
    link.socket().set_write_timeout(None)
}

fn left(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
}

pub(crate) fn builder(key: &ClusterKey) -> io::Result<snow::Builder<'_>> {
    let pattern = PATTERN.parse().map_err(io::Error::other)?;
    snow::Builder::new(pattern).prologue(PROLOGUE).and_then(|b| b.psk(0, key.bytes())).map_err(io::Error::other)
}

pub(crate) fn transport(noise: HandshakeState) -> io::Result<Seal> {
    let noise: StatelessTransportState = noise.into_stateless_transport_mode().map_err(io::Error::other)?;
    Ok(Seal::Noise(Box::new(noise)))
}

fn send_step(noise: &mut HandshakeState, mut socket: &TcpStream) -> io::Result<()> {
    let mut message = [0; 2 + LARGEST_STEP];
    let length = noise.write_message(&[], &mut message[2..]).map_err(io::Error::other)?;
    message[..2].copy_from_slice(&(length as u16).to_le_bytes());
    socket.write_all(&message[..2 + length])
}

/// Hears a message of the handshake; `read` fills what it is given.
pub(crate) fn receive_step(
    noise: &mut HandshakeState,
    mut read: impl FnMut(&mut [u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut length = [0; 2];
    read(&mut length)?;
    let length = usize::from(u16::from_le_bytes(length));
    let mut message = [0; LARGEST_STEP];
    let message = message.get_mut(..length).ok_or(ErrorKind::InvalidData)?;
    read(message)?;
    noise.read_message(message, &mut [0; LARGEST_STEP]).map_err(|_| ErrorKind::PermissionDenied)?;
    Ok(())
}

fn swap_magic(mut socket: &TcpStream, deadline: Instant) -> io::Result<Seal> {
    socket.write_all(&MAGIC)?;
    let mut magic = [0; MAGIC.len()];
    read_by(socket, &mut magic, deadline)?;
    if magic == MAGIC { Ok(Seal::Plain) } else { Err(ErrorKind::InvalidData.into()) }
}

/// Fills `bytes` before the deadline.
fn read_by(mut socket: &TcpStream, bytes: &mut [u8], deadline: Instant) -> io::Result<()> {
    let mut at = 0;
    while at < bytes.len() {
        socket.set_read_timeout(Some(left(deadline)?))?;
        match socket.read(&mut bytes[at..])? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            read => at += read,
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::hello::example;
    use super::*;
    use std::net::TcpListener;

    /// A socket to a caller that runs `caller`.
    fn called(caller: impl FnOnce(TcpStream) + Send + 'static) -> (TcpStream, std::thread::JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let caller = std::thread::spawn(move || caller(TcpStream::connect(address).unwrap()));
        (listener.accept().unwrap().0, caller)
    }

    fn key() -> Security {
        Security::Key(ClusterKey::generate().unwrap())
    }

    fn pattern(i: u32) -> u8 {
        (i.wrapping_mul(i) >> 5) as u8
    }

    #[test]
    fn members_meet_and_bytes_arrive_as_they_were_sent() {
        for security in [key(), Security::Plaintext] {
            let theirs = security.clone();
            let (socket, caller) = called(move |socket| {
                let (mut link, answer) = call(socket, &theirs, &example(1)).unwrap();
                assert_eq!(answer, Answer { hello: example(0), refused: None });
                link.pulse(7).unwrap();
                let sent: Vec<u8> = (0..300_000).map(pattern).collect();
                link.write_all(&sent).unwrap();
                link.pulse(8).unwrap();
                assert_eq!(link.hear().unwrap(), b"thanks");
            });
            let (mut link, hello) = answer(socket, &security).unwrap();
            assert_eq!(hello, example(1));
            reply(&link, &Answer { hello: example(0), refused: None }).unwrap();
            let mut received = vec![0; 300_000];
            link.read_exact(&mut received).unwrap();
            assert!(received.iter().copied().eq((0..300_000).map(pattern)));
            assert_eq!(link.watermark(), 7);
            link.say(b"thanks").unwrap();
            caller.join().unwrap();
            assert_eq!(link.read(&mut [0; 8]).unwrap(), 0);
            assert_eq!(link.watermark(), 8);
            assert!(link.silence().is_none() && !link.is_there());
        }
    }

    /// The invariant `timely-stays-here`: no link, no bytes.
    #[test]
    fn strangers_are_not_answered() {
        let noise: &[&[u8]] = &[b"GET / HTTP/1.1\r\n\r\n", b"", &[0; 4096], &[0xff; 70_000], &[48, 0]];
        for security in [key(), Security::Plaintext] {
            for &bytes in noise {
                let (socket, stranger) = called(move |mut socket| {
                    let _ = socket.write_all(bytes);
                    let _ = socket.shutdown(std::net::Shutdown::Write);
                    let _ = socket.read_to_end(&mut Vec::new());
                });
                assert!(answer(socket, &security).is_err());
                stranger.join().unwrap();
            }
        }
    }

    #[test]
    fn another_key_or_none_does_not_open() {
        for (own, theirs) in [(key(), key()), (key(), Security::Plaintext), (Security::Plaintext, key())] {
            let (socket, caller) = called(move |socket| assert!(call(socket, &theirs, &example(1)).is_err()));
            assert!(answer(socket, &own).is_err());
            caller.join().unwrap();
        }
    }

    /// The first message of a caller, heard on the way, opens nothing a second time.
    #[test]
    fn a_handshake_played_again_ends_before_the_hello() {
        let security = key();
        let Security::Key(secret) = &security else { unreachable!("it has a key") };
        let mut noise = builder(secret).unwrap().build_initiator().unwrap();
        let mut first = vec![0; 2 + LARGEST_STEP];
        let length = noise.write_message(&[], &mut first[2..]).unwrap();
        first[0] = length as u8;
        first.truncate(2 + length);
        for _ in 0..2 {
            let first = first.clone();
            let (socket, replayer) = called(move |mut socket| {
                socket.write_all(&first).unwrap();
                socket.write_all(&[100, 0]).unwrap();
                socket.write_all(&[7; 100]).unwrap();
                let _ = socket.read_to_end(&mut Vec::new());
            });
            assert!(answer(socket, &security).is_err());
            replayer.join().unwrap();
        }
    }
}
