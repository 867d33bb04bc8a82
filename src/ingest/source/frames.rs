//! Where a packed text can be cut: between members that can be unpacked by themselves and say how long their text is. These are the
//! frames of Zstandard (RFC 8878), as they lie one after the other in files that were joined or packed in parts, and the blocks of
//! BGZF, a gzip file in small members (the SAM/BAM format specification, section 4.1).

use std::io;

use serde::{Deserialize, Serialize};

use super::codec::Codec;
use super::file::{InputFile, Place};
use super::opened::Opened;
use crate::error::Result;
use crate::ingest::source::failed;

/// Packed bytes and bytes of text that a piece has at least: more than the head of a file, in which its header is.
const LEAST: u64 = 1 << 20;

/// A member of more packed bytes is not looked through: its file is one piece.
const LARGEST_MEMBER: u64 = 64 << 20;

/// Bytes read at a time: the head of a member and the end of the one before it.
const LOOK: u64 = 512;

/// Where a piece of a packed text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    /// In the file.
    pub packed: u64,
    /// In the unpacked text.
    pub text: u64,
}

/// The places at which `file` can be cut, its start and its end among them, a piece of [`LEAST`] bytes apart; empty where it is
/// one piece. A file in a store is: it would take a request for each member.
pub fn cuts(file: &InputFile, codec: Codec) -> Result<Vec<Cut>> {
    cuts_apart(file, codec, LEAST)
}

/// The same with pieces of at least `least` bytes.
pub(crate) fn cuts_apart(file: &InputFile, codec: Codec, least: u64) -> Result<Vec<Cut>> {
    if matches!(file.place, Place::Store { .. } | Place::Stdin) || codec == Codec::None || file.bytes < 2 * least {
        return Ok(Vec::new());
    }
    let opened = file.open()?;
    cuts_of(&opened, file.bytes, codec, least).map_err(|e| failed(&file.path, &e))
}

fn cuts_of(opened: &Opened, bytes: u64, codec: Codec, least: u64) -> io::Result<Vec<Cut>> {
    let mut cuts = vec![Cut { packed: 0, text: 0 }];
    let mut at = Cut { packed: 0, text: 0 };
    while at.packed < bytes {
        let member = match codec {
            Codec::Zstd => frame(opened, at.packed, bytes)?,
            _ => block(opened, at.packed, bytes)?,
        };
        // What is damaged, or does not say how long it is, is read from its start.
        let Some(member) = member else { return Ok(Vec::new()) };
        at = Cut { packed: at.packed + member.packed, text: at.text.saturating_add(member.text) };
        let last = cuts[cuts.len() - 1];
        if at.packed - last.packed >= least && at.text - last.text >= least {
            cuts.push(at);
        }
    }
    // What is left is a part of the last piece.
    let last = cuts[cuts.len() - 1];
    if last != at {
        if cuts.len() > 1 {
            cuts.pop();
        }
        cuts.push(at);
    }
    Ok(if cuts.len() > 2 { cuts } else { Vec::new() })
}

/// The bytes of a member, packed and not.
struct Member {
    packed: u64,
    text: u64,
}

/// The bytes of the file from `at` on: `N`, if there are so many.
fn bytes_at<const N: usize>(opened: &Opened, at: u64) -> io::Result<Option<[u8; N]>> {
    Ok(opened.read_at(at, N as u64)?.first_chunk().copied())
}

/// The block of BGZF that begins at `at`; `None` for any other gzip.
fn block(opened: &Opened, at: u64, bytes: u64) -> io::Result<Option<Member>> {
    let head = opened.read_at(at, LOOK)?;
    let [0x1f, 0x8b, 8, 4, ..] = head[..] else { return Ok(None) };
    let number = |at: usize| head.get(at..at + 2).map(|two| u64::from(u16::from_le_bytes([two[0], two[1]])));
    let Some(extra) = number(10) else { return Ok(None) };
    let mut field = 12;
    while field + 4 <= 12 + extra as usize {
        let Some(length) = number(field + 2) else { break };
        if head.get(field..field + 2) == Some(b"BC") && length == 2 {
            let Some(size) = number(field + 4).map(|size| size + 1) else { break };
            if size < field as u64 + 14 || at + size > bytes {
                break;
            }
            let text = bytes_at::<4>(opened, at + size - 4)?.map_or(0, u32::from_le_bytes);
            return Ok(Some(Member { packed: size, text: u64::from(text) }));
        }
        field += 4 + length as usize;
    }
    Ok(None)
}

/// The frame of Zstandard that begins at `at`; `None` where it is damaged or does not say how long its text is.
fn frame(opened: &Opened, start: u64, bytes: u64) -> io::Result<Option<Member>> {
    let head = opened.read_at(start, 18)?;
    let number = |at: usize, length: usize| -> Option<u64> {
        let digits = head.get(at..at + length)?;
        Some(digits.iter().rev().fold(0, |number, &digit| number << 8 | u64::from(digit)))
    };
    let Some(magic) = number(0, 4) else { return Ok(None) };
    if magic & !0xf == 0x184d_2a50 {
        let Some(length) = number(4, 4) else { return Ok(None) };
        return Ok((start + 8 + length <= bytes).then_some(Member { packed: 8 + length, text: 0 }));
    }
    let Some(describes) = number(4, 1).filter(|_| magic == 0xfd2f_b528) else { return Ok(None) };
    let is_single = describes >> 5 & 1 == 1;
    let dictionary = [0, 1, 2, 4][describes as usize & 3];
    let size_at = 5 + usize::from(!is_single) + dictionary;
    let size_bytes = [usize::from(is_single), 2, 4, 8][describes as usize >> 6];
    let Some(size) = number(size_at, size_bytes).filter(|_| size_bytes > 0) else { return Ok(None) };
    let text = if size_bytes == 2 { size + 256 } else { size };
    let mut at = start + (size_at + size_bytes) as u64;
    loop {
        let Some(block) = bytes_at::<3>(opened, at)? else { return Ok(None) };
        let block = u64::from(block[0]) | u64::from(block[1]) << 8 | u64::from(block[2]) << 16;
        let (is_last, kind, size) = (block & 1 == 1, block >> 1 & 3, block >> 3);
        at += 3 + if kind == 1 { 1 } else { size };
        if kind == 3 || at > bytes || at - start > LARGEST_MEMBER {
            return Ok(None);
        }
        if is_last {
            break;
        }
    }
    at += 4 * (describes >> 2 & 1);
    Ok((at <= bytes).then_some(Member { packed: at - start, text }))
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    const PART: usize = 40_000;

    fn text() -> Vec<u8> {
        let mut state = 1u32;
        let mut digit = |_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state % 10) as u8 + b'0'
        };
        (0..PART * 12 + 77).map(|at| if at % 13 == 12 { b'\n' } else { digit(at) }).collect()
    }

    fn zstd(parts: &[&[u8]], with_size: bool) -> Vec<u8> {
        let pack = |part: &&[u8]| {
            let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
            encoder.include_checksum(part.len().is_multiple_of(2)).unwrap();
            if with_size {
                encoder.set_pledged_src_size(Some(part.len() as u64)).unwrap();
            }
            encoder.write_all(part).unwrap();
            encoder.finish().unwrap()
        };
        let skippable = [&[0x5e, 0x2a, 0x4d, 0x18, 3, 0, 0, 0][..], b"any"].concat();
        parts.iter().map(pack).collect::<Vec<_>>().join(&skippable[..])
    }

    /// As bgzip writes it.
    fn bgzf(text: &[u8]) -> Vec<u8> {
        let block = |part: &[u8]| {
            let mut deflated = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
            deflated.write_all(part).unwrap();
            let deflated = deflated.finish().unwrap();
            let mut crc = flate2::Crc::new();
            crc.update(part);
            let size = (deflated.len() + 25) as u16;
            let head = [0x1f, 0x8b, 8, 4, 0, 0, 0, 0, 0, 255, 6, 0, b'B', b'C', 2, 0];
            [&head[..], &size.to_le_bytes(), &deflated, &crc.sum().to_le_bytes(), &(part.len() as u32).to_le_bytes()]
                .concat()
        };
        text.chunks(30_000).chain([&b""[..]]).flat_map(block).collect()
    }

    fn found(packed: &[u8], codec: Codec, least: u64) -> Vec<Cut> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(packed).unwrap();
        cuts_of(&Opened::Disk(file), packed.len() as u64, codec, least).unwrap()
    }

    #[test]
    fn a_file_in_parts_is_cut_between_them_and_each_part_unpacks_by_itself() {
        let text = text();
        let parts: Vec<&[u8]> = text.chunks(PART).collect();
        for (packed, codec) in [(zstd(&parts, true), Codec::Zstd), (bgzf(&text), Codec::Gzip)] {
            for least in [10, 10_000, 40_000] {
                let cuts = found(&packed, codec, least);
                assert!(cuts.len() > 3, "{codec:?} {least}: {cuts:?}");
                assert_eq!((cuts[0], cuts[cuts.len() - 1].text), (Cut { packed: 0, text: 0 }, text.len() as u64));
                assert_eq!(cuts[cuts.len() - 1].packed, packed.len() as u64);
                for ends in cuts.windows(2) {
                    let piece = packed[ends[0].packed as usize..ends[1].packed as usize].to_vec();
                    let mut unpacked = Vec::new();
                    codec.unpack(Box::new(io::Cursor::new(piece))).unwrap().read_to_end(&mut unpacked).unwrap();
                    assert!(unpacked == text[ends[0].text as usize..ends[1].text as usize], "{codec:?} {ends:?}");
                    assert!(unpacked.len() as u64 >= least && ends[1].packed - ends[0].packed >= least);
                }
            }
        }
    }

    #[test]
    fn what_does_not_say_where_it_can_be_cut_is_one_piece() {
        let text = text();
        let parts: Vec<&[u8]> = text.chunks(PART).collect();
        let mut plain = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        plain.write_all(&text).unwrap();
        let plain = plain.finish().unwrap();
        let whole = zstd(&parts, true);
        for (packed, codec) in [
            (zstd(&parts, false), Codec::Zstd),
            (zstd(&[&text], true), Codec::Zstd),
            (whole[..whole.len() - 1].to_vec(), Codec::Zstd),
            ([&whole[..], b"what is this"].concat(), Codec::Zstd),
            (plain.repeat(3), Codec::Gzip),
            ([bgzf(&text), plain].concat(), Codec::Gzip),
        ] {
            assert_eq!(found(&packed, codec, 10), []);
        }
    }

    #[test]
    fn damaged_bytes_are_looked_through_to_an_end() {
        let text = text();
        let parts: Vec<&[u8]> = text.chunks(PART).collect();
        for (packed, codec) in [(zstd(&parts, true), Codec::Zstd), (bgzf(&text), Codec::Gzip)] {
            for at in (0..packed.len()).step_by(packed.len() / 3000) {
                let mut damaged = packed.clone();
                damaged[at] ^= 0x55;
                let cuts = found(&damaged, codec, 10);
                assert!(cuts.windows(2).all(|ends| ends[0].packed < ends[1].packed && ends[0].text < ends[1].text));
            }
        }
    }
}
