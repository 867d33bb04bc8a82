//! The covariance matrix as a sweep over the users; the matrix itself is never in memory.
//!
//! A sweep needs the whole block V and gives a sum over users for every item, so each worker holds these two whole,
//! `(n_items, 8)`; of everything else it holds only the rows of its own items.
//!
//! Two things were tried and do not pay. Sweeps in two halves of 4 columns, of which one is under way while the other is computed: no
//! faster between two processes with links of 0.3 and 1 Gbit/s. Coarser integers: the tolerance would allow 20 bits fewer, which saves
//! a quarter of the bytes where links are slow, but every result would have other bits.

use std::ops::Range;

use super::moments::Moments;
use super::project::weighted_sum;
use super::wanted::{BLOCK, Wanted};
use crate::collective::{Collective, ordered};
use crate::kernel::block::{Block, Chunks};
use crate::kernel::csr::Csr;
use crate::kernel::fixed::Scale;
use crate::kernel::krylov::{self, Eigenpairs, Operator, Underway};
use crate::kernel::large::Large;
use crate::kernel::sweep;
use crate::stages::resume::Checkpoint;
use crate::watch::progress;

/// The eigenpairs of the covariance matrix, by sweeps over the users.
pub fn solve<C: Collective>(
    c: &mut C,
    matrix: &Csr,
    moments: &Moments,
    wanted: Wanted,
    checkpoint: &mut dyn Checkpoint,
) -> Eigenpairs {
    // |y| = |(x − μ)·v| ≤ ‖x − μ‖ for a unit vector v; the margin covers rounding.
    let scale = Scale::new(moments.max_value * moments.max_norm * 1.001, moments.n_users);
    let divisor = moments.n_users as f64 - 1.0;
    // A rounded contribution is off by a 12th of a unit in the mean square, and there is one per rating.
    let noise = (moments.n_ratings as f64 / 12.0).sqrt() / (scale.factor() * divisor);
    let n = matrix.n_cols;
    let peers = c.peers();
    let rows = |worker: usize| Chunks::of(n).rows_of(worker, peers);
    let cuts = (0..=peers).map(|w| if w == peers { n } else { rows(w).start } * BLOCK).collect();
    let own = rows(c.index());
    let (v, image) = (Large::zeroed(n), Large::zeroed(n));
    let mut sweeps = Sweeps { c, matrix, moments, scale, divisor, own, cuts, v, image, checkpoint };
    let pairs = krylov::top_eigenpairs(&mut sweeps, n, wanted.options(noise));
    checkpoint.forget(STATE);
    pairs
}

/// The name of the basis in a checkpoint.
pub const STATE: &str = "basis";

/// A larger basis is not kept: gathering and writing it would cost more than the sweeps it saves.
const LARGEST_STATE: usize = 256 << 20;

struct Sweeps<'a, C> {
    c: &'a mut C,
    matrix: &'a Csr,
    moments: &'a Moments,
    scale: Scale,
    divisor: f64,
    own: Range<usize>,
    /// Where the workers' items begin in an image of all of them.
    cuts: Vec<usize>,
    /// The block that is swept `(n_items)`.
    v: Large<[f64; BLOCK]>,
    /// Sums over this worker's users `(n_items)`.
    image: Large<[i64; BLOCK]>,
    checkpoint: &'a mut dyn Checkpoint,
}

impl<C: Collective> Operator<BLOCK> for Sweeps<'_, C> {
    fn own(&self) -> Range<usize> {
        self.own.clone()
    }

    fn apply(&mut self, own: &[[f64; BLOCK]]) -> Block<BLOCK> {
        self.v.as_flattened_mut().copy_from_slice(&self.c.concat(own.as_flattened()));
        let offset = weighted_sum(&self.moments.mean, &self.v);
        self.image.fill([0; BLOCK]);
        sweep::centred_sweep(self.matrix, &self.v, &offset, self.scale.factor(), &mut self.image);
        let sums = self.c.sum_parts(self.image.as_flattened(), &self.cuts);
        let (rows, _) = sums.as_chunks::<BLOCK>();
        rows.iter().map(|row| row.map(|z| self.scale.real(z) / self.divisor)).collect()
    }

    fn gather(&mut self, mine: &[f64]) -> Vec<f64> {
        self.c.concat(mine)
    }

    fn sum_in_order(&mut self, mine: &[f64], shape: (usize, usize)) -> Vec<f64> {
        ordered::sum(self.c, mine, shape)
    }

    fn gather_to_keep(&mut self, mine: &[f64]) -> Vec<f64> {
        self.c.concat_at_coordinator(mine)
    }

    fn wants_state(&mut self, columns: usize) -> bool {
        let bytes = 8 * self.matrix.n_cols * columns;
        bytes <= LARGEST_STATE && self.c.broadcast(vec![u8::from(self.checkpoint.is_due(bytes))]) == [1]
    }

    fn keep(&mut self, state: Underway) {
        self.checkpoint.keep_if_due(STATE, || state);
    }

    fn resume(&mut self) -> Option<Underway> {
        self.checkpoint.restore(STATE)
    }

    fn swept(&mut self, sweeps: usize, residual: Option<f64>) {
        progress::swept(sweeps, residual);
    }
}
