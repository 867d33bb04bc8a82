//! Sweeps that begin near components which are known.
//!
//! What the sweeps end with, to their tolerance, are the components of the matrix, wherever they begin. From random vectors they first
//! have to find what components of nearly the same matrix already tell.

use ndarray::{ArrayView2, aview1};

use super::swept::STATE;
use super::wanted::BLOCK;
use crate::kernel::keyed::{self, Stream};
use crate::kernel::krylov::Underway;
use crate::stages::resume::{Checkpoint, InMemory};

/// For a fit of a matrix with about these `components` `(n_components, n_items)`, which are orthonormal.
pub fn near(components: ArrayView2<f64>, seed: u64) -> InMemory {
    let mut begin = InMemory::default();
    if components.ncols() > BLOCK {
        let state = Underway::begin(block(components, seed));
        let begin: &mut dyn Checkpoint = &mut begin;
        begin.keep(STATE, &state);
    }
    begin
}

/// Orthonormal columns `(n_items, BLOCK)` in the space of the components; random ones where these are fewer.
fn block(components: ArrayView2<f64>, seed: u64) -> Vec<f64> {
    let (k, n) = components.dim();
    let draw = |column: usize, id: usize| keyed::uniform(seed, Stream::Krylov, column as u64, id as u64) - 0.5;
    let mut columns: Vec<Vec<f64>> = Vec::with_capacity(BLOCK);
    for column in 0..BLOCK {
        let mut new: Vec<f64> = if column < k {
            let weights: Vec<f64> = (0..k).map(|of| draw(column, of)).collect();
            aview1(&weights).dot(&components).to_vec()
        } else {
            (0..n).map(|item| draw(column, item)).collect()
        };
        // Twice is enough (Parlett 1998).
        for _ in 0..2 {
            for known in &columns {
                let part: f64 = known.iter().zip(&new).map(|(a, b)| a * b).sum();
                new.iter_mut().zip(known).for_each(|(x, a)| *x -= part * a);
            }
        }
        let length = new.iter().map(|x| x * x).sum::<f64>().sqrt();
        new.iter_mut().for_each(|x| *x /= length);
        columns.push(new);
    }
    (0..n).flat_map(|item| columns.iter().map(move |column| column[item])).collect()
}
