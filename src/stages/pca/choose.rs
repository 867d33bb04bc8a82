//! Which solver: the cheaper one that fits the memory. Nothing here depends on how many workers share the work; otherwise
//! another layout would choose another solver and get other bits.

use super::wanted::BLOCK;
use crate::collective::Collective;
use crate::error::{Error, Result};
use crate::job::{PcaParams, Solver};
use crate::kernel::csr::Csr;
use crate::kernel::gram;

/// What `auto` predicts with: rough times of one worker, and the sweeps that each solver usually takes.
pub const SECONDS_PER_PRODUCT: f64 = 1.4e-9;
pub const SECONDS_PER_ENTRY: f64 = 0.7e-9;
pub const GRAM_SWEEPS: f64 = 13.0;
const SECONDS_PER_RATING: f64 = 4e-9;
const SECONDS_PER_BASIS_PRODUCT: f64 = 0.25e-9;
pub const KRYLOV_SWEEPS: f64 = 12.0;
/// Below this many items `auto` takes `gram` whatever it costs: it is a fraction of a second and as exact as can be.
const SMALL_CATALOGUE: usize = 2048;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chosen {
    Gram,
    Krylov,
}

impl Chosen {
    pub fn name(self) -> &'static str {
        match self {
            Chosen::Gram => "gram",
            Chosen::Krylov => "krylov",
        }
    }
}

/// Picks the solver by what it would cost, in seconds of one worker, and by memory. The Gram matrix fits where the whole
/// of it takes at most half of one process's memory: one process may have to hold it alone.
pub fn choose<C: Collective>(
    c: &mut C,
    matrix: &Csr,
    params: &PcaParams,
    max_basis: usize,
    memory: u64,
) -> Result<(Chosen, String)> {
    let mut work = [gram::products(matrix) as i64, matrix.nnz() as i64];
    c.sum(&mut work);
    let [products, nnz] = work.map(|w| w as f64);
    pick(matrix.n_cols, Work { products, nnz }, params, max_basis, memory)
}

/// The amount of work, over all workers.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Of two ratings of one user, as [`gram::products`] counts them.
    pub products: f64,
    pub nnz: f64,
}

/// [`choose`] for any matrix of `n` items, from the amount of work alone.
pub fn pick(n: usize, work: Work, params: &PcaParams, max_basis: usize, memory: u64) -> Result<(Chosen, String)> {
    // Whether it fits must not depend on how many workers share it, or another layout would choose another solver.
    let gram_bytes = (n as u64).saturating_mul(n as u64).saturating_mul(8);
    let fits = gram_bytes <= memory / 2;
    if params.solver == Solver::Gram {
        return if fits { Ok((Chosen::Gram, "set in the job".into())) } else { Err(too_large(n, gram_bytes, memory)) };
    }
    if n < max_basis + BLOCK {
        // So small a matrix takes a few megabytes, which is no reason to refuse the job.
        return Ok((Chosen::Gram, format!("{n} items are too few for a Krylov basis of {max_basis} columns")));
    }
    Ok(if params.solver == Solver::Krylov {
        (Chosen::Krylov, "set in the job".into())
    } else if !fits {
        (Chosen::Krylov, format!("the Gram matrix of {n} items takes more than half of memory"))
    } else if n <= SMALL_CATALOGUE {
        (Chosen::Gram, format!("{n} items: the Gram matrix is small and exact"))
    } else {
        cheaper(n, work)
    })
}

fn too_large(n: usize, gram_bytes: u64, memory: u64) -> Error {
    let (bytes, memory) = (mebibytes(gram_bytes), mebibytes(memory));
    Error::job(
        "pca.solver",
        format!("the Gram matrix of {n} items has {bytes}, more than half of memory = {memory}"),
        "set pca.solver = \"krylov\" or \"auto\", or raise memory",
    )
}

/// The solver that costs less, and what both would cost.
fn cheaper(n: usize, work: Work) -> (Chosen, String) {
    let gram_seconds = SECONDS_PER_PRODUCT * work.products + GRAM_SWEEPS * SECONDS_PER_ENTRY * n as f64 * n as f64;
    let columns = KRYLOV_SWEEPS * BLOCK as f64;
    let krylov_seconds =
        KRYLOV_SWEEPS * SECONDS_PER_RATING * work.nnz + SECONDS_PER_BASIS_PRODUCT * n as f64 * columns * columns;
    let costs = format!("predicted gram {gram_seconds:.2} s, krylov {krylov_seconds:.2} s of one worker");
    (if gram_seconds <= krylov_seconds { Chosen::Gram } else { Chosen::Krylov }, costs)
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes.div_ceil(1 << 20))
}
