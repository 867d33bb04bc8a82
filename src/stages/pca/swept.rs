//! The covariance matrix as a sweep over the users; the matrix itself is never in memory.
//!
//! A sweep needs the whole block V and gives a sum over users for every item, so each worker holds these two whole,
//! `(n_items, 8)`; of everything else it holds only the rows of its own items.
//!
//! Between processes a sweep goes in two halves of 4 columns: while one is computed, the other's part of V, or its sums, are on
//! their way. That is half of all that a sweep sends. A half takes half as long as the whole where the rows are at hand (13.5 ms and
//! 27.6 ms for 2.5 million ratings of 59,000 items), and its columns have the same bits.

use std::ops::Range;

use super::moments::Moments;
use super::project::weighted_sum;
use super::wanted::{BLOCK, Wanted};
use crate::collective::{BegunRound, Collective};
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
    let cuts = (0..=peers).map(|w| if w == peers { n } else { rows(w).start }).collect();
    let own = rows(c.index());
    let columns = Columns::of(c, matrix);
    let mut sweeps = Sweeps { c, matrix, moments, scale, divisor, own, cuts, columns, checkpoint };
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
    /// Where the workers' items begin among all of them.
    cuts: Vec<usize>,
    columns: Columns,
    checkpoint: &'a mut dyn Checkpoint,
}

/// Columns in half a block.
const HALF: usize = BLOCK / 2;
/// Items from which on it is worth two passes over the rows to have half of a block on its way meanwhile.
const WORTH_HALVING: usize = 1 << 14;

/// Whether so many processes sweep over these items in halves; `at_hand` says whether rows are read as they are in memory.
pub fn halves(processes: usize, items: usize, at_hand: bool) -> bool {
    processes > 1 && items >= WORTH_HALVING && at_hand
}

/// The block that is swept, and its image: whole, or in halves.
enum Columns {
    Whole([Part<BLOCK>; 1]),
    Halves([Part<HALF>; 2]),
}

impl Columns {
    /// The same on all workers.
    fn of<C: Collective>(c: &mut C, matrix: &Csr) -> Columns {
        let n = matrix.n_cols;
        let mut away = [u64::from(!matrix.is_at_hand())];
        c.max(&mut away);
        if halves(c.peers() / c.per_process(), n, away == [0]) {
            Columns::Halves([Part::zeroed(n), Part::zeroed(n)])
        } else {
            Columns::Whole([Part::zeroed(n)])
        }
    }
}

/// W columns.
struct Part<const W: usize> {
    /// `(n_items)`
    v: Large<[f64; W]>,
    /// Sums over this worker's users `(n_items)`.
    image: Large<[i64; W]>,
}

impl<const W: usize> Part<W> {
    fn zeroed(n: usize) -> Part<W> {
        Part { v: Large::zeroed(n), image: Large::zeroed(n) }
    }
}

impl<C: Collective> Operator<BLOCK> for Sweeps<'_, C> {
    fn own(&self) -> Range<usize> {
        self.own.clone()
    }

    fn apply(&mut self, own: &[[f64; BLOCK]]) -> Block<BLOCK> {
        let Sweeps { c, matrix, moments, scale, divisor, cuts, columns, .. } = self;
        let sums = match columns {
            Columns::Whole(parts) => image(*c, matrix, moments, *scale, cuts, parts, own),
            Columns::Halves(parts) => image(*c, matrix, moments, *scale, cuts, parts, own),
        };
        sums.iter().map(|row| row.map(|z| scale.real(z) / *divisor)).collect()
    }

    fn gather(&mut self, mine: &[f64]) -> Vec<f64> {
        self.c.concat(mine)
    }

    fn sum_in_order(&mut self, mine: &[f64], shape: (usize, usize)) -> Vec<f64> {
        self.c.sum_in_order(mine, shape)
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

/// The sums over all users for this worker's items `(n_own_items)`, from its rows of V: part by part, each under way while another is
/// computed.
fn image<C: Collective, const W: usize>(
    c: &mut C,
    matrix: &Csr,
    moments: &Moments,
    scale: Scale,
    cuts: &[usize],
    parts: &mut [Part<W>],
    own: &[[f64; BLOCK]],
) -> Vec<[i64; BLOCK]> {
    let columns = |p: usize| own.iter().flat_map(move |row| &row[p * W..(p + 1) * W]).copied().collect::<Vec<f64>>();
    let begun: Vec<BegunRound> = (0..parts.len()).map(|p| c.begin_concat(&columns(p))).collect();
    let cuts: Vec<usize> = cuts.iter().map(|cut| cut * W).collect();
    let mut summing = Vec::with_capacity(parts.len());
    for (part, begun) in parts.iter_mut().zip(begun) {
        part.v.as_flattened_mut().copy_from_slice(&c.end_concat(begun));
        let offset = weighted_sum(&moments.mean, &part.v);
        part.image.fill([0; W]);
        sweep::centred_sweep(matrix, &part.v, &offset, scale.factor(), &mut part.image);
        summing.push(c.begin_sum_parts(part.image.as_flattened(), &cuts));
    }
    let mut sums = vec![[0; BLOCK]; own.len()];
    for (p, begun) in summing.into_iter().enumerate() {
        let part = c.end_sum_parts(begun);
        sums.iter_mut().zip(part.chunks_exact(W)).for_each(|(row, part)| row[p * W..(p + 1) * W].copy_from_slice(part));
    }
    sums
}
