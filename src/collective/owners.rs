//! A table whose columns are divided over the workers: every worker owns a range of them in each row.
//!
//! Workers that have each counted into a whole table add up what each owns ([`Owners::sum`]) and finish that part; where
//! all need all of it, they hand it round ([`Owners::share`]). Both go in slices of [`SLICE_BYTES`], so that messages never
//! hold a second copy of a large table.

use std::ops::Range;

use super::element::{Element, Summable};
use super::meet::Collective;
use super::routes;

/// Bytes sent from one worker to another at a time.
const SLICE_BYTES: usize = 1 << 20;

/// Who owns which columns of a table `(n_rows, n_columns)`, row-major.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owners {
    /// Worker `w` owns the columns `cuts[w]..cuts[w + 1]`.
    cuts: Vec<usize>,
}

impl Owners {
    /// Divides `n_columns` evenly, in whole chunks of `chunk` columns.
    pub fn even(peers: usize, n_columns: usize, chunk: usize) -> Owners {
        let chunks = n_columns.div_ceil(chunk);
        Owners { cuts: (0..=peers).map(|w| (chunks * w / peers * chunk).min(n_columns)).collect() }
    }

    /// The same for columns that are `width` elements each.
    pub fn widened(&self, width: usize) -> Owners {
        Owners { cuts: self.cuts.iter().map(|cut| cut * width).collect() }
    }

    /// The columns of a worker.
    pub fn columns(&self, worker: usize) -> Range<usize> {
        self.cuts[worker]..self.cuts[worker + 1]
    }

    /// Adds up, over all workers, the columns that this worker owns. The others are left as they were.
    pub fn sum<C: Collective, T: Summable>(&self, c: &mut C, table: &mut [T]) {
        let own = self.columns(c.index());
        for slice in self.slices::<T>(table) {
            let cut = |to: usize, message: &mut Vec<u8>| self.cut_out(table, self.columns(to), &slice, message);
            let total = routes::fold_parts(c, cut, &|a: T, b: T| a.plus(b));
            self.put(table, own.clone(), &slice, bytemuck::cast_slice(&total));
        }
    }

    /// Gives every worker the columns of all others.
    pub fn share<C: Collective, T: Element>(&self, c: &mut C, table: &mut [T]) {
        for slice in self.slices::<T>(table) {
            let mut mine = Vec::new();
            self.cut_out(table, self.columns(c.index()), &slice, &mut mine);
            for (from, bytes) in routes::hand_round(c, mine).iter().enumerate() {
                self.put(table, self.columns(from), &slice, bytes);
            }
        }
    }

    /// The worker that owns a column.
    pub fn owner(&self, column: usize) -> usize {
        self.cuts.partition_point(|&cut| cut <= column) - 1
    }

    fn n_columns(&self) -> usize {
        self.cuts[self.cuts.len() - 1]
    }

    /// The slices in which a part of the table travels: ranges of elements, the part's rows one after the other. The
    /// same for every part; past a small part's end there is nothing. None where there is nobody to send to.
    fn slices<T>(&self, table: &[T]) -> Vec<Range<usize>> {
        if self.cuts.len() == 2 || table.is_empty() {
            return Vec::new();
        }
        assert_eq!(table.len() % self.n_columns(), 0, "a table is not in whole rows");
        let widest = self.cuts.windows(2).map(|cut| cut[1] - cut[0]).max().unwrap_or(0);
        let length = table.len() / self.n_columns() * widest;
        let step = SLICE_BYTES / size_of::<T>();
        (0..length).step_by(step).map(|start| start..(start + step).min(length)).collect()
    }

    /// Where a slice of the part of `columns` lies in the table: runs of elements.
    fn runs(&self, columns: Range<usize>, slice: &Range<usize>, table: usize) -> impl Iterator<Item = Range<usize>> {
        let (width, n_columns) = (columns.len(), self.n_columns());
        let end = slice.end.min(table / n_columns * width);
        let mut at = slice.start;
        std::iter::from_fn(move || {
            (at < end).then(|| {
                let (row, column) = (at / width, at % width);
                let length = (width - column).min(end - at);
                at += length;
                let start = row * n_columns + columns.start + column;
                start..start + length
            })
        })
    }

    /// Appends the elements of a slice of `columns`, as bytes.
    fn cut_out<T: Element>(&self, table: &[T], columns: Range<usize>, slice: &Range<usize>, bytes: &mut Vec<u8>) {
        bytes.reserve(slice.len() * size_of::<T>());
        for run in self.runs(columns, slice, table.len()) {
            bytes.extend_from_slice(bytemuck::cast_slice(&table[run]));
        }
    }

    /// Puts what was cut out for a slice of `columns` into the table.
    fn put<T: Element>(&self, table: &mut [T], columns: Range<usize>, slice: &Range<usize>, bytes: &[u8]) {
        let mut rest = bytes;
        for run in self.runs(columns, slice, table.len()) {
            let (here, after) = rest.split_at(run.len() * size_of::<T>());
            bytemuck::cast_slice_mut(&mut table[run]).copy_from_slice(here);
            rest = after;
        }
        assert!(rest.is_empty(), "workers disagree about who owns what");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collective::testing::run_workers;

    #[test]
    fn every_column_has_one_owner_and_chunks_stay_whole() {
        for (peers, n, chunk) in [(1, 10, 4), (3, 10, 4), (5, 7, 64), (2, 1000, 64), (4, 0, 8)] {
            let owners = Owners::even(peers, n, chunk);
            assert_eq!((owners.cuts[0], owners.n_columns()), (0, n));
            assert!(owners.cuts.iter().all(|cut| cut % chunk == 0 || *cut == n), "{owners:?}");
            assert!(owners.cuts.is_sorted());
        }
    }

    /// Invariant: lockstep. Larger than a slice, so that slices cross rows; and workers that own nothing.
    #[test]
    fn own_columns_are_summed_and_shared() {
        for (peers, n_rows, n_columns) in [(2, 5, 60_000), (3, 300, 700), (4, 2, 3)] {
            let value = |worker: usize, at: usize| (worker * 1000 + at % 977) as i64;
            let tables = run_workers(peers, |c| {
                let mut table: Vec<i64> = (0..n_rows * n_columns).map(|at| value(c.index(), at)).collect();
                let owners = Owners::even(c.peers(), n_columns, 1);
                owners.sum(c, &mut table);
                owners.share(c, &mut table);
                table
            });
            let expected: Vec<i64> =
                (0..n_rows * n_columns).map(|at| (0..peers).map(|worker| value(worker, at)).sum()).collect();
            assert!(tables.iter().all(|table| *table == expected), "{peers} {n_rows} {n_columns}");
        }
    }
}
