//! The nearest centroids of sparse rows, as far as centroids have been seen.

/// Nearest centroids so far: squared distance and centroid of each row. Ties are the lower centroid's.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Nearest {
    pub squared: Vec<f64>,
    pub label: Vec<u32>,
    /// Least squared distance to the other centroids seen.
    pub others: Vec<f64>,
}

impl Nearest {
    /// Nothing seen yet.
    pub fn none(n_rows: usize) -> Nearest {
        let far = vec![f64::INFINITY; n_rows];
        Nearest { squared: far.clone(), label: vec![u32::MAX; n_rows], others: far }
    }

    /// Forgets the nearest centroid of a row, but not how far the others are.
    pub fn forget_own(&mut self, row: usize) {
        self.squared[row] = f64::INFINITY;
        self.label[row] = u32::MAX;
    }

    /// Forgets all about a row.
    pub fn forget(&mut self, row: usize) {
        self.forget_own(row);
        self.others[row] = f64::INFINITY;
    }

    #[inline(always)]
    pub(super) fn at(&mut self, row: usize) -> Best<'_> {
        Best { squared: &mut self.squared[row], label: &mut self.label[row], others: &mut self.others[row] }
    }
}

/// One row of [`Nearest`].
pub(super) struct Best<'a> {
    pub squared: &'a mut f64,
    pub label: &'a mut u32,
    pub others: &'a mut f64,
}
