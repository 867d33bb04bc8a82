//! A block of a matrix: how it is stored, and what is read of it.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use super::packed::{Unpacked, unpack, unpack_lengths};
use super::rows::{Row, Rows, RowsRef, without_zeros};

/// Where the words of a packed block lie.
#[derive(Debug, Clone)]
pub enum Place {
    Here(Arc<[u64]>),
    Elsewhere(Arc<dyn Source>),
}

impl Place {
    fn with(&self, read: &mut dyn FnMut(&[u64])) {
        match self {
            Place::Here(words) => read(words),
            Place::Elsewhere(source) => source.with(read),
        }
    }
}

const PACKED_HERE: &str = "these words were packed by this process";

/// Words that are not held in memory, for example in a file.
pub trait Source: fmt::Debug + Send + Sync {
    /// Calls `read` with the words.
    fn with(&self, read: &mut dyn FnMut(&[u64]));
}

/// What a matrix shows instead of the values that it stores.
pub trait Lens: fmt::Debug + Send + Sync {
    /// Appends what is shown of each entry of `rows`.
    fn show(&self, rows: RowsRef<'_>, values: &mut Vec<f64>);

    /// Whether a value that is shown may be 0, and so is no entry.
    fn may_show_zeros(&self) -> bool;
}

/// A block at rest.
#[derive(Debug, Clone)]
pub(super) enum Stored {
    /// Rows in memory, as they are.
    Plain(Rows),
    Packed(Place),
}

impl Stored {
    /// Appends the number of entries of each row that is stored.
    pub(super) fn append_lengths(&self, lengths: &mut Vec<u32>) {
        match self {
            Stored::Plain(rows) => lengths.extend(rows.indptr.array_windows().map(|[first, end]| end - first)),
            Stored::Packed(place) => {
                let mut own = Vec::new();
                place.with(&mut |words| unpack_lengths(words, &mut own).expect(PACKED_HERE));
                lengths.append(&mut own);
            }
        }
    }
}

/// A block of a matrix while it is read.
#[derive(Debug)]
pub struct Block {
    /// Row of the matrix that is row 0 here.
    pub first_row: usize,
    stored: Arc<Stored>,
    /// What is read, unless that is the plain rows that are stored.
    unpacked: Option<Unpacked>,
}

thread_local! {
    /// Memory of blocks that are no longer read.
    static SPARE: RefCell<Vec<Unpacked>> = const { RefCell::new(Vec::new()) };
}

/// Blocks that a thread reads at the same time: more are seldom, and their memory is freed.
const SPARES: usize = 3;

impl Block {
    pub(super) fn read(stored: Arc<Stored>, first_row: usize, lens: Option<&dyn Lens>) -> Block {
        let spare = || SPARE.with_borrow_mut(Vec::pop).unwrap_or_default();
        let unpacked = match (&*stored, lens) {
            (Stored::Plain(_), None) => None,
            (Stored::Plain(rows), Some(lens)) => {
                let mut unpacked = spare();
                unpacked.indptr.clone_from(&rows.indptr);
                unpacked.indices.clone_from(&rows.indices);
                unpacked.values.clear();
                lens.show(rows.view(), &mut unpacked.values);
                Some(shown(unpacked, lens))
            }
            (Stored::Packed(place), lens) => {
                let mut unpacked = spare();
                read_packed(place, &mut unpacked);
                match lens {
                    None => Some(unpacked),
                    Some(lens) => {
                        unpacked.revalue(|rows, values| lens.show(rows, values));
                        Some(shown(unpacked, lens))
                    }
                }
            }
        };
        Block { first_row, stored, unpacked }
    }

    pub fn rows(&self) -> RowsRef<'_> {
        match (&self.unpacked, &*self.stored) {
            (Some(unpacked), _) => unpacked.view(),
            (None, Stored::Plain(rows)) => rows.view(),
            (None, Stored::Packed(_)) => unreachable!("a packed block is unpacked when it is read"),
        }
    }
}

fn read_packed(place: &Place, unpacked: &mut Unpacked) {
    place.with(&mut |words| unpack(words, unpacked).expect(PACKED_HERE));
}

/// What is left of the entries when their values are those that a lens shows.
fn shown(mut unpacked: Unpacked, lens: &dyn Lens) -> Unpacked {
    unpacked.is_coded = false;
    if lens.may_show_zeros() {
        without_zeros(&mut unpacked.indptr, &mut unpacked.indices, &mut unpacked.values);
    }
    unpacked
}

impl Drop for Block {
    fn drop(&mut self) {
        if let Some(unpacked) = self.unpacked.take() {
            // A thread that ends frees what it has itself.
            let _ = SPARE.try_with(|spare| {
                let mut spare = spare.borrow_mut();
                if spare.len() < SPARES && unpacked.is_usual() {
                    spare.push(unpacked);
                }
            });
        }
    }
}

/// A row together with the block that it lies in.
#[derive(Debug, Clone)]
pub struct HeldRow {
    block: Arc<Block>,
    at: usize,
}

impl HeldRow {
    pub(super) fn new(block: Arc<Block>, at: usize) -> HeldRow {
        HeldRow { block, at }
    }

    #[inline]
    pub fn view(&self) -> Row<'_> {
        self.block.rows().row(self.at)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.view().len()
    }

    pub fn is_empty(&self) -> bool {
        self.view().is_empty()
    }

    pub fn indices(&self) -> &[u32] {
        self.view().indices
    }

    /// Calls `f(column, value)` for each entry, in column order.
    #[inline(always)]
    pub fn for_each(&self, f: impl FnMut(usize, f64)) {
        self.view().for_each(f);
    }

    pub fn iter(&self) -> impl Iterator<Item = (usize, f64)> {
        self.view().iter()
    }
}
