//! A text that can only be read from its start, such as a packed one, to rows. The scanner ([`super::scan`]) sees it
//! block by block, each up to the end of a line. Another thread fills the blocks, so that unpacking and scanning
//! overlap.

use std::io::{self, Read};
use std::sync::mpsc;
use std::thread;

use super::dialect::{Dialect, HEAD_BYTES};
use super::scan::{self, Range, RowSink, Shifted};

/// Bytes unpacked at a time. More than the head of a file, in which its header is.
const BLOCK: usize = 1 << 20;
const _: () = assert!(BLOCK > HEAD_BYTES);

/// A longer line is not a line of ratings, and is not kept in memory.
const LONGEST_LINE: usize = 64 << 20;

/// Blocks that wait to be read.
const BLOCKS_AHEAD: usize = 4;

/// Hands every row of a text to `sink`, in order. An error of `text` ends the reading.
pub fn scan(text: Box<dyn Read + Send>, dialect: &Dialect, sink: &mut impl RowSink) -> io::Result<()> {
    thread::scope(|scope| {
        let (send, blocks) = mpsc::sync_channel(BLOCKS_AHEAD);
        scope.spawn(move || {
            let mut text = text;
            let mut rest = Vec::new();
            loop {
                let block = next_block(&mut text, &mut rest);
                let last = !matches!(&block, Ok(block) if !block.is_empty());
                // Nobody reads on after a failure elsewhere.
                if send.send(block).is_err() || last {
                    break;
                }
            }
        });
        scan_blocks(blocks, dialect, sink)
    })
}

fn scan_blocks(
    blocks: mpsc::Receiver<io::Result<Vec<u8>>>,
    dialect: &Dialect,
    sink: &mut impl RowSink,
) -> io::Result<()> {
    let mut dialect = dialect.clone();
    let mut at = 0;
    for block in blocks {
        let block = block?;
        let range = Range { start: 0, end: block.len() as u64 };
        scan::scan(&block, &range, &dialect, &mut Shifted { sink, bytes: at });
        at += block.len() as u64;
        // The header is in the first block.
        dialect.data_start = 0;
    }
    Ok(())
}

/// The next lines; empty at the end. `rest` is the beginning of the line after them.
fn next_block(mut text: &mut dyn Read, rest: &mut Vec<u8>) -> io::Result<Vec<u8>> {
    let mut block = std::mem::take(rest);
    let mut searched = block.len();
    loop {
        let wanted = block.len() + BLOCK;
        (&mut text).take(BLOCK as u64).read_to_end(&mut block)?;
        if block.len() < wanted {
            return Ok(block);
        }
        if let Some(end) = memchr::memrchr(b'\n', &block[searched..]) {
            *rest = block.split_off(searched + end + 1);
            return Ok(block);
        }
        searched = block.len();
        if block.len() > LONGEST_LINE {
            let problem = format!("a line has more than {} MiB", LONGEST_LINE >> 20);
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ingest::ids::Id;
    use crate::ingest::scan::{BadRow, RawRow};

    #[derive(Debug, Default, PartialEq)]
    struct Collected {
        rows: Vec<(Id, Id, u64, u64)>,
        bad: Vec<(String, u64)>,
    }

    impl RowSink for Collected {
        fn row(&mut self, row: RawRow<'_>) {
            self.rows.push((row.user.into(), row.item.into(), row.rating.to_bits(), row.byte));
        }

        fn bad(&mut self, bad: BadRow<'_>) {
            self.bad.push((bad.problem, bad.byte));
        }
    }

    fn dialect(data_start: u64) -> Dialect {
        Dialect { data_start, ..Dialect::example(",", 3) }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        // arrival-blind: a stream gives the rows that the whole text gives.
        #[test]
        fn a_stream_reads_like_the_whole_text(lines in prop::collection::vec(0u32..5000, 1..400), repeat in 1usize..800, open_end in any::<bool>()) {
            let line = |n: &u32| match n % 7 {
                0 => format!("user {n},{n},{}\r\n", n % 5),
                1 => format!("{n},{n},x\n"),
                2 => "\n".to_string(),
                _ => format!("{n},{},{}.5\n", n % 90, n % 5),
            };
            let body: String = lines.iter().map(line).collect();
            let mut text = format!("user,item,rating\n{}", body.repeat(repeat));
            if open_end {
                text.push_str("1,2,3");
            }
            let (mut whole, mut streamed) = (Collected::default(), Collected::default());
            scan::scan(text.as_bytes(), &Range { start: 0, end: text.len() as u64 }, &dialect(17), &mut whole);
            scan(Box::new(io::Cursor::new(text.into_bytes())), &dialect(17), &mut streamed).unwrap();
            prop_assert!(whole == streamed);
        }
    }
}
