//! The covariance matrix in memory, its rows divided among the workers.
//!
//! Bands of XᵀX are added up over all users at the worker that owns their rows. The matrix is symmetric: the owner of a
//! row computes what is right of the diagonal and gets the rest from the owners of the rows above.

use std::ops::Range;

use ndarray::Array2;

use super::moments::Moments;
use super::wanted::{BLOCK, Wanted};
use crate::collective::{Collective, ordered};
use crate::kernel::block::{self, Block, Chunks};
use crate::kernel::csr::Csr;
use crate::kernel::eigen::symmetric_eigen;
use crate::kernel::fixed::Scale;
use crate::kernel::gram;
use crate::kernel::krylov::{self, Eigenpairs, Operator};
use crate::watch::progress;

/// Residual asked of the solver: close to what rounding allows.
pub const TOL: f64 = 1e-12;
/// Products are added up in bands of about this many bytes, which stay in cache.
const BAND_BYTES: usize = 4 << 20;

/// The eigenpairs of the covariance matrix, from the matrix itself.
pub fn solve<C: Collective>(c: &mut C, matrix: &Csr, moments: &Moments, wanted: Wanted) -> Eigenpairs {
    let n = matrix.n_cols;
    let rows = covariance_rows(c, matrix, moments);
    if n < wanted.max_basis + BLOCK {
        let whole = Array2::from_shape_vec((n, n), c.concat(&rows)).expect("bands make up the matrix");
        let (values, vectors) = symmetric_eigen(whole);
        let vectors = vectors.slice(ndarray::s![..wanted.components, ..]).to_owned();
        let values = values[..wanted.values].to_vec();
        return Eigenpairs { values, vectors, sweeps: 1, residual: 0.0, converged: true };
    }
    let own = Chunks::of(n).rows_of(c.index(), c.peers());
    let mut made = Made { c, rows, own };
    krylov::top_eigenpairs(&mut made, n, Wanted { tol: TOL, ..wanted }.options(0.0))
}

/// This worker's rows of C, `(own rows, n_items)`.
fn covariance_rows<C: Collective>(c: &mut C, matrix: &Csr, moments: &Moments) -> Vec<f64> {
    let (n, peers) = (matrix.n_cols, c.peers());
    let chunks = Chunks::of(n);
    let own = chunks.rows_of(c.index(), peers);
    let scale = Scale::new(moments.max_value * moments.max_value, moments.n_users);
    let n_users = moments.n_users as f64;
    let mut mine = vec![0.0; own.len() * n];
    for owner in 0..peers {
        let rows = chunks.rows_of(owner, peers);
        let mut start = rows.start;
        while start < rows.end {
            let width = n - start;
            let band = start..rows.end.min(start + (BAND_BYTES / (8 * width)).max(1));
            start = band.end;
            let mut products = vec![0i64; band.len() * width];
            gram::accumulate_band(matrix, band.clone(), scale.factor(), &mut products);
            let total = c.sum_to(owner, products);
            for (i, row) in band.clone().zip(total.chunks_exact(width)) {
                let shift = n_users * moments.mean[i];
                for (j, &g) in (band.start..n).zip(row).skip(i - band.start) {
                    mine[(i - own.start) * n + j] = (scale.real(g) - shift * moments.mean[j]) / (n_users - 1.0);
                }
            }
            mirror(c, owner, band, &own, &mut mine, n);
        }
    }
    mine
}

/// Copies what `owner` has right of the diagonal in the rows `band` to the rows below, its own and those of others.
fn mirror<C: Collective>(c: &mut C, owner: usize, band: Range<usize>, own: &Range<usize>, mine: &mut [f64], n: usize) {
    let (index, peers) = (c.index(), c.peers());
    if index == owner {
        for i in band.clone() {
            for j in i + 1..own.end {
                mine[(j - own.start) * n + i] = mine[(i - own.start) * n + j];
            }
        }
    }
    if owner + 1 == peers {
        return;
    }
    let mut outgoing = vec![Vec::new(); peers];
    if index == owner {
        for (worker, bytes) in outgoing.iter_mut().enumerate().skip(owner + 1) {
            let columns = Chunks::of(n).rows_of(worker, peers);
            for row in mine.chunks_exact(n).skip(band.start - own.start).take(band.len()) {
                bytes.extend_from_slice(bytemuck::cast_slice(&row[columns.clone()]));
            }
        }
    }
    let incoming = c.exchange(outgoing);
    if index > owner {
        let values: Vec<f64> = bytemuck::pod_collect_to_vec(&incoming[owner]);
        for (i, row) in band.zip(values.chunks_exact(own.len().max(1))) {
            row.iter().enumerate().for_each(|(j, x)| mine[j * n + i] = *x);
        }
    }
}

struct Made<'a, C> {
    c: &'a mut C,
    /// `(own items, n_items)`.
    rows: Vec<f64>,
    own: Range<usize>,
}

impl<C: Collective> Operator<BLOCK> for Made<'_, C> {
    fn own(&self) -> Range<usize> {
        self.own.clone()
    }

    fn apply(&mut self, own: &[[f64; BLOCK]]) -> Block<BLOCK> {
        let whole = self.c.concat(own.as_flattened());
        block::dense_times_block(&self.rows, whole.as_chunks().0)
    }

    fn gather(&mut self, mine: &[f64]) -> Vec<f64> {
        self.c.concat(mine)
    }

    fn sum_in_order(&mut self, mine: &[f64], shape: (usize, usize)) -> Vec<f64> {
        ordered::sum(self.c, mine, shape)
    }

    fn gather_to_keep(&mut self, mine: &[f64]) -> Vec<f64> {
        // No state is wanted.
        mine.to_vec()
    }

    fn swept(&mut self, sweeps: usize, residual: Option<f64>) {
        progress::swept(sweeps, residual);
    }
}
