//! Principal components of the users; the centred matrix is never in memory.
//!
//! The covariance matrix C = (XᵀX − n μμᵀ)/(n − 1) is applied to vectors in two ways. `made` adds up the products of the
//! users in fixed point, one band of rows after another, and each worker multiplies its own rows of C. `swept` never forms
//! C: a sweep over the shard computes Y = (X − 1μᵀ)V and (X − 1μᵀ)ᵀY together, for catalogues of any width. `choose`
//! decides; `near` lets sweeps begin with components that are known. Both feed the same eigen-solver ([`crate::kernel::krylov`]), whose basis is divided among the workers by items.
//! What is summed across workers in floating point are chunks of items, and these are the same for any number of workers.

mod approach;
mod choose;
mod fit;
mod made;
mod model;
mod moments;
mod near;
mod project;
mod swept;
#[cfg(test)]
mod tests;
mod wanted;

pub use approach::Approach;
pub use fit::fit;
pub use model::{Pca, SolverReport};
pub use near::near;
pub use project::{Projector, project};
