//! Principal components of the users, without ever making the centred matrix.
//!
//! C = (XᵀX − n μμᵀ)/(n − 1) is reached in two ways. [`made`] adds up the products of the users in fixed point, band of
//! rows by band, and each worker multiplies its own rows of C. [`swept`] never makes it: a sweep over the shard does
//! Y = (X − 1μᵀ)V and (X − 1μᵀ)ᵀY together, for catalogues of any width. Both feed the same eigen-solver
//! ([`crate::kernel::krylov`]), whose basis is shared out among the workers by items; nothing is summed across workers
//! in floating point but chunks of items that are the same for any number of them.

mod approach;
mod choose;
mod fit;
mod made;
mod model;
mod moments;
mod project;
mod swept;
#[cfg(test)]
mod tests;
mod wanted;

pub use approach::Approach;
pub use fit::fit;
pub use model::{Pca, SolverReport};
pub use project::{Projector, project};
