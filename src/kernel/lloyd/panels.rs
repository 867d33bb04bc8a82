//! Centroids as the screen compares users with them, a panel at a time, and what a block of users sees of them.

use super::points::LANES;

/// Centroids of a panel.
pub const PANEL: usize = 4;

/// A block of users, dimension by dimension.
pub type Side<'a> = &'a [[f32; LANES]];

/// Centroids in panels.
#[derive(Debug, Clone)]
pub struct Panels {
    n_dims: usize,
    /// `(n_panels, n_dims)`: −c of each centroid c of a panel.
    opposites: Vec<[f32; PANEL]>,
    /// `(n_panels)`: ‖c‖²/2, infinite for padding.
    halves: Vec<[f32; PANEL]>,
}

impl Panels {
    pub fn new(n_columns: usize, n_dims: usize) -> Panels {
        let n_panels = n_columns.div_ceil(PANEL);
        let (opposites, halves) = (vec![[0.0; PANEL]; n_panels * n_dims], vec![[f32::INFINITY; PANEL]; n_panels]);
        Panels { n_dims, opposites, halves }
    }

    pub fn n_dims(&self) -> usize {
        self.n_dims
    }

    /// Panel by panel.
    #[inline(always)]
    pub fn iter(&self) -> impl Iterator<Item = (&[[f32; PANEL]], &[f32; PANEL])> {
        self.opposites.chunks_exact(self.n_dims.max(1)).zip(&self.halves)
    }

    /// Some of the columns.
    pub fn subset(&self, columns: &[u32]) -> Panels {
        let mut subset = Panels::new(columns.len(), self.n_dims);
        for (to, &from) in columns.iter().enumerate() {
            let from = from as usize;
            for dim in 0..self.n_dims {
                subset.opposites[to / PANEL * self.n_dims + dim][to % PANEL] = self.opposite(from, dim);
            }
            subset.halves[to / PANEL][to % PANEL] = self.halves[from / PANEL][from % PANEL];
        }
        subset
    }

    /// The first columns as rows `(n_columns, n_dims)` of −c, and their ‖c‖²/2.
    pub fn rows(&self, n_columns: usize) -> (Vec<f32>, Vec<f32>) {
        let row = |column| (0..self.n_dims).map(move |dim| self.opposite(column, dim));
        let halves = self.halves.as_flattened()[..n_columns].to_vec();
        ((0..n_columns).flat_map(row).collect(), halves)
    }

    fn opposite(&self, column: usize, dim: usize) -> f32 {
        self.opposites[column / PANEL * self.n_dims + dim][column % PANEL]
    }

    /// Puts a centroid into a column. Returns its squared length.
    pub fn place(&mut self, column: usize, centroid: impl Iterator<Item = f64>) -> f64 {
        let (panel, lane) = (column / PANEL, column % PANEL);
        let mut norm = 0.0;
        for (line, c) in self.opposites[panel * self.n_dims..][..self.n_dims].iter_mut().zip(centroid) {
            line[lane] = -c as f32;
            norm += c * c;
        }
        self.halves[panel][lane] = (0.5 * norm) as f32;
        norm
    }
}

/// What a look at a block of users found: for each, the nearest centroids in the order of ‖c‖²/2 − x·c.
#[derive(Debug, Clone, Copy)]
pub struct Sight {
    pub label: [u32; LANES],
    pub near: [f32; LANES],
    /// The second nearest; of no meaning in a look that is not deep.
    pub second: [u32; LANES],
    pub next: [f32; LANES],
    /// Of the third nearest; of no meaning in a look that is not deep.
    pub third: [f32; LANES],
}

impl Sight {
    pub const NOTHING: Sight = Sight {
        label: [0; LANES],
        near: [f32::INFINITY; LANES],
        second: [0; LANES],
        next: [f32::INFINITY; LANES],
        third: [f32::INFINITY; LANES],
    };
}
