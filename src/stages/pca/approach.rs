//! How a fit would go, for a forecast.

use serde::{Deserialize, Serialize};

use super::choose::{self, Chosen};
use super::wanted::{BLOCK, max_basis};
use crate::error::Result;
use crate::job::PcaParams;

/// How [`super::fit`] would treat a matrix, of which only the size is known.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Approach {
    /// `gram` or `krylov`.
    pub solver: String,
    /// Why, in a sentence.
    pub reason: String,
    /// Applications of the covariance matrix to a block of [`Approach::BLOCK`] vectors that it usually takes.
    pub sweeps: usize,
    /// Columns that the basis may have.
    pub max_basis: usize,
}

impl Approach {
    /// Columns of a block.
    pub const BLOCK: usize = BLOCK;
    /// Of one worker: for a product of two ratings of one user, and for an entry of the matrix of items in a sweep.
    pub const SECONDS_PER_PRODUCT: f64 = choose::SECONDS_PER_PRODUCT;
    pub const SECONDS_PER_ENTRY: f64 = choose::SECONDS_PER_ENTRY;

    /// For `n_users` users and `n_items` items with `n_ratings` ratings. `products` is the sum, over the users, of
    /// n·(n + 1)/2 for n ratings each; `memory` is in bytes.
    ///
    /// # Errors
    /// [`Error::Job`](crate::error::Error::Job) when `gram` is asked for and does not fit `memory`.
    pub fn new(
        [n_users, n_items, n_ratings]: [u64; 3],
        products: f64,
        params: &PcaParams,
        memory: u64,
    ) -> Result<Approach> {
        let n = n_items as usize;
        let values = params.components.max(params.report.min(n).min(n_users as usize));
        let max_basis = max_basis(n.max(1), values, memory);
        let work = choose::Work { products, nnz: n_ratings as f64 };
        let (chosen, reason) = choose::pick(n, work, params, max_basis, memory)?;
        let usual = match chosen {
            Chosen::Gram if n < max_basis + BLOCK => 1.0,
            Chosen::Gram => choose::GRAM_SWEEPS,
            // The residual falls by about as much in every sweep.
            Chosen::Krylov => choose::KRYLOV_SWEEPS * (params.tol.log10() / USUAL_TOL.log10()).max(0.5),
        };
        let sweeps = usual.max((values / BLOCK + 1) as f64).ceil() as usize;
        Ok(Approach { solver: chosen.name().into(), reason, sweeps, max_basis })
    }
}

/// The tolerance that [`choose::KRYLOV_SWEEPS`] is for.
const USUAL_TOL: f64 = 1e-8;
