//! What stays as it is while ratings change: the model, until a refit.

use crate::job::Duplicates;
use crate::kernel::csr::{Rows, Values};
use crate::kernel::fixed::Scale;
use crate::results::model::Model;
use crate::stages::assign::Assigner;

use super::row::{Row, merged};

/// A model as the dataflow needs it.
#[derive(Debug)]
pub struct Frame {
    pub assigner: Assigner,
    /// `(n_items)`
    pub idf: Vec<f64>,
    /// Of sums of weights.
    pub scale: Scale,
    /// Users that these sums have room for.
    pub room: u64,
    pub n_items: usize,
    pub n_segments: usize,
    /// What several rows of one user and item make together.
    pub duplicates: Duplicates,
    /// Mean squared distance of a user to their centroid in the fit; 1 where it was 0.
    pub inertia_per_user: f64,
}

impl Frame {
    /// `inertia` is that of the fit.
    pub fn new(model: &Model, duplicates: Duplicates, inertia: f64) -> Frame {
        let users: u64 = model.manifest.segments.iter().map(|segment| segment.size).sum();
        let per_user = inertia / users.max(1) as f64;
        Frame {
            assigner: model.assigner(),
            idf: model.idf.clone(),
            scale: model.weight_scale(),
            room: model.room(),
            n_items: model.items.len(),
            n_segments: model.centroids.nrows(),
            duplicates,
            inertia_per_user: if per_user > 0.0 { per_user } else { 1.0 },
        }
    }

    /// Appends a user's ratings that count: not 0, of items that the model knows. The values of `block` are plain.
    pub fn push_row(&self, block: &mut Rows, rows: &[(Row, i32)]) {
        let Values::Plain(values) = &mut block.values else { unreachable!("values are plain here") };
        merged(rows, self.duplicates, |item, rating| {
            if (item as usize) < self.n_items && rating != 0.0 {
                block.indices.push(item);
                values.push(rating);
            }
        });
        block.indptr.push(u32::try_from(block.indices.len()).expect("a block has fewer than 2^32 entries"));
    }
}
