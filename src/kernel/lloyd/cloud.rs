//! Points of either kind, with what the kernels precompute for them.

use std::ops::Range;

use super::points::{Points, Scores};
use super::screen::Screen;
use super::tiles::{Tiles, WIDTH};
use super::{dense, sparse};

/// Points with what the kernels need to know of each.
#[derive(Debug, Clone)]
pub struct Cloud<'a> {
    pub points: Points<'a>,
    /// ‖x‖² of each sparse row.
    pub norms: Vec<f64>,
    /// The largest ‖x‖².
    pub largest_norm: f64,
    /// Dense rows in single precision.
    screen: Option<Screen>,
}

impl<'a> Cloud<'a> {
    pub fn new(points: Points<'a>) -> Cloud<'a> {
        let norms = (0..points.n_rows()).map(|row| points.norm_squared(row));
        let largest = |norms: &mut dyn Iterator<Item = f64>| norms.fold(0.0, |most: f64, norm| most.max(norm));
        match points {
            Points::Dense { values, n_dims, .. } => {
                let largest_norm = largest(&mut { norms });
                Cloud { points, norms: Vec::new(), largest_norm, screen: Some(Screen::new(Scores { values, n_dims })) }
            }
            Points::Sparse(_) => {
                let norms: Vec<f64> = norms.collect();
                Cloud { points, largest_norm: largest(&mut norms.iter().copied()), norms, screen: None }
            }
        }
    }

    /// The rows and their screen where they are dense.
    pub fn dense(&self) -> Option<(Scores<'a>, &Screen)> {
        match self.points {
            Points::Dense { values, n_dims, .. } => {
                self.screen.as_ref().map(|screen| (Scores { values, n_dims }, screen))
            }
            Points::Sparse(_) => None,
        }
    }
}
/// Squared distances of rows `rows` to every column of `tiles`: `out[column * stride + i]` is that of row
/// `rows.start + i`.
pub fn distances(cloud: &Cloud, rows: Range<usize>, tiles: &Tiles, out: &mut [f64], stride: usize) {
    match cloud.points {
        Points::Dense { values, n_dims, .. } => dense::distances(Scores { values, n_dims }, rows, tiles, out, stride),
        Points::Sparse(matrix) => {
            for (index, tile) in tiles.tiles().enumerate() {
                let first = index * WIDTH;
                let real = tile.width.min(tiles.n_columns() - first);
                let out = sparse::Columns { out: &mut out[first * stride..], stride, real };
                sparse::distances(matrix, &cloud.norms, rows.clone(), tile, out);
            }
        }
    }
}
