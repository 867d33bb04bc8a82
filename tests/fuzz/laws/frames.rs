//! Any bytes from the wire.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::OnceLock;

use super::{Taken, assert_says_what_to_do};
use crate::flow::cluster::handshake::{self, Answer};
use crate::flow::cluster::hello::{self, Fit, Hello};
use crate::flow::cluster::link::{Incoming, Life, MOST_PAYLOAD, Seal};
use crate::flow::cluster::{ClusterKey, places};
use crate::flow::launch::Orders;
use crate::ingest::rows::{Batch, Name};

/// The first byte says what the rest is taken for.
pub fn frames(data: &[u8]) {
    let Some((&kind, rest)) = data.split_first() else { return };
    match kind {
        b'r' => _ = receive(&Seal::Plain, rest),
        b'l' => link(plain(), rest),
        b'e' => link(encrypted(), rest),
        b's' => handshake_step(rest),
        b'h' => hello(rest),
        b'a' => answer(rest),
        b'p' => places(rest),
        b'b' => batch(rest),
        b'n' => _ = bincode::deserialize::<Name>(rest),
        b'o' => orders(rest),
        _ => {}
    }
}

type Ends = &'static (Seal, Seal);

fn plain() -> Ends {
    static ENDS: (Seal, Seal) = (Seal::Plain, Seal::Plain);
    &ENDS
}

fn encrypted() -> Ends {
    static ENDS: OnceLock<(Seal, Seal)> = OnceLock::new();
    ENDS.get_or_init(|| {
        let builder = || handshake::builder(key()).expect("the pattern is known");
        let mut one = builder().build_initiator().expect("an initiator");
        let mut other = builder().build_responder().expect("a responder");
        let (mut message, mut payload) = ([0; 256], [0; 256]);
        let length = one.write_message(&[], &mut message).expect("the first message");
        other.read_message(&message[..length], &mut payload).expect("the first message");
        let length = other.write_message(&[], &mut message).expect("the answer");
        one.read_message(&message[..length], &mut payload).expect("the answer");
        (handshake::transport(one).expect("a link"), handshake::transport(other).expect("a link"))
    })
}

fn key() -> &'static ClusterKey {
    static KEY: OnceLock<ClusterKey> = OnceLock::new();
    KEY.get_or_init(|| ClusterKey::parse(&"5e".repeat(32), "here").expect("a key"))
}

/// The messages that come out of `bytes` before something is wrong.
fn receive(seal: &Seal, bytes: &[u8]) -> Vec<Vec<u8>> {
    let (mut incoming, life) = (Incoming::new(bytes), Life::begin());
    let mut messages = Vec::new();
    while incoming.receive(seal, &life).is_ok() {
        messages.push(incoming.take_whole());
        assert!(messages.last().is_some_and(|message| message.len() <= MOST_PAYLOAD));
    }
    messages
}

/// Frames of any kind and length, and bytes in between that no member wrote. What is data arrives, in order, up to the first
/// byte that is not the members' own.
fn link((one, other): Ends, data: &[u8]) {
    const DATA: u8 = 0;
    const PULSE: u8 = 1;
    let mut taken = Taken(data);
    let (mut wire, mut frame) = (Vec::new(), Vec::new());
    let (mut expected, mut number, mut intact) = (Vec::new(), 0, true);
    while !taken.is_empty() {
        let kind = taken.byte();
        let length = usize::from(taken.byte()) << (kind >> 6 << 2);
        let bytes = taken.take(length.min(MOST_PAYLOAD));
        let (stray, kind) = (kind & 15 == 15, kind & 3);
        if stray {
            wire.extend(bytes);
            intact &= bytes.is_empty();
            continue;
        }
        one.close(number, &[&[kind], bytes].concat(), &mut frame).expect("a frame");
        wire.extend(&frame);
        number += 1;
        if intact && kind == DATA {
            expected.push(bytes.to_vec());
        }
        intact &= kind == DATA || kind == PULSE && bytes.len() == 8;
    }
    let received = receive(other, &wire);
    assert!(received.starts_with(&expected), "{received:?} {expected:?}");
    assert!(!intact || received == expected, "{received:?} {expected:?}");
}

/// The first message of whoever calls. Nobody without the key gets past it.
fn handshake_step(mut bytes: &[u8]) {
    let mut noise = handshake::builder(key())
        .and_then(|b| b.build_responder().map_err(std::io::Error::other))
        .expect("a responder");
    let heard = handshake::receive_step(&mut noise, |into| bytes.read_exact(into));
    assert!(heard.is_err(), "a stranger has the key");
}

fn hello(bytes: &[u8]) {
    let Ok(met) = bincode::deserialize::<Hello>(bytes) else { return };
    if let Fit::Never(error) = hello::example(0).fit(&met) {
        assert_says_what_to_do(&error);
    }
}

fn answer(bytes: &[u8]) {
    let Ok(answer) = bincode::deserialize::<Answer>(bytes) else { return };
    if let Fit::Never(error) = hello::example(0).fit(&answer.hello) {
        assert_says_what_to_do(&error);
    }
}

fn places(bytes: &[u8]) {
    let Ok(places) = bincode::deserialize::<Vec<Option<SocketAddr>>>(bytes) else { return };
    let n = places.len();
    assert_eq!(places::addresses(places, "node1:2101").len(), n);
}

/// What is taken for rows are all of the bytes of whole rows.
fn batch(bytes: &[u8]) {
    let Ok(batch) = bincode::deserialize::<Batch>(bytes) else { return };
    let mut again = Vec::new();
    bincode::serialize_into(&mut again, &batch).and_then(|()| Ok(again.flush()?)).expect("a batch serialises");
    assert!(bytes.starts_with(&again), "a batch changed on the way");
}

fn orders(bytes: &[u8]) {
    let Some(orders) = Orders::from_line(bytes) else { return };
    match orders.security() {
        Err(error) => assert_says_what_to_do(&error),
        Ok(_) => assert_eq!(Orders::from_line(orders.to_line().as_bytes()), Some(orders)),
    }
}
