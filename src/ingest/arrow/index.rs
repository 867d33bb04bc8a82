//! Where the messages of a file are.

use serde::{Deserialize, Serialize};

/// The messages of a file or stream that is read.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Index {
    pub schema: Schema,
    /// In the order of the rows.
    pub batches: Vec<Batch>,
    /// In the order in which they are to be read.
    pub dictionaries: Vec<Dictionary>,
}

/// Bytes of the schema: of a footer, or of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Schema {
    pub start: u64,
    pub length: u64,
    pub is_footer: bool,
}

/// A record batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    pub at: Block,
    pub rows: u64,
}

/// A dictionary batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dictionary {
    pub at: Block,
    /// The record batch from which on it counts.
    pub before: usize,
}

/// A message: its head, with what comes before it, and its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    pub start: u64,
    pub head: u64,
    pub body: u64,
}

impl Block {
    /// A block of a file of `bytes` bytes; `None` where it lies outside.
    pub fn within(start: i64, head: i64, body: i64, bytes: u64) -> Option<Block> {
        let [start, head, body] = [start, head, body].map(|number| u64::try_from(number).ok());
        let block = Block { start: start?, head: head?, body: body? };
        let end = block.start.checked_add(block.head)?.checked_add(block.body)?;
        (end <= bytes).then_some(block)
    }

    pub fn length(&self) -> u64 {
        self.head + self.body
    }
}
