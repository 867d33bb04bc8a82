//! Reads a part of the input as a run would, to measure how fast that is.

use super::collector::{Taker, key};
use super::pieces::choose;
use crate::error::Result;
use crate::ingest::plan::Plan;
use crate::ingest::scan::{BadRow, RawRow, RowSink};

/// Reads pieces of the input as a run would, and hands the rows to `each` as user key, item key and rating. The pieces
/// are those of reader `index` of `peers`, about `bytes` bytes of text.
pub fn read_again(
    plan: &Plan,
    (index, peers): (usize, usize),
    bytes: u64,
    each: impl FnMut(u64, u64, f64),
) -> Result<()> {
    let files = plan.planned_files();
    let (pieces, _) = choose(files, bytes * peers as u64, peers);
    let mut passing = Passing(each);
    for piece in pieces.iter().skip(index).step_by(peers) {
        piece.scan(files, &mut passing)?;
    }
    Ok(())
}

struct Passing<F>(F);

impl<F: FnMut(u64, u64, f64)> RowSink for Passing<F> {
    #[inline(always)]
    fn row(&mut self, row: RawRow<'_>) {
        (self.0)(key(row.user).0, key(row.item).0, row.rating);
    }

    fn bad(&mut self, _bad: BadRow<'_>) {}
}

impl<F: FnMut(u64, u64, f64)> Taker for Passing<F> {
    fn forget_last(&mut self) {}
}
