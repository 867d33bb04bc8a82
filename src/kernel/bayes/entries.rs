//! The entries of rows, and the inner loops that score them.

use super::kind::{Kind, presence};
use crate::kernel::csr::Row;
use crate::kernel::simd::{apply, versions};

/// Entries of a handful of rows, their values as a kind of model takes them: for Bernoulli, 1 where an item is present.
#[derive(Debug, Clone, Default)]
pub struct Entries<'a> {
    indices: Vec<&'a [u32]>,
    /// Row after row.
    values: Vec<f64>,
}

impl<'a> Entries<'a> {
    pub fn clear(&mut self) {
        self.indices.clear();
        self.values.clear();
    }

    pub fn push(&mut self, kind: Kind, row: Row<'a>) {
        self.indices.push(row.indices);
        match kind {
            Kind::Bernoulli => row.values.for_each(|x| self.values.push(presence(x))),
            Kind::Multinomial | Kind::Gaussian => row.values.for_each(|x| self.values.push(x)),
        }
    }

    #[inline(always)]
    fn rows(&self) -> impl Iterator<Item = (&[u32], &[f64])> {
        let mut values = &self.values[..];
        self.indices.iter().map(move |indices| {
            let (row, rest) = values.split_at(indices.len());
            values = rest;
            (*indices, row)
        })
    }
}

/// Adds to each row's scores, every `step`th of `scores`. The lanes of a vector are classes.
#[apply(versions!)]
pub(super) fn add_linear<const W: usize>(
    weights: &[[f64; W]],
    first: usize,
    entries: &Entries<'_>,
    scores: &mut [[f64; W]],
    step: usize,
) {
    each_row(entries, scores, step, |sums, item, x| {
        let weights = &weights[item - first];
        for lane in 0..W {
            sums[lane] += x * weights[lane];
        }
    });
}

/// [`add_linear`] with weights of x² too.
#[apply(versions!)]
pub(super) fn add_quadratic<const W: usize>(
    linear: &[[f64; W]],
    quadratic: &[[f64; W]],
    first: usize,
    entries: &Entries<'_>,
    scores: &mut [[f64; W]],
    step: usize,
) {
    each_row(entries, scores, step, |sums, item, x| {
        let (linear, quadratic) = (&linear[item - first], &quadratic[item - first]);
        let square = x * x;
        for lane in 0..W {
            sums[lane] += x * linear[lane];
            sums[lane] += square * quadratic[lane];
        }
    });
}

/// Calls `add(sums, item, x)` for each entry of each row, whose sums stay in registers.
#[inline(always)]
fn each_row<const W: usize>(
    entries: &Entries<'_>,
    scores: &mut [[f64; W]],
    step: usize,
    add: impl Fn(&mut [f64; W], usize, f64),
) {
    for ((indices, values), scores) in entries.rows().zip(scores.iter_mut().step_by(step)) {
        let mut sums = *scores;
        for (&item, &x) in indices.iter().zip(values) {
            add(&mut sums, item as usize, x);
        }
        *scores = sums;
    }
}
