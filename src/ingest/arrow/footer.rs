//! The index of an Arrow file, by its footer.

use arrow_ipc::root_as_footer;

use super::bytes::FileBytes;
use super::failure::{Result, damaged, guarded};
use super::head::MAGIC;
use super::index::{Batch, Block, Dictionary, Index, Schema};
use super::message;

/// What follows a footer: its length, and [`MAGIC`].
const END: u64 = 10;

/// Bytes of a message that are fetched for its head, where that is short.
const HEAD: u64 = 4 << 10;

/// The index of a file of `length` bytes.
pub fn index(bytes: &FileBytes, length: u64) -> Result<Index> {
    guarded(|| {
        let cut_off = || damaged("it is cut off: there is no footer");
        let end = bytes.at(length.checked_sub(END).ok_or_else(cut_off)?, END)?;
        let footer_length = end.strip_suffix(MAGIC).and_then(|rest| rest.first_chunk()).ok_or_else(cut_off)?;
        let footer_length = u64::from(u32::from_le_bytes(*footer_length));
        let start = (length - END).checked_sub(footer_length).ok_or_else(cut_off)?;
        let footer = bytes.at(start, footer_length)?;
        let footer = root_as_footer(&footer).map_err(|problem| damaged(format!("its footer is damaged: {problem}")))?;
        let blocks = |blocks: Option<_>| blocks_of(blocks.into_iter().flatten(), length);
        let batches = blocks(footer.recordBatches())?;
        let dictionaries = blocks(footer.dictionaries())?;
        Ok(Index {
            schema: Schema { start, length: footer_length, is_footer: true },
            batches: with_rows(batches, bytes)?,
            dictionaries: dictionaries.into_iter().map(|at| Dictionary { at, before: 0 }).collect(),
        })
    })
}

fn blocks_of<'f>(blocks: impl Iterator<Item = &'f arrow_ipc::Block>, length: u64) -> Result<Vec<Block>> {
    let block = |block: &arrow_ipc::Block| {
        Block::within(block.offset(), block.metaDataLength().into(), block.bodyLength(), length)
    };
    blocks.map(|at| block(at).ok_or_else(|| damaged("a block lies outside of the file"))).collect()
}

/// The footer does not say how many rows a batch has: the batch does.
fn with_rows(blocks: Vec<Block>, bytes: &FileBytes) -> Result<Vec<Batch>> {
    blocks.iter().for_each(|at| bytes.prefetch(at.start, at.head.min(HEAD)));
    let batch = |at: Block| {
        let head = bytes.at(at.start, at.head)?;
        let batch = message::head(&head)?.header_as_record_batch();
        let rows = batch.and_then(|batch| u64::try_from(batch.length()).ok());
        Ok(Batch { at, rows: rows.ok_or_else(|| damaged("a block holds no record batch"))? })
    };
    blocks.into_iter().map(batch).collect()
}
