//! The ratings as text, a block of users at a time.

use std::ops::RangeInclusive;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::Scope;

use crate::ingest::generate::Generator;
use crate::job::{Feedback, GenerateSpec};

/// About how many rows a block has.
const BLOCK_ROWS: f64 = 65536.0;

/// Blocks that a thread may be ahead of the writer.
const BLOCKS_AHEAD: usize = 4;

/// Some rows as text.
pub struct Block {
    pub text: Vec<u8>,
    pub n_rows: u64,
}

/// How the users are cut into blocks.
#[derive(Clone, Copy)]
pub struct Blocks {
    n_users: u64,
    per_block: u64,
}

impl Blocks {
    pub fn of(spec: &GenerateSpec) -> Blocks {
        Blocks { n_users: spec.users, per_block: ((BLOCK_ROWS / spec.ratings_per_user) as u64).max(1) }
    }

    pub fn len(self) -> u64 {
        self.n_users.div_ceil(self.per_block)
    }

    fn users(self, block: u64) -> RangeInclusive<u64> {
        let first = 1 + block * self.per_block;
        first..=self.n_users.min(first + self.per_block - 1)
    }

    pub fn n_users(self, block: u64) -> u64 {
        self.per_block.min(self.n_users - block * self.per_block)
    }

    /// Starts one of `threads` threads, which makes every `threads`-th block, in order.
    pub fn start<'s>(
        self,
        scope: &'s Scope<'s, '_>,
        generator: &'s Generator,
        thread: usize,
        threads: usize,
    ) -> Receiver<Block> {
        let (send, receive) = sync_channel(BLOCKS_AHEAD);
        scope.spawn(move || self.make((thread as u64..self.len()).step_by(threads), generator, &send));
        receive
    }

    fn make(self, blocks: impl Iterator<Item = u64>, generator: &Generator, send: &SyncSender<Block>) {
        for block in blocks {
            // The writer hangs up when the disk fails.
            if send.send(make_block(generator, self.users(block))).is_err() {
                return;
            }
        }
    }
}

/// The rows of some users.
fn make_block(generator: &Generator, users: RangeInclusive<u64>) -> Block {
    let explicit = generator.spec().feedback == Feedback::Explicit;
    let mut rows = Vec::new();
    let mut block = Block { text: Vec::with_capacity(BLOCK_ROWS as usize * 20), n_rows: 0 };
    let mut start = Vec::new();
    for user in users {
        generator.user(user, &mut rows);
        block.n_rows += rows.len() as u64;
        start.clear();
        push_number(&mut start, user);
        start.push(b',');
        for &(item, rating) in &rows {
            block.text.extend_from_slice(&start);
            push_number(&mut block.text, item);
            if explicit {
                push_half_stars(&mut block.text, rating);
            }
            block.text.push(b'\n');
        }
    }
    block
}

/// Appends a comma and a rating.
#[inline]
fn push_half_stars(text: &mut Vec<u8>, rating: f64) {
    let half_stars = (2.0 * rating) as u8;
    let half = if half_stars.is_multiple_of(2) { b'0' } else { b'5' };
    text.extend_from_slice(&[b',', b'0' + half_stars / 2, b'.', half]);
}

/// Appends a number in decimal.
#[inline]
fn push_number(text: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    text.extend_from_slice(&digits[at..]);
}
