//! Any bytes as what a session of `segmill follow` has left.

use std::path::Path;

use super::{Taken, assert_says_what_to_do};
use crate::error::Result;
use crate::live::state::log::{self, Found};
use crate::live::state::snapshot::SnapshotReader;
use crate::live::state::{Coding, frame};
use crate::runs::follow::header::Header;
use crate::runs::follow::keep;

/// After `l` a log, after `s` a snapshot, as they are; after `L` and `S` what is in their frames; after `h` and `k` what is in a
/// snapshot of format 1, after `H` and `K` in one of format 2.
pub fn state(data: &[u8]) {
    let mut data = Taken(data);
    match data.byte() {
        b'l' => read_log(data.0),
        b's' => read_snapshot(data.0),
        b'L' => read_log(&framed(data)),
        b'S' => read_snapshot(&framed(data)),
        b'h' => says_what_to_do(Header::read(Coding::Bincode, data.0).map(drop)),
        b'H' => says_what_to_do(Header::read(Coding::Postcard, data.0).map(drop)),
        b'k' => says_what_to_do(keep::read_users(Coding::Bincode, data.0).map(drop)),
        b'K' => says_what_to_do(keep::read_users(Coding::Postcard, data.0).map(drop)),
        _ => {}
    }
}

/// Frames with a number each, the highest of which stands for the last of all; two bytes say how long a frame is.
fn framed(mut data: Taken<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    while !data.is_empty() {
        let number = match data.byte() {
            u8::MAX => u64::MAX,
            number => number.into(),
        };
        let length = usize::from(data.byte()) | usize::from(data.byte()) << 8;
        let payload = data.take(length);
        bytes.extend(frame::encode(number, |into| into.extend(payload)));
    }
    bytes
}

/// What is whole of a log is a log.
fn read_log(bytes: &[u8]) {
    match log::scan(bytes, Path::new("log")) {
        Err(error) => assert_says_what_to_do(&error),
        Ok(found) => {
            let end = found.end as usize;
            assert!(found.first > 0 && found.last + 1 >= found.first && found.torn == (end < bytes.len()), "{found:?}");
            let whole = log::scan(&bytes[..end], Path::new("log")).expect("it was read");
            assert_eq!(whole, Found { torn: false, ..found });
        }
    }
}

/// A snapshot is read to its end, or is none.
fn read_snapshot(bytes: &[u8]) {
    let read = || -> Result<()> {
        let mut snapshot = SnapshotReader::begin(bytes, Path::new("snapshot"))?;
        let (mut n, mut length) = (0, 0);
        while let Some(frame) = snapshot.next()? {
            (n, length) = (n + 1, length + frame.len());
        }
        assert!(n * frame::HEAD_BYTES + length < bytes.len(), "{n} frames of {length} bytes");
        assert_eq!(snapshot.next()?, None, "the end stays the end");
        Ok(())
    };
    says_what_to_do(read());
}

fn says_what_to_do(read: Result<()>) {
    read.err().iter().for_each(assert_says_what_to_do);
}
