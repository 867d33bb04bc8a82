//! What is asked of the eigen-solver.

use crate::kernel::krylov;

/// Columns of a block: a row of it is one cache line, and one register of the widest.
pub const BLOCK: usize = 8;
const MAX_SWEEPS: usize = 1000;

/// What is asked of the eigen-solver.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    pub components: usize,
    /// Variances, those of the components included.
    pub values: usize,
    /// Columns that the basis may have.
    pub max_basis: usize,
    pub tol: f64,
    pub seed: u64,
}

impl Wanted {
    /// For an operator whose images of unit vectors are off by `noise`.
    pub fn options(self, noise: f64) -> krylov::Options {
        let Wanted { components, values, max_basis, tol, seed } = self;
        krylov::Options { values, vectors: components, tol, noise, max_basis, max_sweeps: MAX_SWEEPS, seed }
    }
}

/// Columns of the basis: as many as pay, as far as a quarter of the memory holds them. They do not depend on how many
/// workers and processes share the basis, since every bit that follows depends on them.
pub fn max_basis(n: usize, values: usize, memory: u64) -> usize {
    let affordable = usize::try_from(memory / 4 / (8 * n as u64)).unwrap_or(usize::MAX);
    affordable.clamp(krylov::least_basis::<BLOCK>(values), krylov::max_basis::<BLOCK>(values)) / BLOCK * BLOCK
}
