//! The numbers of the formula.

use ndarray::ArrayView2;

use crate::job::Weighting;
use crate::results::model::Model;
use crate::stages::mixture::Mixture;

/// A model, with what follows from it.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    pub model: &'a Model,
    /// By which the model is known again.
    pub identity: &'a str,
}

impl<'a> Terms<'a> {
    pub fn n_items(&self) -> usize {
        self.model.items.len()
    }

    pub fn n_components(&self) -> usize {
        self.model.components.nrows()
    }

    pub fn n_segments(&self) -> usize {
        self.model.centroids.nrows()
    }

    pub fn weighting(&self) -> Weighting {
        self.model.manifest.matrix.weighting
    }

    /// What people call the segments.
    pub fn names(&self) -> impl Iterator<Item = &'a str> {
        self.model.manifest.segments.iter().map(|segment| segment.name.as_str())
    }

    /// `(n_items)`, where weights depend on it.
    pub fn idf(&self) -> Option<&'a [f64]> {
        matches!(self.weighting(), Weighting::Tfidf | Weighting::Bm25).then_some(&self.model.idf[..])
    }

    /// o `(n_components)`: the scores of the mean.
    pub fn offset(&self) -> Vec<f64> {
        let of = |loadings: ndarray::ArrayView1<f64>| self.model.mean.iter().zip(loadings).map(|(m, l)| m * l).sum();
        self.model.components.rows().into_iter().map(of).collect()
    }

    /// The place of each segment in the order of ties.
    pub fn places(&self) -> Vec<i64> {
        let mut places = vec![0; self.n_segments()];
        self.model.tie_order.iter().zip(0..).for_each(|(&segment, place)| places[segment as usize] = place);
        places
    }

    pub fn mixture(&self) -> Option<&'a Mixture> {
        self.model.mixture.as_ref()
    }

    /// A table of a mixture, `(n_items, n_segments)`.
    pub fn by_segment(&self, table: &'a [f32]) -> ArrayView2<'a, f32> {
        ArrayView2::from_shape((self.n_items(), self.n_segments()), table).expect("a table of the model's size")
    }
}
