//! The users of a worker by fold and segment, and how far their rows have been read.

use std::ops::Range;

use crate::kernel::csr::{Block, Csr, Row};
use crate::kernel::keyed::{self, Stream};
use crate::shard::Shard;

/// A worker's users while strips of items are read one after the other.
pub struct Users<'a> {
    /// Raw, `(n_local_users, n_items)`.
    pub ratings: &'a Csr,
    /// The segment of each user.
    pub labels: &'a [u32],
    /// The fold of each user.
    folds: Vec<u32>,
    /// Users block by block, those of a block by fold and segment: the tables of a group then stay in the cache.
    order: Vec<u32>,
    /// Entries of each user's row in the strips that are done.
    passed: Vec<u32>,
    /// Items in a strip.
    strip: usize,
}

impl<'a> Users<'a> {
    /// In one strip. `labels` are the segments of the users of `shard`.
    pub fn new(shard: &'a Shard, labels: &'a [u32], n_folds: usize, seed: u64) -> Users<'a> {
        let fold_of = |&key: &u64| (keyed::bits(seed, Stream::Fold, 0, key) % n_folds as u64) as u32;
        let folds: Vec<u32> = shard.draw_keys.iter().map(fold_of).collect();
        let order = order(&shard.matrix, &folds, labels);
        let ratings = &shard.matrix;
        Users { ratings, labels, folds, order, passed: vec![0; labels.len()], strip: ratings.n_cols }
    }

    /// Cuts the items into strips of `strip` items.
    pub fn cut(&mut self, strip: usize) {
        self.strip = strip;
    }

    /// Fold and segment.
    pub fn group_of(&self, user: u32) -> (usize, usize) {
        (self.folds[user as usize] as usize, self.labels[user as usize] as usize)
    }

    /// The users of a block by fold and segment.
    pub fn of_block(&self, block: &Block) -> &[u32] {
        &self.order[block.first_row..block.first_row + block.rows().n_rows()]
    }

    /// Those of a fold.
    pub fn of_fold(&self, block: &Block, fold: usize) -> &[u32] {
        let of_block = self.of_block(block);
        let before = |fold: usize| of_block.partition_point(|&user| self.group_of(user).0 < fold);
        &of_block[before(fold)..before(fold + 1)]
    }

    /// Whether one strip has all items.
    pub fn one_strip(&self) -> bool {
        self.strip >= self.ratings.n_cols
    }

    /// The items of each strip.
    pub fn strips(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (strip, n_items) = (self.strip, self.ratings.n_cols);
        (0..n_items).step_by(strip).map(move |start| start..(start + strip).min(n_items))
    }

    /// A user's entries in the strip that ends before item `end`.
    #[inline]
    pub fn in_strip<'r>(&self, user: u32, row: Row<'r>, end: usize) -> Row<'r> {
        if self.one_strip() {
            return row;
        }
        let start = self.passed[user as usize] as usize;
        row.part(start..start + row.indices[start..].partition_point(|&item| (item as usize) < end))
    }

    /// Marks the strip that ends before item `end` as done.
    pub fn pass(&mut self, end: usize) {
        if self.one_strip() {
            return;
        }
        for (row, passed) in self.ratings.rows().zip(&mut self.passed) {
            *passed += row.indices()[*passed as usize..].partition_point(|&item| (item as usize) < end) as u32;
        }
    }

    /// Begins again with the first strip.
    pub fn rewind(&mut self) {
        self.passed.fill(0);
    }
}

fn order(ratings: &Csr, folds: &[u32], labels: &[u32]) -> Vec<u32> {
    let mut order = Vec::with_capacity(labels.len());
    for block in ratings.blocks() {
        let first = order.len();
        order.extend((block.first_row..block.first_row + block.rows().n_rows()).map(|user| user as u32));
        order[first..].sort_unstable_by_key(|&user| (folds[user as usize], labels[user as usize], user));
    }
    order
}
