//! Users of a sample on the principal components of one weighting, beside users without taste on theirs.

use ndarray::{Array2, s};

use super::data::Data;
use crate::collective::Solo;
use crate::error::Result;
use crate::job::{Matrix, PcaParams, Solver};
use crate::kernel::csr::Csr;
use crate::shard::weight::Weigher;
use crate::stages::pca;
use crate::stages::resume::InMemory;

/// Enough to tell where users go.
const TOL: f64 = 1e-2;

/// Bytes for the basis of the solver.
const MEMORY: u64 = 1 << 30;

/// The scores of real users, and of those without taste.
pub struct Spaces {
    pub real: Space,
    pub null: Space,
}

/// Users on as many components as may be asked for.
pub struct Space {
    /// `(n_users, n_components)`
    scores: Array2<f64>,
    /// The variance along each component, falling.
    variances: Vec<f64>,
}

impl Spaces {
    /// Of the ratings seen as `matrix` weighs them, on at most `most` components.
    ///
    /// # Errors
    /// Where all users are alike.
    pub fn new(data: &Data, matrix: Matrix, most: usize, seed: u64) -> Result<Spaces> {
        Ok(Spaces {
            real: Space::new(&data.real.seen, matrix, most, seed)?,
            null: Space::new(&data.null.seen, matrix, most, seed)?,
        })
    }

    /// The largest number of components.
    pub fn most(&self) -> usize {
        self.real.scores.ncols()
    }

    /// The components with more variance than those of the null: parallel analysis (Horn 1965; Buja & Eyuboglu 1992). Users without
    /// taste differ by how much they rate, which is the first component of the null; the second is the bound.
    pub fn above_null(&self) -> usize {
        let bound = self.null.variances.get(1).copied().unwrap_or(0.0);
        self.real.variances.iter().take_while(|&&variance| variance > bound).count()
    }
}

impl Space {
    fn new(ratings: &Csr, matrix: Matrix, most: usize, seed: u64) -> Result<Space> {
        let weigher = Weigher::fit(&mut Solo, ratings, matrix);
        let weighted = weigher.weigh(ratings);
        let components = most.min(ratings.n_cols).min(ratings.n_rows());
        let params = PcaParams { components, report: components, tol: TOL, solver: Solver::Krylov };
        let pca = pca::fit(&mut Solo, &weighted, &params, seed, MEMORY, &mut InMemory::default())?;
        Ok(Space { scores: pca::project(&pca, &weighted), variances: pca.explained_variance })
    }

    /// The first `components` scores of the users.
    pub fn first(&self, components: usize) -> Array2<f64> {
        self.scores.slice(s![.., ..components.min(self.scores.ncols())]).as_standard_layout().into_owned()
    }
}
