//! Rows as they arrive, in any order, kept until all have arrived.
//!
//! Rows are kept by partition: a share of the users, by the hash of their ids. So sealing needs memory for one partition at a
//! time. When the rows exceed the limit they go to a scratch file, from which each partition reads its rows back.

use std::path::Path;

use crate::error::Result;
use crate::ingest::keys::{KeyMap, KeySet, Noted, note_name};
use crate::ingest::rows::{Name, Narrow, Ordered, Record, Records, Wide};
use crate::kernel::keyed;

use super::pile::Pile;
use super::scratch::Scratch;

/// The expected number of rows of a partition: a few megabytes while it is sealed.
const PARTITION_ROWS: u64 = 256 << 10;
const MOST_PARTITIONS: u64 = 1 << 12;

/// All rows that a worker received.
#[derive(Debug)]
pub struct Incoming {
    partitions: Vec<Partition>,
    /// Bytes of packed records in memory, and the most that there may be.
    bytes: u64,
    limit: u64,
    scratch: Scratch,
    /// An error if writing to the scratch file failed. Rows that came later were dropped.
    failed: Result<()>,
    item_keys: KeySet,
    user_names: KeyMap<Box<str>>,
    collision: bool,
}

/// The rows of a share of the users, by kind.
#[derive(Debug, Default)]
pub struct Partition {
    narrow: Pile<Narrow>,
    wide: Pile<Wide>,
    ordered: Pile<Ordered>,
}

/// The rows of a partition, all in memory.
#[derive(Debug)]
pub enum Rows {
    Narrow(Vec<Vec<Narrow>>),
    Any(Vec<Vec<Ordered>>),
}

impl Incoming {
    /// For about `expected_rows` rows: `limit` bytes may be in memory, the rest goes to a nameless file in `folder`.
    pub fn new(expected_rows: u64, limit: u64, folder: &Path) -> Incoming {
        let n_partitions = expected_rows.div_ceil(PARTITION_ROWS).clamp(1, MOST_PARTITIONS) as usize;
        let mut partitions = Vec::new();
        partitions.resize_with(n_partitions, Partition::default);
        Incoming {
            partitions,
            bytes: 0,
            limit,
            scratch: Scratch::new(folder),
            failed: Ok(()),
            item_keys: KeySet::default(),
            user_names: KeyMap::default(),
            collision: false,
        }
    }

    /// Receives a batch of records.
    pub fn receive(&mut self, records: &Records) {
        if self.failed.is_err() {
            return;
        }
        match records {
            Records::Narrow(records) => self.put(records, |partition| &mut partition.narrow),
            Records::Wide(records) => self.put(records, |partition| &mut partition.wide),
            Records::Ordered(records) => self.put(records, |partition| &mut partition.ordered),
        }
        if self.bytes > self.limit {
            self.failed = self.spill();
        }
    }

    fn put<R: Record>(&mut self, records: &[R], pile_of: impl Fn(&mut Partition) -> &mut Pile<R>) {
        let n_partitions = self.partitions.len();
        for record in records {
            self.item_keys.insert(record.row().item);
            let partition = &mut self.partitions[partition_of(record.user(), n_partitions)];
            pile_of(partition).push(*record, &mut self.bytes);
        }
    }

    /// Moves all records to the file.
    fn spill(&mut self) -> Result<()> {
        for partition in &mut self.partitions {
            partition.narrow.spill(&mut self.scratch)?;
            partition.wide.spill(&mut self.scratch)?;
            partition.ordered.spill(&mut self.scratch)?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// Notes the texts of text ids by their keys.
    pub fn name_users(&mut self, names: impl Iterator<Item = Name>) {
        for name in names {
            self.collision |= note_name(&mut self.user_names, name.key, &name.text) == Noted::Collision;
        }
    }

    /// Whether two text ids have the same key: the input must be read again with another hash seed.
    pub fn has_collision(&self) -> bool {
        self.collision
    }

    /// The keys of all items in the rows of this worker, rising.
    pub fn item_keys(&self) -> Vec<u64> {
        self.item_keys.keys()
    }

    /// Hands over the partitions, the number of their bytes in a scratch file, and the users' names.
    pub fn into_partitions(self) -> Result<(Vec<Partition>, u64, KeyMap<Box<str>>)> {
        self.failed?;
        Ok((self.partitions, self.scratch.length(), self.user_names))
    }
}

/// The worker of a user, by the key of its id: even shares of the lower half of the hash.
#[inline(always)]
pub fn worker_of(user: u64, peers: usize) -> usize {
    keyed::share_of(user, peers)
}

/// The partition of a user at its worker: even shares of the upper half of the hash.
#[inline(always)]
fn partition_of(user: u64, n_partitions: usize) -> usize {
    (((keyed::mix(user) >> 32) * n_partitions as u64) >> 32) as usize
}

impl Partition {
    /// All rows of the partition.
    pub fn read(self) -> Result<Rows> {
        if self.wide.is_empty() && self.ordered.is_empty() {
            return Ok(Rows::Narrow(self.narrow.read()?));
        }
        let mut any = self.ordered.read()?;
        any.extend(self.wide.read()?.into_iter().map(|chunk| widened(&chunk)));
        any.extend(self.narrow.read()?.into_iter().map(|chunk| widened(&chunk)));
        Ok(Rows::Any(any))
    }
}

fn widened<R: Record>(records: &[R]) -> Vec<Ordered> {
    records.iter().map(|record| record.row().into()).collect()
}
