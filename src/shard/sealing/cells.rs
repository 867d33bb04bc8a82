//! The ratings of a partition, sorted by user and item.

use super::rule::Several;
use crate::ingest::keys::{ItemIndex, UNKNOWN};
use crate::ingest::rows::{Narrow, Ordered, Record};

/// A rating of a user, without the user.
pub trait Cell<R>: Copy + Default {
    fn of(record: &R, items: &ItemIndex) -> Self;
    fn item(&self) -> u32;
    fn value(&self) -> f64;
    /// The place in the input; 0 if rows do not keep it.
    fn order(&self) -> u64;

    /// Sorts by item. Cells of one item are in the order of the input if `several` needs it, otherwise in that of the bits of
    /// their values, so that a sum does not depend on arrival.
    fn sort(cells: &mut [Self], several: Several);
}

/// Item and value in one number, in the order of both: that of the bits of the value, which are its order but for returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Packed(u64);

impl Cell<Narrow> for Packed {
    #[inline(always)]
    fn of(record: &Narrow, items: &ItemIndex) -> Packed {
        Packed(u64::from(items.of(u64::from(record.item))) << 32 | u64::from(record.value.to_bits()))
    }

    #[inline(always)]
    fn item(&self) -> u32 {
        (self.0 >> 32) as u32
    }

    #[inline(always)]
    fn value(&self) -> f64 {
        f64::from(f32::from_bits(self.0 as u32))
    }

    fn order(&self) -> u64 {
        0
    }

    fn sort(cells: &mut [Packed], several: Several) {
        debug_assert!(!several.needs_order(), "the place in the input is not kept here");
        if !cells.is_sorted() {
            cells.sort_unstable();
        }
    }
}

/// A cell that keeps its place in the input.
#[derive(Debug, Clone, Copy, Default)]
pub struct Full {
    item: u32,
    value: f64,
    order: u64,
}

impl Cell<Ordered> for Full {
    fn of(record: &Ordered, items: &ItemIndex) -> Full {
        Full { item: items.of(record.item), value: record.value, order: record.order }
    }

    fn item(&self) -> u32 {
        self.item
    }

    fn value(&self) -> f64 {
        self.value
    }

    fn order(&self) -> u64 {
        self.order
    }

    fn sort(cells: &mut [Full], several: Several) {
        let order = |a: &Full, b: &Full| {
            let within = || {
                if several.needs_order() { a.order.cmp(&b.order) } else { a.value.to_bits().cmp(&b.value.to_bits()) }
            };
            a.item.cmp(&b.item).then_with(within)
        };
        cells.sort_unstable_by(order);
    }
}

/// A counting sort of the rows by user: where each user's cells start, and the cells.
pub fn by_user<R: Record, K: Cell<R>>(
    chunks: Vec<Vec<R>>,
    numbers: &[u32],
    position: &[u32],
    items: &ItemIndex,
) -> (Vec<u32>, Vec<K>) {
    let mut starts = vec![0u32; position.len() + 1];
    numbers.iter().for_each(|&number| starts[position[number as usize] as usize + 1] += 1);
    for user in 0..position.len() {
        starts[user + 1] += starts[user];
    }
    let mut next: Vec<u32> = (0..position.len()).map(|number| starts[position[number] as usize]).collect();
    let mut cells = vec![K::default(); numbers.len()];
    let mut numbers = numbers.iter();
    for chunk in chunks {
        for (record, &number) in chunk.iter().zip(&mut numbers) {
            let at = &mut next[number as usize];
            cells[*at as usize] = K::of(record, items);
            *at += 1;
        }
    }
    (starts, cells)
}

/// The cells of items in the dictionary: in a sorted row the others are last.
pub fn known<'c, R: Record, K: Cell<R>>(cells: &'c [K], unknown: &mut u64) -> &'c [K] {
    if cells.last().is_none_or(|last| last.item() != UNKNOWN) {
        return cells;
    }
    let n_known = cells.partition_point(|cell| cell.item() != UNKNOWN);
    *unknown += (cells.len() - n_known) as u64;
    &cells[..n_known]
}
