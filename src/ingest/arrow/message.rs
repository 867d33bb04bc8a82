//! One message: a head in the format of FlatBuffers, and a body.

use arrow_buffer::Buffer;
use arrow_ipc::{CompressionType, Message, RecordBatch, root_as_message};

use super::failure::{Result, damaged};
use super::head::CONTINUATION;
use super::index::Block;

/// A byte unpacks to no more than this many with LZ4, and with Zstandard.
const MOST_OF_LZ4: u64 = 256;
const MOST_OF_ZSTD: u64 = 1 << 16;

/// The length of a body's buffer before it was packed comes before it.
const LENGTH: usize = 8;

/// The head of a message, without the marker and the length before it.
pub fn head(bytes: &[u8]) -> Result<Message<'_>> {
    let start = if bytes.starts_with(&CONTINUATION) { 8 } else { 4 };
    let head = bytes.get(start..).ok_or_else(|| damaged("a message is cut off"))?;
    root_as_message(head).map_err(|problem| damaged(format!("a message is damaged: {problem}")))
}

/// The body of a message, whose buffers lie within and do not claim to hold more than they can: the `arrow` crates take memory for
/// what they claim.
pub fn body(batch: &RecordBatch<'_>, message: &Buffer, block: &Block) -> Result<Buffer> {
    let body = message.slice(block.head as usize);
    let most = match batch.compression().map(|compression| compression.codec()) {
        None => None,
        Some(CompressionType::LZ4_FRAME) => Some(MOST_OF_LZ4),
        Some(_) => Some(MOST_OF_ZSTD),
    };
    for buffer in batch.buffers().into_iter().flatten() {
        let bytes = buffer_of(&body, buffer.offset(), buffer.length());
        let bytes = bytes.ok_or_else(|| damaged("a buffer lies outside of its message"))?;
        let claimed = bytes.first_chunk::<LENGTH>().map_or(0, |length| i64::from_le_bytes(*length));
        if most.is_some_and(|most| claimed.max(0) as u64 > most.saturating_mul(bytes.len() as u64)) {
            return Err(damaged(format!("a buffer claims {claimed} bytes, more than it can hold")));
        }
    }
    Ok(body)
}

fn buffer_of(body: &[u8], start: i64, length: i64) -> Option<&[u8]> {
    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
    body.get(start..start.checked_add(length)?)
}
