//! The index of an Arrow stream, by walking its messages.

use arrow_ipc::MessageHeader;

use super::bytes::FileBytes;
use super::failure::{Result, damaged, guarded};
use super::head::CONTINUATION;
use super::index::{Batch, Block, Dictionary, Index, Schema};
use super::message;

/// What comes before the head of a message: [`CONTINUATION`] and the length of the head.
const PREFIX: u64 = 8;

/// The index of a stream of `length` bytes. One without its end may be cut off, and is refused.
pub fn index(bytes: &FileBytes, length: u64) -> Result<Index> {
    guarded(|| {
        let mut walk = Walk { bytes, length, at: 0 };
        let Some(schema) = walk.next()? else { return Err(damaged("it has no schema")) };
        let schema = Schema { start: schema.start, length: schema.head, is_footer: false };
        let mut index = Index { schema, ..Index::default() };
        while let Some(at) = walk.next()? {
            let head = bytes.at(at.start, at.head)?;
            let message = message::head(&head)?;
            match message.header_type() {
                MessageHeader::RecordBatch => {
                    let rows = message.header_as_record_batch().and_then(|batch| u64::try_from(batch.length()).ok());
                    let rows = rows.ok_or_else(|| damaged("a record batch has fewer than no rows"))?;
                    index.batches.push(Batch { at, rows });
                }
                MessageHeader::DictionaryBatch => {
                    index.dictionaries.push(Dictionary { at, before: index.batches.len() });
                }
                other => return Err(damaged(format!("a message holds no record batch ({other:?})"))),
            }
        }
        if walk.at < length {
            return Err(damaged("there is more behind the end of the stream"));
        }
        Ok(index)
    })
}

struct Walk<'b> {
    bytes: &'b FileBytes,
    length: u64,
    at: u64,
}

impl Walk<'_> {
    /// The next message; nothing at the end of the stream.
    fn next(&mut self) -> Result<Option<Block>> {
        let cut_off = || damaged("the stream is cut off: it has no end");
        if self.length - self.at < PREFIX {
            return Err(cut_off());
        }
        let prefix = self.bytes.at(self.at, PREFIX)?;
        let length = prefix.strip_prefix(&CONTINUATION).and_then(|rest| rest.first_chunk());
        let length = i32::from_le_bytes(*length.ok_or_else(|| damaged("a message does not begin where it should"))?);
        let start = self.at as i64;
        if length == 0 {
            self.at += PREFIX;
            return Ok(None);
        }
        let head_length = PREFIX as i64 + i64::from(length);
        let head = Block::within(start, head_length, 0, self.length).ok_or_else(cut_off)?;
        let body_length = message::head(&self.bytes.at(head.start, head.head)?)?.bodyLength();
        let block = Block::within(start, head_length, body_length, self.length).ok_or_else(cut_off)?;
        self.at += block.length();
        Ok(Some(block))
    }
}
