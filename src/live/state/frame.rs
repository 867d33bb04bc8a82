//! Frames: what the files of a state are made of.
//!
//! ```text
//! mark (4 bytes)  length (u32)  number (u64)  crc32 of length, number and payload (u32)  payload
//! ```
//!
//! Little-endian. Where a process was killed while it wrote, the file ends in a part of a frame; where the machine lost its power,
//! in anything of that length. Frames are synced one by one, so only the last can be bad: a bad frame with a good one behind it
//! is damage. Good frames are looked for by their mark, whose first byte is in no UTF-8 text.

use std::io::{self, Read};

const MARK: [u8; 4] = [0xff, b'S', b'G', b'F'];
/// Bytes before the payload.
pub const HEAD_BYTES: usize = 20;
/// The longest payload.
pub const MOST_PAYLOAD: usize = 1 << 30;

/// A frame that is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    pub number: u64,
    pub payload: Vec<u8>,
}

impl Frame {
    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        (HEAD_BYTES + self.payload.len()) as u64
    }
}

/// What comes next in a file of frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Frame(Frame),
    /// The file ends behind a whole frame.
    End,
    /// The last frame is not whole.
    Torn,
    /// A frame is not whole, but one behind it is.
    Damaged,
}

/// The frame of a payload of at most [`MOST_PAYLOAD`] bytes, which `fill` writes.
pub fn encode(number: u64, fill: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut bytes = vec![0; HEAD_BYTES];
    fill(&mut bytes);
    let length = u32::try_from(bytes.len() - HEAD_BYTES).expect("a payload is shorter");
    bytes[..4].copy_from_slice(&MARK);
    bytes[4..8].copy_from_slice(&length.to_le_bytes());
    bytes[8..16].copy_from_slice(&number.to_le_bytes());
    let sum = checksum(&bytes[..HEAD_BYTES], &bytes[HEAD_BYTES..]);
    bytes[16..20].copy_from_slice(&sum.to_le_bytes());
    bytes
}

fn checksum(head: &[u8], payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&head[4..16]);
    hasher.update(payload);
    hasher.finalize()
}

/// Length, number and checksum of a head that begins with the mark.
fn read_head(head: &[u8; HEAD_BYTES]) -> Option<(usize, u64, u32)> {
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let number = u64::from(word(12)) << 32 | u64::from(word(8));
    let length = word(4) as usize;
    (head[..4] == MARK && length <= MOST_PAYLOAD).then_some((length, number, word(16)))
}

/// Reads frames one after the other.
pub struct Frames<R> {
    input: R,
}

impl<R: Read> Frames<R> {
    pub fn new(input: R) -> Frames<R> {
        Frames { input }
    }

    /// The next frame. After [`Next::End`] and what is worse there is none.
    pub fn next(&mut self) -> io::Result<Next> {
        let mut bytes = Vec::new();
        self.read(HEAD_BYTES, &mut bytes)?;
        if bytes.is_empty() {
            return Ok(Next::End);
        }
        let Some((length, number, sum)) = bytes.first_chunk().and_then(read_head) else { return self.bad(bytes) };
        self.read(length, &mut bytes)?;
        let (head, payload) = bytes.split_at(HEAD_BYTES);
        if payload.len() < length || checksum(head, payload) != sum {
            return self.bad(bytes);
        }
        bytes.drain(..HEAD_BYTES);
        Ok(Next::Frame(Frame { number, payload: bytes }))
    }

    /// Reads up to `length` more bytes. Room is made as they come, whatever a damaged head says.
    fn read(&mut self, length: usize, into: &mut Vec<u8>) -> io::Result<()> {
        (&mut self.input).take(length as u64).read_to_end(into).map(drop)
    }

    /// Tells by the bytes behind them what bad bytes are.
    fn bad(&mut self, mut bytes: Vec<u8>) -> io::Result<Next> {
        self.input.read_to_end(&mut bytes)?;
        let mut marks = memchr::memmem::find_iter(&bytes[1..], &MARK);
        let whole_behind = marks.any(|at| matches!(Frames::new(&bytes[1 + at..]).first_is_whole(), Some(true)));
        Ok(if whole_behind { Next::Damaged } else { Next::Torn })
    }
}

impl Frames<&[u8]> {
    fn first_is_whole(&self) -> Option<bool> {
        let head: &[u8; HEAD_BYTES] = self.input.first_chunk()?;
        let (length, _, sum) = read_head(head)?;
        let payload = self.input[HEAD_BYTES..].get(..length)?;
        Some(checksum(head, payload) == sum)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(payloads: &[Vec<u8>]) -> Vec<u8> {
        let frames = payloads.iter().zip(1..).map(|(payload, number)| encode(number, |into| into.extend(payload)));
        frames.collect::<Vec<_>>().concat()
    }

    /// The payloads of the whole frames, and how it ended.
    fn read(bytes: &[u8]) -> (Vec<Vec<u8>>, Next) {
        let (mut frames, mut payloads) = (Frames::new(bytes), Vec::new());
        loop {
            match frames.next().unwrap() {
                Next::Frame(frame) => {
                    assert_eq!(frame.number, payloads.len() as u64 + 1);
                    payloads.push(frame.payload);
                }
                end => return (payloads, end),
            }
        }
    }

    fn payloads() -> impl Strategy<Value = Vec<Vec<u8>>> {
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..5)
    }

    proptest! {
        #[test]
        fn frames_come_back_as_they_were(payloads in payloads()) {
            prop_assert_eq!(read(&written(&payloads)), (payloads, Next::End));
        }

        #[test]
        fn a_file_cut_anywhere_loses_the_last_frame_and_nothing_else(payloads in payloads()) {
            let bytes = written(&payloads);
            let mut ends = vec![0];
            payloads.iter().for_each(|payload| ends.push(ends[ends.len() - 1] + HEAD_BYTES + payload.len()));
            for cut in 0..bytes.len() {
                let whole = ends.iter().rposition(|&end| end <= cut).unwrap();
                let end = if ends[whole] == cut { Next::End } else { Next::Torn };
                prop_assert_eq!(read(&bytes[..cut]), (payloads[..whole].to_vec(), end), "cut at {}", cut);
            }
        }

        #[test]
        fn a_bad_byte_is_damage_before_the_last_frame_and_a_torn_frame_in_it(payloads in payloads(), bit in 0u8..8) {
            let good = written(&payloads);
            let last = good.len() - HEAD_BYTES - payloads[payloads.len() - 1].len();
            for at in 0..good.len() {
                let mut bytes = good.clone();
                bytes[at] ^= 1 << bit;
                let end = if at < last { Next::Damaged } else { Next::Torn };
                prop_assert_eq!(read(&bytes).1, end, "byte {}", at);
            }
        }
    }

    #[test]
    fn nothing_is_put_aside_for_what_a_head_only_claims() {
        let mut bytes = encode(1, |into| into.extend([7; 100]));
        bytes[4..8].copy_from_slice(&(MOST_PAYLOAD as u32).to_le_bytes());
        assert_eq!(read(&bytes), (Vec::new(), Next::Torn));
    }
}
