//! Scores: users projected on the components.

use std::ops::Range;

use ndarray::{Array2, ArrayView1, ArrayView2};

use super::model::Pca;
use super::wanted::BLOCK;
use crate::kernel::csr::Csr;
use crate::kernel::large::Large;
use crate::kernel::sweep;

/// Scores of this worker's users: (x − μ) · componentsᵀ, `(n_local_users, n_components)`.
pub fn project(pca: &Pca, matrix: &Csr) -> Array2<f64> {
    let k = pca.components.nrows();
    let mut scores = Array2::zeros((matrix.n_rows(), k));
    for first in (0..k).step_by(BLOCK) {
        Loadings::new(pca.mean.view(), pca.components.view(), first).project(matrix, &mut scores);
    }
    scores
}

/// [`project`] for a projection that is used many times: all loadings are laid out once.
#[derive(Debug, Clone)]
pub struct Projector {
    n_components: usize,
    loadings: Vec<Loadings>,
}

impl Projector {
    /// `mean` is `(n_items)`, `components` `(n_components, n_items)`.
    pub fn new(mean: ArrayView1<f64>, components: ArrayView2<f64>) -> Projector {
        let n_components = components.nrows();
        let loadings = (0..n_components).step_by(BLOCK).map(|first| Loadings::new(mean, components, first));
        Projector { n_components, loadings: loadings.collect() }
    }

    /// `(n_rows, n_components)`.
    pub fn project(&self, matrix: &Csr) -> Array2<f64> {
        let mut scores = Array2::zeros((matrix.n_rows(), self.n_components));
        self.loadings.iter().for_each(|loadings| loadings.project(matrix, &mut scores));
        scores
    }
}

/// [`BLOCK`] components as the kernel takes them; fewer in the last one.
#[derive(Debug, Clone)]
struct Loadings {
    components: Range<usize>,
    /// `(n_items, BLOCK)`
    of_items: Large<[f64; BLOCK]>,
    /// The scores of the mean.
    offset: [f64; BLOCK],
}

impl Loadings {
    fn new(mean: ArrayView1<f64>, components: ArrayView2<f64>, first: usize) -> Loadings {
        let width = BLOCK.min(components.nrows() - first);
        let loading = |i: usize, b: usize| if b < width { components[[first + b, i]] } else { 0.0 };
        let mut of_items = Large::zeroed(components.ncols());
        of_items.iter_mut().enumerate().for_each(|(i, row)| *row = std::array::from_fn(|b| loading(i, b)));
        let offset = weighted_sum(mean.as_slice().expect("a mean is contiguous"), &of_items);
        Loadings { components: first..first + width, of_items, offset }
    }

    /// Fills in these components of the scores of all rows.
    fn project(&self, matrix: &Csr, scores: &mut Array2<f64>) {
        let width = self.components.len();
        sweep::centred_products(matrix, &self.of_items, &self.offset, |user, products| {
            let mut row = scores.row_mut(user);
            let row = row.as_slice_mut().expect("rows are contiguous");
            row[self.components.clone()].copy_from_slice(&products[..width]);
        });
    }
}

/// Σ weights[i]·rows[i].
pub fn weighted_sum<const B: usize>(weights: &[f64], rows: &[[f64; B]]) -> [f64; B] {
    let mut sum = [0.0; B];
    for (weight, row) in weights.iter().zip(rows) {
        (0..B).for_each(|b| sum[b] += weight * row[b]);
    }
    sum
}
